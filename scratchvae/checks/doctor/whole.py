"""A loss of x alone, which runs the whole model: its terms found again from the model's parts.

With the random numbers seeded alike, the user's ``encode``, ``draw`` and ``decode`` give what the
loss has computed inside. Over several settings of the weights, the loss is then fitted as

    a · reconstruction + b · KL,

with each reconstruction that is known here; a and b are the weights of the two terms.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, note, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, seeded
from scratchvae.checks.doctor.kl_term import CLOSED_FORM, KLTerm
from scratchvae.checks.doctor.patient import ROWS, Patient
from scratchvae.checks.doctor.probing import CLOSE, Fit, Sizes, Weight
from scratchvae.checks.doctor.reconstruction_term import (
    FORMULAS,
    ReconstructionTerm,
    formula_total,
)
from scratchvae.checks.doctor.weighing import weigh

_SETTINGS = 8  # of the weights, for two unknowns
_CALLS = 60  # at most, where the noise cannot be seeded and has to be averaged
_SECONDS = 15.0  # about, for all of them
_ROUGH = 0.02  # of such a mean, as a share of how much the loss varies between settings


@dataclass(frozen=True)
class _Seen:
    """The loss at one setting, and what the model's parts gave there."""

    loss: float
    kl: float
    at_draw: dict[str, float]
    at_mean: dict[str, float]


def examine_whole(patient: Patient) -> Iterator[Finding]:
    """Yield what a loss of x alone is made of, where the model's parts tell."""
    if not patient.has("encode", "decode", "draw"):
        yield unchecked("the loss's terms", "give `encode`, `draw` and `decode`, or a loss of four")
        return
    x = patient.images(ROWS)
    repeats = patient.whole(x) == patient.whole(x)
    calls = 1 if repeats or _seedable(patient, x) else _affordable(patient, x)
    once, twice = (_seen(patient, rows, calls) for rows in (ROWS, 2 * ROWS))
    found = _fitted(once, "at_draw", calls)
    if repeats:
        at_mean = _fitted(once, "at_mean", calls)
        if at_mean is not None and found is None:
            yield Finding(
                "mean for draw",
                "the loss decodes the mean where it should decode a draw",
                f"`loss` gives the same value each time, and it is that of {at_mean[0]} at the "
                "mean",
                "decode z = mean + deviation · noise",
                "Kingma and Welling (2014), section 2.4",
            )
            return
        yield note("noise of the loss", "`loss` gives the same value each time for the same images")
    again = _fitted(twice, "at_draw", calls)
    if found is None or again is None or found[0] != again[0]:
        yield unchecked(
            "the loss's terms",
            "what `loss` gives is not put together from a known likelihood, the closed form of the "
            "KL, and what `encode`, `draw` and `decode` give",
        )
        return
    yield from _judged(patient, x, found, again, rough=calls > 1)


def _judged(
    patient: Patient,
    x: Float64,
    found: tuple[str, float, float],
    again: tuple[str, float, float],
    *,
    rough: bool,
) -> Iterator[Finding]:
    formula, reconstruction, kl = found
    if kl < 0:
        yield Finding(
            "KL sign",
            "the KL has the wrong sign: training drives the posterior away from the prior",
            f"over {_SETTINGS} settings of the weights the loss is {reconstruction:.4g} times its "
            f"{formula} and {kl:.4g} times its KL",
            "add the KL to the loss",
            "Kingma and Welling (2014), appendix B",
        )
        return
    weights = [
        Weight(first, float(np.log2(second / first)) if second / first > 0 else np.nan, ROWS)
        for first, second in ((reconstruction, again[1]), (kl, again[2]))
    ]
    if any(not np.isfinite(each.exponent) for each in weights):
        yield unchecked("the loss's terms", "the loss has no KL that can be told from its noise")
        return
    yield passed("the loss's terms", f"{formula} and the closed form of the KL")
    latents = patient.encode(x)[0].shape[1]
    sizes = Sizes(ROWS, int(np.prod(x.shape[1:])), latents)
    closed = Fit({name: kl * value for name, value in CLOSED_FORM.items()}, 0.0)
    term = ReconstructionTerm(formula, weights[0])
    if not (term.bernoulli or term.gaussian):
        yield unchecked("effective beta", f"the reconstruction is {formula}")
        return
    for each in weigh(patient, sizes, KLTerm(closed, weights[1], True), term):
        if rough and each.kind == "fault":
            each = unchecked("effective beta", f"only roughly, over draws: {each.sentence}")
        yield each


