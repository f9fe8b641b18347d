"""A run whose process is killed loses nothing that was saved; tests/long kills it more often."""

import signal

import pytest
from killed_runs import check_survives, finish

EPOCHS = 12


@pytest.fixture(scope="module")
def through(tmp_path_factory):
    """Return what a run leaves that nobody stops."""
    return finish(tmp_path_factory.mktemp("through") / "run", EPOCHS)


@pytest.mark.parametrize(("while_writing", "kills"), [(False, 1), (True, 2)])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, through, while_writing, kills):
    how = {"kills": kills, "while_writing": while_writing, "seed": 0}
    check_survives(tmp_path / "run", through, EPOCHS, **how)


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, through):
    how = {"kills": 1, "while_writing": True, "seed": 1, "number": signal.SIGINT}
    check_survives(tmp_path / "run", through, EPOCHS, **how)
