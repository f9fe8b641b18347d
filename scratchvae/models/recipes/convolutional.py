"""How the convolutional recipes are built.

Each function takes a ``LayerFactory`` and the recipe's options; ``weights`` are the ``beta``,
``reconstruction_weight`` and ``samples`` that every ``VAE`` has.
"""

from collections.abc import Sequence
from typing import Any

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


def zhao_cnn(make: LayerFactory, *, variance: float, likelihood: str, **weights: Any) -> VAE:
    """Zhao (2023), section 4.2. The printed decoder cannot give 28 × 28; this one does."""
    scored, last = of_pixels(likelihood, variance)
    half = {"kernel_size": 3, "stride": 2, "padding": 1, **make.options}
    encoder = Sequential(  # 28 → 14 → 7 → 4 rows and columns
        *_normed(Conv2D(1, 32, **half), Conv2D(32, 64, **half), Conv2D(64, 32, **half)),
        Flatten(),
        Dense(512, 2 * make.latent_dim, **make.options),
    )
    decoder = Sequential(  # 4 → 7 → 14 → 28
        Dense(make.latent_dim, 512, **make.options),
        Reshape((4, 4, 32)),
        *_normed(
            ConvTranspose2D(32, 64, **half),
            ConvTranspose2D(64, 32, output_padding=1, **half),
            ConvTranspose2D(32, 32, output_padding=1, **half),
        ),
        Conv2D(32, scored.channels_per_pixel, kernel_size=3, padding=1, **make.options),
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
    encoder = [  # 28 → 28 → 24 → 20 → 9 → 4 → 1 rows and columns
        Conv2D(1, channels, 1, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 4, stride=2, **make.options),
        Conv2D(channels, channels, 3, stride=2, **make.options),
        Conv2D(channels, per_latent * make.latent_dim, 4, **make.options),
    ]
    decoder = [  # 1 → 4 → 9 → 20 → 24 → 28
        ConvTranspose2D(make.latent_dim, channels, 4, **make.options),
        ConvTranspose2D(channels, channels, 3, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 4, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 5, **make.options),
        ConvTranspose2D(channels, 1, 5, **make.options),
    ]
    return {
        "encoder": Sequential(*_with_relu(encoder), Flatten()),
        "decoder": Sequential(Reshape((1, 1, make.latent_dim)), *_with_relu(decoder)),
        "likelihood": GaussianLikelihood(variance, include_constant=True),
        **make.shapes,
    }


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
