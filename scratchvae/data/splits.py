"""What a data set is: splits of images and labels, and where they came from."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.stored import chunks, some
from scratchvae.validation import check_count

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

_TEN = tuple("0123456789")
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, and labels where there are any, for training and for testing.

    Attributes
    ----------
    name
        What the data set is: never "auto".
    train_images, test_images
        Images of any one shape, (N, H, W, C), or vectors, (N, D): 8-bit pixels from 0 to 255, or
        floats. An array, or ``StoredImages`` of which some are read when they are asked for.
    train_labels, test_labels
        Classes from 0, (N,) whole numbers; ``None`` for data without labels.
    origin
        Where the data set came from, for a human to read.
    train_factors, test_factors
        The known factors of each image of the synthetic digits, (N, 7) float32, in the order of
        ``synthetic.FACTOR_NAMES`` and the units of ``synthetic.FACTORS``; ``None`` for the other
        data sets, whose factors are unknown. ``synthetic.named_factors`` names them.
    validation_images, validation_labels
        A third split, for choices that the test images must not decide; ``None``: there is none.
    class_names
        What the classes are called, in their order; empty where that is not known.
    source
        The arguments with which ``load`` gives this data set again, if it is from a file or folder
        of the user's: plain values, to be written to a configuration.
    announced
        Whether it is given in place of another, so that standard error was told its origin.
    """

    name: str
    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any
    origin: str
    train_factors: NDArray[np.float32] | None = None
    test_factors: NDArray[np.float32] | None = None
    validation_images: Any = None
    validation_labels: Any = None
    class_names: tuple[str, ...] = ()
    source: Mapping[str, Any] | None = None
    announced: bool = False

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of an image: (H, W, C), or (D,) for vectors."""
        return tuple(self.train_images.shape[1:])

    @property
    def classes(self) -> int:
        """How many classes there are; 0 for data without labels."""
        if self.class_names:
            return len(self.class_names)
        splits = (getattr(self, f"{split}_labels") for split in _SPLITS)
        labels = [each for each in splits if each is not None and each.size]
        return max((int(each.max()) + 1 for each in labels), default=0)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """How many images each split has, and a hash of all images and labels."""
        arrays = [self.train_images, self.train_labels, self.test_images, self.test_labels]
        counts = {"train": len(self.train_images), "test": len(self.test_images)}
        if self.validation_images is not None:
            arrays += [self.validation_images, self.validation_labels]
            counts["validation"] = len(self.validation_images)
        return counts | {"sha256": content_hash(each for each in arrays if each is not None)}

    def __repr__(self) -> str:
        """Return its origin, not its arrays."""
        return f"Dataset({self.name!r}: {self.origin})"

    def first(self, train: int | None, test: int | None) -> "Dataset":
        """Return only the first images of each split, with labels and factors; ``None``: all."""
        kept: dict[str, Any] = {}
        for split, count in (("train", train), ("test", test)):
            count = None if count is None else check_count(count, split, 0)
            for what in ("images", "labels", "factors"):
                array = getattr(self, f"{split}_{what}")
                kept[f"{split}_{what}"] = some(array, slice(count))
        return replace(self, **kept)


def content_hash(arrays: Iterable[NDArray[Any]]) -> str:
    """Return the SHA-256 of all entries, which does not depend on how files are compressed.

    Some megabytes are read at a time: images may be more than the memory holds.
    """
    digest = hashlib.sha256()
    for array in arrays:
        for chunk in chunks(array):
            digest.update(np.ascontiguousarray(chunk).reshape(-1).data)
    return digest.hexdigest()


def counted_dataset(name: str, origin: str, arrays: Arrays, **others: Any) -> Dataset:
    """Return the data set, with its counts added to its origin."""
    counts = f"({len(arrays[0]):,} + {len(arrays[2]):,} images)"
    if max(int(labels.max(initial=0)) for labels in arrays[1::2]) < len(_TEN):
        others["class_names"] = _TEN  # also where the images at hand are of fewer
    return Dataset(name, *arrays, origin=f"{origin} {counts}", **others)
