"""The exercises of lesson 1, "A first look".

Dimensions: N images of shape (H, W, C), D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.probability import GaussianLikelihood, kl_to_standard
from scratchvae.validation import FloatArray


def noise_from_latent(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return the noise (N, D) that gave z: eq. 1.2 solved for it."""
    eps: FloatArray = (z - mean) * np.exp(-0.5 * log_variance)
    return eps


def reconstruction_nats(x: FloatArray, decoded: FloatArray, variance: float) -> FloatArray:
    """Return each image's reconstruction (N,) for images (N, H, W, C): eq. 1.4."""
    return GaussianLikelihood(variance).negative_log_likelihood(x, decoded)


def kl_from_sd(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return each image's KL (N,), with standard deviations (N, D) given: eq. 1.5."""
    return kl_to_standard(mean, 2 * np.log(sd))


def interpolate(z_a: FloatArray, z_b: FloatArray, steps: int) -> FloatArray:
    """Return points (steps, D) on the way from one (D,) to another: eq. 1.8."""
    return np.linspace(z_a, z_b, steps)


def _draw_latents(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    count, latents = unequal_sizes(random, 2)
    z, mean, log_variance = random.standard_normal((3, count, latents))
    return z, mean, log_variance


def _draw_images(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    shape = (*unequal_sizes(random, 3), int(random.integers(1, 3)))
    # Not ½: with that, forgetting the 2 c would be right.
    return random.random(shape), random.random(shape), float(random.uniform(0.05, 0.3))


def _draw_sds(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, latents = unequal_sizes(random, 2)
    return random.standard_normal((count, latents)), random.uniform(0.1, 2.0, (count, latents))


def _draw_ends(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    latents, steps = unequal_sizes(random, 2)
    z_a, z_b = random.standard_normal((2, latents))
    return z_a, z_b, steps


def _root(values: FloatArray) -> FloatArray:
    """Return the square root, nan where there is none, without a warning."""
    with np.errstate(invalid="ignore"):
        root: FloatArray = np.sqrt(values)
    return root


def _shares(steps: int) -> FloatArray:
    """Return t of eq. 1.8 as a column."""
    return np.linspace(0, 1, steps)[:, None]


NATS_OF_A_BYTE = Question(
    name="nats-of-a-byte",
    kind="predict",
    answer=8 * float(np.log(2)),
    mistakes={
        "a nat is more than a bit, so there are fewer of them": 8 / float(np.log(2)),
        "those are bits": 8.0,
        "that is how many different bytes there are; bits and nats count its logarithm": 256.0,
        "that is the natural logarithm of 8: the cost of one in eight": float(np.log(8)),
    },
    hints=("Solve (1.7) for the nats.", "One bit is log 2 = 0.693 nats."),
)

WHY_THE_KL_RISES = Question(
    name="why-does-the-kl-rise",
    kind="explain",
    answer="B",
    mistakes={
        "the sum of the two is minimised, not each": "A",
        "then the loss itself would rise or jump": "C",
        "(1.5) is a formula; nothing is drawn in it": "D",
    },
    hints=(
        "What does an encoder say that knows nothing yet, and what does it cost?",
        "What does a z that says more do to the reconstruction?",
    ),
)

EXERCISES: list[Exercise | Question] = [
    Exercise(
        name="noise-from-latent",
        answer=noise_from_latent,
        draw=_draw_latents,
        mistakes={
            "you divided by the variance; eps was multiplied by the standard deviation, its root": (
                lambda z, mean, log_variance: (z - mean) * np.exp(-log_variance)
            ),
            "you halved the variance; halve the logarithm, inside the exponential": (
                lambda z, mean, log_variance: (z - mean) / (np.exp(log_variance) / 2)
            ),
            "you halved the noise and divided by the variance: the half belongs inside the "
            "exponential, np.exp(-log_variance / 2)": (
                lambda z, mean, log_variance: (z - mean) * np.exp(-log_variance) / 2
            ),
            "that is how far z is from the mean; eps was also multiplied by the standard "
            "deviation": lambda z, mean, log_variance: z - mean,
            "only the mean is divided: put z - mean in brackets": (
                lambda z, mean, log_variance: z - mean * np.exp(-0.5 * log_variance)
            ),
            "you divided by the log-variance itself": (
                lambda z, mean, log_variance: (z - mean) / log_variance
            ),
            "you multiplied by the standard deviation; to undo that, divide": (
                lambda z, mean, log_variance: (z - mean) * np.exp(0.5 * log_variance)
            ),
            "the mean was added after the noise was stretched; undo it first": (
                lambda z, mean, log_variance: z * np.exp(-0.5 * log_variance) - mean
            ),
            "the mean is still in it: the draw was shifted by it, so subtract it": (
                lambda z, mean, log_variance: z * np.exp(-0.5 * log_variance)
            ),
            "you took the root of the logarithm; the logarithm must be undone before the root": (
                lambda z, mean, log_variance: (z - mean) / _root(log_variance)
            ),
            "that is (1.2) as it stands, with z in place of eps": (
                lambda z, mean, log_variance: mean + np.exp(0.5 * log_variance) * z
            ),
        },
        hints=(
            "Solve (1.2) for eps: what was added last is subtracted first.",
            "eps is z minus the mean, divided by the standard deviation.",
            "The standard deviation is np.exp(log_variance / 2).",
        ),
        returns=("eps",),
    ),
    Exercise(
        name="reconstruction-nats",
        answer=reconstruction_nats,
        draw=_draw_images,
        mistakes={
            "you took the mean over the pixels; nats per image are summed over them": (
                lambda x, decoded, variance: (
                    ((x - decoded) ** 2).mean(axis=(1, 2, 3)) / (2 * variance)
                )
            ),
            "you divided by 2c²; c is a variance, which is a square already": (
                lambda x, decoded, variance: (
                    ((x - decoded) ** 2).sum(axis=(1, 2, 3)) / (2 * variance**2)
                )
            ),
            "you multiplied by c where (1.4) divides by it: a / 2 * c is (a / 2) * c; write "
            "a / (2 * c)": (
                lambda x, decoded, variance: ((x - decoded) ** 2).sum(axis=(1, 2, 3)) / 2 * variance
            ),
            "you built in 0.05 for c; take the variance that your function is given": (
                lambda x, decoded, variance: ((x - decoded) ** 2).sum(axis=(1, 2, 3)) / (2 * 0.05)
            ),
            "the division by 2c is missing": lambda x, decoded, variance: ((x - decoded) ** 2).sum(
                axis=(1, 2, 3)
            ),
            "you divided by 2, but not by c": lambda x, decoded, variance: (
                ((x - decoded) ** 2).sum(axis=(1, 2, 3)) / 2
            ),
            "you took the size of the differences, not their square": (
                lambda x, decoded, variance: (
                    np.abs(x - decoded).sum(axis=(1, 2, 3)) / (2 * variance)
                )
            ),
            "you squared after the sum; each pixel's difference is squared first": (
                lambda x, decoded, variance: (x - decoded).sum(axis=(1, 2, 3)) ** 2 / (2 * variance)
            ),
        },
        hints=(
            "The first axis counts the images and must stay. All others are pixels.",
            "sum(axis=(1, 2, 3)) sums over height, width and channels.",
            "Square the difference, sum over the pixels, divide by 2 * variance.",
        ),
        returns=("the reconstruction",),
    ),
    Exercise(
        name="kl-from-sd",
        answer=kl_from_sd,
        draw=_draw_sds,
        mistakes={
            "the logarithm of the variance is twice that of the standard deviation": (
                lambda mean, sd: 0.5 * (mean**2 + sd**2 - 1 - np.log(sd)).sum(axis=1)
            ),
            "the variance is the square of the standard deviation": lambda mean, sd: (
                0.5 * (mean**2 + sd - 1 - np.log(sd)).sum(axis=1)
            ),
            "one of the two is still the standard deviation: e^log_variance is its square": (
                lambda mean, sd: 0.5 * (mean**2 + sd - 1 - 2 * np.log(sd)).sum(axis=1)
            ),
            "you put the standard deviation where the log-variance belongs": (
                lambda mean, sd: 0.5 * (mean**2 + np.exp(sd) - 1 - sd).sum(axis=1)
            ),
            "the logarithm of a square is twice the logarithm, not half of it": (
                lambda mean, sd: 0.5 * (mean**2 + sd**2 - 1 - np.log(sd) / 2).sum(axis=1)
            ),
            "the mean is not squared": lambda mean, sd: (
                0.5 * (mean + sd**2 - 1 - 2 * np.log(sd)).sum(axis=1)
            ),
            "the logarithm is subtracted in (1.5): a narrow Gaussian is far from the prior": (
                lambda mean, sd: 0.5 * (mean**2 + sd**2 - 1 + 2 * np.log(sd)).sum(axis=1)
            ),
            "the logarithm is subtracted in (1.5), and that of the variance is twice that of the "
            "standard deviation": (
                lambda mean, sd: 0.5 * (mean**2 + sd**2 - 1 + np.log(sd)).sum(axis=1)
            ),
        },
        hints=(
            "The variance is the square of the sd. Which two terms of (1.5) change?",
            "e^log_variance becomes sd². And what is the logarithm of a square?",
            "½ times the sum over the last axis of mean² + sd² − 1 − 2 log(sd).",
        ),
        returns=("the KL",),
    ),
    NATS_OF_A_BYTE,
    WHY_THE_KL_RISES,
    Exercise(
        name="latent-interpolation",
        answer=interpolate,
        draw=_draw_ends,
        mistakes={
            "it goes the other way, from z_b to z_a": (
                lambda z_a, z_b, steps: (1 - _shares(steps)) * z_b + _shares(steps) * z_a
            ),
            "it stops one step short of z_b: t must reach 1": lambda z_a, z_b, steps: (
                z_a + np.arange(steps)[:, None] / steps * (z_b - z_a)
            ),
            "it leaves out both ends; t goes from 0 to 1 with both included": (
                lambda z_a, z_b, steps: (
                    z_a + np.arange(1, steps + 1)[:, None] / (steps + 1) * (z_b - z_a)
                )
            ),
            "it starts at z_a and adds all of z_b; the share of z_a must shrink as z_b's grows": (
                lambda z_a, z_b, steps: z_a + _shares(steps) * z_b
            ),
        },
        hints=(
            "np.linspace(0, 1, steps) gives the values of t.",
            "Each t gives a row. A column of shape (steps, 1) times a row of shape (D,) is a "
            "matrix of shape (steps, D).",
            "With t[:, None] for t, (1.8) can be written down as it stands.",
        ),
        returns=("z",),
    ),
]
