"""The exercises of lesson 16 on the layer's passes, as functions.

Dimensions: N examples of C channels, as for features; I inputs of the layer before.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def batch_norm_steps(
    dy: FloatArray, x: FloatArray, scale: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return dx, d_scale and d_shift, one step of eq. 16.2 after the other."""
    centred = x - x.mean(axis=0)
    inverse_std = 1 / np.sqrt((centred**2).mean(axis=0) + epsilon)
    x_hat = centred * inverse_std
    d_x_hat = scale * dy
    d_inverse_std = (d_x_hat * centred).sum(axis=0)
    d_variance = -0.5 * inverse_std**3 * d_inverse_std
    d_centred = d_x_hat * inverse_std + 2 * centred * d_variance / len(x)
    dx = d_centred - d_centred.mean(axis=0)
    return dx, (dy * x_hat).sum(axis=0), dy.sum(axis=0)


def batch_norm_line(
    dy: FloatArray, x_hat: FloatArray, inverse_std: FloatArray, scale: FloatArray
) -> FloatArray:
    """Return dx from x̂ and the inverse standard deviation: eq. 16.3."""
    along = (dy * x_hat).mean(axis=0)
    dx: FloatArray = scale * inverse_std * (dy - dy.mean(axis=0) - x_hat * along)
    return dx


def normalise(
    x: FloatArray, mean: FloatArray, variance: FloatArray, training: bool, epsilon: float
) -> FloatArray:
    """Return x̂ of eq. 16.1: by the batch's statistics in training, else by the running ones."""
    if training:
        mean, variance = x.mean(axis=0), x.var(axis=0)
    x_hat: FloatArray = (x - mean) / np.sqrt(variance + epsilon)
    return x_hat


def _variance_of_the_batch(
    x: FloatArray, mean: FloatArray, variance: FloatArray, training: bool, epsilon: float
) -> FloatArray:
    if training:
        mean = x.mean(axis=0)
    variance = x.var(axis=0)
    x_hat: FloatArray = (x - mean) / np.sqrt(variance + epsilon)
    return x_hat


