"""A run whose process is killed at any moment goes on to the bytes of one that was not."""

import signal

import pytest
from killed_runs import check_survives, finish

EPOCHS, KILLS, RUNS = 60, 5, 6
CAUGHT = 25  # in the middle of writing a checkpoint


@pytest.fixture(scope="module")
def through(tmp_path_factory):
    """Return what a run leaves that nobody stops."""
    return finish(tmp_path_factory.mktemp("through") / "run", EPOCHS)


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_at_random_moments(tmp_path, through, seed):
    how = {"kills": KILLS, "while_writing": False, "seed": seed}
    check_survives(tmp_path / "run", through, EPOCHS, **how)


def test_killed_while_a_checkpoint_is_written(tmp_path, through):
    kills = caught = 0
    while caught < CAUGHT:
        how = {"kills": KILLS, "while_writing": True, "seed": kills}
        caught += check_survives(tmp_path / str(kills), through, EPOCHS, **how)
        kills += KILLS
        assert kills <= 4 * CAUGHT  # else it would not be caught at what it is doing
    print(f"\n{caught} of {kills} kills left a checkpoint half written")


@pytest.mark.parametrize("seed", range(RUNS))
def test_interrupted_at_random_moments(tmp_path, through, seed):
    how = {"kills": KILLS, "while_writing": False, "seed": seed, "number": signal.SIGINT}
    check_survives(tmp_path / "run", through, EPOCHS, **how)
