"""Exercises on importance sampling: the weights, how many draws are enough, and the bias.

Dimensions: N images, D latents, K draws of z per image.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.probability import gaussian_log_density, standard_normal_log_density
from scratchvae.validation import FloatArray


def log_weights(
    log_likelihood: FloatArray, z: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> FloatArray:
    """Return log [p(x | z) p(z) / q(z)], (K, N), of draws z (K, N, D): eq. 7.8.

    The proposal is q = N(mean, diag e^log_variance), both (N, D). With the prior for q the mean
    weight is the estimate of eq. 7.6.
    """
    log_p = standard_normal_log_density(z)
    weights: FloatArray = log_likelihood + log_p - gaussian_log_density(z, mean, log_variance)
    return weights


def _draw_weights(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    draws, images, latents = random.choice(np.arange(2, 9), 3, replace=False)
    mean, log_variance = random.normal(size=(2, images, latents))
    z = mean + np.exp(log_variance / 2) * random.normal(size=(draws, images, latents))
    return random.normal(-20, 5, (draws, images)), z, mean, log_variance


LOG_WEIGHTS = Exercise(
    name="log-weights",
    answer=log_weights,
    draw=_draw_weights,
    mistakes={
        "the prior p(z) is missing: the weight is the joint over the proposal": (
            lambda ll, z, m, lv: ll - gaussian_log_density(z, m, lv)
        ),
        "you added the proposal; the weight is divided by it, so its logarithm is subtracted": (
            lambda ll, z, m, lv: (
                ll + standard_normal_log_density(z) + gaussian_log_density(z, m, lv)
            )
        ),
        "the proposal is missing: this is the logarithm of the joint": (
            lambda ll, z, m, lv: ll + standard_normal_log_density(z)
        ),
        "prior and proposal are exchanged": lambda ll, z, m, lv: (
            ll - standard_normal_log_density(z) + gaussian_log_density(z, m, lv)
        ),
        "the pixels' log p(x | z) is missing": lambda ll, z, m, lv: (
            standard_normal_log_density(z) - gaussian_log_density(z, m, lv)
        ),
        "you passed a variance where a log-variance is expected: pass log_variance as it is": (
            lambda ll, z, m, lv: (
                ll + standard_normal_log_density(z) - gaussian_log_density(z, m, np.exp(lv))
            )
        ),
        "these are the weights themselves: return their logarithms": (
            lambda ll, z, m, lv: np.exp(log_weights(ll, z, m, lv))
        ),
    },
    hints=(
        "Write the logarithm of w in (7.8): a product becomes a sum, a quotient a difference.",
        "standard_normal_log_density(z) is log p(z), and gaussian_log_density(z, mean, "
        "log_variance) is log q(z), both (K, N).",
        "log p(x | z) + log p(z) − log q(z).",
    ),
    usable=("standard_normal_log_density", "gaussian_log_density"),
    returns=("the log-weights",),
)


def draws_needed(
    posterior_mean: FloatArray,
    posterior_variance: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    error: float,
) -> FloatArray:
    """Return K with √(Var[w] / K) = error · p(x), (N,), for diagonal Gaussians (N, D).

    By eq. 7.9 and eq. 7.11; for the prior as proposal it is eq. 7.7. Infinite where a proposal has
    at most half the posterior's variance.
    """
    s = variance / posterior_variance
    delta = (mean - posterior_mean) / np.sqrt(posterior_variance)
    wide = s > 0.5
    enough = (_factors(np.where(wide, s, 1), delta).prod(axis=1) - 1) / error**2
    return np.where(wide.all(axis=1), enough, np.inf)


def _factors(s: FloatArray, delta: FloatArray) -> FloatArray:
    """Return each latent's factor of E[w²] / p(x)², (N, D), for s > ½: eq. 7.11."""
    factors: FloatArray = s / np.sqrt(2 * s - 1) * np.exp(delta**2 / (2 * s - 1))
    return factors


