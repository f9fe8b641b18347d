"""Checks of bounds on log p(x) against the truth, on models where it is known.

A bound that leaves out a constant, or adds its KL with the wrong sign, still trains and prints
plausible numbers. Compared with log p(x) itself it has nowhere to hide: it must fall short by
exactly KL(q ‖ posterior), and the importance-weighted bounds must lie between the two, in order.

Dimensions: N images, P pixels, D latents, K draws of z per image.
"""

from collections.abc import Callable

import numpy as np

from scratchvae.checks.arguments import check_function, check_result
from scratchvae.checks.distributions import DistributionReport, DistributionRow
from scratchvae.errors import InputError
from scratchvae.evaluation.exact import LinearGaussian
from scratchvae.evaluation.importance import LogMeanExp
from scratchvae.validation import FloatArray, check_count, check_floats, check_same_shape

Elbo = Callable[[LinearGaussian, FloatArray, FloatArray, FloatArray], FloatArray]
Bound = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def importance_bound(
    log_likelihood: FloatArray, log_prior: FloatArray, log_posterior: FloatArray
) -> FloatArray:
    """Return log 1/K Σ p(x | z) p(z) / q(z | x) from the three logarithms, (K, N) to (N,).

    It is the logarithm of the mean in eq. 6.3 of the lessons.
    """
    for name, array in (("log_likelihood", log_likelihood), ("log_prior", log_prior)):
        check_floats(array, name)
        check_same_shape(
            array, check_floats(log_posterior, "log_posterior"), "the three logarithms"
        )
    if log_likelihood.ndim != 2 or not len(log_likelihood):
        raise InputError(f"log_likelihood must be of shape (K, N), not {log_likelihood.shape}")
    running = LogMeanExp(log_likelihood.shape[1])
    running.add(log_likelihood + log_prior - log_posterior)
    return running.log_mean()


def check_exact_likelihood(
    elbo: Elbo = LinearGaussian.elbo, *, models: int = 5, seed: int = 0
) -> DistributionReport:
    """Compare log p(x) − ELBO with KL(q ‖ posterior) on random linear-Gaussian models.

    Parameters
    ----------
    elbo
        From a model, images (N, P), and the mean and log-variance (N, D) of q to the bound (N,).
    models
        The number of models.
    seed
        Fixes them.
    """
    check_function(elbo, "elbo", "of a model, images, mean and log-variance")
    check_count(seed, "seed", 0)
    rows = []
    for number in range(check_count(models, "models")):
        rng = np.random.default_rng([seed, number])
        model, x, mean, log_variance = _case(rng)
        found = check_result(elbo(model, x, mean, log_variance), "elbo", (len(x),))
        short = model.log_likelihood(x) - found
        expected = model.gap(x, mean, log_variance)
        off = float(np.abs(short - expected).max() / (1 + np.abs(expected).max()))
        name = f"model {number}: log p(x) - ELBO"
        standard_errors = off / 1e-6 if np.isfinite(off) else np.inf
        rows.append(DistributionRow(name, expected.mean(), short.mean(), standard_errors))
    return DistributionReport("bound against log p(x): short by KL(q || posterior)", rows)


def check_bound_order(
    bound: Bound = importance_bound, *, images: int = 300, seed: int = 0
) -> DistributionReport:
    """Check that importance-weighted bounds grow with K, from the ELBO to log p(x).

    Parameters
    ----------
    bound
        From log p(x | z), log p(z) and log q(z | x), all (K, N), to the bound (N,).
    images
        N; the noise of the means falls with its square root.
    seed
        Fixes the model, the images and the draws.
    """
    check_function(bound, "bound", "of three logarithms of shape (K, N)")
    check_count(images, "images", 2)
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    model, x, mean, log_variance = _case(rng, images, wider=2.0)
    exact = model.log_likelihood(x)
    elbo = model.elbo(x, mean, log_variance)
    found = {}
    for k in (1, 10, 1000):
        eps = rng.standard_normal((k, *mean.shape))
        z = mean + np.exp(0.5 * log_variance) * eps
        squares = ((x - model.bias - z @ model.weight) ** 2).sum(axis=2) / model.variance
        pixels, log_two_pi = x.shape[1], np.log(2 * np.pi)
        bounds = bound(
            -0.5 * (squares + pixels * (log_two_pi + np.log(model.variance))),
            -0.5 * (z**2 + log_two_pi).sum(axis=2),
            -0.5 * (eps**2 + log_variance + log_two_pi).sum(axis=2),
        )
        found[k] = check_result(bounds, "bound", (images,))
    return DistributionReport(
        "importance-weighted bounds: their order",
        [
            _row("K = 1 is the ELBO", elbo, found[1], both=True),
            _row("K = 10 is above K = 1", found[1], found[10]),
            _row("K = 1,000 is above K = 10", found[10], found[1000]),
            _row("K = 10 is below log p(x)", found[10], exact),
            _row("K = 1,000 is log p(x)", exact, found[1000], both=True),
        ],
    )


def _case(
    rng: np.random.Generator, images: int = 4, wider: float = 1.0
) -> tuple[LinearGaussian, FloatArray, FloatArray, FloatArray]:
    """Return a random model, images, and a q that is near the posterior but not equal to it."""
    latents, pixels = 2, 5
    model = LinearGaussian(
        rng.standard_normal((latents, pixels)),
        rng.standard_normal(pixels),
        float(rng.uniform(0.4, 0.8)),
    )
    z = rng.standard_normal((images, latents))
    noise = rng.standard_normal((images, pixels))
    x = z @ model.weight + model.bias + np.sqrt(model.variance) * noise
    mean, covariance = model.posterior(x)
    # Wider than the posterior, since otherwise the weights have no finite variance.
    log_variance = np.log(wider * np.linalg.eigvalsh(covariance).max()) + np.zeros_like(mean)
    return model, x, mean + 0.3 * rng.standard_normal(mean.shape), log_variance


def _row(name: str, low: FloatArray, high: FloatArray, both: bool = False) -> DistributionRow:
    """Return whether the mean of ``high`` is above that of ``low``, or (``both``) equal to it."""
    difference = high - low
    error = float(difference.std() / np.sqrt(len(difference)))
    short = -float(difference.mean())
    standard_errors = (abs(short) if both else max(short, 0.0)) / max(error, 1e-12)
    if not np.isfinite(standard_errors):
        standard_errors = np.inf
    return DistributionRow(name, float(low.mean()), float(high.mean()), standard_errors)
