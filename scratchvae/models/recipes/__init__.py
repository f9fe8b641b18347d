"""The named models of the sources: what they are, and how they are built."""

from scratchvae.models.recipes.building import build, find_recipe
from scratchvae.models.recipes.catalogue import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "build", "find_recipe"]
