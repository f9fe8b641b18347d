"""The program as a process: signals that ask for an end, at any time of its life."""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys

import pytest
from small_runs import names_in, process_options, program

from scratchvae.runs import Run

LONG = ["train", "--batch-size", "1", "--epochs", "500", "--out", "run"]
SAVED = {"config.json", "metrics.csv", "checkpoint.npz"}


def start(folder, data_dir, **streams):
    return subprocess.Popen(program(*LONG), **process_options(folder, data_dir), **streams)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_train_saves_at_a_signal_and_says_how_to_go_on(here, data_dir, number):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = start(here, data_dir, **pipes)
    for line in process.stdout:
        if line.startswith("epoch  1"):
            process.send_signal(number)
            break
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert re.search(r"stopped in epoch \d+ of 500, and saved; continue with:", errors)
    command = shlex.split(errors.splitlines()[-1])
    assert command == ["python", "-m", "scratchvae", "train", "--resume", "--out", "run"]
    assert names_in(here / "run") == SAVED
    Run.open(here / "run")


def test_train_saves_when_its_terminal_is_closed(here, data_dir):
    master, slave = pty.openpty()
    process = start(here, data_dir, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while b"epoch  1" not in seen:
        seen += os.read(master, 65536)
    os.close(master)  # whatever is written from now on fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert names_in(here / "run") == SAVED
    Run.open(here / "run")


# Presses Ctrl-C in the middle of the imports: when the module of the models is looked for.
PRESSED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = sys.argv[1:]
class Press:
    def find_spec(self, name, path, target=None):
        if name == "scratchvae.models":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Press())
import scratchvae
scratchvae.VAE
"""


def test_ctrl_c_while_the_program_starts_leaves_no_traceback(here, data_dir):
    def pressed(called):
        return subprocess.run(
            [sys.executable, "-c", PRESSED, called],
            capture_output=True,
            text=True,
            check=False,
            **process_options(here, data_dir),
        )

    done = pressed("/usr/bin/scratchvae")
    assert (done.returncode, done.stderr) == (130, "")
    other = pressed("/usr/bin/script.py")  # where the package has no say in it
    assert other.returncode != 130
    assert "KeyboardInterrupt" in other.stderr


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("SCRATCHVAE_KERNELS=fast", "numpy or numba, not 'fast'"),
        ("SCRATCHVAE_ENGINE=fast", "on or off, not 'fast'"),
        ("SCRATCHVAE_WINOGRAD=fast", "on or off, not 'fast'"),
        ("SCRATCHVAE_PRODUCTS=fast", "tile, blas or auto, not 'fast'"),
        ("SCRATCHVAE_BACKOFF=fast", "1 or 0, not 'fast'"),
        ("SCRATCHVAE_THREADS=0", "a positive integer, not 0"),
        ("NUMBA_NUM_THREADS=0", "a positive integer, not '0'"),
        ("NUMBA_THREADING_LAYER=silk", "cannot be had here: unset it"),
        ("MPLBACKEND=nonsense", "'nonsense' is not a valid value"),
        ("TQDM_MININTERVAL=soon", "could not convert string to float: 'soon'"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused_before_anything_is_done(
    here, data_dir, variable, words
):
    name, value = variable.split("=")
    options = process_options(here, data_dir)
    options["env"][name] = value
    process = subprocess.run(
        program(*LONG), capture_output=True, text=True, check=False, timeout=60, **options
    )
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert line.startswith("scratchvae: error: ")
    assert name in line
    assert words in line
    assert names_in(here) == set()
