"""Autoencoders and variational autoencoders, and the named ones of the sources."""

from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.iwae import IWAE
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.recipes import RECIPES, Recipe, build, find_recipe
from scratchvae.models.vae import VAE

__all__ = ["IWAE", "RECIPES", "VAE", "Autoencoder", "LatentModel", "Recipe", "build", "find_recipe"]
