"""How often the doctor names what is wrong with programs as people write them, in two halves.

The doctor was written with the programs of ``tuning`` at hand, and without those of ``kept``: their
share is what to expect of a program that it has not seen. Every broken program is examined as it
is, and once more mended, where nothing is to be found, as nothing is in the right ones.
``DOCTOR_SURVEY_HALF`` picks one half.
"""

import os
import time

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

from doctor_patients import BROKEN, HALVES, RIGHT, TABLE, describe

import scratchvae

# A program of a user may warn of what it likes.
pytestmark = pytest.mark.filterwarnings("default")

NAMED_AT_LEAST = 0.85
SECONDS = 120  # for each program, on a laptop
CHOSEN = [half for half in HALVES if os.environ.get("DOCTOR_SURVEY_HALF", half) == half]
ROW = "{:<7} {:<24} {:>5.1f} s  {:<5} {:<32} {}"


def examine(half, name, mended=False):
    """Return the causes that the doctor names, the first before the others, and the seconds."""
    description = describe(half, name, mended)
    start = time.perf_counter()
    report = scratchvae.doctor(**description)
    return [finding.cause for finding in report.findings], time.perf_counter() - start


def survey(half, programs, mended=False):
    """Print a row for each program; return the names of those of which the right thing is said."""
    names = [name for at, name in programs if at == half]
    well, slow = [], {}
    for name in names:
        causes, seconds = examine(half, name, mended)
        accepted = [] if mended else TABLE[half][name].get("accepted", [])
        if causes[:1] == [] == accepted or set(causes[:1]) & set(accepted):
            well.append(name)
        row = (accepted or ["nothing"])[0], ", ".join(causes) or "nothing"
        print(ROW.format(half, name, seconds, "yes" if name in well else "NO", *row), flush=True)
        if seconds > SECONDS:
            slow[name] = seconds
    assert not slow  # after all of them, so that the table is whole
    return well, names


@pytest.mark.parametrize("half", CHOSEN)
def test_the_first_finding_is_what_is_wrong(half):
    named, broken = survey(half, BROKEN)
    print(f"{half}: {len(named)} of {len(broken)} broken programs named")
    assert len(named) >= NAMED_AT_LEAST * len(broken)


@pytest.mark.parametrize("half", CHOSEN)
@pytest.mark.parametrize("mended", [False, True], ids=["right", "mended"])
def test_nothing_is_found_where_nothing_is_wrong(half, mended):
    silent, right = survey(half, BROKEN if mended else RIGHT, mended)
    print(f"{half}: {len(silent)} of {len(right)} right programs without a finding")
    assert silent == right
