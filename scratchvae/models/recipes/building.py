"""From the name of a recipe to a model."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError, unknown_name
from scratchvae.models.checks import check_image_shape
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.recipes.catalogue import RECIPES, Recipe
from scratchvae.models.recipes.layer_factory import LayerFactory
from scratchvae.validation import check_count


def find_recipe(name: str) -> Recipe:
    """Return the recipe called ``name``; if there is none, ``InputError`` suggests the nearest."""
    if not isinstance(name, str) or name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]


_MOST_CHANNELS = 4  # of images with one row or three


def build(
    name: str,
    *,
    latent_dim: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    **options: Any,
) -> LatentModel:
    """Return a new model of a recipe, its parameters drawn from ``seed``.

    Parameters
    ----------
    name
        The recipe, for instance ``"zhao-mlp"``; ``scratchvae.RECIPES`` has them all.
    latent_dim
        The number of latents; ``None`` takes the recipe's.
    image_shape
        The shape of an image: (H, W, C), or (D,) for vectors. ``None`` takes the recipe's, which is
        that of MNIST's digits, or (8, 8, 1) for ``"diffusion"``. The widths in a recipe's summary
        are for that one: 784 stands for the number of pixels.
    seed
        Fixes the initial parameters; the same in both dtypes, up to rounding.
    dtype
        ``float32`` to train, ``float64`` to check gradients.
    options
        The recipe's own options, such as ``hidden``, ``variance``, ``beta`` and ``samples``.

    Raises
    ------
    InputError
        If there is no such recipe or option, a value is invalid, or the recipe cannot take images
        of that shape.
    """
    recipe = find_recipe(name)
    unknown = [option for option in options if option not in recipe.options]
    if unknown:
        raise unknown_name("option", unknown[0], recipe.options, owner=name)
    given = {k: v for k, v in options.items() if v is not None}
    # NumPy's numbers as Python's: what a model was built from can be written to a file.
    given = {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}
    chosen = recipe.options | given
    shape = recipe.image_shape
    if image_shape is not None:
        shape = check_image_shape(image_shape, "image_shape")
        if len(shape) == 3 and shape[0] in (1, 3) and min(shape[1:]) > _MOST_CHANNELS:
            raise InputError(
                f"image_shape must be (rows, columns, channels), and {shape} has the channels "
                f"first: give {(*shape[1:], shape[0])}, and images in that order"
            )
    latents = recipe.latents(shape)
    if latent_dim is not None:
        latents = check_count(latent_dim, "latent_dim")
    model = recipe.make(LayerFactory(latents, seed, dtype, shape), **chosen)
    # Pixels are binarised only for a distribution over black and white.
    pixels = None if model.likelihood.unit_interval else "grey"
    model.settings = recipe.settings.changed(pixels=pixels)
    model.config = {"recipe": name, "latent_dim": latents, "seed": int(seed)} | chosen
    if shape != recipe.image_shape:
        model.config["image_shape"] = shape
    return model
