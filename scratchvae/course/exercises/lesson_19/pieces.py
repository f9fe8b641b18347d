"""Exercises on the β-VAE and on looking at its latents.

Dimensions: N images of P pixels, D latents, S steps.
"""

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.small import draw_images, in_a_row, small_networks
from scratchvae.course.program import (
    VAE,
    Bernoulli,
    BetaVAE,
    decoder_backward,
    draw_backward,
    encoder_backward,
    kl_gradients,
    latent_gradients,
    traverse,
)
from scratchvae.validation import FloatArray


def _draw_weighted(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, float, int]:
    x, eps, seed = draw_images(random)
    return x, eps, float(random.uniform(2, 8)), seed


def _used_vae(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, eps: FloatArray, beta: float, seed: int) -> Any:
        latents = eps.shape[1]
        networks = small_networks(x.shape[1], latents, seed)
        vae = kind(*networks, Bernoulli(), latents, beta)
        terms = vae.forward(x, eps)
        vae.backward()
        gradients = [in_a_row(network.gradients) for network in networks if network.gradients]
        return (*terms, np.concatenate(gradients)) if len(gradients) == 2 else None

    return run


class _Unweighted(BetaVAE):
    def backward(self) -> None:
        VAE.backward(self)


class _AllWeighted(BetaVAE):
    def backward(self) -> None:
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        both = latent_gradients(dz, mean, log_variance, eps)
        encoder_backward(self.encoder, *(self.beta * gradient for gradient in both))


class _Summed(BetaVAE):
    def backward(self) -> None:
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        paths = zip(
            draw_backward(dz, log_variance, eps), kl_gradients(mean, log_variance), strict=True
        )
        encoder_backward(self.encoder, *(a + self.beta * b for a, b in paths))


class _MeanOnly(BetaVAE):
    def backward(self) -> None:
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        d_mean, d_log_variance = latent_gradients(dz, mean, log_variance, eps)
        d_mean = d_mean + (self.beta - 1) * mean / len(x)
        encoder_backward(self.encoder, d_mean, d_log_variance)


BETA_VAE = Exercise(
    name="beta-vae",
    piece="BetaVAE",
    answer=BetaVAE,
    use=_used_vae,
    draw=_draw_weighted,
    given=("__init__",),
    mistakes={
        "the KL's gradients have no weight yet: that is the plain VAE's": _Unweighted,
        "β weights the KL's part only, and not what comes back from the decoder": _AllWeighted,
        "the KL's part is summed over the images; the loss is their mean": _Summed,
        "the mean's path through the KL has its weight, and the log-variance's has not": _MeanOnly,
    },
    hints=(
        "decoder_backward gives dz as before. Only the KL's part is different.",
        "draw_backward(dz, log_variance, eps) and kl_gradients(mean, log_variance) give the two "
        "paths apart.",
        "Add β / N times the second to the first, for both, and hand them to encoder_backward.",
    ),
    returns=("the reconstruction", "the KL", "the gradients after backward"),
)

PRICE_OF_A_FACTOR = Question(
    name="price-of-a-factor",
    kind="predict",
    answer=0.5 * log(25),
    mistakes={
        "that is with β = 1; the level is βc": 0.5 * log(100),
        "there is a half before the logarithm": log(25),
        "(11.9) has λ divided by βc, not β times λ/c": 0.5 * log(400),
        "that is in bits; take the natural logarithm": 0.5 * log(25) / log(2),
    },
    hints=(
        "By (11.9) it is ½ log of λ over βc.",
        "λ / (βc) is 100 / 4.",
    ),
)


def _draw_traversal(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    latents, outputs, steps = unequal_sizes(random, 3)
    weight = random.standard_normal((latents, outputs))
    return weight, random.standard_normal(latents), random.standard_normal(steps)


def _used_traversal(function: Any) -> Callable[..., Any]:
    def run(weight: FloatArray, code: FloatArray, values: FloatArray) -> Any:
        return function(lambda z: np.tanh(z @ weight), code, values)

    return run


def _all_moved(
    decode: Callable[[FloatArray], FloatArray], code: FloatArray, values: FloatArray
) -> FloatArray:
    z = np.repeat(code[None], len(values), axis=0)
    rows = []
    for j in range(len(code)):
        z[:, j] = values
        rows.append(decode(z))
    return np.stack(rows)


def _from_the_middle(
    decode: Callable[[FloatArray], FloatArray], code: FloatArray, values: FloatArray
) -> FloatArray:
    return traverse(decode, 0 * code, values)


def _added(
    decode: Callable[[FloatArray], FloatArray], code: FloatArray, values: FloatArray
) -> FloatArray:
    steps = np.eye(len(code))[:, None] * values[:, None]
    return np.stack([decode(code + row) for row in steps])


TRAVERSE = Exercise(
    name="traverse",
    piece="traverse",
    answer=traverse,
    use=_used_traversal,
    draw=_draw_traversal,
    planted=_all_moved,
    mistakes={
        "the other latents are at 0; they are to stay where the image has them": _from_the_middle,
        "the values are added to the latent; they are to take its place": _added,
    },
    hints=(
        "The first row is right. What do the codes of the second row look like?",
        "At the end of the first row, latent 0 is no longer the image's.",
        "Make z anew for each latent.",
    ),
    returns=("the images",),
)
