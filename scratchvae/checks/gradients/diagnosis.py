"""What is probably wrong with a gradient that a check has found wrong.

What the backward pass *does* (draws again, overwrites, forgets an earlier batch) comes before what
its numbers look like. Where nothing fits, nothing is said.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from scratchvae.checks.diagnosis import (
    Comparison,
    Diagnosis,
    Evidence,
    common_ratio,
    differences,
    factor,
    factor_in_words,
    fits,
    jacobians,
    not_finite,
    offset,
    region,
    transposed,
    wrong_shape,
    zero,
)
from scratchvae.checks.gradients.probes import (
    ADDED_UP,
    DRAWN_AGAIN,
    INPUT_IGNORED,
    NOT_LINEAR,
    OVERWRITTEN,
    Probes,
)
from scratchvae.checks.gradients.report import LAST_CALL, RANDOM_FORWARD, SINGLE_PRECISION, STALE
from scratchvae.validation import FloatArray

# Slopes for a diagnosis are measured with one step, to six digits or more; mistakes are larger.
SLOPE_TOLERANCE = 1e-4

_SENTENCES = {
    RANDOM_FORWARD: "the forward pass gives another output for the same input: noise is drawn "
    "inside it (make the noise an argument, and keep it for the backward pass), or something is "
    "carried on from call to call",
    LAST_CALL: "the forward pass depends on the call before it: after another batch it gives "
    "another output for the same input, so something was kept and not replaced",
    SINGLE_PRECISION: "the forward pass computes in float32 or less somewhere inside, or rounds: "
    "its outputs have too few digits for a difference of two to judge a gradient by; compute in "
    "the dtype of the input",
    ADDED_UP: "backward adds to what earlier passes left there, and nothing clears that: fill it "
    "anew in every pass (= instead of +=), or write a zero_grad",
    DRAWN_AGAIN: "two backward passes after one forward pass disagree: noise is drawn again in the "
    "backward pass, or it changes what the forward pass stored",
    STALE: "it depends on the batch before: something from an earlier pass was kept and not "
    "replaced",
    OVERWRITTEN: "a second backward pass leaves it as it was instead of doubling it: add to the "
    "gradient (+=), don't assign it (=)",
    INPUT_IGNORED: "it does not depend on the input: the input of an earlier batch was kept and "
    "not replaced",
    NOT_LINEAR: "it is not proportional to dy: with -2 dy it is not -2 times as large; each term "
    "of a gradient has dy in it once",
}


@dataclass(frozen=True)
class Slopes:
    """An array's gradient, and slopes that were measured at some of its entries.

    Attributes
    ----------
    name
        What the array is called.
    array, gradient
        Its values, and what the backward pass says; the gradient may be of another shape.
    expected
        The slopes, shaped like the array; NaN where none was measured, or where there is none.
    loss_terms
        The slopes of the terms of a loss (reconstruction, weighted KL), stacked, if it has them.
    others
        The slopes of other arrays whose gradients are wrong, by name.
    """

    name: str
    array: FloatArray
    gradient: FloatArray
    expected: FloatArray
    loss_terms: FloatArray | None = None
    others: Mapping[str, FloatArray] = field(default_factory=dict)


def diagnose(slopes: Slopes, probes: Probes | None = None) -> Diagnosis | None:
    """Return the first of the usual mistakes that fits everything that is known, or ``None``."""
    probes = probes or Probes()
    arguments = {slopes.name: slopes.array}
    if probes.upstream is not None:
        arguments["dy"] = probes.upstream
    comparison = Comparison(slopes.gradient, slopes.expected, arguments, probes.counts)
    numbers = Evidence([comparison], tolerance=SLOPE_TOLERANCE, allowed=SLOPE_TOLERANCE)

    def seen(behaviour: str) -> Diagnosis | None:
        shown = slopes.name in probes.seen.get(behaviour, ())
        return Diagnosis(behaviour, _SENTENCES[behaviour]) if shown else None

    return (
        seen(RANDOM_FORWARD)
        or seen(LAST_CALL)
        or seen(SINGLE_PRECISION)
        or seen(ADDED_UP)
        or seen(DRAWN_AGAIN)
        or seen(STALE)
        or _missing(slopes, probes.none)
        or _of_another(slopes)
        or _wrong_shape(numbers)
        or not_finite(numbers)
        or seen(OVERWRITTEN)
        or zero(numbers)
        or _one_example(slopes, probes)
        or factor(numbers)
        or _loss_term(slopes, probes)
        or transposed(numbers)
        or _untransposed_weight(slopes, probes)
        or _known_slope(slopes, probes)
        or offset(numbers)
        or _multiple_of_itself(slopes)
        or region(numbers)
        or seen(NOT_LINEAR)
        or _by_output(slopes, probes, seen(INPUT_IGNORED))
        or _some_entries(numbers)
    )


def _known_slope(slopes: Slopes, probes: Probes) -> Diagnosis | None:
    jacobian = probes.jacobian(slopes.name)
    return None if jacobian is None else jacobians.known_slope(jacobian, _arrays(probes))


def _arrays(probes: Probes) -> dict[str, FloatArray]:
    output = {} if probes.output is None else {"y": probes.output}
    return dict(probes.arrays) | output


def _by_output(slopes: Slopes, probes: Probes, ignored: Diagnosis | None) -> Diagnosis | None:
    """Look at the outputs one by one, where there are few enough."""
    jacobian, arrays = probes.jacobian(slopes.name), _arrays(probes)
    if jacobian is None:
        return ignored
    return (
        jacobians.transposed(jacobian)
        or jacobians.mask(jacobian)
        or ignored
        or jacobians.outputs_left_out(jacobian)
        or jacobians.other_outputs(jacobian)
        or jacobians.slope(jacobian)
        or jacobians.factor_of_entries(jacobian)
        or jacobians.other_array(jacobian, arrays)
        or jacobians.term(jacobian, arrays)
        or jacobians.coupling(jacobian)
        or jacobians.some_outputs(jacobian)
        or jacobians.slope_of_terms(jacobian)
    )


def _missing(slopes: Slopes, none: Collection[str]) -> Diagnosis | None:
    if slopes.gradient.dtype != object and slopes.name not in none:
        return None
    return Diagnosis(
        "missing", "it is None: let backward return it, or add it to a parameter's grad"
    )


def _of_another(slopes: Slopes) -> Diagnosis | None:
    """Whether it is right for another array: gradients returned in the wrong order."""
    if fits(-slopes.gradient, slopes.expected, SLOPE_TOLERANCE):
        return None  # of a difference each side's gradient is the other's, with the wrong sign
    for name, expected in slopes.others.items():
        if np.any(slopes.gradient) and fits(slopes.gradient, expected, SLOPE_TOLERANCE):
            sentence = f"it is the gradient of {name}: return the gradients in the arguments' order"
            return Diagnosis("order", sentence)
    return None


def _wrong_shape(numbers: Evidence) -> Diagnosis | None:
    found = wrong_shape(numbers)
    if found is None or found.cause != "missing sum":
        return found
    why = "; what the forward pass broadcasts, the backward pass must sum"
    return Diagnosis(found.cause, found.sentence + why)


def _one_example(slopes: Slopes, probes: Probes) -> Diagnosis | None:
    if slopes.name not in probes.one_example:
        return None
    only = f"it responds only to example {probes.one_example[slopes.name]}"
    return Diagnosis("missing sum", f"{only}: the sum over the examples is missing")


def _loss_term(slopes: Slopes, probes: Probes) -> Diagnosis | None:
    """Whether each term of a loss is differentiated correctly, but weighted wrongly."""
    known = ~np.isnan(slopes.expected)
    if slopes.loss_terms is None or known.sum() < 4:
        return None
    terms, analytic = slopes.loss_terms[:, known].T, slopes.gradient[known]
    sizes = np.linalg.norm(terms, axis=0)
    if not (sizes > 1e-6 * sizes.max()).all():
        return None
    weights, *_ = np.linalg.lstsq(terms / sizes, analytic, rcond=1e-6)
    weights = weights / sizes
    error = np.abs(terms @ weights - analytic).max()
    if error > SLOPE_TOLERANCE * np.abs(slopes.expected[known]).max():
        return None
    said = []
    for weight, term in zip(weights, ("reconstruction", "KL"), strict=True):
        # Ten times the tolerance: two weights are found together, less exactly than one.
        if abs(weight) < 10 * SLOPE_TOLERANCE:
            said.append(f"the gradient of the {term} is missing")
        elif abs(weight - 1) > 10 * SLOPE_TOLERANCE:
            words = factor_in_words(float(weight), probes.counts, 10 * SLOPE_TOLERANCE)
            words = words or f"{weight:.4g} times what it should be"
            said.append(f"the gradient of the {term} is {words}")
    return Diagnosis("loss term", " and ".join(said)) if said else None


def _untransposed_weight(slopes: Slopes, probes: Probes) -> Diagnosis | None:
    """Whether an input's gradient is dy W where it should be dy Wᵀ."""
    dy, gradient = probes.upstream, slopes.gradient
    # With a square weight, dy W has the shape of dy; any other gradient is not that of an input.
    if dy is None or dy.ndim != 2 or gradient.shape != dy.shape:
        return None
    for name, weight in probes.arrays.items():
        if name == slopes.name or weight.shape != (dy.shape[1], dy.shape[1]):
            continue
        for used in (weight, weight.T):
            if fits(dy @ used.T, slopes.expected, SLOPE_TOLERANCE) and fits(
                gradient, dy @ used, 1e-9
            ):
                return Diagnosis("transpose", f"it is right once {name} is transposed in it")
    return None


def _multiple_of_itself(slopes: Slopes) -> Diagnosis | None:
    """Whether a multiple of the array was added or left out, as weight decay adds it."""
    known = ~np.isnan(slopes.expected)
    if known.sum() < 4:
        return None
    error = (slopes.gradient - slopes.expected)[known]
    ratio = common_ratio(error, slopes.array[known], SLOPE_TOLERANCE)
    if ratio is None:
        return None
    sentence = f"it is off by {ratio:.6g} times {slopes.name} itself, as weight decay would be"
    return Diagnosis("extra term", sentence)


def _some_entries(numbers: Evidence) -> Diagnosis | None:
    """Whether some entries are right, so that it helps to know how many are not."""
    (one,), (wrong,) = numbers.comparisons, numbers.wrong()
    mixed = wrong.any() and not wrong[~np.isnan(one.expected)].all()
    return differences(numbers) if mixed else None
