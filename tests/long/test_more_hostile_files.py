"""Damaged and hostile files are read, or refused in one line: 220,000 mutants.

``SCRATCHVAE_SEED`` chooses others. ``pytest -s`` shows how many were read, and the worst of them.
"""

import os

import pytest
from hostile_files import survey

SEED = int(os.environ.get("SCRATCHVAE_SEED", "1"))
COUNTS = {"idx": 80_000, "gzip": 60_000, "checkpoint": 40_000, "config": 10_000, "metrics": 30_000}


@pytest.mark.parametrize("kind", COUNTS)
def test_mutants_are_read_or_refused(kind, tmp_path):
    read, slowest, largest = survey(kind, COUNTS[kind], SEED, tmp_path)
    print(
        f"\n{kind}: {COUNTS[kind]:,} mutants, {read:,} read, the others refused; at most "
        f"{1000 * slowest:.0f} ms and {largest / 1e6:.1f} MB beyond the file"
    )
