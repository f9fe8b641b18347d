"""Checks of what a user gives to a model: its networks, images and labels."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from itertools import permutations
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.stored import StoredImages, as_stored, kept_in_file, limits_of
from scratchvae.errors import InputError, shown
from scratchvae.layers import Flatten, Layer, Reshape, Sequential, Sigmoid
from scratchvae.layers.sequential import check_each_once, each_layer
from scratchvae.probability import Likelihood
from scratchvae.training import Settings
from scratchvae.validation import (
    FloatArray,
    as_array,
    check_finite,
    check_floats,
    check_is,
    check_sizes,
)

# Pixels from 0 to 1 may leave the range by a rounding error.
_ROUNDING = 1e-6
# Pixels of four bits, from 0 to 15, or to 16 as in scikit-learn's digits, would be nearly black.
_MOST_FAINT = 16


def check_network(name: str, network: Layer, others: Mapping[str, Layer]) -> None:
    """Raise ``InputError`` unless ``network`` fits the other networks of a model.

    A layer remembers one forward pass. In two networks, the second pass would overwrite what the
    first needs for its gradient, which would be silently wrong.
    """
    check_each_once([network])
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


def check_likelihood(likelihood: Any, name: str) -> Likelihood:
    """Return ``likelihood``; ``InputError`` unless it is one."""
    check_is(likelihood, name, Likelihood, "BernoulliLikelihood()")
    return cast(Likelihood, likelihood)


def check_settings(settings: Any, name: str) -> Settings:
    """Return ``settings``; ``InputError`` unless they are ``Settings``."""
    check_is(settings, name, Settings, "Settings(epochs=3)")
    return cast(Settings, settings)


def check_image_shape(shape: Any, name: str) -> tuple[int, ...]:
    """Return the shape of an image as a tuple; ``InputError`` unless it is one of counts."""
    if not check_sizes(shape, name):
        raise InputError(f"{name} must be a tuple such as (28, 28, 1), not {shown(shape)}")
    return tuple(shape)


def check_decoded(
    decoded: FloatArray, image_shape: tuple[int, ...], likelihood: Likelihood
) -> FloatArray:
    """Return what a decoder gave if it has the parameters of a distribution over images."""
    check_floats(decoded, "what decoder.forward gives")
    expected = (*image_shape[:-1], likelihood.channels_per_pixel * image_shape[-1])
    if decoded.shape[1:] != expected:
        raise InputError(
            f"the decoder must give (N, {', '.join(map(str, expected))}) for images of shape "
            f"{image_shape} and a {likelihood.name} likelihood, not {decoded.shape}: change its "
            "last layers"
        )
    return decoded


def check_of_each(found: Any, shape: tuple[int, ...], what: str) -> FloatArray:
    """Return what was ``found`` for each of several images, if it has a row for each of them."""
    if np.shape(found) != shape:
        raise InputError(
            f"{what} must give {shape}, a row for each of {shape[0]}, not {np.shape(found)}: "
            "change what it returns"
        )
    return cast(FloatArray, found)


def check_images(
    images: Any,
    image_shape: tuple[int, ...],
    name: str,
    *,
    dtype: np.dtype[Any],
    unit_interval: bool,
    expects_unit_interval: bool,
) -> Any:
    """Return ``images`` as (N, H, W, C), of 8 bits or floats, if they can only be read as meant.

    ``name`` is what an error calls them, ``dtype`` what they will be computed in. With
    ``unit_interval`` floats must be from 0 to 1; a model that ``expects_unit_interval`` warns where
    they look like 8-bit pixels, as any model does where they are all whole numbers.
    """
    if kept_in_file(images):
        images = as_stored(images)
    if not isinstance(images, StoredImages):
        images = as_array(images, name)
    images = _in_order(images, image_shape, name)
    if images.dtype == np.bool_:
        return images[:].astype(np.uint8) * np.uint8(255)
    if isinstance(images, StoredImages):
        least, greatest = images.limits.least, images.limits.greatest
    else:
        least, greatest = (images.min(), images.max()) if images.size else (0, 0)
    if images.dtype == np.uint8:
        if greatest == 1:
            raise InputError(
                f"{name} are 8-bit pixels and none is above 1, which is all but black: for black "
                f"and white give {name} * 255, and floats if they are from 0 to 1"
            )
        if 2 < greatest <= _MOST_FAINT:
            warnings.warn(
                f"{name} are 8-bit pixels and none is above {greatest}, which is nearly black, and "
                f"are taken as they are: {_divided(greatest)}, as floats",
                stacklevel=3,
            )
        return images
    if images.dtype.kind in "iu":
        remedy = f"turn them into floats from 0 to 1, such as {name} / {greatest}"
        if least >= 0 and greatest <= 1:
            remedy = f"use ({name} * 255).astype(np.uint8)"
        elif least >= 0 and _MOST_FAINT < greatest <= 255:
            remedy = "use .astype(np.uint8)"
        raise InputError(
            f"{name} must be 8-bit pixels (uint8) or floats from 0 to 1, not {images.dtype} from "
            f"{least} to {greatest}: {remedy}"
        )
    if not isinstance(images, StoredImages):
        check_finite(images, name)
    elif not images.limits.finite:
        raise InputError(f"{name} must be finite numbers, and some are not: clean the data first")
    if max(-least, greatest) > np.finfo(dtype).max:
        raise InputError(f"{name} must be numbers that {dtype} can hold, not up to {greatest!s}")
    _check_range(images, name, least, greatest, unit_interval, expects_unit_interval)
    return images


def _in_order(images: Any, image_shape: tuple[int, ...], name: str) -> Any:
    """Return ``images`` in the shape (N, H, W, C) if their numbers already stand in that order."""
    shape, pixels = images.shape[1:], prod(image_shape)
    # An axis of one entry is nowhere in the order: (N, 1, H, W) is read as (N, H, W, 1) is.
    sizes, expected = ([n for n in one if n != 1] for one in (shape, image_shape))
    if images.ndim > 1 and (sizes == expected or shape == (pixels,)):
        if isinstance(images, StoredImages):
            return images.reshaped(image_shape)
        return images.reshape(len(images), *image_shape)
    problem = (
        f"{name} must be of shape (N, {', '.join(map(str, image_shape))}) or hold {pixels} numbers "
        f"each, not {images.shape}"
    )
    last = images.shape[-1:] + images.shape[:-1]
    if images.shape == image_shape:
        raise InputError(problem, f"give one image as {name}[None]")
    if images.ndim > 2 and [n for n in last[1:] if n != 1] == expected:
        raise InputError(
            problem, f"put the axis that counts them first, np.moveaxis({name}, -1, 0)"
        )
    if [n for n in images.shape if n != 1] == expected or images.shape == (pixels,):
        raise InputError(problem, f"give one image as {name}[None]")
    for order in permutations(range(len(shape))):
        if tuple(shape[axis] for axis in order) == image_shape:
            axes = ", ".join(str(axis + 1) for axis in order)
            raise InputError(problem, f"put the axes in order, {name}.transpose(0, {axes})")
    raise InputError(problem, "give images of the model's size, with the channels last")


def _check_range(
    images: Any,
    name: str,
    least: Any,
    greatest: Any,
    unit_interval: bool,
    expects_unit_interval: bool,
) -> None:
    """Refuse floats outside 0 to 1 where they must be inside, or warn of what look like bytes."""
    rounding = max(_ROUNDING, 4 * float(np.finfo(images.dtype).eps))
    if unit_interval and (least < -rounding or greatest > 1 + rounding):
        raise InputError(
            f"{name} must be from 0 to 1 for this model, not from {least!s} to {greatest!s}: "
            f"{_brought(least, greatest, name)}, or use np.clip if only a few pixels are outside"
        )
    like_bytes = least >= 0 and 2 < greatest <= 255
    if like_bytes and (expects_unit_interval or limits_of(images).whole):
        warnings.warn(
            f"{name} are floats from {least!s} to {greatest!s}, and are taken as they are: "
            f"{_divided(greatest)}",
            stacklevel=4,
        )


def _brought(least: Any, greatest: Any, name: str) -> str:
    """Return how floats of such a range become numbers from 0 to 1."""
    if -1 <= least < -0.1 and greatest <= 1:
        return f"give ({name} + 1) / 2 if they are from -1 to 1"
    return _divided(greatest)


def _divided(greatest: Any) -> str:
    """Return how pixels of which none is above ``greatest`` become numbers from 0 to 1."""
    if greatest > 2 * _MOST_FAINT or greatest <= 2:
        return "divide 8-bit pixels by 255"
    return "divide them by the largest value that they can have, 255 for 8-bit pixels"


def ends_in_sigmoid(network: Layer) -> bool:
    """Tell whether the last layer that computes something is a ``Sigmoid``."""
    shaping = (Sequential, Flatten, Reshape)
    computing = [layer for layer in each_layer(network) if not isinstance(layer, shaping)]
    return bool(computing) and isinstance(computing[-1], Sigmoid)


def check_labels(labels: Any, count: int, classes: int) -> NDArray[Any]:
    """Return ``labels`` if they are ``count`` whole numbers from 0 to ``classes`` − 1."""
    if labels is None:
        raise InputError(
            f"this model needs the class of each image: give labels, {count} whole numbers from "
            f"0 to {classes - 1}"
        )
    found: NDArray[Any] = labels
    if isinstance(labels, list | tuple):
        with suppress(ValueError):  # parts of different lengths, which as_array refuses
            found = np.asarray(labels)
    if getattr(getattr(found, "dtype", None), "kind", "") not in ("U", "S", "O"):
        found = as_array(labels, "labels")
    if found.shape != (count,) or found.dtype.kind not in "iu":
        raise InputError(
            f"labels must be {count} whole numbers, one per image, not {found.dtype} of shape "
            f"{found.shape}: {_as_classes(found, count)}"
        )
    if found.size and not 0 <= found.min() <= found.max() < classes:
        counted = found.min() == 1 and found.max() == classes
        raise InputError(
            f"labels must be from 0 to {classes - 1}, not from {found.min()} to {found.max()}: "
            + ("give labels - 1" if counted else "leave the other images out, or number anew")
        )
    return found


def _as_classes(labels: NDArray[Any], count: int) -> str:
    """Return how such labels become whole numbers, one per image."""
    if labels.shape == (count, 1):
        return "give labels[:, 0]"
    if labels.ndim == 2 and len(labels) == count:
        return "give labels.argmax(axis=1) if a column stands for each class"
    if labels.shape == ():
        return f"give [{labels}] * {count} if all are of one class"
    if labels.shape != (count,):
        return "give one for each image"
    if labels.dtype.kind in "bf":
        return "give labels.astype(int), without those that are missing"
    return "give np.unique(labels, return_inverse=True)[1], which numbers them"


def check_no_layers(encoder: Layer) -> Layer:
    """Return the encoder, which has no layers: another would be there and never run."""
    if type(encoder) is not Sequential or encoder.layers:
        raise InputError(
            "the encoder of a Diffusion is fixed and has no layers, since it adds noise: leave it "
            "as it is, and change the decoder"
        )
    return encoder
