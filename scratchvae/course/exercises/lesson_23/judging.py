"""Exercises on a classifier as judge: its own errors, and what it does not see."""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise, Question


def corrected_share(agreement: float, error: float, luck: float) -> float:
    """Return the share of draws that are what they should be: eq. 23.5.

    A judge reads ``error`` of them as something else, and ``luck`` of the others as them.
    """
    return (agreement - luck) / (1 - error - luck)


def _draw_rates(random: np.random.Generator) -> tuple[float, float, float]:
    low, high = np.sort(random.uniform(0.02, 0.2, 2))
    # Up to a judge who agrees more often than with test images: a share above 1 is not cut off.
    return float(random.uniform(0.4, 1.0)), float(high), float(low)


CORRECTED_SHARE = Exercise(
    name="corrected-share",
    answer=corrected_share,
    draw=_draw_rates,
    mistakes={
        "that takes account of good draws that are misread, and not of bad ones that pass": (
            lambda agreement, error, luck: agreement / (1 - error)
        ),
        "that takes account of bad draws that pass, and not of good ones that are misread": (
            lambda agreement, error, luck: (agreement - luck) / (1 - luck)
        ),
        "that goes the other way, from the share to the agreement": (
            lambda agreement, error, luck: agreement * (1 - error) + (1 - agreement) * luck
        ),
        "solve for s: the factor of s is (1 − error) − luck": (
            lambda agreement, error, luck: (agreement - luck) / (1 - error)
        ),
        "a share above 1 is a finding about the judge, as you will see: do not cut it off": (
            lambda agreement, error, luck: min(corrected_share(agreement, error, luck), 1.0)
        ),
        "errors and luck do not simply add up": lambda agreement, error, luck: (
            agreement + error - luck
        ),
    },
    hints=(
        "Write (23.5)'s left side as a straight line in s, and solve it for s.",
        "agreement = luck + s · (1 − error − luck).",
    ),
    returns=("the share",),
)

AGREEMENT_IS_NOT_ENOUGH = Question(
    name="agreement-is-not-enough",
    kind="explain",
    answer="D",
    mistakes={
        "it would be noticed: the judge reads each of them": "A",
        "a thousand draws give the share to about a hundredth": "B",
        "(23.5) has taken account of these": "C",
    },
    hints=(
        "What would the judge say of a model that has one picture for each class?",
        "Does the judge ever compare two draws?",
    ),
)
