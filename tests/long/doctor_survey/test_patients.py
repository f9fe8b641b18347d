"""The survey's programs are what its table says, by checks that know nothing of the doctor."""

from collections import Counter

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

from doctor_patients import BROKEN, HALVES, RIGHT, ROOT, TABLE, describe, framework_of
from patient_checks import Reading, failed_checks, trained

WORSE = 0.5  # nats per image


def read(half, name, mended=False):
    return Reading(describe(half, name, mended), TABLE[half][name].get("samples", 1))


def assert_right(half, name, mended=False):
    assert not failed_checks(read(half, name, mended))
    before, after = trained(read(half, name, mended))
    assert after < 0.95 * before
    return after


def test_every_program_is_in_the_table_and_the_halves_are_balanced():
    for half in HALVES:
        assert {file.stem for file in (ROOT / half).glob("*.py")} == set(TABLE[half])
    for programs, least in ((BROKEN, 26), (RIGHT, 14)):
        assert len(programs) >= least
        sizes = Counter(half for half, _ in programs)
        assert sizes["tuning"] == sizes["kept"]
        for half in HALVES:
            used = Counter(framework_of(name) for at, name in programs if at == half)
            assert min(used[framework] for framework in ("numpy", "torch", "jax")) >= 2


@pytest.mark.parametrize(("half", "name"), RIGHT)
def test_a_right_program_is_right(half, name):
    assert_right(half, name)


@pytest.mark.parametrize(("half", "name"), BROKEN)
def test_a_broken_program_is_broken_and_one_repair_makes_it_right(half, name):
    mended = assert_right(half, name, mended=True)
    shows = TABLE[half][name]["shows"]
    if shows == "training":
        # What is wrong with it is in its gradients alone, so that it trains worse.
        assert not failed_checks(read(half, name))
        assert trained(read(half, name))[1] > mended + WORSE
    else:
        assert shows in failed_checks(read(half, name))
