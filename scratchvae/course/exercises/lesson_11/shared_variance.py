"""The exercise of lesson 11 on a Gaussian whose pixels share a variance that is learned.

Dimensions: N images, P pixels.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def shared_variance_gradients(
    x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the gradients of eq. 11.11 with one log-variance per image.

    x and mean are (N, P), the log-variance is (N,); the results are shaped alike.
    """
    precision = np.exp(-log_variance)
    residual = mean - x
    squares = (residual**2).sum(axis=1)
    return residual * precision[:, None], 0.5 * (x.shape[1] - squares * precision)


def _shared(
    x: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the residual, the squared error per image and the precision."""
    residual = mean - x
    return residual, (residual**2).sum(axis=1), np.exp(-log_variance)


def _draw_shared(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    count, pixels = random.integers(2, 7, 2)
    x, mean = random.uniform(0, 1, (2, count, pixels))
    return x, mean, random.normal(-2, 1, count)


def _mistaken_shared(
    x: FloatArray, mean: FloatArray, log_variance: FloatArray, ones: float, sign: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    residual, squares, precision = _shared(x, mean, log_variance)
    return sign * residual * precision[:, None], sign * 0.5 * (ones - squares * precision)


SHARED_VARIANCE_GRADIENTS = Exercise(
    name="shared-variance-gradients",
    answer=shared_variance_gradients,
    draw=_draw_shared,
    mistakes={
        "the log-variance is paid for by every pixel: ½ becomes P/2": (
            lambda x, mean, lv: _mistaken_shared(x, mean, lv, 1.0)
        ),
        "these are the gradients of +log p": (
            lambda x, mean, lv: _mistaken_shared(x, mean, lv, float(x.shape[1]), -1.0)
        ),
        "you averaged the second over the pixels: the image's l serves them all, so add up": (
            lambda x, mean, lv: (
                _mistaken_shared(x, mean, lv, 1.0)[0],
                _mistaken_shared(x, mean, lv, float(x.shape[1]))[1] / x.shape[1],
            )
        ),
        "you left out ½ log(2πc) before differentiating: that is right for a fixed c only": (
            lambda x, mean, lv: _mistaken_shared(x, mean, lv, 0.0)
        ),
        "you multiplied by the variance; divide by it: e^(−log_variance)": (
            lambda x, mean, lv: _mistaken_shared(x, mean, -lv, float(x.shape[1]))
        ),
        "you divided by the standard deviation; divide by the variance": (
            lambda x, mean, lv: _mistaken_shared(x, mean, lv / 2, float(x.shape[1]))
        ),
        "you took log_variance for the variance itself: it is its logarithm": (
            lambda x, mean, lv: (
                (mean - x) / lv[:, None],
                0.5 * (x.shape[1] - ((x - mean) ** 2).sum(axis=1) / lv),
            )
        ),
        "the second is the derivative with respect to the variance; multiply it by the "
        "variance to get that by its logarithm": lambda x, mean, lv: (
            _mistaken_shared(x, mean, lv, 1.0)[0],
            _mistaken_shared(x, mean, lv, float(x.shape[1]))[1] * np.exp(-lv),
        ),
    },
    hints=(
        "Write (11.11) with the same l for all pixels of an image: Σ l is P l.",
        "By the mean only the shape changes: e^(−l) is (N,) and must meet (N, P).",
        "By l: ½ (P − e^(−l) Σ (x − m)²), the sum over the pixels of each image.",
    ),
    returns=("d_mean", "d_log_variance"),
)
