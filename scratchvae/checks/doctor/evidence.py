"""Examination of the bound beside the exact log p(x), where the decoder is linear.

A Gaussian likelihood of variance v around a linear decoder, x = z W + b + √v ε, makes x Gaussian
with covariance Wᵀ W + v I: probabilistic PCA. The bound of any encoder lies below its log p(x).
Source: Tipping and Bishop, "Probabilistic principal component analysis" (1999).
"""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64
from scratchvae.checks.doctor.kl_term import kl_term
from scratchvae.checks.doctor.patient import Patient
from scratchvae.checks.doctor.probing import Probe
from scratchvae.checks.doctor.reconstruction_term import formula_total, reconstruction_term

_IMAGES = 20
_DRAWS = 40
_DEVIATIONS = 6.0  # of the mean over draws, by which a bound may seem to be above


def examine_evidence(patient: Patient) -> Iterator[Finding]:
    """Yield whether the loss, as a bound, lies below the exact evidence."""
    if not patient.has("encode", "draw", "decode", "loss") or patient.takes() != 4:
        yield unchecked("bound", "give `encode`, `draw`, `decode` and a `loss` of four")
        return
    probe = Probe(patient)
    linear = _linear(patient, probe.latents)
    if linear is None:
        yield unchecked("bound", "the exact log p(x) is known for a linear decoder only")
        return
    kl, term = kl_term(probe), reconstruction_term(probe)
    if term.formula != "squared error" or not kl.right or kl.weight.value <= 0:
        yield unchecked("bound", "the exact log p(x) is known for a Gaussian likelihood only")
        return
    beta = patient.said.beta or 1.0
    variance = kl.weight.per_image / beta / (2 * term.weight.per_image)
    if variance <= 0 or beta != 1:
        yield unchecked("bound", "with a β the loss is no bound on log p(x)")
        return
    x = patient.images(_IMAGES)
    flat = [each.reshape(probe.rows, -1) for each in (probe.x(), probe.reconstruction())]
    constant = probe.still(probe.rows) - term.weight.value * formula_total(term.formula, *flat)
    power = round(kl.weight.exponent)
    constant *= (len(x) / probe.rows) ** (1 + power)
    each_nat = kl.weight.per_image * float(len(x)) ** (1 + power)
    rest = 0.5 * probe.pixels * np.log(2 * np.pi * variance)
    bounds = [-(patient.whole(x) - constant) / each_nat - rest for _ in range(_DRAWS)]
    bound, error = float(np.mean(bounds)), float(np.std(bounds) / np.sqrt(_DRAWS))
    exact = float(_log_evidence(x.reshape(len(x), -1), *linear, variance).mean())
    evidence = f"the bound is {bound:.5g} ± {error:.1g} nats an image, log p(x) is {exact:.5g}"
    if bound > exact + _DEVIATIONS * error + 1e-3 * abs(exact):
        yield Finding(
            "bound above evidence",
            "the loss is no bound: it promises more than the exact log p(x)",
            evidence,
            "look at the draw and the KL: both must be of the same distribution",
            "Tipping and Bishop (1999)",
        )
    else:
        yield passed("bound", "below the exact log p(x) of the linear decoder", evidence)


def _linear(patient: Patient, latents: int) -> tuple[Float64, Float64] | None:
    """Return weights (D, P) and bias (P,) of a linear decoder; ``None`` for any other."""
    points = np.vstack([np.zeros((1, latents)), np.eye(latents)])
    at_points = patient.decode(points).reshape(len(points), -1)
    bias, weights = at_points[0], at_points[1:] - at_points[0]
    z = 3 * np.random.default_rng(0).standard_normal((8, latents))
    output = patient.decode(z).reshape(len(z), -1)
    apart = np.abs(output - (z @ weights + bias)).max()
    return (weights, bias) if apart < 1e-4 * (np.abs(output).max() + 1e-9) else None


def _log_evidence(x: Float64, weights: Float64, bias: Float64, variance: float) -> Float64:
    """Return log N(x; b, Wᵀ W + v I), by matrices of the size of the latents."""
    centred = x - bias
    latents, pixels = weights.shape
    small = np.eye(latents) + weights @ weights.T / variance
    projected = centred @ weights.T
    quadratic = (centred**2).sum(1) / variance
    quadratic -= (projected * np.linalg.solve(small, projected.T).T).sum(1) / variance**2
    determinant = pixels * np.log(variance) + np.linalg.slogdet(small)[1]
    log_density: Float64 = -0.5 * (quadratic + determinant + pixels * np.log(2 * np.pi))
    return log_density
