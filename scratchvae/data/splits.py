"""What a data set is: two splits of images and labels, and where they came from."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import check_count

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, for training and for testing.

    Attributes
    ----------
    name
        What the data set is: never "auto".
    train_images, test_images
        Pixels from 0 to 255, (N, 28, 28, 1) uint8.
    train_labels, test_labels
        Classes from 0 to 9, (N,) uint8.
    origin
        Where the data set came from, for a human to read.
    train_factors, test_factors
        The known factors of each image of the synthetic digits, (N, 7) float32, in the order of
        ``synthetic.FACTOR_NAMES`` and the units of ``synthetic.FACTORS``; ``None`` for the other
        data sets, whose factors are unknown. ``synthetic.named_factors`` names them.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    origin: str
    train_factors: NDArray[np.float32] | None = None
    test_factors: NDArray[np.float32] | None = None

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """How many images each split has, and a hash of all images and labels."""
        arrays = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        counts = {"train": len(self.train_images), "test": len(self.test_images)}
        return counts | {"sha256": content_hash(arrays)}

    def first(self, train: int | None, test: int | None) -> "Dataset":
        """Return only the first images of each split, with labels and factors; ``None``: all."""
        kept: dict[str, Any] = {}
        for split, count in (("train", train), ("test", test)):
            count = None if count is None else check_count(count, split, 0)
            for what in ("images", "labels", "factors"):
                array = getattr(self, f"{split}_{what}")
                kept[f"{split}_{what}"] = None if array is None else array[:count]
        return replace(self, **kept)


def content_hash(arrays: Arrays) -> str:
    """Return the SHA-256 of all entries, which does not depend on how files are compressed."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()


def counted_dataset(name: str, origin: str, arrays: Arrays, **factors: Any) -> Dataset:
    """Return the data set, with its counts added to its origin."""
    counts = f"({len(arrays[0]):,} + {len(arrays[2]):,} images)"
    return Dataset(name, *arrays, origin=f"{origin} {counts}", **factors)
