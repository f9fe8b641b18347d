"""Runs whose process is killed, again and again, until they are complete.

As a program, ``killed_runs.py FOLDER EPOCHS`` begins a run there or continues it; it prints a line
after its first step.
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from small_runs import names_in, process_options, small_dataset

from scratchvae.runs import Run
from scratchvae.training import Interrupted, load_checkpoint

FILES = {"config.json", "metrics.csv", "checkpoint.npz"}
UNFINISHED = ".checkpoint.npz."  # how the name of a checkpoint begins that is being written


def train(folder, epochs):
    settings = {"epochs": epochs, "batch_size": 16}
    run = Run.begin_or_resume("zhao-mlp", folder, data="mnist", settings=settings)
    run.train(small_dataset(), lambda line: None, progress=False, on_batch=_say_that_it_trains)


@cache
def _say_that_it_trains(count):
    print("training", flush=True)


def start(folder, epochs):
    """Start a process that trains the run, and return it after a step."""
    options = process_options(folder.parent, folder.parent)
    process = subprocess.Popen(
        [sys.executable, __file__, folder, str(epochs)], stdout=subprocess.PIPE, **options
    )
    process.stdout.readline()  # empty, if there was no step left to take
    return process


def finish(folder, epochs):
    """Train the run to its end; return its checkpoint's bytes and its metrics but the seconds."""
    train(folder, epochs)
    assert names_in(folder) == FILES
    rows = (folder / "metrics.csv").read_text().splitlines()
    return (folder / "checkpoint.npz").read_bytes(), [row.rpartition(",")[0] for row in rows]


def stop(folder, epochs, rng, number, while_writing):
    """Send a signal to a process that trains the run, at a random moment or while it saves.

    Returns whether a checkpoint was being written.
    """
    process = start(folder, epochs)
    end = time.monotonic() + rng.uniform(0, 0.3)
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.001)
    if while_writing:
        while process.poll() is None and not _is_writing(folder):
            pass
        time.sleep(rng.choice([0, 0, 0.001, 0.002]))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL)
    return _is_writing(folder)


def _is_writing(folder):
    return any(name.startswith(UNFINISHED) for name in os.listdir(folder))


def check_whole(folder):
    """Expect that whatever is there can be read, with a row for each epoch of the checkpoint."""
    if not (folder / "checkpoint.npz").exists():
        return
    epoch = load_checkpoint(folder / "checkpoint.npz").progress["epoch"]
    rows = (folder / "metrics.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]][:epoch] == list(range(1, epoch + 1))
    assert all(row.count(",") == 7 for row in rows)


def check_survives(folder, expected, epochs, *, kills, while_writing, seed, number=signal.SIGKILL):
    """Stop a run so many times, finish it, and expect the bytes of one that nobody stopped.

    Returns how many times a checkpoint was being written.
    """
    rng = random.Random(seed)
    caught = 0
    for _ in range(kills):
        caught += stop(folder, epochs, rng, number, while_writing)
        check_whole(folder)
    assert finish(folder, epochs) == expected
    return caught


if __name__ == "__main__":
    with suppress(Interrupted):
        train(Path(sys.argv[1]), int(sys.argv[2]))
