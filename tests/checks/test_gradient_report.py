"""The table of a gradient check, and what is said in it, word by word."""

import numpy as np
import pytest

from scratchvae.checks.gradients.report import CheckRow, GradientReport, Unseen

OK = CheckRow("x", 6, 6, 1e-10, "(0, 1)", 1.0, 1.0, 1e-6)
WRONG = CheckRow("weight", 12, 4, 0.5, "direction 2", 0.25, 0.5, 1e-6)


def row(**changes):
    return CheckRow(**(vars(OK) | changes))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "ok"),
        ({"kinks": 1}, "ok (1 entry near a kink)"),
        ({"kinks": 2}, "ok (2 entries near a kink)"),
        ({"undecided": 1}, "ok (1 entry at a kink, not judged)"),
        (
            {"kinks": 3, "undecided": 2},
            "ok (3 entries near a kink, 2 entries at a kink, not judged)",
        ),
        ({"independent": True}, "no slope: the output does not depend on it"),
        ({"checked": 0, "undecided": 6}, "not checked: there is a kink wherever it was tried"),
        (
            {"max_relative_error": 0.5, "analytic": 0.25, "numeric": 0.5},
            "WRONG: backward says 0.25, the slope is 0.5",
        ),
        ({"max_relative_error": np.nan}, "WRONG: backward says 1, the slope is 1"),
        (
            {"max_relative_error": 0.5, "independent": True},
            "WRONG: backward says 1, the slope is 1",
        ),
    ],
)
def test_a_row_has_a_verdict(changes, verdict):
    assert row(**changes).verdict == verdict


def test_a_row_passes_up_to_its_tolerance():
    assert row(max_relative_error=1e-6).passed
    assert not row(max_relative_error=1.1e-6).passed
    assert not row(max_relative_error=np.nan).passed


def test_a_report_passes_with_all_its_rows_and_not_without_any():
    assert GradientReport("title", [OK]).passed
    assert not GradientReport("title", [OK, WRONG]).passed
    assert not GradientReport("title").passed
    assert GradientReport("title").max_relative_error == 0
    assert GradientReport("title", [OK, WRONG]).max_relative_error == 0.5
    assert np.isnan(
        GradientReport("title", [row(max_relative_error=np.nan), WRONG]).max_relative_error
    )


def test_a_report_prints_its_rows_their_causes_and_what_was_not_checked():
    named = CheckRow(**(vars(WRONG) | {"cause": "factor", "diagnosis": "it is 1/2 of it"}))
    report = GradientReport("Dense", [OK, named], [Unseen("layers[1].mask", 7, "name it")])
    assert str(report).splitlines() == [
        "Dense",
        "                          checked  largest error           where  verdict",
        "  x                        6 of 6        1.0e-10          (0, 1)  ok",
        "  weight                  4 of 12        5.0e-01     direction 2  WRONG: backward says "
        "0.25, the slope is 0.5",
        "                  likely cause: it is 1/2 of it",
        "  layers[1].mask           0 of 7              -               -  NOT CHECKED: the output "
        "depends on it; name it",
    ]
    short = str(GradientReport("f", [OK])).splitlines()
    assert short[1] == "                     checked  largest error           where  verdict"
    assert short[2] == "  x                   6 of 6        1.0e-10          (0, 1)  ok"
