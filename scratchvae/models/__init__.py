"""Autoencoders and variational autoencoders, and the named ones of the sources."""

from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.conditional_vae import ConditionalVAE
from scratchvae.models.denoising_autoencoder import DenoisingAutoencoder
from scratchvae.models.diffusion import Diffusion
from scratchvae.models.hierarchical_vae import HierarchicalVAE
from scratchvae.models.iwae import IWAE
from scratchvae.models.ladder_vae import LadderVAE
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.recipes import RECIPES, Recipe, build, find_recipe
from scratchvae.models.sparse_autoencoder import SparseAutoencoder
from scratchvae.models.vae import VAE
from scratchvae.models.vqvae import VQVAE

__all__ = [
    "IWAE",
    "RECIPES",
    "VAE",
    "VQVAE",
    "Autoencoder",
    "ConditionalVAE",
    "DenoisingAutoencoder",
    "Diffusion",
    "HierarchicalVAE",
    "LadderVAE",
    "LatentModel",
    "Recipe",
    "SparseAutoencoder",
    "build",
    "find_recipe",
]
