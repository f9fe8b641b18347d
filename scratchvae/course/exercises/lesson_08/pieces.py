"""What lesson 8 adds to the reader's own program: the KL of every VAE, and its gradients."""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import kl_gradients, kl_to_standard
from scratchvae.validation import FloatArray


def _draw(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    mean, log_variance = random.standard_normal((2, *unequal_sizes(random, 2)))
    return mean, log_variance


def _draw_positive(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    mean, log_sd = _draw(random)
    return mean, np.exp(log_sd)


def kl_from_sd(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return the KL to N(0, I) of each row from standard deviations: eq. 8.10 with l = 2 log σ."""
    return kl_to_standard(mean, 2 * np.log(sd))


KL_OF_A_SHIFT = Question(
    name="kl-of-a-shift",
    kind="predict",
    answer=0.5,
    mistakes={"the half before the bracket is missing": 1.0},
    hints=("Which terms of (8.3) cancel if both variances are 1?", "½ δ², with δ = 1."),
)

KL_TO_STANDARD = Exercise(
    name="kl-to-standard",
    piece="kl_to_standard",
    answer=kl_to_standard,
    draw=_draw,
    mistakes={
        "that is minus the KL: it must never be negative": lambda mean, log_variance: (
            -kl_to_standard(mean, log_variance)
        ),
        "e^l is the variance; you took the exponential of half of it": lambda mean, log_variance: (
            0.5 * (np.exp(log_variance / 2) + mean**2 - 1 - log_variance).sum(axis=-1)
        ),
        "the mean is not squared": lambda mean, log_variance: (
            0.5 * (np.exp(log_variance) + mean - 1 - log_variance).sum(axis=-1)
        ),
        "the sign of the log-variance: a narrow q has a large KL": lambda mean, log_variance: (
            0.5 * (np.exp(log_variance) + mean**2 - 1 + log_variance).sum(axis=-1)
        ),
        "you took log_variance for the standard deviation; e^log_variance is the variance": (
            lambda mean, log_variance: (
                0.5 * (log_variance**2 + mean**2 - 1 - np.log(log_variance**2)).sum(axis=-1)
            )
        ),
        "the 1 is missing: N(0, I) itself must have a KL of 0": lambda mean, log_variance: (
            0.5 * (np.exp(log_variance) + mean**2 - log_variance).sum(axis=-1)
        ),
        "the mean's square is subtracted; a mean far from 0 must cost more": (
            lambda mean, log_variance: (
                0.5 * (np.exp(log_variance) - mean**2 - 1 - log_variance).sum(axis=-1)
            )
        ),
        "the half must multiply the whole sum, the log-variance included": (
            lambda mean, log_variance: (
                0.5 * (np.exp(log_variance) + mean**2 - 1) - log_variance
            ).sum(axis=-1)
        ),
        "a mean over the latents; the KLs of independent latents are summed": (
            lambda mean, log_variance: kl_to_standard(mean, log_variance) / mean.shape[-1]
        ),
    },
    hints=(
        "Put m₂ = 0 and l₂ = 0 into (8.8). What is δ then?",
        "Half of the sum over the last axis of e^l + m² − 1 − l.",
    ),
    returns=("the KL",),
)

KL_GRADIENTS = Exercise(
    name="kl-gradients",
    piece="kl_gradients",
    answer=kl_gradients,
    draw=_draw,
    mistakes={
        "½ m² has the slope m": lambda mean, log_variance: (
            2 * mean,
            0.5 * (np.exp(log_variance) - 1),
        ),
        "the half stays in front of the derivative by the log-variance": (
            lambda mean, log_variance: (mean, np.exp(log_variance) - 1)
        ),
        "½ m² has the slope m, and ½ (e^l − l) the slope ½ (e^l − 1): both lack the half": (
            lambda mean, log_variance: (2 * mean, np.exp(log_variance) - 1)
        ),
        "e^l is the variance, and you took the exponential of half of l": (
            lambda mean, log_variance: (mean, 0.5 * (np.exp(log_variance / 2) - 1))
        ),
        "in the second the −1 is missing: l itself is subtracted in (8.10)": (
            lambda mean, log_variance: (mean, 0.5 * np.exp(log_variance))
        ),
        "each row has gradients of its own: nothing is added up or averaged here": (
            lambda mean, log_variance: (mean / len(mean), 0.5 * np.expm1(log_variance) / len(mean))
        ),
        "that is the derivative by the variance, not by its logarithm": (
            lambda mean, log_variance: (mean, 0.5 * (1 - np.exp(-log_variance)))
        ),
    },
    hints=(
        "In (8.10) each m_j and each l_j stands in one bracket only.",
        "The derivative of e^l by l is e^l itself.",
    ),
    returns=("the gradient at the mean", "the gradient at the log-variance"),
)

BUG_IN_THE_KL = Exercise(
    name="find-the-bug-in-the-kl",
    answer=kl_from_sd,
    draw=_draw_positive,
    planted=lambda mean, sd: 0.5 * (sd + mean**2 - 1 - np.log(sd)).sum(axis=-1),
    mistakes={
        "the logarithm of the variance is twice that of the standard deviation": (
            lambda mean, sd: 0.5 * (sd**2 + mean**2 - 1 - np.log(sd)).sum(axis=-1)
        ),
        "the first term is the variance, which is the square of sd": (
            lambda mean, sd: 0.5 * (sd + mean**2 - 1 - 2 * np.log(sd)).sum(axis=-1)
        ),
    },
    hints=(
        "Compare it with (8.10), symbol by symbol. What is e^l?",
        "e^l is the variance. What is it in terms of sd, and what is l?",
    ),
    returns=("the KL",),
)
