"""The decoder's distributions p(x | z): how an image is scored against what was decoded.

Each likelihood takes the decoder's output ``decoded`` as the parameters of a distribution over
images, and gives

- the negative log-likelihood, in nats per image: summed over pixels, not averaged (eq. 11.10 of the
  lessons says what a mean would do, and eq. 11.12 what the unit of the pixels does);
- its gradient with respect to ``decoded``, of the same shape;
- the mean image and a random image.

Dimensions: N images, H rows, W columns, C channels (an image may have any other shape instead:
all axes after the first are pixels, and the last counts channels).
"""

from math import prod
from typing import ClassVar

import numpy as np

from scratchvae import kernels
from scratchvae.errors import InputError, not_defined
from scratchvae.held import Setting
from scratchvae.probability.densities import LOG_TWO_PI, check_alike
from scratchvae.randomness import check_generator
from scratchvae.validation import (
    FloatArray,
    check_count,
    check_flag,
    check_floats,
    check_number,
    check_positive,
)


class Likelihood:
    """A distribution p(x | z) over images; its parameters are the output of a decoder.

    A likelihood of your own derives from this class and defines ``name``,
    ``negative_log_likelihood``, ``gradient``, ``mean`` and ``sample``.
    """

    name: ClassVar[str]
    channels_per_pixel: ClassVar[int] = 1
    """How many numbers the decoder gives for each of an image's: 2 if it gives the variance too."""
    unit_interval: ClassVar[bool] = False
    """Whether pixels must be from 0 to 1."""
    levels: ClassVar[int | None] = None
    """How many values from 0 to 1 a pixel may have, if they can be counted."""

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log p(x | z) of each image in nats, (N,)."""
        raise not_defined(self, "negative_log_likelihood")

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return the gradient of each image's negative log-likelihood, in ``decoded``'s shape."""
        raise not_defined(self, "gradient")

    def omitted_constant(self, pixels: int) -> float:
        """Return what ``negative_log_likelihood`` leaves out, in nats per image of ``pixels``."""
        return 0.0

    def mean(self, decoded: FloatArray) -> FloatArray:
        """Return the mean image of p(x | z)."""
        raise not_defined(self, "mean")

    def sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a random image from p(x | z)."""
        raise not_defined(self, "sample")


class BernoulliLikelihood(Likelihood):
    """Each pixel is 1 with probability sigmoid(decoded): for black-and-white images.

    −log p = Σ log(1 + e^a) − x a, with a the decoded logits (eq. 11.1 of the lessons); its gradient
    is sigmoid(a) − x (eq. 11.3). Both are exact for logits of any size. For grey pixels the same
    formula is the cross-entropy, the mean over their binarised versions (eq. 11.4). The constant
    logits that are best for a set of images are those of their mean (eq. 12.10).
    Source: Kingma and Welling (2013), appendix C.1.
    """

    name: ClassVar[str] = "bernoulli"
    unit_interval: ClassVar[bool] = True
    levels: ClassVar[int | None] = 2

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log p(x | z) of each image, (N,)."""
        check_alike(x=x, decoded=decoded)
        return kernels.bernoulli_cross_entropy_sum(x, decoded)

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return sigmoid(decoded) − x."""
        check_alike(x=x, decoded=decoded)
        return kernels.bernoulli_gradient(x, decoded)

    def mean(self, decoded: FloatArray) -> FloatArray:
        """Return the probability of each pixel."""
        check_floats(decoded, "decoded")
        return kernels.sigmoid(decoded)

    def sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return black-and-white images drawn pixel by pixel."""
        check_generator(rng)
        check_floats(decoded, "decoded")
        uniform = rng.random(decoded.shape, dtype=decoded.dtype)
        return (uniform < self.mean(decoded)).astype(decoded.dtype)

    def __repr__(self) -> str:
        return "BernoulliLikelihood()"


