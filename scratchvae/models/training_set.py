"""What `fit` is given to learn from: images and labels, or batches of them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.models.base import Model
from scratchvae.training import check_training_set
from scratchvae.training.given_batches import GivenBatches, are_batches


def training_set(
    model: Model, images: Any, y: Any, epochs: int, settings: Mapping[str, Any]
) -> tuple[Any, NDArray[Any] | None]:
    """Return images and labels as a model takes them, or batches, which have their own labels.

    Raises
    ------
    InputError
        If there are none, or they do not fit the model or the settings.
    """
    if are_batches(images):
        return GivenBatches(images, model, y, epochs, settings), None
    images = model.as_images(images)
    if settings.get("pixels") == "binarised" and images.dtype.kind == "f":
        raise InputError(
            'pixels="binarised" is of 8-bit images, and floats are taken as they are',
            "give uint8 images, or leave `pixels` out",
        )
    labels = model.as_labels(y if model.classes else None, len(images))
    check_training_set(images, labels)
    return images, labels
