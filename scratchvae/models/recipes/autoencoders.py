"""How the recipes without a prior are built.

Each function takes a ``LayerFactory``, the number of latents and the recipe's options.
"""

from scratchvae.layers import ELU, Flatten, ReLU, Sequential, Sigmoid
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.denoising_autoencoder import DenoisingAutoencoder
from scratchvae.models.recipes.layer_factory import IMAGE_SHAPE, PIXELS, LayerFactory
from scratchvae.models.sparse_autoencoder import SparseAutoencoder
from scratchvae.probability import GaussianLikelihood


def linear_autoencoder(make: LayerFactory, latent_dim: int) -> Autoencoder:
    """EECS 230, lecture 16: what it learns spans the principal components (eq. 3.3, eq. 3.7)."""
    return Autoencoder(
        encoder=make.encoder([PIXELS, latent_dim], None),
        decoder=make.decoder([latent_dim, PIXELS], None),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
    )


def autoencoder(make: LayerFactory, latent_dim: int) -> Autoencoder:
    """EECS 230, lecture 16: f and g are non-linear, here Zhao's widths."""
    widths = [PIXELS, 300, 100]
    return Autoencoder(
        encoder=make.encoder([*widths, latent_dim], ELU),
        decoder=make.decoder([latent_dim, *reversed(widths)], ELU, Sigmoid()),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
    )


def sparse_autoencoder(
    make: LayerFactory, latent_dim: int, *, sparsity: float
) -> SparseAutoencoder:
    """EECS 230, lecture 16: a code wider than the image; a ReLU makes many entries exactly 0."""
    return SparseAutoencoder(
        encoder=Sequential(Flatten(), *make.dense_stack([PIXELS, latent_dim], None), ReLU()),
        decoder=make.decoder([latent_dim, PIXELS], None),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        sparsity=sparsity,
    )


def denoising_autoencoder(
    make: LayerFactory, latent_dim: int, *, noise_std: float
) -> DenoisingAutoencoder:
    """EECS 230, lecture 16."""
    return DenoisingAutoencoder(
        encoder=make.encoder([PIXELS, 400, latent_dim], ELU),
        decoder=make.decoder([latent_dim, 400, PIXELS], ELU, Sigmoid()),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        noise_std=noise_std,
    )
