"""Checks of what a gradient check cannot see: whether the distribution is the right one.

A sampler that multiplies the noise by the variance instead of the standard deviation, or a KL whose
value and gradient are both halved, is differentiated correctly and passes every gradient check. Its
moments or its value give it away.

Monte Carlo figures are compared in units of their own standard error. With a limit of 5, a right
figure fails once in two million draws; the bugs above are hundreds of standard errors off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchvae.checks.arguments import check_function, check_result, described
from scratchvae.errors import InputError
from scratchvae.probability import (
    Likelihood,
    gaussian_log_density,
    kl_to_standard,
    reparameterise,
    standard_normal_log_density,
)
from scratchvae.validation import FloatArray, check_count

MOST_STANDARD_ERRORS = 5.0


@dataclass(frozen=True)
class DistributionRow:
    """One figure of a distribution, expected and found.

    Attributes
    ----------
    name
        Which figure.
    expected, found
        Its two values.
    standard_errors
        How many standard errors they are apart; for a figure without chance, 1e-6 counts as one.
    """

    name: str
    expected: float
    found: float
    standard_errors: float

    @property
    def passed(self) -> bool:
        """Whether the two agree; NaN does not."""
        return self.standard_errors <= MOST_STANDARD_ERRORS


@dataclass(frozen=True)
class DistributionReport:
    """What a distribution check found; printed, it is a table."""

    title: str
    rows: list[DistributionRow]

    @property
    def passed(self) -> bool:
        """Whether every figure agrees."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    def __str__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        lines = [
            self.title,
            f"  {'':{width}}  {'expected':>12}  {'found':>12}  {'std errors':>10}  verdict",
        ]
        for row in self.rows:
            verdict = "ok" if row.passed else "WRONG"
            lines.append(
                f"  {row.name:{width}}  {row.expected:12.6g}  {row.found:12.6g}  "
                f"{row.standard_errors:10.1f}  {verdict}"
            )
        return "\n".join(lines)


def check_reparameterisation(
    sampler: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] = reparameterise,
    *,
    draws: int = 100_000,
    seed: int = 0,
) -> DistributionReport:
    """Compare the mean and variance of a sampler's draws with those that they should have.

    Parameters
    ----------
    sampler
        From mean (N, D), log-variance (N, D) and noise (L, N, D) to draws (L, N, D).
    draws
        L, the number of draws.
    seed
        Fixes the noise.
    """
    check_function(sampler, "sampler", "of mean, log-variance and noise")
    check_count(draws, "draws", 2)
    check_count(seed, "seed", 0, None)
    mean = np.array([[-1.5, 0.0, 0.7, 3.0]])
    # None is 0, where variance and standard deviation are both 1 and a mix-up does not show.
    log_variance = np.array([[-3.0, -1.0, 0.8, 1.5]])
    noise = np.random.default_rng(seed).standard_normal((draws, *mean.shape))
    z = check_result(sampler(mean, log_variance, noise), "sampler", noise.shape)
    rows = []
    for j in range(mean.shape[1]):
        m, variance = float(mean[0, j]), float(np.exp(log_variance[0, j]))
        found_mean, found_variance = float(z[:, 0, j].mean()), float(z[:, 0, j].var())
        # A Gaussian's sample mean has variance σ²/L, its sample variance 2σ⁴/L.
        mean_error = np.sqrt(variance / draws)
        variance_error = variance * np.sqrt(2 / draws)
        rows += [
            _compare(f"mean of z[{j}]", m, found_mean, mean_error),
            _compare(f"variance of z[{j}]", variance, found_variance, variance_error),
        ]
    # Noise that two latents share leaves the moments of each as they are.
    first, second = (z[:, 0, j] - z[:, 0, j].mean() for j in (0, 1))
    lengths = float(np.sqrt((first @ first) * (second @ second)))
    correlation = float(first @ second) / lengths if lengths else 0.0
    rows.append(_compare("correlation of z[0] and z[1]", 0.0, correlation, 1 / np.sqrt(draws)))
    return DistributionReport("reparameterise: moments of its draws", rows)


