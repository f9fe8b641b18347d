"""Checks of what a user gives to a model: its networks, images and labels."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.layers.sequential import each_layer
from scratchvae.probability import Likelihood
from scratchvae.validation import FloatArray, check_finite

# Pixels from 0 to 1 may leave the range by a rounding error.
_ROUNDING = 1e-6


def check_network(name: str, network: Layer, others: Mapping[str, Layer]) -> None:
    """Raise ``InputError`` unless ``network`` fits the other networks of a model.

    A layer remembers one forward pass. In two networks, the second pass would overwrite what the
    first needs for its gradient, which would be silently wrong.
    """
    own = {id(layer) for layer in each_layer(network)}
    for other, layers in others.items():
        shared = [layer for layer in each_layer(layers) if id(layer) in own]
        if shared:
            raise InputError(
                f"{other} and {name} share a layer, a {type(shared[0]).__name__}, which can "
                "remember only one forward pass: give each a layer of its own"
            )
    dtypes = {
        parameter.value.dtype.name
        for layer in (network, *others.values())
        for parameter in layer.parameters.values()
    }
    if len(dtypes) > 1:
        raise InputError(
            f"all networks of a model must have one dtype, and with this {name} they have "
            f"{' and '.join(sorted(dtypes))}: build {name} with the dtype of the others"
        )


def check_decoded(
    decoded: FloatArray, image_shape: tuple[int, ...], likelihood: Likelihood
) -> FloatArray:
    """Return what a decoder gave if it has the parameters of a distribution over images."""
    expected = (*image_shape[:-1], likelihood.channels_per_pixel * image_shape[-1])
    if decoded.shape[1:] != expected:
        raise InputError(
            f"the decoder must give (N, {', '.join(map(str, expected))}) for images of shape "
            f"{image_shape} and a {likelihood.name} likelihood, not {decoded.shape}: change its "
            "last layers"
        )
    return decoded


def check_images(
    images: NDArray[Any], image_shape: tuple[int, ...], name: str, unit_interval: bool
) -> NDArray[Any]:
    """Return ``images``, (N, …) with H·W·C numbers each, as (N, H, W, C); 8-bit stays 8-bit.

    ``name`` is what an error calls them; with ``unit_interval``, floats must be from 0 to 1.
    """
    try:
        images = np.asarray(images)
    except ValueError:
        raise InputError(f"{name} must be an array; these rows differ in length") from None
    pixels = prod(image_shape)
    if images.ndim < 2 or prod(images.shape[1:]) != pixels:
        raise InputError(
            f"{name} must be of shape (N, {', '.join(map(str, image_shape))}) or hold "
            f"{pixels} numbers each, not {images.shape}"
        )
    if images.dtype == np.bool_:
        images = images.astype(np.uint8) * np.uint8(255)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise InputError(
            f"{name} must be 8-bit pixels (uint8) or floats from 0 to 1, not {images.dtype}"
        )
    if images.dtype.kind == "f":
        check_finite(images, name)
        if images.size and unit_interval:
            least, greatest = images.min(), images.max()
            if least < -_ROUNDING or greatest > 1 + _ROUNDING:
                raise InputError(
                    f"{name} must be from 0 to 1 for this likelihood, not from {least:.4g} to "
                    f"{greatest:.4g}: divide 8-bit pixels by 255, or use np.clip if only a few "
                    "pixels are outside"
                )
    return images.reshape(len(images), *image_shape)


def check_labels(labels: Any, count: int, classes: int) -> NDArray[Any]:
    """Return ``labels`` if they are ``count`` whole numbers from 0 to ``classes`` − 1."""
    if labels is None:
        raise InputError(
            f"this model needs the class of each image: give labels, {count} whole numbers from "
            f"0 to {classes - 1}"
        )
    try:
        labels = np.asarray(labels)
    except ValueError:
        raise InputError(
            f"labels must be {count} whole numbers, one per image; these rows differ in length"
        ) from None
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels must be {count} whole numbers, one per image, not {labels.dtype} of shape "
            f"{labels.shape}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise InputError(
            f"labels must be from 0 to {classes - 1}, not from {labels.min()} to {labels.max()}"
        )
    return np.asarray(labels)
