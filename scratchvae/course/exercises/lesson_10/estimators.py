"""The exercises of lesson 10 on estimators of a gradient.

Dimensions: S draws, N examples, D latents.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.functions import sigmoid
from scratchvae.course.program import gaussian_score
from scratchvae.validation import FloatArray


def leave_one_out(f: FloatArray, scores: FloatArray) -> FloatArray:
    """Return the mean of (f − b) score with b the mean of f over the other draws (eq. 10.6), (D,).

    f is (S,), the scores are (S, D).
    """
    others = (f.sum() - f) / (len(f) - 1)
    estimate: FloatArray = ((f - others)[:, None] * scores).mean(axis=0)
    return estimate


def exponential_backward(dz: FloatArray, rate: FloatArray, u: FloatArray) -> FloatArray:
    """Return dloss/d rate of z = −log(u) / rate: eq. 10.7 and eq. 10.8 for another distribution.

    dz and u are (S, N, D), the rate and the result are (N, D).
    """
    d_rate: FloatArray = (dz * np.log(u)).sum(axis=0) / rate**2
    return d_rate


def best_baseline(f: FloatArray, score: FloatArray) -> float:
    """Return E[f s²] / E[s²], where the variance of eq. 10.10 is smallest; f and s are (S,)."""
    return float((f * score**2).sum() / (score**2).sum())


def softplus_backward(dz: FloatArray, h: FloatArray, eps: FloatArray) -> FloatArray:
    """Return dloss/dh of z = mean + √softplus(h) ε: eq. 10.11 with one more link.

    dz and eps are (S, N, D), h and the result are (N, D).
    """
    variance = np.logaddexp(0, h)
    d_h: FloatArray = (dz * eps).sum(axis=0) * sigmoid(h) / (2 * np.sqrt(variance))
    return d_h


def _draw_score(random: np.random.Generator) -> tuple[FloatArray, ...]:
    shape = random.integers(2, 6), random.integers(2, 6)
    return tuple(random.standard_normal((3, *shape)))


def _draw_leave_one_out(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws, latents = random.integers(2, 9), random.integers(1, 5)
    return 100 + 10 * random.standard_normal(draws), random.standard_normal((draws, latents))


def _draw_exponential(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    samples, count, latents = random.integers(2, 6, 3)
    shape = (samples, count, latents)
    u = random.uniform(0.05, 0.95, shape)
    return random.standard_normal(shape), random.uniform(0.3, 3, shape[1:]), u


def _draw_baseline(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws = random.integers(3, 20)
    return random.normal(5, 2, draws), random.standard_normal(draws)


def _draw_softplus(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    samples, count, latents = random.integers(2, 6, 3)
    dz, eps = random.standard_normal((2, samples, count, latents))
    return dz, 2 * random.standard_normal((count, latents)), eps


GAUSSIAN_SCORE = Exercise(
    name="gaussian-score",
    piece="gaussian_score",
    answer=gaussian_score,
    draw=_draw_score,
    mistakes={
        "you divided by the standard deviation: that is right for ε, but z − mean has to be "
        "divided by the variance": lambda z, m, lv: (
            (z - m) * np.exp(-lv / 2),
            0.5 * ((z - m) ** 2 * np.exp(-lv) - 1),
        ),
        "e^(−l) has the derivative −e^(−l), so the square's term is positive in the second": (
            lambda z, m, lv: ((z - m) * np.exp(-lv), -0.5 * ((z - m) ** 2 * np.exp(-lv) + 1))
        ),
        "you multiplied by the variance; divide by it: e^(−log_variance)": (
            lambda z, m, lv: ((z - m) * np.exp(lv), 0.5 * ((z - m) ** 2 * np.exp(lv) - 1))
        ),
        "the log-density also contains −½ log_variance itself: its derivative is missing": (
            lambda z, m, lv: ((z - m) * np.exp(-lv), 0.5 * (z - m) ** 2 * np.exp(-lv))
        ),
        "you took log_variance for the variance itself: it is its logarithm": (
            lambda z, m, lv: ((z - m) / lv, 0.5 * ((z - m) ** 2 / lv - 1))
        ),
        "you divided by the standard deviation in both; divide by the variance, which is its "
        "square": lambda z, m, lv: (
            (z - m) * np.exp(-lv / 2),
            0.5 * ((z - m) ** 2 * np.exp(-lv / 2) - 1),
        ),
        "the second is the derivative with respect to the standard deviation; multiply it by "
        "half the standard deviation to get that by the log-variance": lambda z, m, lv: (
            (z - m) * np.exp(-lv),
            ((z - m) ** 2 * np.exp(-lv) - 1) * np.exp(-lv / 2),
        ),
        "these are the derivatives of −log q: the score is that of +log q": (
            lambda z, m, lv: (
                (m - z) * np.exp(-lv),
                0.5 * (1 - (z - m) ** 2 * np.exp(-lv)),
            )
        ),
        "the second is the derivative with respect to the variance; multiply it by the "
        "variance to get that by its logarithm": lambda z, m, lv: (
            (z - m) * np.exp(-lv),
            0.5 * ((z - m) ** 2 * np.exp(-lv) - 1) * np.exp(-lv),
        ),
    },
    hints=(
        "Write log q of one latent: −½ [(z − m)² e^(−l) + l + log 2π]. Both derivatives are "
        "taken with z held fixed.",
        "By m: the square gives 2 (z − m), and the ½ and the minus cancel. By l: e^(−l) has "
        "the derivative −e^(−l).",
        "The precision e^(−l) occurs in both: residual times precision, and half of (residual "
        "squared times precision, minus 1).",
    ),
    returns=("d_mean", "d_log_variance"),
)

LEAVE_ONE_OUT_BASELINE = Exercise(
    name="leave-one-out-baseline",
    answer=leave_one_out,
    draw=_draw_leave_one_out,
    mistakes={
        "your baseline is the mean of all draws, including its own: the estimate is 1 − 1/S "
        "times as large as it should be": lambda f, s: ((f - f.mean())[:, None] * s).mean(axis=0),
        "you divided the sum over the others by S, but there are S − 1 of them": (
            lambda f, s: ((f - (f.sum() - f) / len(f))[:, None] * s).mean(axis=0)
        ),
        "no baseline has been subtracted": lambda f, s: (f[:, None] * s).mean(axis=0),
        "you added up over the draws where the mean is asked for": (
            lambda f, s: ((f - (f.sum() - f) / (len(f) - 1))[:, None] * s).sum(axis=0)
        ),
    },
    hints=(
        "The sum of f over the others is the sum over all minus the draw's own.",
        "There are S − 1 others. The baseline is an array, (S,): one number per draw.",
        "Weights (f − others), made (S, 1) to meet scores (S, D); then the mean over axis 0.",
    ),
    returns=("estimate",),
)

EXPONENTIAL_BACKWARD = Exercise(
    name="exponential-backward",
    answer=exponential_backward,
    draw=_draw_exponential,
    mistakes={
        "this is dz/d rate with the sign of −log(u) left in: 1/rate has the derivative "
        "−1/rate²": lambda dz, rate, u: -(dz * np.log(u)).sum(axis=0) / rate**2,
        "you differentiated with respect to 1/rate": lambda dz, rate, u: (
            -(dz * np.log(u)).sum(axis=0)
        ),
        "the derivative of 1/rate has the square of the rate": (
            lambda dz, rate, u: (dz * np.log(u)).sum(axis=0) / rate
        ),
        "1/rate has the derivative −1/rate²: its minus and the square are both missing": (
            lambda dz, rate, u: -(dz * np.log(u)).sum(axis=0) / rate
        ),
        "multiply dz and log(u) sample by sample, then add up; you added up each separately": (
            lambda dz, rate, u: dz.sum(axis=0) * np.log(u).sum(axis=0) / rate**2
        ),
        "you differentiated with respect to u: that is the noise, and it is held fixed": (
            lambda dz, rate, u: -(dz / (u * rate)).sum(axis=0)
        ),
        "each rate serves all samples: add their contributions up, do not average them": (
            lambda dz, rate, u: (dz * np.log(u)).mean(axis=0) / rate**2
        ),
    },
    hints=(
        "Hold u fixed: it is the noise. What is the derivative of −log(u)/rate by the rate?",
        "The derivative of 1/rate is −1/rate², and the two minus signs cancel.",
        "Multiply by dz, which has one axis more than the rate, and add up over that axis.",
    ),
    returns=("d_rate",),
)

BEST_BASELINE = Exercise(
    name="best-baseline",
    answer=best_baseline,
    draw=_draw_baseline,
    mistakes={
        "this is the mean of f: good, but draws with a large score should count more": (
            lambda f, score: f.mean()
        ),
        "the weights are the scores squared, not their sizes": (
            lambda f, score: (f * np.abs(score)).sum() / np.abs(score).sum()
        ),
        "the weights are the scores squared, not the scores": (
            lambda f, score: (f * score).sum() / score.sum()
        ),
        "the weights must be divided by their sum, not by the number of draws": (
            lambda f, score: (f * score**2).mean()
        ),
        "you divided by the scores' variance, which subtracts their mean: divide by the sum of "
        "the squared scores": lambda f, score: (f * score**2).mean() / score.var(),
        "you regressed f on the score: that minimises the mean of (f − b score)²": (
            lambda f, score: (f * score).sum() / (score**2).sum()
        ),
    },
    hints=(
        "Differentiate the mean of (f − b)² score² with respect to b, and set it to zero.",
        "The sum of (f − b) score² is zero. Solve for b.",
        "A weighted mean of f, its weights the squared scores.",
    ),
    returns=("b",),
)

SOFTPLUS_BACKWARD = Exercise(
    name="softplus-backward",
    answer=softplus_backward,
    draw=_draw_softplus,
    mistakes={
        "the derivative of softplus, the sigmoid of h, is missing": (
            lambda dz, h, eps: (dz * eps).sum(axis=0) / (2 * np.sqrt(np.logaddexp(0, h)))
        ),
        "the noise is missing: dz/dv is ε / (2√v)": (
            lambda dz, h, eps: dz.sum(axis=0) * sigmoid(h) / (2 * np.sqrt(np.logaddexp(0, h)))
        ),
        "the derivative of the square root is missing: this treats softplus(h) as the "
        "standard deviation": lambda dz, h, eps: (dz * eps).sum(axis=0) * sigmoid(h),
        "this is the backward pass for a log-variance h: here the variance is softplus(h)": (
            lambda dz, h, eps: 0.5 * np.exp(h / 2) * (dz * eps).sum(axis=0)
        ),
        "each h serves all samples: add their contributions up, do not average them": (
            lambda dz, h, eps: (
                (dz * eps).mean(axis=0) * sigmoid(h) / (2 * np.sqrt(np.logaddexp(0, h)))
            )
        ),
        "the derivative of √v is 1/(2√v): you multiplied by the root": (
            lambda dz, h, eps: (dz * eps).sum(axis=0) * sigmoid(h) * np.sqrt(np.logaddexp(0, h)) / 2
        ),
    },
    hints=(
        "Two links: from z to the variance v = softplus(h), and from v to h.",
        "z = mean + √v ε, so dz/dv = ε / (2 √v); and dv/dh = sigmoid(h).",
        "Add dz · eps up over the samples, and multiply by sigmoid(h) / (2 √softplus(h)).",
    ),
    returns=("d_h",),
)
