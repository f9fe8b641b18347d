"""The score-function gradient beside the reparameterised one: their means and variances, measured.

For the quadratic of eq. 10.2 of the lessons the variances are eq. 10.9 and eq. 10.10; for a decoder
they can only be measured.

Dimensions: L draws, N images, D latents.
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from scratchvae.errors import InputError
from scratchvae.models import VAE
from scratchvae.probability import (
    GradientDraws,
    reparameterise,
    reparameterised_gradients,
    score_function_gradients,
)
from scratchvae.randomness import generator
from scratchvae.validation import MODEL, FloatArray, check_count, check_floats, check_is, check_seed

_ROWS = 2000  # reconstructions at a time


@dataclass(frozen=True)
class Estimate:
    """What many draws of a gradient say about it: (2, N, D), for the mean and the log-variance.

    Attributes
    ----------
    mean
        The gradient itself, up to ``error``.
    variance
        The variance of a single one of the ``draws``.
    """

    mean: FloatArray
    variance: FloatArray
    draws: int

    @property
    def error(self) -> FloatArray:
        """The standard error of ``mean``, (2, N, D)."""
        return np.sqrt(self.variance / self.draws)


@dataclass(frozen=True)
class GradientComparison:
    """Both estimators of the reconstruction's gradient on the same model, images and draws."""

    score_function: Estimate
    score_function_with_baseline: Estimate
    reparameterised: Estimate

    @property
    def largest_disagreement(self) -> float:
        """The largest difference between their means, in standard errors of that difference."""
        score, path = self.score_function, self.reparameterised
        error = np.sqrt(score.error**2 + path.error**2)
        return float((np.abs(score.mean - path.mean) / error).max())

    @property
    def variance_ratio(self) -> float:
        """How many times larger the score function's total variance is."""
        return float(self.score_function.variance.sum() / self.reparameterised.variance.sum())

    @property
    def variance_ratio_with_baseline(self) -> float:
        """The same with the mean reconstruction subtracted as a baseline."""
        score = self.score_function_with_baseline.variance.sum()
        return float(score / self.reparameterised.variance.sum())


class _Running:
    """Sums of draws and squares about the mean of the first draws, which costs no digits."""

    def __init__(self) -> None:
        self.draws = 0
        self.sums = self.squares = self.about = np.zeros(1)

    def add(self, gradients: GradientDraws) -> None:
        draws = np.stack(gradients, axis=1).astype(np.float64)  # (L, 2, N, D)
        if self.draws == 0:
            self.about = draws.mean(axis=0)
        centred = draws - self.about
        self.sums = self.sums + centred.sum(axis=0)
        self.squares = self.squares + (centred * centred).sum(axis=0)
        self.draws += len(draws)

    def estimate(self) -> Estimate:
        shift = self.sums / self.draws
        variance = (self.squares - self.draws * shift * shift) / (self.draws - 1)
        return Estimate(self.about + shift, variance, self.draws)


def compare_gradient_estimators(
    model: VAE, x: FloatArray, *, draws: int = 10_000, seed: int = 0
) -> GradientComparison:
    """Measure both estimators of ∇ E_q[−log p(x | z)] for the encoder's mean and log-variance.

    The KL is left out, since its gradient has a closed form with either estimator.

    Parameters
    ----------
    model
        It stays as it is: a copy of it runs.
    x
        Images in the model's dtype, (N, …): a few, since the variance is measured for each.
    draws
        L, at least 2.
    seed
        Fixes the draws.
    """
    check_is(model, "model", VAE, MODEL)
    check_count(draws, "draws", 2)
    check_floats(x, "x", model.dtype)
    if len(model.as_images(x, "x")) == 0:
        raise InputError("x must hold at least one image, and there is none")
    rng, model = generator(check_seed(seed)), deepcopy(model)
    mean, log_variance = model.encode_distribution(x)  # (N, D)

    def reconstruct(count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return −log p(x | z) (L, N), its slope ∂/∂z (L, N, D) and the noise of z (L, N, D)."""
        eps = rng.standard_normal((count, *mean.shape), dtype=model.dtype)
        z = reparameterise(mean, log_variance, eps).reshape(-1, model.latent_dim)
        targets = np.concatenate([x] * count)
        decoded = model.decoder.forward(z)
        f = model.negative_log_likelihood(targets, decoded)
        df = model.decode_backward(model.likelihood_gradient(targets, decoded))
        return f.reshape(count, len(x)), df.reshape(eps.shape), eps

    running = [_Running() for _ in range(3)]
    at_once = max(_ROWS // len(x), 1)
    # The baseline comes from draws of its own, so that it is independent of those it is used for.
    baseline = reconstruct(at_once)[0].mean(axis=0)
    for done in range(0, draws, at_once):
        f, df, eps = reconstruct(min(at_once, draws - done))
        running[0].add(score_function_gradients(f, log_variance, eps))
        running[1].add(score_function_gradients(f, log_variance, eps, baseline))
        running[2].add(reparameterised_gradients(df, log_variance, eps))
    return GradientComparison(*(each.estimate() for each in running))
