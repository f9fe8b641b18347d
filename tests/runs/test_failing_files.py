"""A step of writing that fails, or is the last of a process, costs a run nothing but time.

The long form, of every step, is ``tests/long/test_all_failing_files.py``.
"""

import pytest
from failing_files import WAYS, check_fault, count_steps


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    steps = count_steps(folder)
    # Three files at least, the record and the checkpoint twice, each in four steps.
    assert [steps.count(name) >= 5 for name in ("open", "write", "fsync", "replace")] == [True] * 4
    return folder, len(steps)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", [0.0, 0.15, 0.4, 0.8, 1.0])
def test_a_run_goes_on_after_a_step_of_writing_that_fails(tmp_path, whole, place, way):
    folder, steps = whole
    check_fault(tmp_path / "run", folder, 1 + round(place * (steps - 1)), way)
