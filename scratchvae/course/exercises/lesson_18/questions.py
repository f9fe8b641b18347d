"""The exercises of lesson 18 on what is trained: its cost, its switch, and where its latents lie.

Dimensions: N images, D latents, C channels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import BatchNorm, Dense, Sequential, products, set_training
from scratchvae.validation import FloatArray


def aggregate_moments(mean: FloatArray, log_variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of each latent over all images and their noise: eq. 18.2."""
    return mean.mean(axis=0), np.exp(log_variance).mean(axis=0) + mean.var(axis=0)


def _draw_counts(random: np.random.Generator) -> tuple[int, int, int, int]:
    places, window, inputs, outputs = unequal_sizes(random, 4, 2, 9)
    return places**2, window, inputs, outputs


def _draw_posteriors(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    mean, log_variance = random.standard_normal((2, *unequal_sizes(random, 2)))
    return 1 + mean, log_variance


PRODUCTS = Exercise(
    name="products",
    piece="products",
    answer=products,
    draw=_draw_counts,
    mistakes={
        "a window has k² places, not k": lambda places, window, inputs, outputs: (
            places * window * inputs * outputs
        ),
        "multiplications are asked for; the additions are not counted": (
            lambda places, window, inputs, outputs: 2 * products(places, window, inputs, outputs)
        ),
        "a bias is added; it takes no multiplication": (
            lambda places, window, inputs, outputs: (
                products(places, window, inputs, outputs) + places * outputs
            )
        ),
        "each output channel looks at all input channels": (
            lambda places, window, inputs, outputs: places * window**2 * outputs
        ),
        "these are the weights; each of them is used at every place": (
            lambda places, window, inputs, outputs: window**2 * inputs * outputs
        ),
    },
    hints=(
        "One output number is a sum of how many products?",
        "k² C products for each of O numbers at each place.",
    ),
    returns=("the number",),
)

WIDER_NETWORK = Question(
    name="wider-network",
    kind="predict",
    answer=4.0,
    within=0.03,
    mistakes={
        "both the inputs and the outputs of a layer become twice as many": 2.0,
        "there are two factors that double in (18.1), not three": 8.0,
    },
    hints=(
        "Which factors of (18.1) are channels?",
        "Nearly all layers have C and O of the width: both double.",
    ),
)


def _used_images(function: Any) -> Callable[..., Any]:
    def run(z: FloatArray, running: FloatArray) -> Any:
        rng = np.random.default_rng(0)
        encoder = Sequential(Dense(4, 4, rng), BatchNorm(4))
        decoder = Sequential(Dense(z.shape[1], 4, rng), BatchNorm(4), Dense(4, 5, rng))
        decoder.layers[1].buffers = {"mean": running.copy(), "variance": 1 + running**2}
        images = function(encoder, decoder, z)
        if images is None or images is ...:
            return None
        moved = decoder.layers[1].buffers["mean"]
        return images, moved, np.array([decoder.layers[1].training], float)

    return run


def draw_images(encoder: Any, decoder: Any, z: FloatArray) -> Any:
    """Return what is decoded for each z by itself, and leave the decoder in training mode."""
    set_training(decoder, False)
    images = decoder.forward(z)
    set_training(decoder, True)
    return images


def _switches_the_encoder(encoder: Any, decoder: Any, z: FloatArray) -> Any:
    set_training(encoder, False)
    images = decoder.forward(z)
    set_training(encoder, True)
    return images


def _not_back(encoder: Any, decoder: Any, z: FloatArray) -> Any:
    set_training(decoder, False)
    return decoder.forward(z)


SWITCH_OF_THE_WRONG_NETWORK = Exercise(
    name="find-the-bug-in-the-samples",
    answer=draw_images,
    planted=_switches_the_encoder,
    use=_used_images,
    draw=lambda random: (random.standard_normal((6, 3)), random.standard_normal(4)),
    mistakes={
        "now training would go on without the statistics of its batches: switch back": (_not_back),
    },
    hints=(
        "Which of the two networks is at work when an image is drawn?",
        "What is decoded for a z must not depend on the others. Where do they meet?",
        "set_training(decoder, False) before, and True afterwards.",
    ),
    returns=("the images", "the running mean afterwards", "the switch afterwards"),
)

MOMENTS = Exercise(
    name="aggregate-moments",
    answer=aggregate_moments,
    draw=_draw_posteriors,
    mistakes={
        "that is the variance of the means only; a draw has noise besides": (
            lambda mean, log_variance: (mean.mean(axis=0), mean.var(axis=0))
        ),
        "that is the variance of the noise only; the means differ from image to image": (
            lambda mean, log_variance: (mean.mean(axis=0), np.exp(log_variance).mean(axis=0))
        ),
        "log_variance is a logarithm: take its exponential, then the mean": (
            lambda mean, log_variance: (
                mean.mean(axis=0),
                log_variance.mean(axis=0) + mean.var(axis=0),
            )
        ),
        "the mean of the variances is wanted, not the exponential of the mean logarithm": (
            lambda mean, log_variance: (
                mean.mean(axis=0),
                np.exp(log_variance.mean(axis=0)) + mean.var(axis=0),
            )
        ),
        "variances add up, not standard deviations": lambda mean, log_variance: (
            mean.mean(axis=0),
            (np.exp(log_variance / 2).mean(axis=0) + mean.std(axis=0)) ** 2,
        ),
        "the noise's variance is e^l: exp(log_variance / 2) is its standard deviation": (
            lambda mean, log_variance: (
                mean.mean(axis=0),
                np.exp(log_variance / 2).mean(axis=0) + mean.var(axis=0),
            )
        ),
        "these images are all there are, so (18.2) divides by N, not by N − 1": (
            lambda mean, log_variance: (
                mean.mean(axis=0),
                np.exp(log_variance).mean(axis=0) + mean.var(axis=0, ddof=1),
            )
        ),
        "one number for each latent: the mean over images only": lambda mean, log_variance: (
            mean.mean(),
            np.exp(log_variance).mean() + mean.var(),
        ),
    },
    hints=(
        "A draw is first an image, then noise around its mean. The mean over both is easy.",
        "The variance has two parts: that of the means over the images, and the mean of the "
        "images' own variances.",
    ),
    returns=("the means", "the variances"),
)

MOMENTS_ARE_NOT_ENOUGH = Question(
    name="moments-are-not-enough",
    kind="prove",
    answer="C",
    mistakes={
        "a coin with sides +1 and −1 has mean 0 and variance 1, too": "A",
        "uncorrelated is not independent: think of points on a circle": "B",
        "that would make the KL 0, and nothing would be reconstructed": "D",
    },
    hints=(
        "Is there another distribution with mean 0 and variance 1?",
        "What does (13.3) call what is left, and when is it 0?",
    ),
)