class GaussianLikelihood(Likelihood):
    """Each pixel is Gaussian around the decoded one with the same fixed variance c.

    −log p = Σ (x − decoded)² / (2c) + ½ log(2πc) (eq. 11.6 of the lessons). The second term is the
    same for every model, so Zhao's report leaves it out of the loss, and so does this class by
    default; ``omitted_constant`` says how much it is, and a bound on log p(x) includes it. With
    c = 1 it is half the squared error (eq. 2.10, eq. 4.2). Source: Zhao (2023), section 2.1.

    Parameters
    ----------
    variance
        The c above: the smaller it is, the more the reconstruction weighs against the KL. For given
        reconstructions the likeliest is their mean squared error per pixel (eq. 11.8). The default
        suits pixels scaled to a variance of 1. For pixels from 0 to 1 it is so large that a VAE may
        leave its latents unused: take 0.1 or less.
    include_constant
        Whether the loss includes ½ log(2πc) per pixel.
    """

    name: ClassVar[str] = "gaussian"
    variance = Setting(check_positive)
    include_constant = Setting(check_flag)

    def __init__(self, variance: float = 1.0, include_constant: bool = False) -> None:
        self.variance = variance
        self.include_constant = include_constant

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log p(x | z) of each image, (N,): eq. 1.4, and its constant if included."""
        check_alike(x=x, decoded=decoded)
        nll: FloatArray = kernels.squared_distances(x, decoded, 0.5 / self.variance)
        return nll + self.constant(prod(x.shape[1:])) if self.include_constant else nll

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return (decoded − x) / c."""
        check_alike(x=x, decoded=decoded)
        return kernels.gaussian_gradient(x, decoded, self.variance)

    def omitted_constant(self, pixels: int) -> float:
        """Return ½ log(2πc) for each pixel, unless the loss includes it."""
        constant = self.constant(pixels)
        return 0.0 if self.include_constant else constant

    def constant(self, pixels: int) -> float:
        """Return ½ log(2πc) for each pixel, whether the loss includes it or not (eq. 11.6)."""
        return 0.5 * check_count(pixels, "pixels", 0) * (LOG_TWO_PI + float(np.log(self.variance)))

    def mean(self, decoded: FloatArray) -> FloatArray:
        """Return ``decoded`` itself."""
        return check_floats(decoded, "decoded")

    def sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return images with noise of variance c on every pixel."""
        check_generator(rng)
        check_floats(decoded, "decoded")
        noise = rng.standard_normal(decoded.shape, dtype=decoded.dtype)
        return decoded + noise * decoded.dtype.type(np.sqrt(self.variance))

    def __repr__(self) -> str:
        return f"GaussianLikelihood(variance={self.variance})"


def check_minimum(value: object, name: str) -> float:
    """Return a number that may be −∞ as a ``float``."""
    if isinstance(value, float) and value == -np.inf:
        return -np.inf
    return check_number(value, name, "a finite number or -inf")


class LearnedVarianceLikelihood(Likelihood):
    """Each pixel is Gaussian with a decoded mean and a decoded log-variance.

    The last axis of ``decoded`` holds C means and then C log-variances. With l a log-variance,
    −log p = ½ Σ (x − m)² e^(−l) + l + log 2π. Pixels that are always black make the best l go to
    −∞, so ``minimum_log_variance`` bounds it smoothly, as l = minimum + softplus(raw − minimum).
    The gradients are derived as eq. 11.11 of the lessons.
    Source: Fleuret, lecture 7.4; Flach, "Structured model learning".

    Parameters
    ----------
    minimum_log_variance
        The bound; −∞ turns it off. The default is log 0.001: a standard deviation of 8 of 255 grey
        levels.
    """

    name: ClassVar[str] = "learned-variance"
    channels_per_pixel: ClassVar[int] = 2
    minimum_log_variance = Setting(check_minimum)

    def __init__(self, minimum_log_variance: float = -6.907755) -> None:
        self.minimum_log_variance = minimum_log_variance

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log p(x | z) of each image, (N,)."""
        mean, log_variance, _ = self._split(x, decoded)
        residual = x - mean
        terms = residual * residual * np.exp(-log_variance) + log_variance + LOG_TWO_PI
        total: FloatArray = 0.5 * terms.sum(axis=tuple(range(1, terms.ndim)))
        return total

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return the gradients of means and raw log-variances, in ``decoded``'s shape.

        ∂/∂m = (m − x) e^(−l) and ∂/∂l = ½ (1 − (x − m)² e^(−l)), times ∂l/∂raw.
        """
        mean, log_variance, slope = self._split(x, decoded)
        residual = x - mean
        weighted = residual * np.exp(-log_variance)
        d_raw = 0.5 * (1 - residual * weighted) * slope
        return np.concatenate([-weighted, d_raw], axis=-1)

    def mean(self, decoded: FloatArray) -> FloatArray:
        """Return the decoded means."""
        return np.ascontiguousarray(halves(decoded)[0])

    def sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return images with each pixel's own noise: the grainy samples the lecture warns about."""
        check_generator(rng)
        mean, raw = halves(decoded)
        log_variance, _ = bounded_below(raw, self.minimum_log_variance)
        noise = rng.standard_normal(mean.shape, dtype=mean.dtype)
        image: FloatArray = mean + np.exp(0.5 * log_variance) * noise
        return image

    def _split(
        self, x: FloatArray, decoded: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray | float]:
        mean, raw = halves_for(x, decoded)
        return mean, *bounded_below(raw, self.minimum_log_variance)

    def __repr__(self) -> str:
        return f"LearnedVarianceLikelihood(minimum_log_variance={self.minimum_log_variance})"


def bounded_below(raw: FloatArray, minimum: float) -> tuple[FloatArray, FloatArray | float]:
    """Return minimum + softplus(raw − minimum) and its slope; with a minimum of −∞, ``raw``."""
    if np.isneginf(minimum):
        return raw, 1.0
    above = raw - minimum
    return minimum + kernels.softplus(above), kernels.sigmoid(above)


def halves(decoded: FloatArray, spreads: str = "log-variances") -> tuple[FloatArray, FloatArray]:
    """Return the decoded means and what their spreads come from, (…, 2C) to (…, C) both."""
    check_floats(decoded, "decoded")
    if decoded.ndim == 0 or decoded.shape[-1] % 2:
        raise InputError(
            f"decoded must hold means and then as many {spreads}, not be of {decoded.shape}"
        )
    mean, raw = np.split(decoded, 2, axis=-1)
    return mean, raw


def halves_for(
    x: FloatArray, decoded: FloatArray, spreads: str = "log-variances"
) -> tuple[FloatArray, FloatArray]:
    """Return the ``halves`` of what was decoded for ``x``; ``InputError`` if it does not fit."""
    check_floats(x, "x")
    check_floats(decoded, "decoded", x.dtype)
    check_alike(x=x)
    if decoded.shape != (*x.shape[:-1], 2 * x.shape[-1]):
        raise InputError(
            f"decoded must hold a mean and a {spreads[:-1]} per number of x, of shape "
            f"{(*x.shape[:-1], 2 * x.shape[-1])}, not {decoded.shape}"
        )
    return halves(decoded, spreads)
