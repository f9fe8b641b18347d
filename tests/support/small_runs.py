"""Small data and short runs, for the tests of everything that trains."""

import os
import signal
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import scratchvae
from scratchvae.data import Dataset
from scratchvae.training import Trainer

RUN_FILES = {
    "checkpoint.npz",
    "config.json",
    "latent.png",
    "loss.png",
    "metrics.csv",
    "reconstructions.png",
    "samples.png",
}

SMALL = ["--batch-size", "16", "--epochs", "2"]  # options of a run that is over at once


def small_dataset(train=64, test=32, seed=0):
    """Return a data set of dark images with a bright rectangle each."""
    rng = np.random.default_rng(seed)
    images = np.zeros((train + test, 28, 28, 1), np.uint8)
    labels = rng.integers(0, 10, train + test, dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2, 12, 2)
        image[top : top + 12, left : left + 3 + label] = rng.integers(100, 256)
    return Dataset(
        "mnist", images[:train], labels[:train], images[train:], labels[train:], "made for a test"
    )


def write_data_folder(folder, data=None):
    """Write a data set as the four files of MNIST, where ``--data-dir folder`` finds it."""
    data = data or small_dataset()
    place = Path(folder) / "mnist"
    place.mkdir(parents=True)
    for name, array in (
        ("train-images-idx3-ubyte", data.train_images[..., 0]),
        ("train-labels-idx1-ubyte", data.train_labels),
        ("t10k-images-idx3-ubyte", data.test_images[..., 0]),
        ("t10k-labels-idx1-ubyte", data.test_labels),
    ):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (place / name).write_bytes(header + array.tobytes())
    return Path(folder)


def names_in(folder):
    """Return the names of all files in a folder, hidden ones (as temporary files are) too."""
    return {path.name for path in Path(folder).iterdir()}


_STEP = Trainer.step_on_floats


def interrupt_in_step(monkeypatch, step, times=1):
    """Have Ctrl-C pressed so many times in the middle of a step, numbered from 1."""

    def interrupted(trainer, x):
        if trainer.optimiser.steps + 1 == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return _STEP(trainer, x)

    monkeypatch.setattr(Trainer, "step_on_floats", interrupted)


@contextmanager
def usual_ctrl_c():
    """Let Ctrl-C do as in a terminal, also where the tests run in the background without one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def process_options(folder, data_dir):
    """Return how to start a process of the program in ``folder``, on the data in ``data_dir``."""
    environment = os.environ | {
        "SCRATCHVAE_DATA": str(data_dir),
        "PYTHONPATH": str(Path(scratchvae.__file__).parents[1]),
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    environment.pop("PYTHONUNBUFFERED", None)  # the output is to go the usual way
    return {
        "cwd": folder,
        "env": environment,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    }


def program(*words):
    """Return the command line of the program."""
    return [sys.executable, "-m", "scratchvae", *map(str, words)]


def run_program(folder, data_dir, *words, **options):
    """Run the program to its end, and return exit code, output and errors."""
    return subprocess.run(
        program(*words),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **process_options(folder, data_dir),
        **options,
    )


def complaints(process):
    """Return the lines on standard error, but for the note that kernels are being compiled."""
    return [line for line in process.stderr.splitlines() if not line.startswith("compiling")]
