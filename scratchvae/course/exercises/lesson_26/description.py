"""The effective β of two means, and describing one's own VAE to the doctor.

Dimensions: N images of P pixels, H hidden units, D latents.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.checks.doctor.examination import doctor_of
from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import VAE, Bernoulli, Dense, Sequential, Tanh
from scratchvae.course.program.probability import draw, kl_to_standard
from scratchvae.validation import FloatArray

Described = dict[str, Any]
TWO_MEANS = Question(
    name="two-means",
    kind="predict",
    answer=784 / 200,
    mistakes={
        "that is the weight of the reconstruction where the KL has 1; β is the other way": 200
        / 784,
        "both terms are means, but not over as many numbers": 1.0,
        "that is the β where the KL is a sum; here it is a mean over the latents": 784.0,
        "that is the β where the reconstruction is a sum; here it is a mean over pixels": 1 / 200,
    },
    hints=(
        "Write R for the sum over the pixels and KL for that over the latents. What is the loss?",
        "Multiply R/784 + KL/200 by 784.",
    ),
)

EXAMINED = ("draw", "KL", "reconstruction", "effective beta")


def describe(vae: Any, images: FloatArray) -> Described:
    """Return what the doctor needs of a VAE, by the names that it knows."""
    rng = np.random.default_rng()
    return {
        "data": images,
        "encode": vae.encode,
        "draw": lambda mean, log_variance: draw(
            mean, log_variance, rng.standard_normal(mean.shape)
        ),
        "decode": vae.decoder.forward,
        "loss": lambda x, y, mean, log_variance: (
            vae.likelihood.nats(x, y) + kl_to_standard(mean, log_variance)
        ).mean(),
    }


def _with(**parts: Callable[[Any], Any]) -> Callable[[Any, FloatArray], Described]:
    """Return a description of which some parts are others, made of the VAE."""
    return lambda vae, images: (
        describe(vae, images) | {name: part(vae) for name, part in parts.items()}
    )


def _seeded(vae: Any) -> Callable[..., FloatArray]:
    return lambda mean, log_variance: draw(
        mean, log_variance, np.random.default_rng(0).standard_normal(mean.shape)
    )


def _one_row(vae: Any) -> Callable[..., FloatArray]:
    rng = np.random.default_rng()
    return lambda mean, log_variance: draw(
        mean, log_variance, np.tile(rng.standard_normal(mean.shape[1]), (len(mean), 1))
    )


def _reconstruction_only(vae: Any) -> Callable[..., float]:
    return lambda x, y, mean, log_variance: float(vae.likelihood.nats(x, y).mean())


def _pixels_averaged(vae: Any) -> Callable[..., float]:
    return lambda x, y, mean, log_variance: float(
        (vae.likelihood.nats(x, y) / x.shape[1] + kl_to_standard(mean, log_variance)).mean()
    )


def _probabilities(vae: Any) -> Callable[..., FloatArray]:
    return lambda z: vae.likelihood.mean(vae.decoder.forward(z))


def _found(function: Any) -> Callable[..., Any]:
    """Return a function that describes a VAE, calls the doctor, and gives what it says as numbers.

    Of each of ``EXAMINED`` whether it is right; then the rank of the first fault, or −1.
    """

    def run(vae: Any, images: FloatArray) -> Any:
        description = function(vae, images)
        if description is None or description is ...:
            return None
        report = doctor_of(dict(description))
        right = {row.cause for row in report.rows if row.kind == "ok"}
        first = report.findings[0].rank if report.findings else -1
        return np.array([float(name in right) for name in EXAMINED]), float(first)

    return run


def _draw_vae(random: np.random.Generator) -> tuple[Any, FloatArray]:
    pixels, hidden, latents = unequal_sizes(random, 3, 3, 9)
    encoder = Sequential(
        Dense(pixels, hidden, random, np.float64),
        Tanh(),
        Dense(hidden, 2 * latents, random, np.float64),
    )
    decoder = Sequential(
        Dense(latents, hidden, random, np.float64),
        Tanh(),
        Dense(hidden, pixels, random, np.float64),
    )
    images = (random.random((16, pixels)) < 0.5).astype(np.float64)
    return VAE(encoder, decoder, Bernoulli(), latents), images


DESCRIBE = Exercise(
    name="describe-your-vae",
    answer=describe,
    use=_found,
    draw=_draw_vae,
    mistakes={
        "your draw makes its generator anew, so its noise is the same in every call: make it "
        "once, outside": _with(draw=_seeded),
        "your draw has one row of noise for all images: draw it in the shape of the means": (
            _with(draw=_one_row)
        ),
        "your loss has no KL: add it to the reconstruction": _with(loss=_reconstruction_only),
        "your loss divides the reconstruction by the number of pixels: that is a β of P": (
            _with(loss=_pixels_averaged)
        ),
        "your decode gives probabilities, and the likelihood of your loss takes logits": (
            _with(decode=_probabilities)
        ),
    },
    hints=(
        "Five names: data, encode, draw, decode, loss. Three of them the VAE has already.",
        "draw(mean, log_variance) draws its own noise; loss takes x, the decoder's output, mean "
        "and log_variance, and returns one number.",
        "The loss is (vae.likelihood.nats(x, y) + kl_to_standard(mean, log_variance)).mean().",
    ),
    returns=("what the doctor finds right", "what it finds wrong"),
)
