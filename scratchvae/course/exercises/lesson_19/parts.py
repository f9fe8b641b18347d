"""Exercises on what the mean KL consists of.

Dimensions: N images, D latents.
"""

from collections.abc import Callable

import numpy as np

from scratchvae.course.exercises.draws import draw_covariance, unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import (
    aggregate_log_density,
    kl_to_standard,
    log_normal,
    split_kl,
)
from scratchvae.validation import FloatArray

Parts = tuple[float, float, float]


def gaussian_total_correlation(covariance: FloatArray) -> float:
    """Return the total correlation of N(m, covariance) in nats: eq. 19.3."""
    variances = np.diag(covariance)
    return float(0.5 * (np.log(variances).sum() - np.linalg.slogdet(covariance)[1]))


def _draw_covariance(random: np.random.Generator) -> tuple[FloatArray]:
    return (draw_covariance(random, int(random.integers(2, 6))),)


GAUSSIAN_TOTAL_CORRELATION = Exercise(
    name="gaussian-total-correlation",
    answer=gaussian_total_correlation,
    draw=_draw_covariance,
    mistakes={
        "the half is missing": lambda covariance: 2 * gaussian_total_correlation(covariance),
        "the sign is wrong: a KL is never negative": lambda covariance: (
            -gaussian_total_correlation(covariance)
        ),
        "that takes the determinant of the covariance, not of the correlations: the scales of the "
        "latents are in it": lambda covariance: float(-0.5 * np.linalg.slogdet(covariance)[1]),
        "that is Σ log of the standard deviations; the determinant is missing": (
            lambda covariance: float(0.5 * np.log(np.diag(covariance)).sum())
        ),
    },
    hints=(
        "Σ log of the variances, less the logarithm of the determinant of the covariance, halved.",
        "np.diag(covariance) has the variances; np.linalg.slogdet(covariance)[1] is log det.",
    ),
    returns=("the total correlation",),
)


def _draw_posteriors(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    images, latents, _ = unequal_sizes(random, 3)
    mean, log_variance, eps = random.standard_normal((3, images, latents))
    mean = mean + mean[:, :1]  # latents that depend on one another
    return mean + np.exp(log_variance / 2) * eps, mean, log_variance


def _each(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    columns = zip(z.T, mean.T, log_variance.T, strict=True)
    one = [aggregate_log_density(*(array[:, None] for array in column)) for column in columns]
    product: FloatArray = np.sum(one, axis=0)
    return product


def _with(
    mixed: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
) -> Callable[[FloatArray, FloatArray, FloatArray], Parts]:
    """Return a split whose product of the latents' densities is ``mixed``."""

    def split(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> Parts:
        log_q, product = aggregate_log_density(z, mean, log_variance), mixed(z, mean, log_variance)
        return (
            float((log_normal(z, mean, log_variance) - log_q).mean()),
            float((log_q - product).mean()),
            float((product - log_normal(z, 0 * z, 0 * z)).mean()),
        )

    return split


def _analytic(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> Parts:
    information, correlation, _ = split_kl(z, mean, log_variance)
    total = float(kl_to_standard(mean, log_variance).mean())
    return information, correlation, total - information - correlation


def _counted_twice(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> Parts:
    information, correlation, mismatches = split_kl(z, mean, log_variance)
    return information, correlation, correlation + mismatches


SPLIT_KL = Exercise(
    name="split-kl",
    piece="split_kl",
    answer=split_kl,
    draw=_draw_posteriors,
    mistakes={
        "the product of the q(zⱼ) is that of each image's own q(zⱼ | x), not of the aggregates": (
            _with(log_normal)
        ),
        "only one latent is in the product; take the logarithms' sum over all of them": _with(
            lambda z, mean, log_variance: aggregate_log_density(
                z[:, -1:], mean[:, -1:], log_variance[:, -1:]
            )
        ),
        "the product is the logarithms' sum over the latents, not their mean": _with(
            lambda z, mean, log_variance: _each(z, mean, log_variance) / z.shape[1]
        ),
        "the third is the whole mismatch of (13.3), and has the total correlation in it: begin it "
        "with the product of the q(zⱼ)": _counted_twice,
        "the third is what is left of the exact KL; take all three from the same draws": _analytic,
    },
    hints=(
        "Four logarithms at the same draws: of q(z | x), of q(z), of the product of the q(zⱼ), and "
        "of p(z). The parts are the means of three differences.",
        "log q(zⱼ) is aggregate_log_density of one column: z[:, j:j+1], ….",
        "log_normal(z, mean, log_variance) is the first, log_normal(z, 0 * z, 0 * z) the last.",
    ),
    returns=("the information", "the total correlation", "the mismatch of the latents"),
)

TOO_FEW_IMAGES = Question(
    name="too-few-images",
    kind="explain",
    answer="C",
    mistakes={
        "the model is the same in all rows, and so are its weights": "A",
        "the errors of the means over the draws are far smaller than these differences": "B",
        "(19.2) holds exactly for any set of images, and so for each row": "D",
    },
    hints=(
        "How large can the information be when there are N images? (See lesson 13.)",
        "The sum of the parts does not depend on N. Where does it go, if the information cannot?",
    ),
)
