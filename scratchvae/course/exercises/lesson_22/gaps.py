"""The truth of a model of two latents, and exercises on the two parts of what its bound lacks.

Dimensions: N images of P pixels, D latents, G nodes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.small import small_vae
from scratchvae.course.program import kl_gradients, latent_activity, negative_bound
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]

_CHUNK = 4000  # points of the grid that are decoded at a time


def log_joint_on_grid(vae: Any, x: FloatArray, side: FloatArray) -> FloatArray:
    """Return log p(x, z) at each point of a square grid of two latents, (G · G, N): for eq. 22.1.

    ``side`` holds the G places along each side. The pixels are Bernoulli's, so that all images
    share one product: log p(x | z) = x · y − Σ log(1 + e^y).
    """
    first, second = np.meshgrid(side, side, indexing="ij")
    z = np.stack([first.ravel(), second.ravel()], axis=1).astype(x.dtype)
    parts = []
    for start in range(0, len(z), _CHUNK):
        chunk = z[start : start + _CHUNK]
        y = vae.decoder.forward(chunk)
        constant = np.logaddexp(0, y).sum(axis=1, dtype=float)
        prior = -0.5 * (chunk.astype(float) ** 2).sum(axis=1) - np.log(2 * np.pi)
        parts.append((y @ x.T) + (prior - constant)[:, None])
    return np.concatenate(parts).astype(float)


def log_evidence_on_grid(vae: Any, x: FloatArray, side: FloatArray) -> FloatArray:
    """Return log p(x) of each image, (N,), summed over a square grid of two latents: eq. 22.1."""
    log_joint = log_joint_on_grid(vae, x, side)
    largest = log_joint.max(axis=0)
    area = (side[1] - side[0]) ** 2
    evidence: FloatArray = largest + np.log(np.exp(log_joint - largest).sum(axis=0) * area)
    return evidence


def product_nodes(count: int, latents: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes (count^D, D) and shares for expectations over N(0, I): eq. 22.11.

    They are exact for polynomials of degree up to 2 · count − 1 in each latent.
    """
    places, weights = np.polynomial.hermite_e.hermegauss(count)
    nodes = np.stack(np.meshgrid(*[places] * latents, indexing="ij"), axis=-1).reshape(-1, latents)
    shares = np.ones(1)
    for _ in range(latents):
        shares = np.outer(shares, weights / weights.sum()).ravel()
    return nodes, shares