def _draw_proposals(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    images, latents = random.choice(np.arange(2, 9), 2, replace=False)
    mean = random.normal(size=(images, latents))
    variance = random.uniform(0.2, 2, (images, latents))
    scale = random.uniform(0.7, 3, (images, latents))
    scale[random.integers(images), random.integers(latents)] = 0.4
    offset = random.normal(0, 0.4, (images, latents)) * np.sqrt(variance)
    return mean, variance, mean + offset, scale * variance, float(random.uniform(0.05, 0.3))


def _needed(
    s: FloatArray, delta: FloatArray, error: float, *, subtract: float = 1.0, power: int = 2
) -> FloatArray:
    """Return what ``draws_needed`` does, or gets wrong, given the ratio and the distance."""
    wide = s > 0.5
    needed = (_factors(np.where(wide, s, 1), delta).prod(axis=1) - subtract) / error**power
    return np.where(wide.all(axis=1), needed, np.inf)


def _summed(s: FloatArray, delta: FloatArray, error: float) -> FloatArray:
    wide = s > 0.5
    factors = _factors(np.where(wide, s, 1), delta)
    return np.where(wide.all(axis=1), (factors - 1).sum(axis=1) / error**2, np.inf)


def _unguarded(s: FloatArray, delta: FloatArray, error: float) -> FloatArray:
    needed: FloatArray = (_factors(s, delta).prod(axis=1) - 1) / error**2
    return needed


DRAWS_NEEDED = Exercise(
    name="draws-needed",
    answer=draws_needed,
    draw=_draw_proposals,
    mistakes={
        "the 1 has not been subtracted: E[w²]/p² is not yet the variance": lambda m, v, qm, qv, e: (
            _needed(qv / v, (qm - m) / np.sqrt(v), e, subtract=0.0)
        ),
        "the error is not squared: √(Var / K) = error · p, so error² is in the denominator of K": (
            lambda m, v, qm, qv, e: _needed(qv / v, (qm - m) / np.sqrt(v), e, power=1)
        ),
        "you have s upside down: it is the proposal's variance over the posterior's": (
            lambda m, v, qm, qv, e: _needed(v / qv, (qm - m) / np.sqrt(v), e)
        ),
        "the ratio s is one of variances, not of standard deviations": lambda m, v, qm, qv, e: (
            _needed(np.sqrt(qv / v), (qm - m) / np.sqrt(v), e)
        ),
        "the distance δ is in standard deviations of the posterior: divide by those": (
            lambda m, v, qm, qv, e: _needed(qv / v, qm - m, e)
        ),
        "the distance δ is in standard deviations of the posterior; you divided by its variance": (
            lambda m, v, qm, qv, e: _needed(qv / v, (qm - m) / v, e)
        ),
        "the distance δ is in standard deviations of the posterior, not of the proposal": (
            lambda m, v, qm, qv, e: _needed(qv / v, (qm - m) / np.sqrt(qv), e)
        ),
        "you rounded K: leave it as it comes out": lambda m, v, qm, qv, e: np.ceil(
            _needed(qv / v, (qm - m) / np.sqrt(v), e)
        ),
        "the latents' factors multiply, they do not add up": lambda m, v, qm, qv, e: _summed(
            qv / v, (qm - m) / np.sqrt(v), e
        ),
        "where a proposal is too narrow (some s ≤ ½) no number of draws will do, and you return "
        "one": lambda m, v, qm, qv, e: _needed(
            np.where(qv / v > 0.5, qv / v, 1), (qm - m) / np.sqrt(v), e
        ),
        "where a proposal is too narrow the root of a negative number is nan: the answer is "
        "np.inf there": lambda m, v, qm, qv, e: _unguarded(qv / v, (qm - m) / np.sqrt(v), e),
    },
    hints=(
        "By (7.9) the squared relative error is Var[w] / (K p²). Set it to error², and solve "
        "for K.",
        "In (7.11), s is the proposal's variance over the posterior's, and δ the difference of "
        "the means in standard deviations of the posterior. Multiply over the latents, then "
        "subtract 1.",
        "Where some s ≤ ½ the answer is np.inf: np.where((s > 0.5).all(axis=1), K, np.inf).",
    ),
    returns=("the number of draws",),
)


def importance_estimate(log_w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log p̂ and its estimated bias −Var[w] / 2K p², (N,) both, from log-weights (K, N).

    The estimate of eq. 7.9, whose logarithm is too low (eq. 7.12) by about eq. 7.13.
    """
    largest = log_w.max(axis=0)
    w = np.exp(log_w - largest)
    mean = w.mean(axis=0)
    bias = -w.var(axis=0, ddof=1) / (2 * len(w) * mean**2)
    return largest + np.log(mean), bias


def _draw_log_weights(random: np.random.Generator) -> tuple[FloatArray]:
    images = int(random.integers(2, 6))
    levels = float(random.choice([0.0, 1000.0])) * random.choice([-5.0, -2.0, 3.0], images)
    return (random.normal(0, 1, (int(random.integers(6, 12)), images)) + levels,)


def _estimate(log_w: FloatArray, *, ddof: int = 1, count: bool = True) -> FloatArray:
    """Return the bias that ``importance_estimate`` gives, or gets wrong."""
    w = np.exp(log_w - log_w.max(axis=0))
    bias: FloatArray = -w.var(axis=0, ddof=ddof) / (2 * w.mean(axis=0) ** 2)
    return bias / len(w) if count else bias


IMPORTANCE_ESTIMATE = Exercise(
    name="importance-estimate",
    answer=importance_estimate,
    draw=_draw_log_weights,
    mistakes={
        "your first result is the mean of the logarithms: that is the bound for K = 1, and is "
        "lower than the logarithm of the mean": lambda a: (a.mean(axis=0), _estimate(a)),
        "the estimate is right; the bias is divided by p̂² and not by p̂": lambda a: (
            importance_estimate(a)[0],
            _estimate(a) * np.exp(a - a.max(axis=0)).mean(axis=0),
        ),
        "your first result is the logarithm of the sum: subtract log K": lambda a: (
            np.logaddexp.reduce(a, axis=0),
            _estimate(a),
        ),
        "you subtracted the bias from the estimate: leave log p̂ as it is": lambda a: (
            importance_estimate(a)[0] - _estimate(a),
            _estimate(a),
        ),
        "the estimate is right; you divided the weights by the largest in Var[w], and not in "
        "p̂: divide by the squared mean of the same weights": lambda a: (
            importance_estimate(a)[0],
            _estimate(a) * np.exp(a - a.max(axis=0)).mean(axis=0) ** 2,
        ),
        "you divided the weights by the largest: add its logarithm back to the estimate": (
            lambda a: (importance_estimate(a)[0] - a.max(axis=0), _estimate(a))
        ),
        "the estimate is right; the bias is negative": lambda a: (
            importance_estimate(a)[0],
            -_estimate(a),
        ),
        "the estimate is right; the bias is estimated with K and not K − 1: ddof=1": (
            lambda a: (importance_estimate(a)[0], _estimate(a, ddof=0))
        ),
        "the estimate is right; the bias lacks the K: it is that of a single draw": lambda a: (
            importance_estimate(a)[0],
            _estimate(a, count=False),
        ),
        "the estimate is right; in the bias you took the standard deviation for the variance": (
            lambda a: (importance_estimate(a)[0], -np.sqrt(-2 * _estimate(a)) / 2)
        ),
        "the estimate is right; for the bias you took the variance of the log-weights": (
            lambda a: (importance_estimate(a)[0], -a.var(axis=0, ddof=1) / (2 * len(a)))
        ),
        "here e^log_w underflows or overflows: divide the weights by the largest first, which "
        "changes nothing in Var[w] / p̂²": lambda a: (
            np.log(np.exp(a).mean(axis=0)),
            -np.exp(a).var(axis=0, ddof=1) / (2 * len(a) * np.exp(a).mean(axis=0) ** 2),
        ),
        "the estimate is right; the bias fails where p̂ underflows or overflows: use weights "
        "divided by the largest for both variance and mean": lambda a: (
            importance_estimate(a)[0],
            -np.exp(a).var(axis=0, ddof=1) / (2 * len(a) * np.exp(a).mean(axis=0) ** 2),
        ),
    },
    hints=(
        "The estimate is the log-mean-exp of lesson 6. For the bias, do you need p̂ itself, or "
        "only Var[w] / p̂²?",
        "That ratio stays the same if all weights of an image are divided by one number, such "
        "as the largest.",
        "w = e^(log_w − largest); the bias is −w.var(axis=0, ddof=1) / (2 K w.mean(axis=0)²).",
    ),
    returns=("the log-estimate", "the bias"),
)
