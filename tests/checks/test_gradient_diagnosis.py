"""What is said of a wrong gradient, from its numbers and from what its passes were seen to do."""

import numpy as np
import pytest
from diagnosis_cases import NAN
from helpers import normal

from scratchvae.checks.diagnosis import Diagnosis
from scratchvae.checks.gradients.diagnosis import Slopes, diagnose
from scratchvae.checks.gradients.probes import (
    DRAWN_AGAIN,
    INPUT_IGNORED,
    LAST_CALL,
    OVERWRITTEN,
    RANDOM_FORWARD,
    SINGLE_PRECISION,
    Probes,
)
from scratchvae.checks.gradients.report import STALE

VALUES, EXPECTED, OTHER = normal(3, 4), normal(3, 4, seed=1), normal(3, 4, seed=2)
BEGINNINGS = {
    RANDOM_FORWARD: "the forward pass gives another output for the same input",
    LAST_CALL: "the forward pass depends on the call before it",
    SINGLE_PRECISION: "the forward pass computes in float32 or less somewhere inside",
    DRAWN_AGAIN: "two backward passes after one forward pass disagree",
    STALE: "it depends on the batch before",
    OVERWRITTEN: "a second backward pass leaves it as it was instead of doubling it",
    INPUT_IGNORED: "it does not depend on the input",
}


def said(gradient, expected=EXPECTED, probes=None, values=VALUES, **slopes):
    return diagnose(Slopes("w", values, np.asarray(gradient), expected, **slopes), probes)


def seen(*behaviours, by="w"):
    return Probes(seen={behaviour: {by} for behaviour in behaviours})


@pytest.mark.parametrize("behaviour", BEGINNINGS)
def test_what_a_pass_was_seen_to_do_is_said_of_the_gradients_that_show_it(behaviour):
    found = said(OTHER, probes=seen(behaviour))
    assert found.cause == behaviour
    assert found.sentence.startswith(BEGINNINGS[behaviour])
    assert said(OTHER, probes=seen(behaviour, by="b")) is None


def test_what_explains_everything_else_is_said_first():
    order = [RANDOM_FORWARD, LAST_CALL, SINGLE_PRECISION, DRAWN_AGAIN, STALE]
    later = [OVERWRITTEN, INPUT_IGNORED]
    for place, behaviour in enumerate(order):
        for gradient in (OTHER, 2 * EXPECTED, EXPECTED.T, None):
            assert said(gradient, probes=seen(*order[place:], *later)).cause == behaviour
    # An assigned gradient may be zero or a multiple besides, one of an old input is transposed.
    assert said(0 * EXPECTED, probes=seen(OVERWRITTEN)).cause == OVERWRITTEN
    assert said(2 * EXPECTED, probes=seen(*later)).cause == OVERWRITTEN
    assert said(EXPECTED.T, probes=seen(*later)).cause == "transpose"
    assert said(np.full((3, 4), np.inf), probes=seen(*later)).cause == "not finite"
    assert said(2 * EXPECTED, probes=seen(INPUT_IGNORED)).cause == "factor"
    assert said(EXPECTED + 1, probes=seen(INPUT_IGNORED)).cause == "offset"
    assert said(OTHER, probes=seen(INPUT_IGNORED)).cause == INPUT_IGNORED


@pytest.mark.parametrize(
    ("gradient", "cause", "sentence"),
    [
        (None, "missing", "it is None: let backward return it, or add it to a parameter's grad"),
        (
            np.stack([EXPECTED / 2 - 0.5, EXPECTED / 2 + 0.5]),
            "missing sum",
            "its shape is (2, 3, 4), not (3, 4): sum over axis 0 and it is right; what the forward "
            "pass broadcasts, the backward pass must sum",
        ),
        (EXPECTED.T, "transpose", "its shape is (4, 3), not (3, 4): transpose it"),
        (0 * EXPECTED, "zero", "it is zero everywhere, as if it were never computed"),
        (2 * EXPECTED, "factor", "it is 2 times what it should be"),
        (EXPECTED[::-1], "flip", "it is right once reversed along axis 0"),
        (EXPECTED + 0.5, "offset", "every entry is too large by 0.5"),
        (
            EXPECTED + 0.25 * VALUES,
            "extra term",
            "it is off by 0.25 times w itself, as weight decay would be",
        ),
        (
            EXPECTED * np.where(np.arange(4) == 3, 2, 1),
            "region",
            "it is wrong only at index 3 of axis 1 (there it is 2 times what it should be)",
        ),
        (
            EXPECTED * np.where(VALUES < 0, 3, 1),
            "region",
            "it is wrong exactly where w is negative (there it is 3 times what it should be)",
        ),
    ],
)
def test_a_usual_mistake_is_named(gradient, cause, sentence):
    assert said(gradient) == (cause, sentence)


