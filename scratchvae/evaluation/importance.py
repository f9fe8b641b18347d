"""Importance-weighted estimates of log p(x).

With z₁ … z_K drawn from q(z | x) and the weights w_k = p(x | z_k) p(z_k) / q(z_k | x),

    p̂ = 1/K Σ w_k                 is unbiased: its expectation is p(x), for any q and K;
    log p̂                         is biased: below log p(x) in expectation, by about Var(w) / 2K p².

So the expectation of log p̂ grows with K, from the evidence lower bound at K = 1 to log p(x).
The lessons derive the weights (eq. 5.7), the estimate (eq. 5.8) and its bias (eq. 5.11, eq. 5.12).
Sources: Rezende, Mohamed and Wierstra (2014), appendix E; Burda, Grosse and Salakhutdinov (2016).

Weights differ by hundreds of nats between images and by tens between draws, so only their
logarithms are ever stored. They come in chunks of bounded size, so that any K fits into memory.

Dimensions: N images, K draws of z per image, D latents.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.models import VAE, LatentModel
from scratchvae.progress import progress_bar
from scratchvae.randomness import stream
from scratchvae.validation import FloatArray, check_count

# The numbers of images that are encoded and of pairs of image and z that are decoded at a time: the
# widest recipe's hidden layers of 1,000 images are 0.3 GB.
IMAGES, PAIRS = 50, 1000


@dataclass(frozen=True)
class ImportanceEstimate:
    """Estimates of log p(x), in nats.

    Attributes
    ----------
    log_likelihood
        Of each image, (N,).
    standard_error
        That of each over draws of z, (N,), by the delta method: the relative standard error of the
        mean weight. Infinite for one draw, which says nothing about the spread. It is itself an
        estimate, and too small where a few weights outweigh all others.
    effective_samples
        (Σ w)² / Σ w² of each image, (N,): how many equal weights would be worth as much.
    samples
        K, the number of draws of z per image.
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
        """How far below the truth the mean is expected to be, to first order in 1/K."""
        return float((self.standard_error**2).mean() / 2)


class LogMeanExp:
    """The running mean of weights and of their squares from their logarithms only, by eq. 4.7."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self._largest = np.full(size, -np.inf)
        self._sum = self._squares = np.zeros(size)

    def add(self, log_weights: FloatArray) -> None:
        """Add weights, given their logarithms (L, size)."""
        log_weights = log_weights.astype(np.float64)
        largest = np.maximum(self._largest, log_weights.max(axis=0))
        # Where all weights so far are zero, −∞ − −∞ must be 0, not NaN.
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
            return self._sum**2 / self._squares

    def standard_error(self) -> FloatArray:
        """Return the standard error of ``log_mean``, (size,)."""
        if self.count < 2:
            return np.full(len(self._sum), np.inf)
        excess = np.maximum(1 / self.effective() - 1 / self.count, 0.0)
        return np.sqrt(excess * self.count / (self.count - 1))


def estimate_log_likelihood(
    model: LatentModel, images: NDArray[Any], samples: int, *, seed: int = 0, progress: bool = False
) -> ImportanceEstimate:
    """Estimate log p(x) of each image from ``samples`` draws of z.

    Parameters
    ----------
    model
        A VAE. Its loss may have any β: this is log p(x) with all constants included.
    images
        As for ``model.elbo`` and read in the same way: 8-bit pixels are binarised by the same coin
        tosses if the model's settings say so.
    samples
        K, the number of draws of z per image.
    seed
        Fixes the draws.
    progress
        Whether to show a progress bar (only where there is a terminal to show it on).

    Raises
    ------
    InputError
        If ``check_estimable`` refuses the model, or there are no images.
    """
    vae = check_estimable(model, samples)
    images = vae.as_images(images)
    if len(images) == 0:
        raise InputError("estimate_log_likelihood expects at least one image")
    found: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    with _progress_bar(len(images) * samples, progress) as bar:
        for number, x in enumerate(_chunks(vae, images, seed)):
            mean, log_variance = (a.copy() for a in looking_at(vae).encode_distribution(x))
            running = LogMeanExp(len(x))
            at_once = max(PAIRS // len(x), 1)
            for chunk, start in enumerate(range(0, samples, at_once)):
                count = min(at_once, samples - start)
                rng = stream(seed, "evaluate", number, chunk)
                eps = rng.standard_normal((count, *mean.shape), dtype=vae.dtype)
                running.add(looking_at(vae).log_weights_under(x, eps, mean, log_variance))
                bar.update(count * len(x))
            found.append((running.log_mean(), running.standard_error(), running.effective()))
    values, errors, effective = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return ImportanceEstimate(values, errors, effective, samples)


def check_estimable(model: LatentModel, samples: int) -> VAE:
    """Return the model if its log p(x) can be estimated from ``samples`` draws of z.

    Raise ``InputError`` if it is class-conditional, has no prior or more than one layer of latents,
    or if ``samples`` is not a positive integer.
    """
    check_count(samples, "importance samples")
    name = type(model).__name__
    if model.classes:
        raise InputError(
            f"the importance-weighted estimate is of log p(x), but {name} is conditioned on the "
            "class, and log p(x | class) is not supported yet: use evaluate for its bound"
        )
    if not model.has_prior:
        raise InputError(
            f"the importance-weighted estimate of log p(x) needs a prior and an encoder that gives "
            f"a distribution, and {name} has neither: use evaluate for its reconstruction error"
        )
    if not isinstance(model, VAE):
        raise InputError(
            f"the importance-weighted estimate needs a model with one layer of latents, and "
            f"{name} has more, which is not supported yet: use evaluate for its bound"
        )
    return model


def _chunks(model: VAE, images: NDArray[Any], seed: int) -> Any:
    """Yield images as floats, a few at a time, binarised as ``model.elbo`` binarises them."""
    for x, _ in model._read(images, None, seed):
        for start in range(0, len(x), IMAGES):
            yield np.ascontiguousarray(x[start : start + IMAGES])


def _progress_bar(total: int, wanted: bool) -> Any:
    return progress_bar(
        wanted,
        total=total,
        unit=" z",
        unit_scale=True,
        bar_format="log p(x) |{bar}| {rate_fmt}  {remaining} left",
    )
