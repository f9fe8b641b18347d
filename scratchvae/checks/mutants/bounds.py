"""Mutants of bounds on log p(x): ELBOs, and those from importance weights.

A gradient check sees none of these: they are values that a model is judged by, and nothing is
differentiated.

Dimensions: N images, P pixels, D latents, K draws of z per image.
"""

import numpy as np

from scratchvae.checks.bounds import (
    Bound,
    Elbo,
    check_bound_order,
    check_exact_likelihood,
)
from scratchvae.checks.mutants.base import EXACT, ORDER, Check, Mutant, Report
from scratchvae.evaluation.exact import LinearGaussian
from scratchvae.probability import kl_to_standard
from scratchvae.validation import FloatArray

# ELBOs: from a model, images (N, P), and the mean and log-variance (N, D) of q to the bound (N,).


def elbo_without_constant(
    model: LinearGaussian, x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    constant = 0.5 * x.shape[1] * np.log(2 * np.pi * model.variance)
    bound: FloatArray = model.elbo(x, mean, log_variance) + constant
    return bound


def elbo_plus_kl(
    model: LinearGaussian, x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    return model.elbo(x, mean, log_variance) + 2 * kl_to_standard(mean, log_variance)


def elbo_at_the_mean(
    model: LinearGaussian, x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    scatter = np.exp(log_variance) @ (model.weight**2).sum(axis=1)
    bound: FloatArray = model.elbo(x, mean, log_variance) + 0.5 * scatter / model.variance
    return bound


def elbo_of_pixel_mean(
    model: LinearGaussian, x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    kl = kl_to_standard(mean, log_variance)
    bound: FloatArray = (model.elbo(x, mean, log_variance) + kl) / x.shape[1] - kl
    return bound


# Importance weights: from log p(x | z), log p(z) and log q(z | x), each (K, N), to the bound (N,).


def _log_sum(log_weights: FloatArray) -> FloatArray:
    total: FloatArray = np.logaddexp.reduce(log_weights, axis=0)
    return total


def sum_of_weights(likelihood: FloatArray, prior: FloatArray, q: FloatArray) -> FloatArray:
    return _log_sum(likelihood + prior - q)


def mean_of_logarithms(likelihood: FloatArray, prior: FloatArray, q: FloatArray) -> FloatArray:
    mean: FloatArray = (likelihood + prior - q).mean(axis=0)
    return mean


def weights_without_q(likelihood: FloatArray, prior: FloatArray, q: FloatArray) -> FloatArray:
    bound: FloatArray = _log_sum(likelihood + prior) - np.log(len(q))
    return bound


def weights_upside_down(likelihood: FloatArray, prior: FloatArray, q: FloatArray) -> FloatArray:
    bound: FloatArray = _log_sum(likelihood + q - prior) - np.log(len(q))
    return bound


def _elbo(elbo: Elbo) -> Check:
    return lambda seed: check_exact_likelihood(elbo, seed=seed)


def _bound(bound: Bound) -> Check:
    return lambda seed: check_bound_order(bound, seed=seed)


def _right_elbo(seed: int) -> Report:
    return check_exact_likelihood(seed=seed)


def _right_bound(seed: int) -> Report:
    return check_bound_order(seed=seed)


BOUND_MUTANTS = (
    Mutant(
        "ELBO: Gaussian constant left out",
        "P/2 · log 2πc is missing",
        "comparing a loss that was meant for training",
        EXACT,
        _elbo(elbo_without_constant),
        _right_elbo,
    ),
    Mutant(
        "ELBO: KL added",
        "log p(x | z) + KL instead of − KL",
        "turning the loss into a bound and flipping only one sign",
        EXACT,
        _elbo(elbo_plus_kl),
        _right_elbo,
    ),
    Mutant(
        "ELBO: decoded at the mean",
        "z is the mean of q instead of a draw from it",
        "evaluating with the deterministic reconstruction",
        EXACT,
        _elbo(elbo_at_the_mean),
        _right_elbo,
    ),
    Mutant(
        "ELBO: reconstruction averaged over pixels",
        "the two terms have different units",
        "evaluating with the mean squared error",
        EXACT,
        _elbo(elbo_of_pixel_mean),
        _right_elbo,
    ),
    Mutant(
        "importance weights: their sum",
        "the log K is missing",
        "calling logsumexp and stopping there",
        ORDER,
        _bound(sum_of_weights),
        _right_bound,
    ),
    Mutant(
        "importance weights: the mean of their logarithms",
        "K draws give the ELBO again, with less noise",
        "taking a VAE with more samples for an IWAE",
        ORDER,
        _bound(mean_of_logarithms),
        _right_bound,
    ),
    Mutant(
        "importance weights: without q",
        "p(x | z) p(z) averaged over draws from q",
        "sampling from q as if from the prior",
        ORDER,
        _bound(weights_without_q),
        _right_bound,
    ),
    Mutant(
        "importance weights: upside down",
        "q / p(z) instead of p(z) / q",
        "a slip of the pen",
        ORDER,
        _bound(weights_upside_down),
        _right_bound,
    ),
)
