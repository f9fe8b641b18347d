"""The discretised logistic: a probability for each of the 256 levels of an 8-bit pixel.

Dimensions: N images, … an image's axes, of which the last counts channels, C.
"""

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae import kernels
from scratchvae.held import Setting
from scratchvae.probability.likelihoods import (
    Likelihood,
    bounded_below,
    check_minimum,
    halves,
    halves_for,
)
from scratchvae.randomness import check_generator
from scratchvae.validation import FloatArray

_SPREADS = "log-scales"
_TOP = 255  # the highest level
_HALF = 0.5 / _TOP  # of the distance between two levels of pixels from 0 to 1


class _Edges(NamedTuple):
    """Where a pixel's level begins and ends, seen from the decoded mean, in units of the scale."""

    above: FloatArray  # u = (x + δ − m) / s
    below: FloatArray  # v = (x − δ − m) / s
    black: NDArray[np.bool_]  # where there is nothing below
    white: NDArray[np.bool_]  # where there is nothing above
    log_scale: FloatArray  # log s
    slope: FloatArray | float  # ∂ log s / ∂ raw


class DiscretisedLogisticLikelihood(Likelihood):
    """Each 8-bit number is a logistic variable around a decoded mean, rounded to a level.

    The last axis of ``decoded`` holds C means m and then C log-scales log s: one logistic for each
    number of an image, each channel of a colour by itself. A level x of pixels from 0 to 1 stands
    for all that is within δ = 1/510 of it, black for all that is darker as well and white for all
    that is lighter:

        P(x) = σ(u) − σ(v),   u = (x + δ − m) / s,   v = (x − δ − m) / s,

    with σ(u) = 1 at x = 1 and σ(v) = 0 at x = 0. As a difference of two nearly equal numbers it
    would lose all its digits far from the mean. But σ(u) − σ(v) = σ(u) σ(−v) (1 − e^(v − u)), so

        −log P(x) = softplus(−u) + softplus(v) − log(1 − e^(−w)),   w = u − v = 2δ / s.

    The first term is absent at x = 1, the second at x = 0, and the third at both. Its derivatives,
    with the same terms absent, are

    - by m: (σ(−u) − σ(v)) / s;
    - by log s: u σ(−u) − v σ(v) + w / (e^w − 1).

    These are probabilities of what a file holds, and add up to 1: −log P is in nats per image, with
    nothing left out. Divided by D log 2, D the numbers of an image, it is in *bits per dimension*
    (``scratchvae.evaluation.bits_per_dimension``), the unit of publications on such images.

    Floats are rounded to the nearest level. So that s does not go to 0 where a pixel is always the
    same, log s is bounded smoothly, as minimum + softplus(raw − minimum).

    Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, "Improving variational
    inference with inverse autoregressive flow" (2016), appendix D; Salimans, Karpathy, Chen and
    Kingma, "PixelCNN++" (2017), equation 2, with one component.

    Parameters
    ----------
    minimum_log_scale
        The bound; −∞ turns it off. The default, log 0.0005, is PixelCNN++'s −7 for pixels from −1
        to 1: an eighth of a level.
    """

    name: ClassVar[str] = "discretised-logistic"
    channels_per_pixel: ClassVar[int] = 2
    unit_interval: ClassVar[bool] = True
    levels: ClassVar[int | None] = _TOP + 1
    minimum_log_scale = Setting(check_minimum)

    def __init__(self, minimum_log_scale: float = -7.6931472) -> None:
        self.minimum_log_scale = minimum_log_scale

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log P(x | z) of each image, (N,)."""
        edges = self._edges(x, decoded)
        terms = np.where(edges.white, 0, kernels.softplus(-edges.above))
        terms += np.where(edges.black, 0, kernels.softplus(edges.below))
        terms -= np.where(edges.black | edges.white, 0, _log_of_inside(edges.log_scale))
        nll: FloatArray = terms.sum(axis=tuple(range(1, terms.ndim)))
        return nll

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return the gradients of means and raw log-scales, in ``decoded``'s shape."""
        edges = self._edges(x, decoded)
        above = np.where(edges.white, 0, kernels.sigmoid(-edges.above))  # σ(−u)
        below = np.where(edges.black, 0, kernels.sigmoid(edges.below))  # σ(v)
        d_mean = (above - below) * np.exp(-edges.log_scale)
        w = 2 * _HALF * np.exp(-edges.log_scale)
        with np.errstate(over="ignore"):  # where e^w is infinite, the share is 0
            share = np.divide(w, np.expm1(w), out=np.ones_like(w), where=w > 0)
        inside = np.where(edges.black | edges.white, 0, share)
        d_log_scale = edges.above * above - edges.below * below + inside
        return np.concatenate([d_mean, d_log_scale * edges.slope], axis=-1)

    def mean(self, decoded: FloatArray) -> FloatArray:
        """Return the mean image of p(x | z), to within half a level.

        It is the mean before rounding to levels, of the logistic cut off at 0 and 1:
        1 − ∫ σ((t − m) / s) dt = 1 − s [softplus((1 − m) / s) − softplus(−m / s)].
        """
        mean, raw = (half.astype(np.float64) for half in halves(decoded, _SPREADS))
        scale = np.exp(bounded_below(raw, self.minimum_log_scale)[0])
        below = scale * (kernels.softplus((1 - mean) / scale) - kernels.softplus(-mean / scale))
        return np.clip(1 - below, 0, 1).astype(decoded.dtype)

    def sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return images of 256 levels from 0 to 1."""
        check_generator(rng)
        mean, raw = halves(decoded, _SPREADS)
        uniform = rng.random(mean.shape, dtype=mean.dtype)
        with np.errstate(divide="ignore"):  # a draw of 0 is black
            logistic = np.log(uniform) - np.log1p(-uniform)
        drawn = mean + np.exp(bounded_below(raw, self.minimum_log_scale)[0]) * logistic
        return _levels(np.clip(drawn, 0, 1))

    def _edges(self, x: FloatArray, decoded: FloatArray) -> _Edges:
        mean, raw = halves_for(x, decoded, _SPREADS)
        log_scale, slope = bounded_below(raw, self.minimum_log_scale)
        level, inverse = _levels(x), np.exp(-log_scale)
        above, below = ((level + edge - mean) * inverse for edge in (_HALF, -_HALF))
        return _Edges(above, below, level <= 0, level >= 1, log_scale, slope)

    def __repr__(self) -> str:
        return f"DiscretisedLogisticLikelihood(minimum_log_scale={self.minimum_log_scale})"


def _levels(x: FloatArray) -> FloatArray:
    """Return pixels from 0 to 1, each at the level that is nearest."""
    levels: FloatArray = np.rint(x * _TOP) / x.dtype.type(_TOP)
    return levels


def _log_of_inside(log_scale: FloatArray) -> FloatArray:
    """Return log(1 − e^(−w)) for w = 2δ / s, however small w is."""
    w = 2 * _HALF * np.exp(-log_scale)
    small = -log_scale + np.log(2 * _HALF).astype(w.dtype) - w / 2 + w * w / 24
    exact: FloatArray = np.log(-np.expm1(-w), out=small, where=w > 1e-3)
    return exact
