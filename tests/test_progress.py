"""Where a progress bar is shown."""

import io
import sys
from types import SimpleNamespace

import pytest
from helpers import IMAGE_SHAPE, pixels, refused, small_vae

from scratchvae.progress import progress_bar, say


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Cell(io.StringIO):
    """What a notebook's kernel puts in the place of standard error."""


def shown(monkeypatch, stream, wanted=True):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", SimpleNamespace(OutStream=Cell))
    monkeypatch.setattr("tqdm.notebook.IProgress", None)  # as if there were no ipywidgets
    with progress_bar(wanted, total=3, desc="steps") as bar:
        bar.update(3)
    return stream.getvalue()


def test_a_bar_is_shown_on_terminals_and_in_notebooks_if_it_is_wanted(monkeypatch):
    assert "steps" in shown(monkeypatch, Terminal())
    assert "steps" in shown(monkeypatch, Cell())
    for stream in (Terminal(), Cell()):
        assert shown(monkeypatch, stream, wanted=False) == ""
    assert shown(monkeypatch, io.StringIO()) == ""


def test_a_bar_stays_in_a_notebook_and_vanishes_from_a_terminal(monkeypatch):
    assert "3/3" in shown(monkeypatch, Cell()).split("\r")[-1]
    assert shown(monkeypatch, Terminal()).split("\r")[-2].strip() == ""


def test_a_variable_that_tqdm_cannot_read_is_named(monkeypatch):
    def failing(name, *arguments, **options):
        if name == "tqdm":
            raise ValueError("could not convert string to float: 'soon'")
        return importing(name, *arguments, **options)

    importing = __import__
    monkeypatch.setenv("TQDM_MININTERVAL", "soon")
    monkeypatch.setattr("builtins.__import__", failing)
    with refused("TQDM_MININTERVAL", "'soon'", "unset it"):
        progress_bar(True)


class WriteOnly:
    """What a program of somebody's own may put in the place of standard error."""

    def __init__(self):
        self.written = ""

    def write(self, text):
        self.written += text


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [lambda: None, WriteOnly, closed, io.StringIO])
def test_training_needs_no_standard_error(make, monkeypatch, capsys):
    # A program with windows has none, and says so with None.
    monkeypatch.setattr(sys, "stderr", make())
    images = pixels(6, *IMAGE_SHAPE)
    assert len(small_vae().fit(images, epochs=1, progress=True).history_) == 1
    say("one line")
    assert capsys.readouterr().out == ""
    if isinstance(sys.stderr, WriteOnly):
        summary, line = sys.stderr.written.splitlines()
        assert summary.startswith("VAE: fitted in 1 epoch, ")
        assert line == "one line"


def test_a_bar_is_a_widget_in_a_notebook_with_ipywidgets(monkeypatch):
    pytest.importorskip("ipywidgets")
    from tqdm.notebook import tqdm as widget

    cells = []
    monkeypatch.setattr(sys, "stderr", Cell())
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", SimpleNamespace(OutStream=Cell))
    monkeypatch.setattr("tqdm.notebook.display", cells.append)
    with progress_bar(True, total=3, bar_format="{desc} |{bar}| {rate_fmt}") as bar:
        bar.set_description_str("epoch 1/2")
        bar.update(3)
        assert isinstance(bar, widget)
    (cell,) = cells  # shown once
    label, slider, _ = cell.children
    assert "epoch 1/2" in label.value.replace("\N{FIGURE SPACE}", " ")
    assert slider.value == 3
    assert sys.stderr.getvalue() == ""


def test_a_line_that_is_said_beside_a_bar_has_a_line_of_its_own(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar(True, total=3, desc="steps", mininterval=0) as bar:
        bar.update(1)
        say("compiling kernels (once)…")
        bar.update(1)
    before, after = stream.getvalue().split("compiling kernels (once)…\n")
    assert before.endswith("\r")
    assert before.split("\r")[-2].strip() == ""  # what stood there was wiped out
    assert "steps" in after
