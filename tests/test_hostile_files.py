"""Damaged and hostile files are read, or refused in one line: a few hundred mutants of each kind.

The long form is ``tests/long/test_more_hostile_files.py``.
"""

import pytest
from hostile_files import KINDS
from hostile_survey import survey


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_are_read_or_refused(kind, tmp_path):
    count = 200
    read, _, _ = survey(kind, count, 0, tmp_path)
    assert read > 0
    assert read < count or kind == "metrics"  # what of a record cannot be read is kept aside
