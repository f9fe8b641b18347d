"""What lesson 11 adds to the reader's own program: two likelihoods; and its questions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import Bernoulli, Gaussian
from scratchvae.validation import FloatArray

METHODS = ("nats", "gradient", "mean", "sample")


def _used(likelihood: Any, x: FloatArray, y: FloatArray, seed: int) -> Any:
    """Return what all four methods give; ``None`` where one of them is still a stub."""
    found = likelihood.nats(x, y)
    if found is None:
        return None
    if np.shape(found) == x.shape[:1]:
        _check_draws_in_front(likelihood, x, y, found)
    rng = np.random.default_rng(seed)
    return (found, likelihood.gradient(x, y), likelihood.mean(y), likelihood.sample(y, rng))


def _check_draws_in_front(likelihood: Any, x: FloatArray, y: FloatArray, found: Any) -> None:
    """Refuse a sum over another axis than the last, which lesson 22 would trip over."""
    try:
        several = likelihood.nats(x, np.stack([y, y]))
        rightly = np.array_equal(several, np.stack([found, found]), equal_nan=True)
    except Exception:  # such as an axis that is not there
        rightly = False
    if not rightly:
        raise UnusableError(
            "axes",
            "let nats add up over the last axis, axis=-1: for several draws y is (S, N, P), and "
            "nats (S, N)",
        )


def _used_bernoulli(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, y: FloatArray, seed: int) -> Any:
        return _used(kind(), x, y, seed)

    return run


def _used_gaussian(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, y: FloatArray, variance: float, seed: int) -> Any:
        return _used(kind(variance), x, y, seed)

    return run


def _draw_bits(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    shape = unequal_sizes(random, 2)
    x = (random.random(shape) < 0.5).astype(float)
    y = 3 * random.standard_normal(shape)
    y[0, 0] = 800 * random.choice([-1.0, 1.0])  # where an exponential overflows
    return x, y, int(random.integers(1000))


def _draw_grey(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float, int]:
    shape = unequal_sizes(random, 2)
    x, y = random.random(shape), random.standard_normal(shape)
    return x, y, float(random.uniform(0.1, 0.5)), int(random.integers(1000))


class _Averaged(Bernoulli):
    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        nats: FloatArray = super().nats(x, y) / x.shape[-1]
        return nats


class _Uphill(Bernoulli):
    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return -super().gradient(x, y)


class _LogitsForImages(Bernoulli):
    def mean(self, y: FloatArray) -> FloatArray:
        return y

    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return (rng.random(y.shape) < y).astype(y.dtype)


class _SampleOfLogits(Bernoulli):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return (rng.random(y.shape) < y).astype(y.dtype)


class _OtherNumbers(Bernoulli):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return rng.binomial(1, self.mean(y)).astype(y.dtype)


class _MoreOften(Bernoulli):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return (rng.random(y.shape) > self.mean(y)).astype(y.dtype)


class _WithoutX(Bernoulli):
    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        nats: FloatArray = np.logaddexp(0, y).sum(axis=-1)
        return nats


class _ByTheMean(Bernoulli):
    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        mean = self.mean(y)
        with np.errstate(all="ignore"):
            gradient: FloatArray = (mean - x) / (mean * (1 - mean))
        return gradient


class _MeanLoss(Bernoulli):
    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return super().gradient(x, y) / len(x)


class _Rounded(Bernoulli):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return (self.mean(y) > 0.5).astype(y.dtype)


BERNOULLI = Exercise(
    name="bernoulli",
    piece="Bernoulli",
    answer=Bernoulli,
    use=_used_bernoulli,
    draw=_draw_bits,
    mistakes={
        "nats is a mean over pixels; an image's loss is the sum": _Averaged,
        "gradient points the other way: it is sigmoid(y) − x": _Uphill,
        "sample rounds the mean; a draw is 1 with that probability": _Rounded,
        "mean returns the logit, and sample draws with it; the probability is sigmoid(y)": (
            _LogitsForImages
        ),
        "sample compares with the logit; the probability of a 1 is the mean": _SampleOfLogits,
        "sample is 1 where it should be 0: rng.random(y.shape) lies below p with probability p": (
            _MoreOften
        ),
        "sample takes other random numbers: compare those of rng.random(y.shape)": _OtherNumbers,
        "nats lacks the term −x y": _WithoutX,
        "gradient is that by the probability; by the logit its denominator p (1 − p) cancels": (
            _ByTheMean
        ),
        "gradient is that of each image's own nats: the 1/N comes in with the mean loss": _MeanLoss,
    },
    hints=(
        "nats is (11.1) with (11.2), summed over the last axis; gradient is (11.3).",
        "np.maximum(y, 0) + np.log1p(np.exp(-np.abs(y))) − x y; and sample compares "
        "rng.random(y.shape) with the mean.",
    ),
    returns=METHODS,
)


class _VarianceAsSd(Gaussian):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return y + self.variance * rng.standard_normal(y.shape)


class _WithConstant(Gaussian):
    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        constant = 0.5 * x.shape[-1] * np.log(2 * np.pi * self.variance)
        nats: FloatArray = super().nats(x, y) + constant
        return nats


class _WithoutVariance(Gaussian):
    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return y - x


class _WithoutNoise(Gaussian):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return y


class _UnscaledNoise(Gaussian):
    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        return y + rng.standard_normal(y.shape)


class _WithoutHalf(Gaussian):
    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        nats: FloatArray = 2 * super().nats(x, y)
        return nats


class _Multiplied(Gaussian):
    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        nats: FloatArray = super().nats(x, y) * self.variance**2
        return nats


GAUSSIAN = Exercise(
    name="gaussian",
    piece="Gaussian",
    answer=Gaussian,
    use=_used_gaussian,
    draw=_draw_grey,
    mistakes={
        "sample multiplies the noise by the variance; its root is the standard deviation": (
            _VarianceAsSd
        ),
        "gradient is not divided by the variance": _WithoutVariance,
        "nats has the constant ½ P log 2πc in it, which is left out here": _WithConstant,
        "sample has no noise: that is the mean image": _WithoutNoise,
        "sample's noise has the variance 1: multiply it by the standard deviation": _UnscaledNoise,
        "nats lacks the half: the squared error is divided by 2c": _WithoutHalf,
        "nats is multiplied by c: a / 2 * c is (a / 2) * c; write a / (2 * c)": _Multiplied,
    },
    hints=(
        "nats is the first term of (11.6), gradient its derivative.",
        "The noise of a draw has the standard deviation np.sqrt(self.variance).",
    ),
    returns=METHODS,
)

BETA_OF_A_MEAN = Question(
    name="beta-of-a-mean",
    kind="predict",
    answer=784.0,
    mistakes={
        "which of the two terms became smaller, and how does that look from the other?": 1 / 784,
        "nobody chose another weight, but a mean over pixels is one": 1.0,
    },
    hints=(
        "Multiply their loss by a number that makes the reconstruction a sum again.",
        "What happens to the KL by that?",
    ),
)

WHICH_IS_BETTER = Question(
    name="which-is-better",
    kind="explain",
    answer="A",
    mistakes={
        "the loss lacks a constant that depends on c: put it back before you compare": "B",
        "the bound is minus the whole of (11.6) and the KL, however the loss divides between the "
        "two": "C",
        "they would be if the constants made up for exactly 15 nats: compute them": "D",
    },
    hints=(
        "Which term of (11.6) is left out? It depends on c and on the number of pixels only.",
        "Add 392 log 2πc to each loss; the bound is minus the sum.",
    ),
)
