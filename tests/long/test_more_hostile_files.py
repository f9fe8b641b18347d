"""Damaged and hostile files are read, or refused in one line: 223,000 mutants, in ten parts.

``SCRATCHVAE_SEED`` chooses others. ``pytest -s`` shows how many were read, and the worst of them.
"""

import os

import pytest
from hostile_survey import survey

SEED = int(os.environ.get("SCRATCHVAE_SEED", "1"))
PARTS = 10
# By what one of them costs: a configuration builds a model, a checkpoint trains on.
COUNTS = {"idx": 80_000, "gzip": 70_000, "checkpoint": 30_000, "config": 8_000, "metrics": 15_000}
COUNTS["model"] = 20_000


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", COUNTS)
def test_mutants_are_read_or_refused(kind, part, tmp_path):
    count = COUNTS[kind] // PARTS
    read, slowest, largest = survey(kind, count, SEED * PARTS + part, tmp_path)
    print(
        f"\n{kind}, part {part}: {count:,} mutants, {read:,} read, the others refused; at most "
        f"{1000 * slowest:.0f} ms and {largest / 1e6:.1f} MB beyond the file"
    )
