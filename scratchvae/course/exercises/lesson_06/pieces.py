"""What lesson 6 adds to the reader's own program: a log-density, and a mean with its error bar."""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import log_normal, mean_and_error
from scratchvae.validation import FloatArray


def _draw_rows(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows, others, columns = unequal_sizes(random, 3)
    x, mean, log_variance = random.standard_normal((3, rows, columns))
    if random.random() < 0.5:  # as every point beside every Gaussian, which broadcasts
        mean, log_variance = random.standard_normal((2, others, 1, columns))
    return x, mean, log_variance


LOG_NORMAL = Exercise(
    name="log-normal",
    piece="log_normal",
    answer=log_normal,
    draw=_draw_rows,
    mistakes={
        "the log-variance was taken for the variance: divide by its exponential": (
            lambda x, m, w: -0.5 * ((x - m) ** 2 / w + w + np.log(2 * np.pi)).sum(axis=-1)
        ),
        "log 2π is there once for each coordinate, not once for each row": lambda x, m, w: (
            -0.5 * (((x - m) ** 2 / np.exp(w) + w).sum(axis=-1) + np.log(2 * np.pi))
        ),
        "log 2π is missing: this is right up to a constant": lambda x, m, w: (
            -0.5 * ((x - m) ** 2 / np.exp(w) + w).sum(axis=-1)
        ),
        "the log-variance is missing; without it a wide density would be as high as a narrow one": (
            lambda x, m, w: -0.5 * ((x - m) ** 2 / np.exp(w) + np.log(2 * np.pi)).sum(axis=-1)
        ),
        "that is the density's negative logarithm": lambda x, m, w: -log_normal(x, m, w),
        "the sum must go over the last axis, axis=-1: there may be three": lambda x, m, w: (
            -0.5 * ((x - m) ** 2 / np.exp(w) + w + np.log(2 * np.pi)).sum(axis=1)
        ),
        "that is the density itself; its logarithm is asked for": (
            lambda x, m, w: np.exp(log_normal(x, m, w))
        ),
        "a mean over coordinates; independent densities multiply, so logarithms are summed": (
            lambda x, m, w: log_normal(x, m, w) / x.shape[-1]
        ),
        "the variance is e^l; you divided by the standard deviation": lambda x, m, w: (
            -0.5 * ((x - m) ** 2 / np.exp(w / 2) + w + np.log(2 * np.pi)).sum(axis=-1)
        ),
    },
    hints=(
        "(6.5) has the variance v in two places: as a divisor, where v = e^log_variance, and as "
        "log v, which is log_variance itself.",
        "Sum over the last axis: .sum(axis=-1).",
    ),
    returns=("the log-density",),
)

MEAN_AND_ERROR = Exercise(
    name="mean-and-error",
    piece="mean_and_error",
    answer=mean_and_error,
    draw=lambda random: (random.standard_normal(int(random.integers(5, 12))),),
    mistakes={
        "the standard error is estimated with n − 1: ddof=1": (
            lambda samples: (samples.mean(), samples.std() / np.sqrt(len(samples)))
        ),
        "that is the spread of single samples; their mean is √n times as accurate": (
            lambda samples: (samples.mean(), samples.std(ddof=1))
        ),
        "that is the variance of the mean; its root is the standard error": (
            lambda samples: (samples.mean(), samples.var(ddof=1) / len(samples))
        ),
        "you divided the variance by √n: divide the standard deviation by it": lambda samples: (
            samples.mean(),
            samples.var(ddof=1) / np.sqrt(len(samples)),
        ),
        "divide by √n, not by n": lambda samples: (
            samples.mean(),
            samples.std(ddof=1) / len(samples),
        ),
    },
    hints=(
        "The mean, and the root of (6.12) with an estimated variance.",
        "samples.std(ddof=1) / np.sqrt(len(samples))",
    ),
    returns=("the mean", "the standard error"),
)

DRAWS_FOR_A_DIGIT = Question(
    name="draws-for-a-digit",
    kind="predict",
    answer=100_000.0,
    mistakes={
        "ten times as many draws make the error only √10 times smaller": 10_000.0,
        "that is how many times as many; the question is how many in all": 100.0,
    },
    hints=("One more digit: the error must be ten times smaller.", "The error falls like 1/√n."),
)
