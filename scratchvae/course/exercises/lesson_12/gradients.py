"""Exercises on two steps of the backward pass: the logits, and where two paths meet.

Dimensions: N images, P pixels, D latents, S draws of z per image.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.functions import sigmoid
from scratchvae.probability import (
    BernoulliLikelihood,
    kl_to_standard_gradients,
    reparameterise_backward,
)
from scratchvae.validation import FloatArray


def logits_gradient(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ∂loss/∂logits (S, N, P) for images x (N, P): eq. 12.4 with a mean over S draws."""
    targets = np.broadcast_to(x, logits.shape).copy()
    gradient: FloatArray = BernoulliLikelihood().gradient(targets, logits) / len(x) / len(logits)
    return gradient


def _draw_logits(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws, count, pixels = unequal_sizes(random, 3)
    x = (random.random((count, pixels)) < 0.4).astype(np.float64)
    return x, 2 * random.standard_normal((draws, count, pixels))


LOGITS_GRADIENT = Exercise(
    name="logits-gradient",
    answer=logits_gradient,
    draw=_draw_logits,
    mistakes={
        "it has the wrong sign: the loss contains −x y, so x is subtracted": (
            lambda x, y: (x - sigmoid(y)) / (len(x) * len(y))
        ),
        "you took the logits for probabilities: sigmoid(y) − x": (
            lambda x, y: (y - x) / (len(x) * len(y))
        ),
        "the mean over the draws is missing: the loss has 1/S as well as 1/N": (
            lambda x, y: (sigmoid(y) - x) / len(x)
        ),
        "the mean over the images is missing: the loss has 1/N as well as 1/S": (
            lambda x, y: (sigmoid(y) - x) / len(y)
        ),
        "you divided by the pixels as well: the loss adds up over pixels": (
            lambda x, y: (sigmoid(y) - x) / y.size
        ),
        "this is the gradient of the sum; the loss is a mean over images and over draws": (
            lambda x, y: sigmoid(y) - x
        ),
        "you summed over the draws; each draw has its own logits and gradient": lambda x, y: (
            (sigmoid(y) - x).sum(axis=0) / (len(x) * len(y))
        ),
        "this is the loss of the mean logits; the loss is a mean over draws, and each draw has "
        "a sigmoid of its own": lambda x, y: (
            np.repeat(sigmoid(y.mean(axis=0, keepdims=True)) - x, len(y), axis=0)
            / (len(x) * len(y))
        ),
        "this is the gradient with respect to the probability, not the logit: multiply by the "
        "slope of the sigmoid, p (1 − p), and most of it cancels": lambda x, y: (
            (sigmoid(y) - x) / (sigmoid(y) * (1 - sigmoid(y))) / (len(x) * len(y))
        ),
    },
    hints=(
        "Write the loss with all its sums, and mark where one logit y[s, n, i] occurs.",
        "It occurs in one term, log(1 + e^y) − x y. Which factors come before the sum that "
        "contains this term?",
        "Equation (12.4) with N replaced by N S: x broadcasts over the first axis.",
    ),
    returns=("d_logits",),
)


def two_paths(
    dz: FloatArray, mean: FloatArray, log_sd: FloatArray, eps: FloatArray, beta: float
) -> tuple[FloatArray, FloatArray]:
    """Return ∂loss/∂mean and ∂loss/∂log_sd, (N, D), of an encoder that gives s = log σ.

    Its log-variance is 2s, so the second is twice that of eq. 12.7 and eq. 12.8, with a weight β.
    """
    through_z = reparameterise_backward(dz[None], 2 * log_sd, eps[None])
    through_kl = kl_to_standard_gradients(mean, 2 * log_sd)
    weight = beta / len(mean)
    d_mean: FloatArray = through_z.mean + weight * through_kl.mean
    d_log_variance = through_z.log_variance + weight * through_kl.log_variance
    return d_mean, 2 * d_log_variance


def _draw_paths(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    count, latents = unequal_sizes(random, 2)
    dz, mean, log_sd, eps = random.standard_normal((4, count, latents))
    return dz, mean, 0.5 * log_sd, eps, float(random.uniform(1.5, 5))


def _paths(
    dz: FloatArray,
    mean: FloatArray,
    s: FloatArray,
    eps: FloatArray,
    *,
    z: float = 1.0,
    kl: float = 1.0,
    slope: FloatArray | None = None,
    spread: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return both gradients with a weight on each path, ∂z/∂s and ∂KL/∂s perhaps replaced."""
    slope = np.exp(s) * eps if slope is None else slope
    spread = np.exp(2 * s) - 1 if spread is None else spread
    return z * dz + kl * mean, z * dz * slope + kl * spread


TWO_PATHS = Exercise(
    name="two-paths",
    answer=two_paths,
    draw=_draw_paths,
    mistakes={
        "the path through the KL lacks its 1/N; dz has its own already": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=beta)
        ),
        "you divided dz by N once more; it is the gradient of the mean loss already": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, z=1 / len(m), kl=beta / len(m))
        ),
        "the path through z is missing": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, z=0.0, kl=beta / len(m))
        ),
        "the path through the KL is missing": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=0.0)
        ),
        "in d_mean the path through z is missing": lambda dz, m, s, eps, beta: (
            beta / len(m) * m,
            _paths(dz, m, s, eps, kl=beta / len(m))[1],
        ),
        "in d_mean the path through the KL is missing": lambda dz, m, s, eps, beta: (
            dz,
            _paths(dz, m, s, eps, kl=beta / len(m))[1],
        ),
        "the KL is subtracted, but it is a term of the loss": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=-beta / len(m))
        ),
        "the weight beta of the KL is missing": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=1 / len(m))
        ),
        "the weight beta belongs only to the KL, not to what comes through z": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, z=beta, kl=beta / len(m))
        ),
        "these are the gradients for a log-variance s; here e^s is the standard deviation": (
            lambda dz, m, s, eps, beta: _paths(
                dz,
                m,
                s,
                eps,
                kl=beta / len(m),
                slope=0.5 * np.exp(0.5 * s) * eps,
                spread=0.5 * (np.exp(s) - 1),
            )
        ),
        "through z there is a ½ too many: the derivative of e^s is e^s": (
            lambda dz, m, s, eps, beta: _paths(
                dz, m, s, eps, kl=beta / len(m), slope=0.5 * np.exp(s) * eps
            )
        ),
        "through the KL there is a ½ too many: the derivative of ½ (e^(2s) − 2s) is "
        "e^(2s) − 1": lambda dz, m, s, eps, beta: _paths(
            dz, m, s, eps, kl=beta / len(m), spread=0.5 * (np.exp(2 * s) - 1)
        ),
        "in the KL the variance is e^(2s), not e^s": (
            lambda dz, m, s, eps, beta: _paths(
                dz, m, s, eps, kl=beta / len(m), spread=np.exp(s) - 1
            )
        ),
        "in d_log_sd the path through the KL lacks its 1/N": (
            lambda dz, m, s, eps, beta: _paths(
                dz, m, s, eps, kl=beta / len(m), spread=len(m) * (np.exp(2 * s) - 1)
            )
        ),
        "the derivative of z by s contains the standard deviation e^s, not the variance": (
            lambda dz, m, s, eps, beta: _paths(
                dz, m, s, eps, kl=beta / len(m), slope=np.exp(2 * s) * eps
            )
        ),
        "the derivative of z by s is e^s eps; the e^s is missing": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=beta / len(m), slope=eps)
        ),
        "the noise is missing in the derivative of z by s": (
            lambda dz, m, s, eps, beta: _paths(dz, m, s, eps, kl=beta / len(m), slope=np.exp(s))
        ),
    },
    hints=(
        "Write z and the KL with s: the standard deviation is e^s and the variance e^(2s).",
        "z = m + e^s eps, and KL = ½ Σ (m² + e^(2s) − 1 − 2s) for an image. Differentiate "
        "each, and add the two paths. The loss has beta/N before the KLs.",
        "d_mean is dz + beta m / N. In the other, dz meets e^s eps, and beta/N meets e^(2s) − 1.",
    ),
    returns=("d_mean", "d_log_sd"),
)
