"""How the time of a training step grows with the batch, the latents, the width and the images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchvae.benchmarks.images import Digits
from scratchvae.benchmarks.rivals import Rival
from scratchvae.benchmarks.steps import Contest, Report
from scratchvae.benchmarks.timing import Effort, take_turns
from scratchvae.layers import (
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    ReLU,
    Reshape,
    Sequential,
    Tanh,
)
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.training import Settings

_SETTINGS = Settings(pixels="binarised")


@dataclass(frozen=True)
class Axis:
    """What grows, and the model that it grows in.

    Attributes
    ----------
    name, title
        In a file, and to read.
    model
        The model, to read.
    values
        Its sizes, from small to large.
    make
        A size to what makes the model.
    batch
        A size to the images per step.
    """

    name: str
    title: str
    model: str
    values: tuple[int, ...]
    make: Callable[[int], VAE]
    batch: Callable[[int], int]


def dense_vae(width: int = 500, latents: int = 20) -> VAE:
    """Return Kingma and Welling's networks, with that many hidden units and latents."""
    rng = np.random.default_rng(0)
    encoder = (Dense(784, width, rng=rng), Tanh(), Dense(width, 2 * latents, rng=rng))
    decoder = (Dense(latents, width, rng=rng), Tanh(), Dense(width, 784, rng=rng))
    return VAE(
        Sequential(Flatten(), *encoder),
        Sequential(*decoder, Reshape((28, 28, 1))),
        BernoulliLikelihood(),
        image_shape=(28, 28, 1),
        latent_dim=latents,
        settings=_SETTINGS,
    )


def convolutional_vae(side: int, latents: int = 20) -> VAE:
    """Return two convolutions that each halve square images, and their mirror.

    ``side`` is the number of rows and of columns.
    """
    rng = np.random.default_rng(0)
    half: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1, "rng": rng}
    middle = (side + 1) // 2
    small = (middle + 1) // 2
    corner = (small, small, 64)
    features = small * small * 64
    encoder = (
        *(Conv2D(1, 32, **half), ReLU(), Conv2D(32, 64, **half), ReLU()),
        *(Flatten(), Dense(features, 2 * latents, rng=rng)),
    )
    decoder = (
        *(Dense(latents, features, rng=rng), Reshape(corner), ReLU()),
        ConvTranspose2D(64, 32, output_padding=1 - middle % 2, **half),
        *(ReLU(), ConvTranspose2D(32, 1, output_padding=1 - side % 2, **half)),
    )
    return VAE(
        Sequential(*encoder),
        Sequential(*decoder),
        BernoulliLikelihood(),
        image_shape=(side, side, 1),
        latent_dim=latents,
        settings=_SETTINGS,
    )


def _hundred(_: int) -> int:
    return 100


AXES = (
    Axis(
        "batch",
        "images per step",
        "dense, 784-500-20",
        (1, 4, 16, 64, 256, 1024, 4096),
        lambda _: dense_vae(),
        int,
    ),
    Axis(
        "latents",
        "latents",
        "dense, 784-500-latents, 100 images per step",
        (2, 8, 32, 128, 512),
        lambda latents: dense_vae(latents=latents),
        _hundred,
    ),
    Axis(
        "width",
        "hidden units",
        "dense, 784-units-20, 100 images per step",
        (32, 128, 512, 2048),
        dense_vae,
        _hundred,
    ),
    Axis(
        "side",
        "rows of square images",
        "two convolutions, 32 images per step",
        (14, 28, 56, 112),
        convolutional_vae,
        lambda _: 32,
    ),
)


def measure_growth(
    axes: Sequence[Axis],
    digits: Digits,
    effort: Effort,
    rivals: Sequence[Rival],
    report: Report,
) -> list[dict[str, Any]]:
    """Return for each axis its ``name``, ``title``, ``model`` and ``points``.

    Each point has the ``value`` that was measured and what ``Contest.figures`` returns.
    """
    return [
        {
            "name": axis.name,
            "title": axis.title,
            "model": axis.model,
            "points": [
                {"value": value, **_measure(axis, value, digits, effort, rivals, report)}
                for value in axis.values
            ],
        }
        for axis in axes
    ]


def _measure(
    axis: Axis,
    value: int,
    digits: Digits,
    effort: Effort,
    rivals: Sequence[Rival],
    report: Report,
) -> dict[str, Any]:
    report(f"measuring growth: {value:,} {axis.title}")
    make = partial(axis.make, value)
    x = digits.batch(make(), axis.batch(value))
    contest = Contest(f"{axis.name} {value}", make, x, rivals, report, thorough=False)
    return contest.figures(take_turns(contest.work, effort))
