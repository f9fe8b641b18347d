"""What a user gives to a model, checked and brought into one shape."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.validation import check_finite


def check_images(
    images: NDArray[Any], image_shape: tuple[int, ...], name: str, *, within_unit: bool
) -> NDArray[Any]:
    """Return ``images`` in the shape (N, H, W, C), checked; 8-bit pixels stay 8-bit.

    Parameters
    ----------
    images
        8-bit pixels or floats, (N, H, W, C), or (N, …) with as many numbers each.
    image_shape
        (H, W, C).
    name
        What to call them in an error.
    within_unit
        Whether floats must be from 0 to 1.
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
        if images.size and within_unit and (images.min() < 0 or images.max() > 1):
            raise InputError(
                f"{name} must be from 0 to 1 for a Bernoulli likelihood, not from "
                f"{images.min():.4g} to {images.max():.4g}: divide 8-bit pixels by 255"
            )
    return images.reshape(len(images), *image_shape)


def check_labels(labels: Any, count: int, classes: int) -> NDArray[Any]:
    """Return ``labels`` if they are a whole number from 0 to ``classes`` − 1 for each image."""
    if labels is None:
        raise InputError(
            f"this model is told the class of each image: give labels, {count} whole numbers from "
            f"0 to {classes - 1}"
        )
    try:
        labels = np.asarray(labels)
    except ValueError:
        raise InputError(
            f"labels must be {count} whole numbers, one an image; these rows differ in length"
        ) from None
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels must be {count} whole numbers, one an image, not {labels.dtype} of shape "
            f"{labels.shape}"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise InputError(
            f"labels must be from 0 to {classes - 1}, not from {labels.min()} to {labels.max()}"
        )
    checked: NDArray[Any] = labels
    return checked
