"""Exercises on a model's place in the plane, and on the bound that belongs to it."""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import (
    bound_nats,
    calibrated_nats,
    kl_to_standard,
    linear_plane,
    plane_point,
)
from scratchvae.validation import FloatArray


def _draw_images(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    count, pixels, latents = unequal_sizes(random, 3)
    x, decoded = random.random((2, count, pixels))
    mean, log_variance = random.standard_normal((2, count, latents))
    return x, decoded, mean, log_variance


PLANE_POINT = Exercise(
    name="plane-point",
    piece="plane_point",
    answer=plane_point,
    draw=_draw_images,
    mistakes={
        "the error is summed over the pixels of an image; you took their mean": (
            lambda x, decoded, mean, log_variance: (
                kl_to_standard(mean, log_variance).mean(),
                ((x - decoded) ** 2).mean(),
            )
        ),
        "both are means over the images; you took sums": (
            lambda x, decoded, mean, log_variance: (
                kl_to_standard(mean, log_variance).sum(),
                ((x - decoded) ** 2).sum(),
            )
        ),
        "the squared error has no half: that is the reconstruction's, with 1/2c": (
            lambda x, decoded, mean, log_variance: (
                kl_to_standard(mean, log_variance).mean(),
                0.5 * ((x - decoded) ** 2).sum(axis=-1).mean(),
            )
        ),
        "the rate is the first result, the error the second": (
            lambda x, decoded, mean, log_variance: plane_point(x, decoded, mean, log_variance)[::-1]
        ),
    },
    hints=(
        "Your kl_to_standard gives the KL of each image; the rate is its mean.",
        "((x - decoded) ** 2).sum(axis=1) is each image's error.",
    ),
    returns=("the rate", "the error"),
)


def _draw_spread(random: np.random.Generator) -> tuple[FloatArray, float, int]:
    spread = np.sort(random.exponential(1, random.integers(7, 12)) + 0.05)[::-1].copy()
    latents = int(random.integers(3, 6))
    # In turn, by chance: the level below all that have a latent, or above the last of them.
    last = spread[latents] if random.random() < 0.5 else spread[latents - 2]
    return spread, float(0.9 * last), latents


LINEAR_PLANE = Exercise(
    name="linear-plane",
    piece="linear_plane",
    answer=linear_plane,
    draw=_draw_spread,
    mistakes={
        "there are only so many latents: the directions after these cannot be encoded": (
            lambda spread, c, latents: linear_plane(spread, c, len(spread))
        ),
        "the directions without a latent are left as error, each with its whole variance": (
            lambda spread, c, latents: linear_plane(spread[:latents], c, latents)
        ),
        "a direction below the level costs no nats: your rate adds negative ones": (
            lambda spread, c, latents: (
                0.5 * np.log(spread[:latents] / c).sum(),
                linear_plane(spread, c, latents)[1],
            )
        ),
        "a direction below the level has its own variance as error, not c": (
            lambda spread, c, latents: (
                linear_plane(spread, c, latents)[0],
                c * latents + spread[latents:].sum(),
            )
        ),
        "an encoded direction still has an error, c": lambda spread, c, latents: (
            linear_plane(spread, c, latents)[0],
            spread[:latents][spread[:latents] <= c].sum() + spread[latents:].sum(),
        ),
        "the first directions still have an error, c, or their own variance if that is less": (
            lambda spread, c, latents: (
                linear_plane(spread, c, latents)[0],
                spread[latents:].sum(),
            )
        ),
        "a direction without a latent is lost with its whole variance, also if that exceeds c": (
            lambda spread, c, latents: (
                linear_plane(spread, c, latents)[0],
                np.minimum(spread, c).sum(),
            )
        ),
        "the half before the logarithm is missing": lambda spread, c, latents: (
            2 * linear_plane(spread, c, latents)[0],
            linear_plane(spread, c, latents)[1],
        ),
        "the rate is the first result, the error the second": lambda spread, c, latents: (
            linear_plane(spread, c, latents)[::-1]
        ),
    },
    hints=(
        "spread[:latents] are the directions that may have a latent.",
        "Over these, np.minimum(spread, c) is the error, and 0.5 * np.log(np.maximum(spread / c, "
        "1)) the rate.",
        "To the error add all of spread[latents:].",
    ),
    returns=("the rate", "the error"),
)


def _draw_point(random: np.random.Generator) -> tuple[float, float, float, int]:
    pixels = int(random.integers(50, 900))
    per_pixel, c = np.exp(random.uniform(-5, -1, 2))
    return float(random.uniform(2, 40)), float(pixels * per_pixel), float(c), pixels


def _without_constant(rate: float, error: float, c: float, pixels: int) -> float:
    return rate + error / (2 * c)


BOUND_NATS = Exercise(
    name="bound-nats",
    piece="bound_nats",
    answer=bound_nats,
    draw=_draw_point,
    planted=_without_constant,
    mistakes={
        "the constant is that of one pixel; there are P of them": lambda rate, error, c, pixels: (
            rate + error / (2 * c) + 0.5 * np.log(2 * np.pi * c)
        ),
        "the half before the logarithm is missing": lambda rate, error, c, pixels: (
            rate + error / (2 * c) + pixels * np.log(2 * np.pi * c)
        ),
        "the constant's sign is wrong: a small c makes the density high, and the nats few": (
            lambda rate, error, c, pixels: (
                rate + error / (2 * c) - pixels / 2 * np.log(2 * np.pi * c)
            )
        ),
        "the constant is that of c, without its 2π": lambda rate, error, c, pixels: (
            rate + error / (2 * c) + pixels / 2 * np.log(c)
        ),
    },
    hints=(
        "By this function a larger c can only help. What pays for it in a density?",
        "A density must integrate to 1: see the constant of (11.6).",
        "pixels / 2 * np.log(2 * np.pi * c) is missing.",
    ),
    returns=("the bound",),
)


def _draw_rescored(random: np.random.Generator) -> tuple[float, float, int]:
    rate, error, _, pixels = _draw_point(random)
    return rate, error, pixels


CALIBRATED_NATS = Exercise(
    name="calibrated-nats",
    piece="calibrated_nats",
    answer=calibrated_nats,
    draw=_draw_rescored,
    mistakes={
        "at the best c the term E/2c is not gone, but P/2": lambda rate, error, pixels: (
            rate + pixels / 2 * np.log(2 * np.pi * error / pixels)
        ),
        "the best variance is the mean squared error of a pixel, E/P, not of an image": (
            lambda rate, error, pixels: bound_nats(rate, error, error, pixels)
        ),
        "under the logarithm stands the mean squared error of a pixel, E/P": (
            lambda rate, error, pixels: rate + pixels / 2 * np.log(2 * np.pi * np.e * error)
        ),
        "the rate is missing": lambda rate, error, pixels: calibrated_nats(0.0, error, pixels),
    },
    hints=(
        "The best c is (11.8)'s, E/P.",
        "bound_nats(rate, error, error / pixels, pixels)",
    ),
    returns=("the bound",),
)
