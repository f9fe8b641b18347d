"""A short run in which the n-th step of writing a file fails, or is the process's last."""

import errno
import os
from contextlib import contextmanager
from unittest import mock

from small_runs import names_in, small_dataset

from scratchvae import files
from scratchvae.errors import InputError
from scratchvae.runs.run import Run

DATA = small_dataset(train=32, test=16)
WAYS = ("fails once", "fails from then on", "is killed")


@contextmanager
def steps_of_writing(before):
    """Call ``before`` with each step's name: making a file, writing, fsync and renaming.

    What it returns is how much of a step is done before it raises; of writing that can be a half.
    """

    class File:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            view = memoryview(content)
            half = len(view) // 2
            self.file.write(view[:half])
            self.file.flush()
            before("write")
            self.file.write(view[half:])

    def counted(name, function):
        def step(*arguments, **options):
            before(name)
            return function(*arguments, **options)

        return step

    def opened(path, mode="r", **options):
        if "r" in mode:
            return open(path, mode, **options)
        before("open")
        return File(open(path, mode, **options))

    with (
        mock.patch.object(files, "open", opened, create=True),
        mock.patch.object(os, "fsync", counted("fsync", os.fsync)),
        mock.patch.object(os, "replace", counted("replace", os.replace)),
    ):
        yield


def train(folder):
    """Begin the run in a folder, or go on with it, to its end."""
    settings = {"epochs": 2, "batch_size": 16}
    run = Run.begin_or_resume("pytorch-example", folder, data="mnist", settings=settings)
    run.train(DATA, lambda line: None, progress=False)


def count_steps(folder):
    """Train in a folder without a fault, and return the names of the steps of writing."""
    train(folder.with_name("compiled"))  # so that no kernel is kept from here on
    names = []
    with steps_of_writing(names.append):
        train(folder)
    return names


def train_with_a_fault(folder, number, way):
    """Train until a step, counted from 1, fails or kills; return what was said of it."""
    taken = []

    def fault(name):
        taken.append(name)
        if len(taken) == number or (len(taken) > number and way == "fails from then on"):
            if way == "is killed":
                os._exit(9)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def attempt():
        with steps_of_writing(fault):
            train(folder)

    if way == "is killed":
        child = os.fork()
        if child == 0:
            try:
                attempt()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        attempt()
    except InputError as error:
        return str(error)
    return None


def record(folder):
    """Return the rows of metrics.csv, without the seconds."""
    return [line.rsplit(",", 1)[0] for line in (folder / "metrics.csv").read_text().splitlines()]


def check_fault(folder, whole, number, way):
    """Expect a run with a fault to be refused in a line, and the next start to put all right."""
    said = train_with_a_fault(folder, number, way)
    if way == "is killed":
        assert said == 9
    else:
        assert "No space left" in said
        assert len(said.splitlines()) == 1
        left = names_in(folder) if folder.exists() else set()
        assert not {name for name in left if name.startswith(".")}, left
    train(folder)
    checkpoint = "checkpoint.npz"
    assert (folder / checkpoint).read_bytes() == (whole / checkpoint).read_bytes()
    assert record(folder) == record(whole)
    assert names_in(folder) == names_in(whole) == {"config.json", "metrics.csv", checkpoint}