def _affordable(patient: Patient, x: Float64) -> int:
    """Return how many calls at each setting there is time for."""
    begin = time.monotonic()
    patient.whole(x)
    each = time.monotonic() - begin
    # The loss and the model's parts, at both sizes of the batch.
    return int(np.clip(_SECONDS / (4 * _SETTINGS * each + 1e-9), 4, _CALLS))


def _seedable(patient: Patient, x: Float64) -> bool:
    """Return whether the noise comes from global generators, which can be seeded."""
    values = []
    for seed in (1, 1, 2):
        with seeded(seed):
            values.append(patient.whole(x))
    return values[0] == values[1] != values[2]


def _seen(patient: Patient, rows: int, calls: int) -> list[_Seen]:
    """Return the loss and its parts at several settings of the weights, or of the images."""
    x = patient.images(rows)
    seen = []
    values = patient.parameters.values()
    movable = patient.parameters.movable
    rng = np.random.default_rng(4)
    with patient.kept(), patient.mode(False):
        for setting in range(_SETTINGS):
            if movable:
                patient.parameters.put(
                    {
                        name: value
                        + 0.15 * setting * (value.std() + 0.1) * rng.standard_normal(value.shape)
                        for name, value in values.items()
                        if not name.endswith(("running_mean", "running_var"))
                    }
                )
            else:
                x = patient.images(rows, 5 * setting)
            seen.append(_once(patient, x, setting, calls))
    return seen


def _once(patient: Patient, x: Float64, seed: int, calls: int) -> _Seen:
    with seeded(seed):
        loss = float(np.mean([patient.whole(x) for _ in range(calls)]))
    draws = []
    with seeded(seed):
        for _ in range(calls):
            mean, log_variance = patient.encode(x)
            draws.append(_totals(x, patient.decode(patient.draw(mean, log_variance))))
    kl = 0.5 * float((mean**2 + np.exp(log_variance) - 1 - log_variance).sum())
    average = {name: float(np.mean([each[name] for each in draws])) for name in draws[0]}
    return _Seen(loss, kl, average, _totals(x, patient.decode(mean)))


def _totals(x: Float64, output: Float64) -> dict[str, float]:
    if output.size != x.size:
        raise CouldNotCheck("the decoder's output has not the size of its images")
    with np.errstate(all="ignore"):
        flat = x.reshape(len(x), -1), output.reshape(len(x), -1)
        return {name: formula_total(name, *flat) for name in FORMULAS}


def _fitted(seen: list[_Seen], at: str, calls: int) -> tuple[str, float, float] | None:
    """Return the formula that fits best, with both weights; ``None`` where none does."""
    losses = np.array([each.loss for each in seen])
    best = None
    least = CLOSE if calls == 1 else _ROUGH
    for name in FORMULAS:
        column = np.array([getattr(each, at)[name] for each in seen])
        table = np.stack([column, [each.kl for each in seen], np.ones(len(seen))], axis=1)
        if not np.isfinite(table).all() or not np.isfinite(losses).all():
            continue
        size = np.abs(table).max(axis=0)
        solution, *_ = np.linalg.lstsq(table / size, losses, rcond=None)
        error = np.abs(table / size @ solution - losses).max() / max(float(np.ptp(losses)), 1e-30)
        if error < least:
            least = float(error)
            best = (name, float(solution[0] / size[0]), float(solution[1] / size[1]))
    return best
