"""The program as a process: signals, terminals, pipes that close."""

import fcntl
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from glob import glob
from pathlib import Path

import pytest
from small_runs import (
    RUN_FILES,
    SMALL,
    complaints,
    names_in,
    process_options,
    program,
    run_program,
    small_dataset,
)

import scratchvae

# What the examples take for a file of the user's own.
MINE = """
def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)
"""


@pytest.mark.parametrize("command", ["train", "draw", "evaluate", "gradcheck"])
def test_help_of_each_command_shows_an_example_that_works(
    here, call, command, monkeypatch, without_pictures
):
    code, output, errors = call(command, "--help")
    assert (code, errors) == (0, [])
    start = output.index("example:") + 1
    examples = [line.strip() for line in output[start:] if line.startswith("  scratchvae ")]
    assert examples
    (here / "mine.py").write_text(MINE)
    data = small_dataset()
    monkeypatch.setattr("scratchvae.runs.data_source.load", lambda name, **options: data)
    for example in examples:
        words = [w for word in shlex.split(example)[1:] for w in glob(word) or [word]]  # as a shell
        # The one thing that the example asks for and this test does not: time.
        assert call(*[word if word != "synthetic" else "mnist" for word in words])[0] == 0


def test_version_and_help_of_the_program(here, call):
    assert call("--version")[:2] == (0, [f"scratchvae {scratchvae.__version__}"])
    code, output, _ = call("--help")
    assert code == 0
    for command in ("train", "draw", "evaluate", "gradcheck", "reproduce", "bench"):
        assert any(line.split()[:1] == [command] for line in output)


def start(folder, data_dir, *words, **options):
    return subprocess.Popen(
        program(*words), text=True, **process_options(folder, data_dir), **options
    )


LONG = ["--batch-size", "1", "--epochs", "5"]


@pytest.fixture(scope="module")
def through(tmp_path_factory, data_dir):
    """Return the bytes of the checkpoint of a run that was not interrupted."""
    folder = tmp_path_factory.mktemp("through")
    process = run_program(folder, data_dir, "train", *LONG, "--out", "run")
    assert (process.returncode, complaints(process)) == (0, [])
    return (folder / "run" / "checkpoint.npz").read_bytes()


def test_train_process_stops_at_ctrl_c_and_resumes_as_it_says(here, data_dir, through):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(here, data_dir, "train", *LONG, "--out", "the run", **pipes)
    for line in process.stdout:
        if line.startswith("epoch  1"):
            process.send_signal(signal.SIGINT)
            break
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped in epoch" in errors
    assert "Traceback" not in errors
    assert "epoch  5" not in output
    assert names_in(here / "the run") == {"config.json", "metrics.csv", "checkpoint.npz"}
    command = shlex.split(errors.splitlines()[-1])
    assert command[:3] == ["python", "-m", "scratchvae"]
    resumed = run_program(here, data_dir, *command[3:])
    assert (resumed.returncode, complaints(resumed)) == (0, [])
    assert (here / "the run" / "checkpoint.npz").read_bytes() == through
    assert names_in(here / "the run") == RUN_FILES | {"manifold.png"}


def on_terminal(folder, data_dir, words, columns, until=None):
    """Run the program on a terminal; press Ctrl-C when ``until`` has appeared."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    process = start(folder, data_dir, *words, **streams)
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the process has ended
            break
        if not piece:
            break
        seen += piece
        if until is not None and until in seen:
            process.send_signal(signal.SIGINT)
            until = None
    os.close(master)
    return process.wait(timeout=60), seen.decode()


def screen(text):
    """Return what a terminal shows in the end: a carriage return goes back over the line."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_train_on_a_terminal_shows_a_bar_and_whole_lines(here, data_dir):
    words = ["train", "--batch-size", "1", "--epochs", "2", "--out", "run"]
    code, text = on_terminal(here, data_dir, words, columns=80)
    assert code == 0
    bars = [part for part in re.split("[\r\n]", text) if "images/s" in part]
    pattern = (
        r"epoch [12]/2  loss [\d.]+  rec\. [\d.]+  KL [\d.]+ \|.+\| +[\d.k]+ images/s  [\d:]+ left"
    )
    assert any(re.fullmatch(pattern, bar.strip()) for bar in bars), bars[-3:]
    assert all(len(bar) <= 80 for bar in bars)
    lines = screen(text)
    epochs = [line for line in lines if line.startswith("epoch")]
    assert len(epochs) == 2
    for number, line in enumerate(epochs, 1):
        assert re.fullmatch(rf"epoch  {number}  loss .* test loss +[\d.]+ +[\d.]+ s", line)
    assert not any("images/s" in line for line in lines)  # the bar is wiped away
    assert lines[-2] == "wrote run/manifold.png"


def test_train_on_a_terminal_leaves_a_clean_line_at_ctrl_c(here, data_dir):
    words = ["train", *LONG, "--out", "run"]
    code, text = on_terminal(here, data_dir, words, columns=100, until=b"epoch  1")
    assert code == 130
    assert any(line.startswith("stopped in epoch") for line in screen(text))
    assert screen(text)[-2] == "  python -m scratchvae train --resume --out run"


def test_train_without_a_terminal_prints_only_plain_lines(here, data_dir):
    process = run_program(here, data_dir, "train", *SMALL, "--out", "run")
    assert complaints(process) == []
    assert "\r" not in process.stdout
    assert "images/s" not in process.stdout


@pytest.mark.parametrize(
    ("words", "code"), [(["evaluate", "--json"], 141), (["train", *LONG, "--out", "run"], 141)]
)
def test_main_takes_a_reader_that_goes_away_for_no_error(here, data_dir, finished, words, code):
    words = [*words, finished] if words[0] == "evaluate" else words
    read, write = os.pipe()
    os.close(read)
    process = start(here, data_dir, *words, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == code
    assert names_in(here) == set()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_main_takes_closed_output_for_no_error(here, data_dir, closed):
    for words, code in ((["--version"], 0), (["train", "no-such-recipe"], 2)):
        process = subprocess.run(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *program(*words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **process_options(here, data_dir),
        )
        assert process.returncode == code
        output = [f"scratchvae {scratchvae.__version__}"] if words == ["--version"] else []
        assert process.stdout.splitlines() == ([] if closed.startswith(">") else output)
        assert len(process.stderr.splitlines()) == (code == 2 and "2>" not in closed)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_main_reports_output_that_cannot_be_written(here, data_dir, finished):
    with open("/dev/full", "w") as full:
        process = start(here, data_dir, "evaluate", finished, stdout=full, stderr=subprocess.PIPE)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert errors.startswith("scratchvae: error: cannot write the output: No space left")
    assert errors.count("\n") == 1


def test_draw_prints_a_name_that_the_terminal_cannot_show(here, data_dir, finished):
    options = process_options(here, data_dir)
    options["env"]["PYTHONIOENCODING"] = "ascii"
    words = program("draw", finished, "samples", "--out", "größe.png")
    process = subprocess.run(words, capture_output=True, check=False, timeout=60, **options)
    assert process.returncode == 0
    assert (here / "größe.png").exists()


def test_importing_the_package_loads_neither_data_nor_pictures(data_dir, here):
    code = (
        "import sys, scratchvae\n"
        "late = ('matplotlib', 'requests', 'tqdm')\n"
        "print([name for name in late if name in sys.modules])"
    )
    options = process_options(here, data_dir)
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, **options
    )
    assert (process.stdout, process.stderr) == ("[]\n", "")