def check_kl(
    kl: Callable[[FloatArray, FloatArray], FloatArray] = kl_to_standard,
    *,
    draws: int = 100_000,
    seed: int = 0,
) -> DistributionReport:
    """Compare a closed-form KL to N(0, I) with its definition, the mean of log q − log p under q.

    Parameters
    ----------
    kl
        From mean and log-variance, both (N, D), to the KL in nats (N,).
    draws
        The number of z that the mean is taken over.
    seed
        Fixes the noise.
    """
    check_function(kl, "kl", "of mean and log-variance")
    check_count(draws, "draws", 2)
    check_count(seed, "seed", 0, None)
    cases = {
        "equal to the prior": ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        "shifted": ([1.0, -2.0, 0.5], [0.0, 0.0, 0.0]),
        "narrow": ([0.0, 0.0, 0.0], [-4.0, -2.0, -1.0]),
        "wide and shifted": ([0.3, -0.1, 1.0], [1.0, 0.5, -0.5]),
    }
    rng = np.random.default_rng(seed)
    rows = []
    for name, (means, log_variances) in cases.items():
        mean, log_variance = np.array([means]), np.array([log_variances])
        z = reparameterise(mean, log_variance, rng.standard_normal((draws, *mean.shape)))[:, 0]
        terms = gaussian_log_density(z, mean, log_variance) - standard_normal_log_density(z)
        error = float(terms.std() / np.sqrt(draws))
        found = check_result(kl(mean, log_variance), "kl", (1,))
        rows.append(_compare(name, float(terms.mean()), float(found[0]), error))
    return DistributionReport("KL to N(0, I): closed form against Monte Carlo", rows)


def check_likelihood(likelihood: Likelihood, *, seed: int = 0) -> DistributionReport:
    """Check that a likelihood's probabilities add up to 1, and that its mean is the mean.

    Both are computed for single pixels by summing over the levels that they may have, 0 and 1 for
    Bernoulli, or over a fine grid around the mean whose width follows that of the samples. The nats
    of an image must be the sum of those of its pixels; with a single pixel their mean would pass as
    well.
    """
    check_likelihood_object(likelihood)
    rng = np.random.default_rng(check_count(seed, "seed", 0, None))
    decoded = rng.normal(0.0, 1.5, (4, likelihood.channels_per_pixel))
    expected_mean = likelihood.mean(decoded)[:, 0]
    rows = []
    for pixel in range(len(decoded)):
        if likelihood.levels is not None:
            grid, width = np.linspace(0, 1, likelihood.levels), 1.0
        else:
            draws = likelihood.sample(np.repeat(decoded[pixel : pixel + 1], 1000, axis=0), rng)
            reach = 12 * float(draws.std())
            grid = expected_mean[pixel] + np.linspace(-reach, reach, 20_001)
            width = float(grid[1] - grid[0])
        repeated = np.repeat(decoded[pixel : pixel + 1], len(grid), axis=0)
        nll = likelihood.negative_log_likelihood(grid[:, None], repeated)
        probability = np.exp(-nll - likelihood.omitted_constant(1)) * width
        total, mean = float(probability.sum()), float((probability * grid).sum())
        rows += [
            _compare(f"pixel {pixel}: total probability", 1.0, total, 1e-6),
            _compare(f"pixel {pixel}: mean", float(expected_mean[pixel]), mean, 1e-6),
        ]
    x = likelihood.sample(decoded, rng)
    of_pixels = likelihood.negative_log_likelihood(x, decoded) + likelihood.omitted_constant(1)
    of_image = likelihood.negative_log_likelihood(x[np.newaxis], decoded[np.newaxis])
    found = float(of_image[0]) + likelihood.omitted_constant(len(x))
    rows.append(_compare("nats of an image of 4 pixels", float(of_pixels.sum()), found, 1e-6))
    return DistributionReport(f"{likelihood!r}: a distribution over pixels", rows)


def check_likelihood_object(likelihood: Likelihood) -> None:
    """Raise ``InputError`` unless it is a likelihood, and not the class of one."""
    if not isinstance(likelihood, Likelihood):
        raise InputError(
            f"likelihood must be a Likelihood, such as BernoulliLikelihood(), "
            f"not {described(likelihood)}"
        )


def _compare(name: str, expected: float, found: float, error: Any) -> DistributionRow:
    # Rounding is not an error: where nothing is random, 1e-12 is as good as zero.
    standard_errors = abs(found - expected) / max(float(error), 1e-12)
    return DistributionRow(name, expected, found, standard_errors)
