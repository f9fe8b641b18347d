"""Every step of writing in a short run fails, or is the last of a process: nothing is lost."""

import pytest
from failing_files import WAYS, check_fault, count_steps


@pytest.mark.parametrize("way", WAYS)
def test_a_run_goes_on_after_any_step_of_writing_that_fails(tmp_path, way):
    steps = count_steps(tmp_path / "whole")
    for number in range(1, len(steps) + 1):
        check_fault(tmp_path / f"run-{number}", tmp_path / "whole", number, way)
    print(f"\n{way}: each of {len(steps)} steps ({', '.join(dict.fromkeys(steps))})")
