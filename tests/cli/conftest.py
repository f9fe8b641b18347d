"""What the tests of the program share: small data, a finished run, calls."""

import sys
from pathlib import Path

import pytest
from small_runs import SMALL

from scratchvae import cli
from scratchvae.runs.run import Run


@pytest.fixture(autouse=True)
def usual_ctrl_c(ctrl_c):
    """Give every test of the program a Ctrl-C that is heard."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory, data_dir):
    """Return the folder of a run that the program has trained from beginning to end."""
    folder = tmp_path_factory.mktemp("cli") / "finished"
    assert cli.main(["train", *SMALL, "--data-dir", str(data_dir), "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, data_dir):
    """Return an empty working folder, with the small data found by itself."""
    monkeypatch.setenv("SCRATCHVAE_DATA", str(data_dir))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def forget(here, monkeypatch):
    """Return a function that forgets what was imported from the working folder.

    It is called at the end as well. A copy of all modules would not do: what is first loaded while
    it is in place, SciPy's or JAX's compiled parts, is not loaded a second time.
    """
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)

    def forget():
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(here):
                del sys.modules[name]
                if name in before:
                    sys.modules[name] = before[name]

    yield forget
    forget()


@pytest.fixture
def without_pictures(monkeypatch):
    """Leave the pictures out, which take longer than all the rest."""
    monkeypatch.setattr(Run, "draw_all", lambda run, data: [])


@pytest.fixture
def call(capsys):
    """Return a function that calls the program: exit code, lines of output, lines of errors."""

    def call(*words):
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return call


@pytest.fixture
def refuses(call):
    """Return a function that expects the program to refuse, in one line that holds some words."""

    def refuses(arguments, *words):
        code, _, errors = call(*arguments)
        assert code == 2
        assert len(errors) == 1, errors
        assert errors[0].startswith("scratchvae: error: ")
        for word in words:
            assert word in errors[0]

    return refuses


@pytest.fixture
def resumable(here, call, without_pictures):
    call("train", *SMALL, "--seed", "3", "--out", "run")
    return here / "run"
