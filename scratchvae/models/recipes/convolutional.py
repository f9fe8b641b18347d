"""How the convolutional recipes are built.

Each function takes a ``LayerFactory`` and the recipe's options; ``weights`` are the ``beta``,
``reconstruction_weight`` and ``samples`` that every ``VAE`` has.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from scratchvae.errors import InputError
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LogSoftplus,
    ReLU,
    Reshape,
    Sequential,
)
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.recipes.layer_factory import LayerFactory
from scratchvae.models.recipes.pixels import of_pixels
from scratchvae.models.vae import VAE
from scratchvae.probability import GaussianLikelihood

# The lecture's variance of 1 is taken in units of the pixels' own variance, 0.3081² over MNIST, as
# for pixels scaled to mean 0 and variance 1. For pixels from 0 to 1 it would be a tenth as strict:
# the variance of all pixels together is then 52.7, no latent is worth its KL at first, and the
# networks settle on the mean image (a KL of 0.0001 nats after five epochs).
PIXEL_VARIANCE = 0.3081**2

_LEAST_FLEURET = 16  # of smaller sides nothing is left before the last convolution
_Sides = tuple[int, int]  # rows and columns


def zhao_cnn(make: LayerFactory, *, variance: float, likelihood: str, **weights: Any) -> VAE:
    """Zhao (2023), section 4.2. The printed decoder cannot give 28 × 28; this one does."""
    rows, columns, colours = _image_shape(make, "zhao-cnn")
    scored, last = of_pixels(likelihood, variance)
    half = {"kernel_size": 3, "stride": 2, "padding": 1, **make.options}
    sides = [(rows, columns)]
    for _ in range(3):
        sides.append(_convolved(sides[-1], 3, stride=2, padding=1))
    first, second, third = (
        half | {"output_padding": _output_padding(before, after, 3, 2, 1)}
        for before, after in reversed([*pairwise(sides)])
    )
    small = (*sides[3], 32)
    encoder = Sequential(  # 28 → 14 → 7 → 4 rows and columns
        *_normed(Conv2D(colours, 32, **half), Conv2D(32, 64, **half), Conv2D(64, 32, **half)),
        Flatten(),
        Dense(prod(small), 2 * make.latent_dim, **make.options),
    )
    decoder = Sequential(  # 4 → 7 → 14 → 28
        Dense(make.latent_dim, prod(small), **make.options),
        Reshape(small),
        *_normed(
            ConvTranspose2D(32, 64, **first),
            ConvTranspose2D(64, 32, **second),
            ConvTranspose2D(32, 32, **third),
        ),
        Conv2D(32, colours * scored.channels_per_pixel, 3, padding=1, **make.options),
        *last,
    )
    head = LogSoftplus(floor=1e-8)
    return VAE(encoder, decoder, scored, variance_head=head, **make.shapes, **weights)


def fleuret_conv(make: LayerFactory, *, channels: int, variance: float, **weights: Any) -> VAE:
    """Fleuret, lecture 7.4. Its variance of 1 is that of the pixels: see ``PIXEL_VARIANCE``."""
    return VAE(**_fleuret(make, channels, variance, per_latent=2), **weights)


def fleuret_autoencoder(make: LayerFactory, *, channels: int) -> Autoencoder:
    """Fleuret, lecture 7.4: the same networks without a prior, for comparison."""
    return Autoencoder(**_fleuret(make, channels, PIXEL_VARIANCE, per_latent=1))


def _fleuret(make: LayerFactory, channels: int, variance: float, per_latent: int) -> dict[str, Any]:
    """Return the arguments of a model on Fleuret's networks."""
    rows, columns, colours = _image_shape(make, "Fleuret's network")
    square = max(rows, columns, _LEAST_FLEURET)
    pad = f"pad them (`pad={square}x{square}`)"
    if min(rows, columns) < _LEAST_FLEURET:
        raise InputError(
            f"Fleuret's networks need sides of at least {_LEAST_FLEURET}, not {rows}x{columns}",
            f"{pad}, or use zhao-cnn",
        )
    wide = _convolved((rows, columns), 9)  # as two of 5
    middle = _convolved(wide, 4, stride=2)
    small = _convolved(middle, 3, stride=2)
    if small[0] != small[1]:
        raise InputError(
            f"Fleuret's networks need images as high as they are wide, not {rows}x{columns}: their "
            f"last kernel is a square, and would have to cover {small[0]}x{small[1]}",
            f"{pad}, or use zhao-cnn",
        )
    last = small[0]  # the last kernel covers all that is left
    encoder = [  # 28 → 28 → 24 → 20 → 9 → 4 → 1 rows and columns
        Conv2D(colours, channels, 1, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 4, stride=2, **make.options),
        Conv2D(channels, channels, 3, stride=2, **make.options),
        Conv2D(channels, per_latent * make.latent_dim, last, **make.options),
    ]
    decoder = [  # 1 → 4 → 9 → 20 → 24 → 28
        ConvTranspose2D(make.latent_dim, channels, last, **make.options),
        _undone(channels, middle, small, 3, make),
        _undone(channels, wide, middle, 4, make),
        ConvTranspose2D(channels, channels, 5, **make.options),
        ConvTranspose2D(channels, colours, 5, **make.options),
    ]
    return {
        "encoder": Sequential(*_with_relu(encoder), Flatten()),
        "decoder": Sequential(Reshape((1, 1, make.latent_dim)), *_with_relu(decoder)),
        "likelihood": GaussianLikelihood(variance, include_constant=True),
        **make.shapes,
    }


def _undone(
    channels: int, before: _Sides, after: _Sides, kernel_size: int, make: LayerFactory
) -> ConvTranspose2D:
    """Return the layer that brings back what a convolution of stride 2 has halved."""
    more = _output_padding(before, after, kernel_size, 2)
    return ConvTranspose2D(
        channels, channels, kernel_size, stride=2, output_padding=more, **make.options
    )


def _image_shape(make: LayerFactory, recipe: str) -> tuple[int, int, int]:
    """Return rows, columns and channels, if images are what the model is of."""
    if len(make.image_shape) != 3:
        raise InputError(
            f"{recipe} is of convolutions, which need images of shape (H, W, C), not "
            f"{make.image_shape}",
            "use a recipe of dense layers, such as zhao-mlp",
        )
    rows, columns, colours = make.image_shape
    return rows, columns, colours


def _convolved(sides: _Sides, kernel_size: int, stride: int = 1, padding: int = 0) -> _Sides:
    """Return the rows and columns that a convolution gives."""
    rows, columns = ((side + 2 * padding - kernel_size) // stride + 1 for side in sides)
    return rows, columns


def _output_padding(
    before: _Sides, after: _Sides, kernel_size: int, stride: int, padding: int = 0
) -> int | _Sides:
    """Return with which output padding a transposed convolution gives ``before`` again."""
    rows, columns = (
        side - ((small - 1) * stride - 2 * padding + kernel_size)
        for side, small in zip(before, after, strict=True)
    )
    return rows if rows == columns else (rows, columns)


def _normed(*layers: Any) -> list[Layer]:
    """Return convolutions, each followed by batch norm and ELU."""
    return [
        part
        for layer in layers
        for part in (layer, BatchNorm(layer.out_channels, dtype=layer.dtype), ELU())
    ]


def _with_relu(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers with a ReLU between them."""
    return [layers[0], *(part for layer in layers[1:] for part in (ReLU(), layer))]
