"""The exercises of lesson 11 on losses as distributions.

Dimensions: N images, P pixels, S draws.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def logistic_loss(y: FloatArray, a: FloatArray) -> FloatArray:
    """Return Σ log(1 + e^(−y a)), (N,): eq. 11.1 by eq. 11.2, for labels y = ±1, (N, P)."""
    nats: FloatArray = np.logaddexp(0, -y * a).sum(axis=-1)
    return nats


def cross_entropy_floor(x: FloatArray) -> FloatArray:
    """Return Σ h(x) over pixels, (N,): what eq. 11.4 cannot go below; x is (N, P)."""
    entropy = np.zeros_like(x)
    inside = (x > 0) & (x < 1)
    p = x[inside]
    entropy[inside] = -p * np.log(p) - (1 - p) * np.log1p(-p)
    nats: FloatArray = entropy.sum(axis=-1)
    return nats


def best_variance(x: FloatArray, decoded: FloatArray) -> float:
    """Return the c of eq. 11.8 for images x (N, P) and S reconstructions of each, (S, N, P)."""
    return float(((x - decoded) ** 2).mean())


def water_filling(spread: FloatArray, c: float, beta: float) -> tuple[float, float]:
    """Return squared error and KL of the best linear VAE: eq. 11.9 over all directions, (P,)."""
    level = beta * c
    error = np.minimum(spread, level).sum()
    return float(error), float(0.5 * np.log(np.maximum(spread / level, 1)).sum())


def _entropy(x: FloatArray) -> FloatArray:
    return cross_entropy_floor(x[..., None])


def _draw_logits(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    shape = random.integers(2, 7, 2)
    y = random.choice([-1.0, 1.0], shape)
    a = 4 * random.standard_normal(shape)
    if random.random() < 0.5:  # confident and right: 1 + e^t rounds to 1, but the cost is not 0
        return y, y * (40 + np.abs(a))
    a[0, 0] = -900 * y[0, 0]  # confident and wrong, where the exponential overflows
    return y, a


def _draw_grey(random: np.random.Generator) -> tuple[FloatArray]:
    x = random.uniform(0, 1, random.integers(2, 7, 2))
    x[:, 0] = random.choice([0.0, 1.0], len(x))
    return (x,)


def _draw_reconstructions(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws, count, pixels = random.integers(2, 7, 3)
    x = random.uniform(0, 1, (count, pixels))
    return x, x + 0.5 * random.standard_normal((draws, count, pixels))


def _draw_spread(random: np.random.Generator) -> tuple[FloatArray, float, float]:
    spread = np.sort(random.exponential(1, random.integers(6, 15)))[::-1] + 0.01
    c, beta = float(random.uniform(0.05, 0.3)), float(random.uniform(1.5, 4))
    # At least one direction on either side of the level.
    spread[0], spread[-1] = 5 * c * beta + spread[0], 0.3 * c * beta
    return spread, c, beta


LOGISTIC_LOSS = Exercise(
    name="logistic-loss",
    answer=logistic_loss,
    draw=_draw_logits,
    mistakes={
        "the sign in the exponent is wrong: a sure, right answer costs nothing": lambda y, a: (
            np.logaddexp(0, y * a).sum(axis=-1)
        ),
        "this is (11.1) with y in place of x: y is ±1, and x = (y + 1)/2 is 0 or 1": (
            lambda y, a: (np.logaddexp(0, a) - y * a).sum(axis=-1)
        ),
        "the max(t, 0) is missing: what you have is only log(1 + e^(−|t|))": (
            lambda y, a: np.log1p(np.exp(-np.abs(a))).sum(axis=-1)
        ),
        "the max takes a where it should take t = −y a: that is only right for y = −1": (
            lambda y, a: (np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))).sum(axis=-1)
        ),
        "the sum 1 + e^(−|t|) loses the digits of a small exponential, below 1e-16 all of "
        "them: np.log1p keeps them": (
            lambda y, a: (np.maximum(-y * a, 0) + np.log(1 + np.exp(-np.abs(a)))).sum(axis=-1)
        ),
        "losses are added up over pixels, not averaged": (
            lambda y, a: np.logaddexp(0, -y * a).mean(axis=-1)
        ),
    },
    hints=(
        "Call −y a something, say t. What you want is log(1 + e^t), and (11.2) says how.",
        "max(t, 0) + log1p(exp(−|t|)): the exponential is never above 1.",
        "Then add up over the last axis.",
    ),
    returns=("nats",),
)

CROSS_ENTROPY_FLOOR = Exercise(
    name="cross-entropy-floor",
    answer=cross_entropy_floor,
    draw=_draw_grey,
    mistakes={
        "the second half, −(1 − x) log(1 − x), is missing": (
            lambda x: -(x * np.log(np.where(x > 0, x, 1))).sum(axis=-1)
        ),
        "these are bits: nats take the natural logarithm": (
            lambda x: (_entropy(x) / np.log(2)).sum(axis=-1)
        ),
        "the sign is wrong: an entropy is never negative": (lambda x: -_entropy(x).sum(axis=-1)),
        "nats of an image are added up over pixels, not averaged": (
            lambda x: _entropy(x).mean(axis=-1)
        ),
        "this is one number for all images: add up over the last axis only": (
            lambda x: _entropy(x).sum()
        ),
    },
    hints=(
        "0 · log 0 is nan to NumPy and 0 to you. Black and white pixels cost nothing.",
        "Start from zeros, and fill in only where 0 < x < 1.",
        "With p = x[inside]: −p log p − (1 − p) log1p(−p); then add up over the last axis.",
    ),
    returns=("nats",),
)

BEST_VARIANCE = Exercise(
    name="best-variance",
    answer=best_variance,
    draw=_draw_reconstructions,
    mistakes={
        "this is the standard deviation: c is a variance": (
            lambda x, decoded: np.sqrt(((x - decoded) ** 2).mean())
        ),
        "this is the squared error of an image: divide it by its number of pixels": (
            lambda x, decoded: ((x - decoded) ** 2).sum(axis=-1).mean()
        ),
        "you averaged the reconstructions before squaring: each draw makes its own error, and "
        "the loss has the mean of the squares": (
            lambda x, decoded: ((x - decoded.mean(axis=0)) ** 2).mean()
        ),
        "you subtracted the mean of the errors: the loss does not": (
            lambda x, decoded: (x - decoded).var()
        ),
        "this is the spread of the reconstructions: what counts is how far they are from x": (
            lambda x, decoded: decoded.var()
        ),
        "this is the mean of the absolute errors": lambda x, decoded: np.abs(x - decoded).mean(),
    },
    hints=(
        "Differentiate (11.6) with respect to c, with its mean squared error held fixed.",
        "S is now a mean over draws and images of the sum over pixels, and c = S / P.",
        "A mean of a sum over P, divided by P, is a mean over all axes.",
    ),
    returns=("c",),
)

WATER_FILLING = Exercise(
    name="water-filling",
    answer=water_filling,
    draw=_draw_spread,
    mistakes={
        "the level is the product of c and β, and you left β out": (
            lambda spread, c, beta: water_filling(spread, c, 1.0)
        ),
        "the level is the product of c and β, and you divided by β": (
            lambda spread, c, beta: water_filling(spread, c / beta, 1.0)
        ),
        "a direction below the level costs no nats: your KL adds negative ones": (
            lambda spread, c, beta: (
                np.minimum(spread, beta * c).sum(),
                0.5 * np.log(spread / (beta * c)).sum(),
            )
        ),
        "an encoded direction still has an error, the level; you only count those that are "
        "not encoded": lambda spread, c, beta: (
            spread[spread <= beta * c].sum(),
            water_filling(spread, c, beta)[1],
        ),
        "a direction that is not encoded still has an error, its own variance; you only count "
        "those that are": lambda spread, c, beta: (
            beta * c * (spread > beta * c).sum(),
            water_filling(spread, c, beta)[1],
        ),
        "a direction's error is the smaller of its variance and the level, not the larger": (
            lambda spread, c, beta: (
                np.maximum(spread, beta * c).sum(),
                water_filling(spread, c, beta)[1],
            )
        ),
        "the KL is asked for without a weight: β is already in the level": (
            lambda spread, c, beta: (
                water_filling(spread, c, beta)[0],
                beta * water_filling(spread, c, beta)[1],
            )
        ),
        "this is the reconstruction term: the squared error is 2c times that": (
            lambda spread, c, beta: (
                water_filling(spread, c, beta)[0] / (2 * c),
                water_filling(spread, c, beta)[1],
            )
        ),
        "the half before the logarithm is missing": lambda spread, c, beta: (
            water_filling(spread, c, beta)[0],
            2 * water_filling(spread, c, beta)[1],
        ),
        "a direction below the level has its own variance as error, not the level": (
            lambda spread, c, beta: (
                beta * c * len(spread),
                water_filling(spread, c, beta)[1],
            )
        ),
    },
    hints=(
        "One number, the level βc, decides for every direction which side it is on.",
        "np.minimum(spread, level) is the error of each. What of the ratio spread / level?",
        "The logarithm of np.maximum(spread / level, 1) is 0 where nothing is encoded.",
    ),
    returns=("error", "kl"),
)
