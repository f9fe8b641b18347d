"""The exercises of lesson 10 on estimating the whole bound from a draw, in two ways.

Dimensions: N examples, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import (
    draw,
    kl_gradients,
    kl_to_standard,
    log_normal,
    sampled_kl_gradients,
)
from scratchvae.validation import FloatArray


def loss_estimates(
    f: FloatArray, mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return estimators A and B of each example's loss from one draw, (N,) both: eq. 10.13.

    f is −log p(x | z) at the draw, (N,); the others are (N, D).
    """
    z = draw(mean, log_variance, eps)
    log_ratio = log_normal(z, mean, log_variance) - log_normal(z, 0 * z, 0 * z)
    return f + log_ratio, f + kl_to_standard(mean, log_variance)


def path_kl_gradients(
    mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of log q(z) − log p(z) through z, without the score: eq. 10.15."""
    sigma = np.exp(log_variance / 2)
    slope = mean + sigma * eps - eps / sigma
    return slope, 0.5 * sigma * eps * slope


def _draw_three(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean, log_variance, eps = random.standard_normal((3, *unequal_sizes(random, 2)))
    return mean, log_variance, eps


SAMPLED_KL_GRADIENTS = Exercise(
    name="sampled-kl-gradients",
    piece="sampled_kl_gradients",
    answer=sampled_kl_gradients,
    draw=_draw_three,
    mistakes={
        "these are the gradients of the KL itself, (8.11); asked for are those of one draw": (
            lambda mean, log_variance, eps: kl_gradients(mean, log_variance)
        ),
        "log q also contains −½ l by itself, whose slope is −½": (
            lambda mean, log_variance, eps: (
                (z := draw(mean, log_variance, eps)),
                0.5 * np.exp(log_variance / 2) * eps * z,
            )
        ),
        "that is the path through z alone; log q also depends on the mean and on l themselves, "
        "and with z = m + σε put in, both together are simple": path_kl_gradients,
        "e^(l/2) has the slope ½ e^(l/2): a half is missing": (
            lambda mean, log_variance, eps: (
                (z := draw(mean, log_variance, eps)),
                np.exp(log_variance / 2) * eps * z - 0.5,
            )
        ),
        "−log p has the slope z, not −z": lambda mean, log_variance, eps: (
            -(z := draw(mean, log_variance, eps)),
            -0.5 * (np.exp(log_variance / 2) * eps * z + 1),
        ),
    },
    hints=(
        "Put z = m + σε into log q: what is left of (z − m)²/σ²?",
        "log q = −½ Σ [ε² + l + log 2π] does not contain m. And −log p = ½ Σ [z² + log 2π], which "
        "depends on both through z.",
        "The slope of ½ z² is z, and ∂z/∂l = ½ σ ε.",
    ),
    returns=("d_mean", "d_log_variance"),
)

NOISE_AT_THE_POSTERIOR = Question(
    name="noise-at-the-posterior",
    kind="prove",
    answer=0.0,
    mistakes={
        "that would be the variance of ½ ε²; but f has noise as well, and the two may cancel": 0.5,
    },
    hints=(
        "What is f(z) + log q(z) − log p(z) if q(z) = p(z | x)?",
        "By Bayes' rule it is −log p(x), whatever z is.",
    ),
)