def test_entries_that_have_nothing_in_common_are_counted_if_others_are_right():
    gradient = EXPECTED.copy()
    gradient[[0, 0, 2], [0, 1, 2]] = 7
    found = said(gradient)
    assert found == (
        "values",
        f"3 of 12 entries differ: it is 7 at [0, 0] where {EXPECTED[0, 0]:.6g} is right",
    )
    known = np.where(gradient == 7, EXPECTED, NAN)
    assert said(gradient, known) is None  # all that is known is wrong
    assert said(OTHER) is None
    assert said(EXPECTED) is None


def test_a_gradient_that_belongs_to_another_array_is_named_by_it():
    others = {"a": normal(3, 4, seed=5), "b": OTHER}
    assert said(OTHER, others=others) == (
        "order",
        "it is the gradient of b: return the gradients in the arguments' order",
    )
    assert said(OTHER, others={"a": others["a"]}) is None
    zero = {"b": np.zeros((3, 4))}
    assert said(np.zeros((3, 4)), others=zero).cause == "zero"


def test_a_gradient_of_one_example_alone_lacks_a_sum():
    probes = Probes(one_example={"w": 2})
    assert said(OTHER, probes=probes) == (
        "missing sum",
        "it responds only to example 2: the sum over the examples is missing",
    )
    assert said(OTHER, probes=Probes(one_example={"b": 2})) is None


@pytest.mark.parametrize(
    ("of_reconstruction", "of_kl", "sentence"),
    [
        (1, 0.5, "the gradient of the KL is 1/2 times what it should be"),
        (1, -1, "the gradient of the KL is of the wrong sign"),
        (0, 1, "the gradient of the reconstruction is missing"),
        (1, 0, "the gradient of the KL is missing"),
        (
            2,
            1 / 3,
            "the gradient of the reconstruction is 2 times what it should be and the gradient of "
            "the KL is 1/3 times what it should be",
        ),
        (1, 0.123, "the gradient of the KL is 0.123 times what it should be"),
        (
            5,
            1,
            "the gradient of the reconstruction is 5 times what it should be (perhaps the number "
            "of images)",
        ),
    ],
)
def test_a_wrongly_weighted_term_of_a_loss_is_named(of_reconstruction, of_kl, sentence):
    terms = np.stack([EXPECTED, OTHER])
    gradient = of_reconstruction * EXPECTED + of_kl * OTHER
    probes = Probes(counts={"the number of images": 5})
    found = said(gradient, EXPECTED + OTHER, probes, loss_terms=terms)
    assert found == ("loss term", sentence)


def test_terms_of_a_loss_are_told_apart_only_where_that_can_be_done():
    gradient, expected = EXPECTED + 0.5 * OTHER, EXPECTED + OTHER
    terms = np.stack([EXPECTED, OTHER])

    def found(gradient=gradient, expected=expected, terms=terms):
        answer = said(gradient, expected, loss_terms=terms)
        return answer is not None and answer.cause == "loss term"

    assert found()
    assert not found(gradient=gradient + 0.01 * normal(3, 4, seed=9))
    assert not found(terms=np.stack([EXPECTED, 0 * OTHER]))
    for known, enough in ((4, True), (3, False)):
        some = np.where(np.arange(12).reshape(3, 4) < known, expected, NAN)
        assert found(expected=some, terms=np.where(np.isnan(some), NAN, terms)) == enough


@pytest.mark.parametrize("way", [lambda w: w, lambda w: w.T])
def test_a_weight_that_was_not_transposed_on_the_way_back_is_named(way):
    dy, weight = normal(3, 4), normal(4, 4, seed=1)
    slopes = Slopes("x", normal(3, 4), dy @ way(weight), dy @ way(weight).T)

    def found(**arrays):
        return diagnose(slopes, Probes(upstream=dy, arrays=arrays))

    named = Diagnosis("transpose", "it is right once v is transposed in it")
    assert found(b=normal(4), w=normal(4, 4, seed=2), v=weight) == named
    assert found(x=weight, u=normal(4, 3), w=normal(4, 4, seed=2)) is None
    assert diagnose(slopes, Probes(arrays={"v": weight})) is None
    other = Slopes("x", normal(3, 4), dy @ way(weight), dy @ normal(4, 4, seed=3))
    assert diagnose(other, Probes(upstream=dy, arrays={"v": weight})) is None


def test_an_entry_is_told_by_the_gradient_that_came_in_as_well():
    dy = normal(3, 4, seed=8)
    gradient = EXPECTED * np.where(dy < 0, 3, 1)
    assert said(gradient, probes=Probes(upstream=dy)).sentence == (
        "it is wrong exactly where dy is negative (there it is 3 times what it should be)"
    )


def test_weight_decay_needs_four_known_entries():
    gradient = EXPECTED + 0.25 * VALUES
    for known, cause in ((4, "extra term"), (3, None)):
        some = np.where(np.arange(12).reshape(3, 4) < known, EXPECTED, NAN)
        found = said(gradient, some)
        assert (found and found.cause) == cause
