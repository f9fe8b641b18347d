"""Damaged and hostile files are read, or refused in one line: 203,000 mutants.

``SCRATCHVAE_SEED`` chooses others. ``pytest -s`` shows how many were read, and the worst of them.
"""

import os

import pytest
from hostile_files import survey

SEED = int(os.environ.get("SCRATCHVAE_SEED", "1"))
COUNTS = {"idx": 80_000, "gzip": 70_000, "checkpoint": 30_000, "config": 8_000, "metrics": 15_000}


@pytest.mark.parametrize("kind", COUNTS)
def test_mutants_are_read_or_refused(kind, tmp_path):
    read, slowest, largest = survey(kind, COUNTS[kind], SEED, tmp_path)
    print(
        f"\n{kind}: {COUNTS[kind]:,} mutants, {read:,} read, the others refused; at most "
        f"{1000 * slowest:.0f} ms and {largest / 1e6:.1f} MB beyond the file"
    )
