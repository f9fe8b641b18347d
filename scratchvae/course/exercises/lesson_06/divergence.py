"""Exercises of lesson 6: the KL divergence, summed over all values and estimated from draws.

Dimensions: N images, K values, n draws.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def kl_categorical(q: FloatArray, p: FloatArray) -> FloatArray:
    """Return KL(q ‖ p) of each row, (N, K) to (N,): eq. 6.8.

    It is never negative because log t ≤ t − 1 (eq. 6.9, eq. 6.10).
    """
    log_q = np.log(np.where(q > 0, q, 1))
    nats: FloatArray = (q * (log_q - np.log(p))).sum(axis=1)
    return nats


def _draw_categorical(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    images, count = random.choice(np.arange(3, 9), 2, replace=False)
    q, p = random.dirichlet(np.ones(count), (2, images))
    some = np.arange(0, images, 2)  # the other images have no zeros
    q[some, random.integers(count, size=len(some))] = 0
    return q / q.sum(axis=1, keepdims=True), p


def _entropy(q: FloatArray) -> FloatArray:
    nats: FloatArray = -(q * np.log(np.where(q > 0, q, 1))).sum(axis=1)
    return nats


KL_CATEGORICAL = Exercise(
    name="kl-categorical",
    answer=kl_categorical,
    draw=_draw_categorical,
    mistakes={
        "0 · log 0 gives nan in NumPy: where q is 0 the term has to count as 0": (
            lambda q, p: (q * np.log(q / p)).sum(axis=1)
        ),
        "the sign is wrong: the ratio in the logarithm is q over p": lambda q, p: (
            -kl_categorical(q, p)
        ),
        "this is −Σ q log p, the cross-entropy: subtract the entropy of q, −Σ q log q": (
            lambda q, p: -(q * np.log(p)).sum(axis=1)
        ),
        "this is the mean over the values: an expectation is their sum, weighted by q": (
            lambda q, p: kl_categorical(q, p) / q.shape[1]
        ),
        "this is KL(p ‖ q), which is infinite where q is 0 and p is not: average under q": (
            lambda q, p: (p * np.log(p / q)).sum(axis=1)
        ),
        "you averaged under p: the weight of each term is q": lambda q, p: (
            p * (np.log(np.where(q > 0, q, 1)) - np.log(p))
        ).sum(axis=1),
        "the terms are not weighted: each counts by its q": lambda q, p: (
            np.log(np.where(q > 0, q, 1)) - np.log(p)
        ).sum(axis=1),
        "this is KL(p ‖ q), with 1 for q where q is 0: average under q": lambda q, p: (
            p * (np.log(p) - np.log(np.where(q > 0, q, 1)))
        ).sum(axis=1),
        "this is KL(p ‖ q) over the values where q is not 0: average under q": lambda q, p: (
            np.where(q > 0, p * np.log(p / np.where(q > 0, q, 1)), 0).sum(axis=1)
        ),
        "these are bits: nats take the natural logarithm": lambda q, p: (
            kl_categorical(q, p) / np.log(2)
        ),
        "this is the entropy of q: it does not contain p": lambda q, _: _entropy(q),
    },
    hints=(
        "In (6.8) the expectation is a sum over the K values, weighted by q.",
        "q log q is 0 for q = 0. Give the logarithm some other positive number there; the "
        "factor q makes the term 0 all the same.",
        "np.where(q > 0, q, 1) inside the logarithm of q; sum q (log q − log p) over axis 1.",
    ),
    returns=("the divergence",),
)


def kl_estimate(log_q: FloatArray, log_p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Monte Carlo estimate of KL(q ‖ p) and its standard error, (n, N) to (N,) both.

    The mean of eq. 6.11 and the error of eq. 6.12, at draws from q.
    """
    log_ratio = log_q - log_p
    standard_error = log_ratio.std(axis=0, ddof=1) / np.sqrt(len(log_ratio))
    return log_ratio.mean(axis=0), standard_error


def _draw_log_densities(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws, images = random.choice(np.arange(4, 12), 2, replace=False)
    log_p = random.normal(-20, 3, (draws, images))
    return log_p + random.normal(2, 1, (draws, images)), log_p


KL_MONTE_CARLO = Exercise(
    name="kl-monte-carlo",
    answer=kl_estimate,
    draw=_draw_log_densities,
    mistakes={
        "your estimate is right; your error is the standard deviation of one draw: a mean of n "
        "draws is √n times better": lambda q, p: (
            (q - p).mean(axis=0),
            (q - p).std(axis=0, ddof=1),
        ),
        "your estimate is right; its error is estimated with n and not n − 1: ddof=1": (
            lambda q, p: ((q - p).mean(axis=0), (q - p).std(axis=0) / np.sqrt(len(q)))
        ),
        "your estimate is right; your error is squared, a variance: take the root": (
            lambda q, p: ((q - p).mean(axis=0), (q - p).var(axis=0, ddof=1) / len(q))
        ),
        "your estimate is right; you divided the standard deviation by n: variances are divided "
        "by n, standard deviations by √n": lambda q, p: (
            (q - p).mean(axis=0),
            (q - p).std(axis=0, ddof=1) / len(q),
        ),
        "your estimate is right; its error is too large: ddof=1 already accounts for the n − 1, "
        "so divide by the root of n": lambda q, p: (
            (q - p).mean(axis=0),
            (q - p).std(axis=0, ddof=1) / np.sqrt(len(q) - 1),
        ),
        "the draws already come from q: do not weight them by q once more": lambda q, p: (
            (np.exp(q) * (q - p)).mean(axis=0),
            (np.exp(q) * (q - p)).std(axis=0, ddof=1) / np.sqrt(len(q)),
        ),
        "the sign is wrong: it is the expectation of log q − log p": lambda q, p: (
            (p - q).mean(axis=0),
            (p - q).std(axis=0, ddof=1) / np.sqrt(len(q)),
        ),
    },
    hints=(
        "One number per draw and image is all that you need: f = log q − log p.",
        "The estimate is the mean of f over axis 0, its standard error is (6.12) with the "
        "variance estimated from the same draws.",
        "f.std(axis=0, ddof=1) is the standard deviation of one draw. How does it shrink with n?",
    ),
    returns=("the estimate", "the standard error"),
)
