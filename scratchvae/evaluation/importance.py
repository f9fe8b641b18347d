"""Importance-weighted estimates of log p(x).

With z₁ … z_K drawn from q(z | x) and the weights w_k = p(x | z_k) p(z_k) / q(z_k | x),

    p̂ = 1/K Σ w_k                 is unbiased: its expectation is p(x), whatever q and K are;
    log p̂                         is biased: below log p(x) in expectation, by about Var(w) / 2K p².

So the expectation of log p̂ grows with K, from the evidence lower bound at K = 1 to log p(x).
The lessons derive the weights as eq. 5.7, the estimate as eq. 5.8 and its bias as eq. 5.11 and
eq. 5.12.
Sources: Rezende, Mohamed and Wierstra (2014), appendix E; Burda, Grosse and Salakhutdinov (2016).

Weights differ by hundreds of nats between images and tens between draws: only their logarithms are
ever stored. They come in pieces of a bounded size, so that any K fits into memory.

Dimensions: N images, K draws of z per image, D latents.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.models import VAE, LatentModel
from scratchvae.randomness import stream
from scratchvae.validation import FloatArray, check_count

# So many images are encoded at a time, and so many pairs of image and z decoded: 1,000 images of
# the widest recipe's hidden layers are 0.3 GB.
IMAGES, PAIRS = 50, 1000


@dataclass(frozen=True)
class ImportanceEstimate:
    """Estimates of log p(x), in nats.

    Attributes
    ----------
    log_likelihood
        Of each image, (N,).
    standard_error
        Of each of these over draws of z, (N,), by the delta method: the relative standard error of
        the mean weight. Infinite for one draw, which says nothing of its spread. It is itself an
        estimate: where a few weights outweigh all others it is too small.
    effective_samples
        (Σ w)² / Σ w² of each image, (N,): how many equal weights would be worth as much.
    samples
        K.
    """

    log_likelihood: FloatArray
    standard_error: FloatArray
    effective_samples: FloatArray
    samples: int

    @property
    def mean(self) -> float:
        """The mean over the images."""
        return float(self.log_likelihood.mean())

    @property
    def mean_standard_error(self) -> float:
        """The standard error of that mean over draws of z, for these images."""
        return float(np.sqrt((self.standard_error**2).sum()) / len(self.standard_error))

    @property
    def bias(self) -> float:
        """By how much the mean is expected to be too low, to first order in 1/K."""
        return float((self.standard_error**2).mean() / 2)


class LogMeanExp:
    """The running mean of weights and of their squares, of which only the logarithms are given.

    By log-sum-exp, eq. 4.7 of the lessons.
    """

    def __init__(self, size: int) -> None:
        self.count = 0
        self._largest = np.full(size, -np.inf)
        self._sum = np.zeros(size)
        self._squares = np.zeros(size)

    def add(self, log_weights: FloatArray) -> None:
        """Count weights (L, size)."""
        log_weights = log_weights.astype(np.float64)
        largest = np.maximum(self._largest, log_weights.max(axis=0))
        # Where all weights so far are zero, −∞ − −∞ is to be 0 rather than no number.
        shift = np.where(np.isneginf(largest), 0.0, largest)
        shrink = np.exp(self._largest - shift)
        weights = np.exp(log_weights - shift)
        self._sum = self._sum * shrink + weights.sum(axis=0)
        self._squares = self._squares * shrink**2 + (weights**2).sum(axis=0)
        self._largest = largest
        self.count += len(log_weights)

    def log_mean(self) -> FloatArray:
        """Return the logarithm of the mean weight, (size,)."""
        with np.errstate(divide="ignore"):
            log_mean: FloatArray = np.log(self._sum / self.count) + self._largest
        return log_mean

    def effective(self) -> FloatArray:
        """Return how many equal weights would be worth as much, (size,)."""
        with np.errstate(invalid="ignore"):
            effective: FloatArray = self._sum**2 / self._squares
        return effective

    def standard_error(self) -> FloatArray:
        """Return the standard error of ``log_mean``, (size,)."""
        if self.count < 2:
            return np.full(len(self._sum), np.inf)
        excess = np.maximum(1 / self.effective() - 1 / self.count, 0.0)
        error: FloatArray = np.sqrt(excess * self.count / (self.count - 1))
        return error


def estimate_log_likelihood(
    model: LatentModel,
    images: NDArray[Any],
    samples: int,
    *,
    seed: int = 0,
    progress: bool = False,
) -> ImportanceEstimate:
    """Estimate log p(x) of each image from ``samples`` draws of z.

    Parameters
    ----------
    model
        A VAE. Its loss may have any β: this is log p(x), every constant included.
    images
        As ``model.elbo`` takes them, read in the same way: 8-bit pixels are binarised by the same
        coin tosses where the model's settings say so.
    samples
        K.
    seed
        Fixes the draws.
    progress
        Whether to show a progress bar (only where there is a terminal to show it on).

    Raises
    ------
    InputError
        If the model is none that ``check_estimable`` takes, or there are no images.
    """
    vae = check_estimable(model, samples)
    images = vae.as_images(images)
    if len(images) == 0:
        raise InputError("estimate_log_likelihood expects at least one image")
    found: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    with _progress_bar(len(images) * samples, progress) as bar:
        for number, x in enumerate(_pieces(vae, images, seed)):
            mean, log_variance = (array.copy() for array in looking_at(vae).encode_distribution(x))
            running = LogMeanExp(len(x))
            at_once = max(PAIRS // len(x), 1)
            for piece, start in enumerate(range(0, samples, at_once)):
                count = min(at_once, samples - start)
                rng = stream(seed, "evaluate", number, piece)
                eps = rng.standard_normal((count, *mean.shape), dtype=vae.dtype)
                running.add(looking_at(vae).log_weights_under(x, eps, mean, log_variance))
                bar.update(count * len(x))
            found.append((running.log_mean(), running.standard_error(), running.effective()))
    values, errors, effective = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return ImportanceEstimate(values, errors, effective, samples)


def check_estimable(model: LatentModel, samples: int) -> VAE:
    """Return the model if its log p(x) can be estimated from so many draws of z.

    Raises
    ------
    InputError
        If it is told the class, has no prior, or has more than one layer of latents; or if
        ``samples`` is no count.
    """
    check_count(samples, "importance samples")
    name = type(model).__name__
    if model.classes:
        raise InputError(
            f"the importance-weighted estimate is of log p(x), and {name} is told the class: its "
            "log p(x | class) is not offered yet; use evaluate for its bound"
        )
    if not model.has_prior:
        raise InputError(
            f"the importance-weighted estimate of log p(x) needs a prior and an encoder that gives "
            f"a distribution, and {name} has neither: use evaluate for its reconstruction error"
        )
    if not isinstance(model, VAE):
        raise InputError(
            f"the importance-weighted estimate is of models with one layer of latents, and {name} "
            "is none: it is not offered yet; use evaluate for its bound"
        )
    return model


def _pieces(model: VAE, images: NDArray[Any], seed: int) -> Any:
    """Yield images as floats, few at a time, tossed as ``model.elbo`` tosses them."""
    for x, _ in model._read(images, None, seed):
        for start in range(0, len(x), IMAGES):
            yield np.ascontiguousarray(x[start : start + IMAGES])


def _progress_bar(total: int, wanted: bool) -> Any:
    from tqdm import tqdm

    return tqdm(
        total=total,
        disable=not (wanted and sys.stderr.isatty()),
        unit=" z",
        unit_scale=True,
        leave=False,
        dynamic_ncols=True,
        bar_format="log p(x) |{bar}| {rate_fmt}  {remaining} left",
    )
