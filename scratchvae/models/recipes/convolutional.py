"""How the convolutional recipes are built.

Each function takes a ``LayerFactory``, the number of latents and the recipe's options; ``weights``
are the ``beta``, ``reconstruction_weight`` and ``samples`` that every ``VAE`` has.
"""

from typing import Any

from scratchvae.layers import (
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    LogSoftplus,
    Reshape,
    Sequential,
    Sigmoid,
)
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.recipes.layer_factory import IMAGE_SHAPE, LayerFactory, with_relu
from scratchvae.models.vae import VAE
from scratchvae.probability import GaussianLikelihood

# The lecture's variance of 1 is taken in units of the pixels' own variance, 0.3081² over MNIST, as
# for pixels scaled to mean 0 and variance 1. For pixels from 0 to 1 it would be a tenth as strict:
# the variance of all pixels together is then 52.7, no latent is worth its KL at first, and the
# networks settle on the mean image (a KL of 0.0001 nats after five epochs).
PIXEL_VARIANCE = 0.3081**2


def zhao_cnn(make: LayerFactory, latent_dim: int, *, variance: float, **weights: Any) -> VAE:
    """Zhao (2023), section 3.2. The printed decoder cannot give 28 × 28; this one does."""
    down: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1}
    encoder = Sequential(  # 28 → 14 → 7 → 4 rows and columns
        *make.with_batch_norm(Conv2D(1, 32, **down, **make.options), 32),
        *make.with_batch_norm(Conv2D(32, 64, **down, **make.options), 64),
        *make.with_batch_norm(Conv2D(64, 32, **down, **make.options), 32),
        Flatten(),
        Dense(512, 2 * latent_dim, **make.options),
    )
    decoder = Sequential(  # 4 → 7 → 14 → 28
        Dense(latent_dim, 512, **make.options),
        Reshape((4, 4, 32)),
        *make.with_batch_norm(ConvTranspose2D(32, 64, **down, **make.options), 64),
        *make.with_batch_norm(
            ConvTranspose2D(64, 32, **down, output_padding=1, **make.options), 32
        ),
        *make.with_batch_norm(
            ConvTranspose2D(32, 32, **down, output_padding=1, **make.options), 32
        ),
        Conv2D(32, 1, kernel_size=3, padding=1, **make.options),
        Sigmoid(),
    )
    return VAE(
        encoder=encoder,
        decoder=decoder,
        likelihood=GaussianLikelihood(variance),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        variance_head=LogSoftplus(floor=1e-8),
        **weights,
    )


def fleuret_conv(
    make: LayerFactory, latent_dim: int, *, channels: int, variance: float, **weights: Any
) -> VAE:
    """Fleuret, lecture 7.4. Its variance of 1 is that of the pixels: see ``PIXEL_VARIANCE``."""
    return VAE(
        encoder=_fleuret_encoder(make, channels, 2 * latent_dim),
        decoder=_fleuret_decoder(make, channels, latent_dim),
        likelihood=GaussianLikelihood(variance, include_constant=True),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        **weights,
    )


def fleuret_autoencoder(make: LayerFactory, latent_dim: int, *, channels: int) -> Autoencoder:
    """Fleuret, lecture 7.4: the same networks without a prior, for comparison."""
    return Autoencoder(
        encoder=_fleuret_encoder(make, channels, latent_dim),
        decoder=_fleuret_decoder(make, channels, latent_dim),
        likelihood=GaussianLikelihood(PIXEL_VARIANCE, include_constant=True),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
    )


def _fleuret_encoder(make: LayerFactory, channels: int, outputs: int) -> Sequential:
    layers = [  # 28 → 28 → 24 → 20 → 9 → 4 → 1 rows and columns
        Conv2D(1, channels, 1, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 4, stride=2, **make.options),
        Conv2D(channels, channels, 3, stride=2, **make.options),
        Conv2D(channels, outputs, 4, **make.options),
    ]
    return Sequential(*with_relu(layers), Flatten())


def _fleuret_decoder(make: LayerFactory, channels: int, latent_dim: int) -> Sequential:
    layers = [  # 1 → 4 → 9 → 20 → 24 → 28
        ConvTranspose2D(latent_dim, channels, 4, **make.options),
        ConvTranspose2D(channels, channels, 3, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 4, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 5, **make.options),
        ConvTranspose2D(channels, 1, 5, **make.options),
    ]
    return Sequential(Reshape((1, 1, latent_dim)), *with_relu(layers))
