"""The reconstruction term that a loss has, as a function of the decoder's output."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.frameworks import Float64
from scratchvae.checks.doctor.probing import CLOSE, Probe, Weight


def _sigmoid(a: Float64) -> Float64:
    return 1 / (1 + np.exp(-a))


def _entropy(x: Float64, p: Float64) -> Float64:
    return -(x * np.log(p) + (1 - x) * np.log1p(-p))


# What each formula is called, and its sum over pixels for the right one: nats of a Bernoulli, or
# a squared error, of which a Gaussian of variance v has 1/(2v).
FORMULAS: dict[str, Callable[[Float64, Float64], Float64] | None] = {
    "cross-entropy of probabilities": lambda x, r: _entropy(x, r),
    "cross-entropy of logits": lambda x, r: _entropy(x, _sigmoid(r)),
    "squared error": lambda x, r: (x - r) ** 2,
    "squared error of sigmoid(output)": lambda x, r: (x - _sigmoid(r)) ** 2,
    "absolute error": lambda x, r: np.abs(x - r),
    "cross-entropy without its second half": lambda x, r: -x * np.log(r),
    "cross-entropy of sigmoid(output), taken twice": lambda x, r: _entropy(
        x, _sigmoid(_sigmoid(r))
    ),
    "cross-entropy with x and reconstruction exchanged": lambda x, r: _entropy(r, x),
    "cross-entropy with the images for logits": lambda x, r: np.logaddexp(0, x) - x * r,
    "square root of the summed squared error": None,
}


@dataclass(frozen=True)
class ReconstructionTerm:
    """What was learnt of the reconstruction term.

    Attributes
    ----------
    formula
        One of ``FORMULAS``.
    weight
        Of its sum over pixels and batch.
    """

    formula: str
    weight: Weight

    @property
    def bernoulli(self) -> bool:
        """Whether it is the negative log-likelihood of a Bernoulli, but for a factor."""
        return self.formula in ("cross-entropy of probabilities", "cross-entropy of logits")

    @property
    def gaussian(self) -> bool:
        """Whether it is that of a Gaussian, but for a factor."""
        return self.formula in ("squared error", "squared error of sigmoid(output)")


def reconstruction_term(probe: Probe) -> ReconstructionTerm:
    """Return the reconstruction term of a loss; ``CouldNotCheck`` where no formula of ours fits."""
    if probe.output_shape != probe.shape and np.prod(probe.output_shape) != probe.pixels:
        raise CouldNotCheck(
            f"the decoder's output {probe.output_shape} is not of an image's shape {probe.shape}"
        )
    rng = np.random.default_rng(7)
    trials = [rng.uniform(0.1, 0.9, probe.reconstruction().shape) for _ in range(4)]
    trials += [np.full(probe.reconstruction().shape, value) for value in (0.2, 0.5, 0.8)]
    measured = np.array([probe.of_reconstruction(trial) for trial in trials])
    if np.abs(measured).max() == 0:
        raise CouldNotCheck("the loss does not change with the reconstruction")
    tolerance = 0.05 if probe.noisy else CLOSE
    for name in FORMULAS:
        expected = np.array([_change(name, probe, trial) for trial in trials])
        factor = float(expected @ measured / (expected @ expected))
        error = np.abs(measured - factor * expected).max() / np.abs(measured).max()
        if error < tolerance:
            return ReconstructionTerm(name, Weight(factor, _exponent(probe, name), probe.rows))
    raise CouldNotCheck(
        "the part of the loss that depends on the reconstruction is no likelihood that is known "
        "here: Bernoulli or Gaussian, of probabilities, logits or means"
    )


def _change(name: str, probe: Probe, r: Float64) -> float:
    rows = len(r)
    x = probe.x(rows).reshape(rows, -1)
    return formula_total(name, x, r.reshape(rows, -1)) - formula_total(
        name, x, probe.reconstruction(rows).reshape(rows, -1)
    )


def formula_total(name: str, x: Float64, r: Float64) -> float:
    """Return a formula's sum over images and pixels, both (N, P)."""
    formula = FORMULAS[name]
    if formula is None:
        return float(np.sqrt(((x - r) ** 2).sum(axis=1)).sum())
    return float(formula(x, r).sum())


def _exponent(probe: Probe, name: str) -> float:
    """Return the power of the batch's size in the term's weight."""
    once, twice = (
        np.full((rows, *probe.output_shape), 0.9) for rows in (probe.rows, 2 * probe.rows)
    )
    first = probe.of_reconstruction(once) / _change(name, probe, once)
    second = probe.of_reconstruction(twice) / _change(name, probe, twice)
    return float(np.log2(second / first)) if second / first > 0 else float("nan")
