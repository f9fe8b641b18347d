"""The KL term that a loss has, as a function of mean and log-variance, beside the closed form.

KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² − 1 − log σ²), a sum over latents; Kingma and Welling (2014),
appendix B.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.frameworks import Float64
from scratchvae.checks.doctor.probing import CLOSE, Fit, Probe, Weight, fitted

# Each is zero at (0, 0), since only differences of losses are known.
TERMS: dict[str, Callable[[Any, Any], Any]] = {
    "mean²": lambda m, v: m**2,
    "exp(log_variance)": lambda m, v: np.exp(v) - 1,
    "log_variance": lambda m, v: v,
    "mean": lambda m, v: m,
    "|mean|": lambda m, v: np.abs(m),
    "log_variance²": lambda m, v: v**2,
    "exp(log_variance/2)": lambda m, v: np.exp(v / 2) - 1,
    "exp(2 log_variance)": lambda m, v: np.exp(2 * v) - 1,
    "exp(−log_variance)": lambda m, v: np.exp(-v) - 1,
    "mean² exp(−log_variance)": lambda m, v: m**2 * np.exp(-v),
    "exp(mean)": lambda m, v: np.exp(m) - 1,
    "mean⁴": lambda m, v: m**4,
}
CLOSED_FORM = {"mean²": 0.5, "exp(log_variance)": 0.5, "log_variance": -0.5}

# More than the terms, so that no three or four of them can give the numbers by chance.
_POINTS = [
    *((0.0, each) for each in (-2.5, -1.7, -0.9, -0.3, 0.4, 0.8, 1.3)),
    *((each, 0.0) for each in (-1.5, -0.6, 0.9, 2.0)),
    *((-1.1, -1.3), (0.5, 1.1), (1.6, -0.5), (2.2, 0.6), (-0.8, 0.2)),
]
_MOST_TERMS = 4


@dataclass(frozen=True)
class KLTerm:
    """What was learnt of the KL term.

    Attributes
    ----------
    fit
        Its weights, each on a sum over latents and batch; the closed form has ½, ½ and −½.
    weight
        Of the closed form where ``right``.
    right
        Whether it is the closed form but for a factor.
    absent
        Whether the loss does not change with the moments at all.
    """

    fit: Fit
    weight: Weight
    right: bool
    absent: bool = False

    @property
    def formula(self) -> str:
        """The term as a reader would write it, a sum over latents being understood."""
        size = max(abs(value) for value in self.fit.coefficients.values())
        factor = 0.5 / self.fit.coefficients.get("mean²", 0.5) if self.right else 1.0
        kept = {
            name: value * factor
            for name, value in self.fit.coefficients.items()
            if abs(value) > CLOSE * size
        }
        return " ".join(
            f"{'−' if value < 0 else '+'} {abs(value):.3g} {name}" for name, value in kept.items()
        ).removeprefix("+ ")


def kl_term(probe: Probe) -> KLTerm:
    """Return the KL term of a loss; raises ``CouldNotCheck`` where none of our terms give it."""
    rows, latents = probe.rows, probe.latents
    measured = np.array([probe.of_moments(*_filled(rows, latents, point)) for point in _POINTS])
    if np.abs(measured).max() <= 1e-6 * abs(probe.still(rows)):
        return KLTerm(Fit({}, 0.0), Weight(0.0, 0.0, rows), False, absent=True)
    closed = np.array([_closed(*point) for point in _POINTS]) * rows * latents
    factor = float(closed @ measured / (closed @ closed))
    error = float(np.abs(measured - factor * closed).max() / np.abs(measured).max())
    tolerance = 0.15 if probe.noisy else CLOSE  # a mean over draws is known no better
    exponent = _exponent(probe, measured)
    weight = Weight(factor, exponent, rows)
    if error < tolerance:
        coefficients = {name: factor * value for name, value in CLOSED_FORM.items()}
        return KLTerm(Fit(coefficients, error), weight, True)
    if probe.noisy:
        raise CouldNotCheck("the loss draws noise of its own, and its KL term is no closed form")
    fit = _sparse(measured / (rows * latents))
    if not fit.exact:
        fit = _sparse_with_a_pole(measured / (rows * latents))
    if not fit.exact:
        raise CouldNotCheck(
            "the part of the loss that depends on mean and log-variance is no sum of the usual "
            "terms; a floor under the KL (free bits), a capacity or another prior would be such"
        )
    return KLTerm(fit, weight, False)


def _filled(rows: int, latents: int, point: tuple[float, float]) -> tuple[Float64, Float64]:
    return np.full((rows, latents), point[0]), np.full((rows, latents), point[1])


def _closed(mean: float, log_variance: float) -> float:
    return 0.5 * (mean**2 + float(np.exp(log_variance)) - 1 - log_variance)


def _exponent(probe: Probe, measured: Float64) -> float:
    """Return the power of the batch's size in the term's weight."""
    place = int(np.argmax(np.abs(measured)))
    twice = probe.of_moments(*_filled(2 * probe.rows, probe.latents, _POINTS[place]))
    ratio = twice / measured[place] / 2
    return float(np.log2(ratio)) if ratio > 0 else float("nan")


def _sparse(measured: Float64) -> Fit:
    """Return the fit with the fewest terms, the usual ones tried first."""
    points = np.array(_POINTS)
    return _fewest(
        {name: term(points[:, 0], points[:, 1]) for name, term in TERMS.items()}, measured
    )


def _sparse_with_a_pole(measured: Float64) -> Fit:
    """Return the same with the logarithm of the log-variance, which has no value at 0."""
    points = np.array(_POINTS)
    away = points[:, 1] != 0
    mean, log_variance = points[away].T
    columns = {name: term(mean, log_variance) for name, term in TERMS.items()}
    columns["log(log_variance²)"] = np.log(log_variance**2)
    apart = {name: column[1:] - column[0] for name, column in columns.items()}
    return _fewest(apart, measured[away][1:] - measured[away][0])


def _fewest(columns: dict[str, Float64], measured: Float64) -> Fit:
    best = Fit({}, np.inf)
    for count in range(1, _MOST_TERMS + 1):
        for names in combinations(columns, count):
            fit = fitted({name: columns[name] for name in names}, measured)
            best = min(best, fit, key=lambda each: each.error)
        if best.exact:
            break
    return best