def fold(
    weight: FloatArray,
    bias: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    epsilon: float,
) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias of the one layer that a layer and its batch norm are: eq. 16.6."""
    factor = scale / np.sqrt(variance + epsilon)
    return weight * factor, (bias - mean) * factor + shift


def _without_mean_path(
    dy: FloatArray, x: FloatArray, scale: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    _, d_scale, d_shift = batch_norm_steps(dy, x, scale, epsilon)
    centred = x - x.mean(axis=0)
    inverse_std = 1 / np.sqrt((centred**2).mean(axis=0) + epsilon)
    x_hat = centred * inverse_std
    return scale * inverse_std * (dy - x_hat * (dy * x_hat).mean(axis=0)), d_scale, d_shift


def _without_variance_path(
    dy: FloatArray, x: FloatArray, scale: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    _, d_scale, d_shift = batch_norm_steps(dy, x, scale, epsilon)
    inverse_std = 1 / np.sqrt(x.var(axis=0) + epsilon)
    return scale * inverse_std * (dy - dy.mean(axis=0)), d_scale, d_shift


def _without_scale(
    dy: FloatArray, x: FloatArray, scale: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    dx, d_scale, d_shift = batch_norm_steps(dy, x, scale, epsilon)
    return dx / scale, d_scale, d_shift


def _draw_steps(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    count, channels = unequal_sizes(random, 2)
    dy, x = random.standard_normal((2, count, channels))
    x = 1 + random.uniform(0.5, 2, channels) * x
    # A large ε, so that one in the wrong place shows.
    return dy, x, random.uniform(0.5, 2, channels), float(random.uniform(0.05, 0.2))


def _draw_line(random: np.random.Generator) -> tuple[FloatArray, ...]:
    dy, x, scale, epsilon = _draw_steps(random)
    inverse_std = 1 / np.sqrt(x.var(axis=0) + epsilon)
    return dy, (x - x.mean(axis=0)) * inverse_std, inverse_std, scale


def _in_both_modes(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray, mean: FloatArray, variance: FloatArray, epsilon: float) -> Any:
        return tuple(function(x, mean, variance, training, epsilon) for training in (True, False))

    return run


def _draw_statistics(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    _, x, variance, epsilon = _draw_steps(random)
    mean = random.standard_normal(x.shape[1:])
    return x, mean, variance, epsilon


def _draw_fold(random: np.random.Generator) -> tuple[FloatArray | float, ...]:
    inputs, outputs = unequal_sizes(random, 2)
    weight = random.standard_normal((inputs, outputs))
    bias, shift, mean = random.standard_normal((3, outputs))
    scale, variance = random.uniform(0.5, 2, (2, outputs))
    return weight, bias, scale, shift, mean, variance, float(random.uniform(0.05, 0.2))


BATCH_NORM_STEPS = Exercise(
    name="batch-norm-steps",
    answer=batch_norm_steps,
    draw=_draw_steps,
    mistakes={
        "the path through the mean is missing: what comes back to centred also goes through μ, "
        "which takes its mean away": _without_mean_path,
        "the path through the variance is missing: centred is used twice, so two gradients are "
        "added": _without_variance_path,
        "ε is missing": lambda dy, x, scale, epsilon: batch_norm_steps(dy, x, scale, 0.0),
        "dx lacks the scale: what comes back through y = scale · x_hat + shift is scale · dy": (
            _without_scale
        ),
    },
    hints=(
        "Go through the forward lines from the last to the first. For each ask: which arrays does "
        "it use? Each of them gets a gradient of its own shape.",
        "An array of shape (C,) that is used for all N examples gets a sum over them.",
        "centred is used twice, in x_hat and in the variance: add both. And mean(…) hands each of "
        "the N values one N-th of what comes back.",
    ),
    returns=("dx", "d_scale", "d_shift"),
)

BATCH_NORM_LINE = Exercise(
    name="batch-norm-line",
    answer=batch_norm_line,
    draw=_draw_line,
    mistakes={
        "the mean of dy is missing, which is the path through μ": (
            lambda dy, x_hat, inverse_std, scale: (
                scale * inverse_std * (dy - x_hat * (dy * x_hat).mean(axis=0))
            )
        ),
        "the last term is missing, which is the path through σ²": (
            lambda dy, x_hat, inverse_std, scale: scale * inverse_std * (dy - dy.mean(axis=0))
        ),
        "in the last term the mean is missing its x_hat: each value gets x_hat times it": (
            lambda dy, x_hat, inverse_std, scale: (
                scale * inverse_std * (dy - dy.mean(axis=0) - (dy * x_hat).mean(axis=0))
            )
        ),
        "each channel has means of its own: .mean(axis=0)": (
            lambda dy, x_hat, inverse_std, scale: (
                scale * inverse_std * (dy - dy.mean() - x_hat * (dy * x_hat).mean())
            )
        ),
        "means, not sums: each path hands every value its N-th part": (
            lambda dy, x_hat, inverse_std, scale: (
                scale * inverse_std * (dy - dy.sum(axis=0) - x_hat * (dy * x_hat).sum(axis=0))
            )
        ),
        "the scale is missing": lambda dy, x_hat, inverse_std, scale: batch_norm_line(
            dy, x_hat, inverse_std, np.ones_like(scale)
        ),
        "the inverse standard deviation is missing": lambda dy, x_hat, inverse_std, scale: (
            batch_norm_line(dy, x_hat, np.ones_like(scale), scale)
        ),
    },
    hints=(
        "Put d_centred into the last line of the steps, and write the variance's gradient with "
        "x_hat.",
        "Three terms in a bracket: dy, minus its mean, minus x_hat times a mean.",
        "scale · inverse_std · (dy − mean(dy) − x_hat · mean(dy · x_hat))",
    ),
    returns=("dx",),
)

MIXED_STATISTICS = Exercise(
    name="find-the-bug-in-the-statistics",
    answer=normalise,
    planted=_variance_of_the_batch,
    use=_in_both_modes,
    draw=_draw_statistics,
    mistakes={
        "now the running statistics are used in training, too": (
            lambda x, mean, variance, training, epsilon: normalise(
                x, mean, variance, False, epsilon
            )
        ),
        "now the batch's statistics are used always": (
            lambda x, mean, variance, training, epsilon: normalise(x, mean, variance, True, epsilon)
        ),
    },
    hints=(
        "An image's result depends on its neighbours in the batch. Through which number?",
        "With training off, nothing may be computed from x but x_hat.",
        "Which line belongs under the if?",
    ),
    returns=("x_hat in training", "x_hat with running statistics"),
)

FOLD = Exercise(
    name="fold",
    answer=fold,
    draw=_draw_fold,
    mistakes={
        "the running mean is subtracted after the bias has been added, so the bias is scaled too": (
            lambda weight, bias, scale, shift, mean, variance, epsilon: (
                fold(weight, bias, scale, shift, mean, variance, epsilon)[0],
                bias - mean * scale / np.sqrt(variance + epsilon) + shift,
            )
        ),
        "the running mean has to be divided by the standard deviation and scaled, too": (
            lambda weight, bias, scale, shift, mean, variance, epsilon: fold(
                weight, bias, scale, shift - mean, 0 * mean, variance, epsilon
            )
        ),
        "ε is missing": lambda weight, bias, scale, shift, mean, variance, epsilon: fold(
            weight, bias, scale, shift, mean, variance, 0.0
        ),
        "divide by the standard deviation, not by the variance": (
            lambda weight, bias, scale, shift, mean, variance, epsilon: fold(
                weight, bias, scale, shift, mean, (variance + epsilon) ** 2, 0.0
            )
        ),
        "the scale is missing": lambda weight, bias, scale, shift, mean, variance, epsilon: fold(
            weight, bias, np.ones_like(scale), shift, mean, variance, epsilon
        ),
    },
    hints=(
        "With the running statistics y = a h + c, where h = x W + b, and a and c are constants.",
        "a = scale / √(variance + ε). Put h in and sort what is multiplied with x.",
        "weight * a, whose columns are the channels, and (bias − mean) * a + shift.",
    ),
    returns=("the weight", "the bias"),
)