def gap_parts(
    evidence: FloatArray, best: FloatArray, encoder: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the approximation gap and the amortisation gap of each image: eq. 22.10.

    ``best`` and ``encoder`` are the bounds of the best q for each image and of the encoder's.
    """
    return evidence - best, best - encoder


def _draw_means(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, latents = unequal_sizes(random, 2)
    return random.standard_normal((count, latents)), random.standard_normal((count, latents)) - 1


def _of_all_draws(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    variance: FloatArray = mean.var(axis=0, ddof=1) + np.exp(log_variance).mean(axis=0)
    return variance


LATENT_ACTIVITY = Exercise(
    name="latent-activity",
    piece="latent_activity",
    answer=latent_activity,
    draw=_draw_means,
    planted=_of_all_draws,
    mistakes={
        "the variance over the latents of an image is another thing: take it over the images": (
            lambda mean, log_variance: mean.var(axis=1, ddof=1)
        ),
        "that is the noise of q, which is largest where a latent says nothing": (
            lambda mean, log_variance: np.exp(log_variance).mean(axis=0)
        ),
        "divide by N − 1, ddof=1": lambda mean, log_variance: mean.var(axis=0),
        "these are standard deviations": lambda mean, log_variance: mean.std(axis=0, ddof=1),
    },
    hints=(
        "What does it give for a latent with mean 0 and log-variance 0 for every image?",
        "By (22.9) that latent's draws have the variance 1. Which of the two terms is about x?",
    ),
    returns=("the activity",),
)


def _draw_gaussians(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, int]:
    count, pixels, latents, points = unequal_sizes(random, 4)
    x = (random.random((count, pixels)) < 0.5).astype(float)
    mean, log_variance = random.standard_normal((2, count, latents))
    shares = random.random(points) + 0.2
    nodes = random.standard_normal((points, latents))
    return x, mean, log_variance, nodes, shares / shares.sum(), int(random.integers(1000))


def _used_bound(function: Any) -> Answer:
    def run(
        x: FloatArray,
        mean: FloatArray,
        log_variance: FloatArray,
        nodes: FloatArray,
        shares: FloatArray,
        seed: int,
    ) -> Any:
        vae = small_vae(x.shape[1], mean.shape[1], seed)
        return function(vae, x, mean, log_variance, nodes, shares)

    return run


def _over_the_batch(vae: Any, x: FloatArray, *rest: Any) -> Any:
    loss, d_mean, d_log_variance = negative_bound(vae, x, *rest)
    return loss, d_mean / len(x), d_log_variance / len(x)


def _half_over_the_batch(
    vae: Any, x: FloatArray, mean: FloatArray, log_variance: FloatArray, *rest: Any
) -> Any:
    """Return what ``decoder_backward`` leads to: the reconstruction's gradients divided by N."""
    loss, *both = negative_bound(vae, x, mean, log_variance, *rest)
    of_kl = kl_gradients(mean, log_variance)
    return loss, *((d - kl) / len(x) + kl for d, kl in zip(both, of_kl, strict=True))


def _without_kl(
    vae: Any, x: FloatArray, mean: FloatArray, log_variance: FloatArray, *rest: Any
) -> Any:
    loss, *both = negative_bound(vae, x, mean, log_variance, *rest)
    of_kl = kl_gradients(mean, log_variance)
    return loss, *(d - kl for d, kl in zip(both, of_kl, strict=True))


def _shares_in_the_loss_only(
    vae: Any,
    x: FloatArray,
    mean: FloatArray,
    log_variance: FloatArray,
    nodes: FloatArray,
    shares: FloatArray,
) -> Any:
    loss, _, _ = negative_bound(vae, x, mean, log_variance, nodes, shares)
    return loss, *negative_bound(vae, x, mean, log_variance, nodes, np.ones_like(shares))[1:]


def _equal_shares(
    vae: Any,
    x: FloatArray,
    mean: FloatArray,
    log_variance: FloatArray,
    nodes: FloatArray,
    shares: FloatArray,
) -> Any:
    equal = np.full(len(shares), 1 / len(shares))
    return negative_bound(vae, x, mean, log_variance, nodes, equal)


NEGATIVE_BOUND = Exercise(
    name="negative-bound",
    piece="negative_bound",
    answer=negative_bound,
    use=_used_bound,
    draw=_draw_gaussians,
    mistakes={
        "the gradients are divided by N: here each image has a loss and a Gaussian of its own": (
            _over_the_batch
        ),
        "the decoder's part of the gradients is divided by N: decoder_backward takes a mean": (
            _half_over_the_batch
        ),
        "the shares are in the loss, but not in its gradients": _shares_in_the_loss_only,
        "the KL's gradients are missing": _without_kl,
        "all nodes count alike: weigh them by their shares": _equal_shares,
    },
    hints=(
        "Forwards: z = draw(mean, log_variance, eps) is (G, N, D) with eps = nodes[:, None] "
        "repeated N times; the decoder wants rows.",
        "The loss is shares @ nats + kl_to_standard(mean, log_variance), nats being (G, N).",
        "Backwards: dy is shares[:, None, None] * likelihood.gradient(x, y); draw_backward takes "
        "dz of (G, N, D), and its results are summed over the nodes, before kl_gradients is added.",
    ),
    returns=("the loss", "d_mean", "d_log_variance"),
)

WHICH_GAP = Question(
    name="which-gap",
    kind="explain",
    answer="C",
    mistakes={
        "they are Gaussians of independent latents whatever network gives them": "A",
        "the best Gaussian for an image is no network's work, so one of the gaps stays": "B",
        "the bound is too low by both, and one of them is the encoder's alone": "D",
    },
    hints=(
        "The decoder stays as it is, so log p(x) does.",
        "Does the best Gaussian for an image depend on the encoder?",
    ),
)
