"""Images that stay in a file: some of them are read when their turn comes.

A data set may be larger than memory.

Dimensions: N images, … the shape of one.
"""

import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.errors import InputError

CHUNK_BYTES = 1 << 24  # read at a time
MAPPED_FROM = 1 << 26  # bytes of an array from which on it stays in its file

Rows = Callable[[NDArray[np.intp]], NDArray[Any]]


@dataclass(frozen=True)
class Limits:
    """The least and greatest of many numbers, and whether all are finite, and whole."""

    least: Any
    greatest: Any
    finite: bool
    whole: bool


class StoredImages:
    """What models and data sets take in the place of an array of images.

    It has the ``shape``, ``dtype`` and length of an array. Indexed by a slice or by whole numbers
    it gives an array of these images; ``subset`` gives them without reading any.

    Parameters
    ----------
    rows
        Returns the images at some places, (n, …), as a new array.
    places
        Which of them these are, in order, (N,).
    shape, dtype
        Of one image, and of its numbers.
    """

    def __init__(
        self, rows: Rows, places: NDArray[np.intp], shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self._rows, self._places = rows, places
        self._shape, self.dtype = shape, np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, …)."""
        return (len(self._places), *self._shape)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes an array of them would have."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return some images as an array, or one."""
        if not isinstance(key, int | np.integer):
            return self._rows(self._places[key])
        one: NDArray[Any] = self._rows(self._places[np.array([key])])[0]
        return one

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all images as an array."""
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"StoredImages of shape {self.shape} and {self.dtype}"

    def subset(self, key: Any) -> "StoredImages":
        """Return some of the images, without reading them."""
        return StoredImages(self._rows, self._places[key], self._shape, self.dtype)

    def beside(self, others: Sequence["StoredImages"]) -> "StoredImages":
        """Return these images and, after them, other subsets of the same ones."""
        places = np.concatenate([self._places, *(other._places for other in others)])
        return StoredImages(self._rows, places, self._shape, self.dtype)

    def reshaped(self, shape: tuple[int, ...]) -> "StoredImages":
        """Return the same images, each in this shape."""
        if shape == self._shape:
            return self
        return self.mapped(lambda images: images.reshape(len(images), *shape), shape, self.dtype)

    def mapped(
        self,
        change: Callable[[NDArray[Any]], NDArray[Any]],
        shape: tuple[int, ...],
        dtype: DTypeLike,
    ) -> "StoredImages":
        """Return the images as ``change`` makes them, when they are read."""
        rows = self._rows
        return StoredImages(lambda places: change(rows(places)), self._places, shape, dtype)

    @cached_property
    def limits(self) -> Limits:
        """Of all numbers, read once."""
        return limits_of(self)


Images = NDArray[Any] | StoredImages


def as_stored(array: NDArray[Any], file: BinaryIO | None = None) -> StoredImages:
    """Return an array that is mapped from a file as images that stay there.

    They are read from the file itself. Through the mapping, an image that is looked at may bring
    megabytes beside it into memory, which stay there.

    Parameters
    ----------
    array
        A ``numpy.memmap``.
    file
        The file, if it has no name.
    """
    shape, dtype = array.shape[1:], array.dtype
    start = _start_in_file(array)
    if start is None:
        return StoredImages(
            lambda places: np.array(array[places]), np.arange(len(array)), shape, dtype
        )
    opened = _Descriptor(
        os.open(array.filename, os.O_RDONLY)  # type: ignore[attr-defined]
        if file is None
        else os.dup(file.fileno())
    )
    size = prod(shape) * dtype.itemsize

    def rows(places: NDArray[np.intp]) -> NDArray[Any]:
        found = np.empty((len(places), *shape), dtype)
        content = memoryview(found.reshape(-1).view(np.uint8).data)
        # A run of images beside one another is read at once.
        ends = np.flatnonzero(np.diff(places) != 1) + 1
        for first, last in pairwise([0, *ends.tolist(), len(places)]):
            into, at = content[first * size : last * size], start + int(places[first]) * size
            while into:
                count = os.preadv(opened.number, [into], at)
                if not count:
                    raise InputError(
                        f"the file of {array.filename!r} is shorter than when it was opened",  # type: ignore[attr-defined]
                        "load it again",
                    )
                into, at = into[count:], at + count
        return found

    return StoredImages(rows, np.arange(len(array)), shape, dtype)


class _Descriptor:
    """An open file, which is closed when nobody has this any more."""

    def __init__(self, number: int) -> None:
        self.number = number
        weakref.finalize(self, os.close, number)


def _start_in_file(array: NDArray[Any]) -> int | None:
    """Return where an array begins in its file, if its rows lie there as they do in the array."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    plain = array.flags.c_contiguous and array.size and hasattr(os, "preadv")  # not on Windows
    if not isinstance(array, np.memmap) or not isinstance(base, mmap.mmap) or not plain:
        return None
    if array.mode == "c":  # what was changed is not in the file
        return None
    whole = np.frombuffer(base, np.uint8)
    inside = array.ctypes.data - whole.ctypes.data
    return inside + int(array.offset - array.offset % mmap.ALLOCATIONGRANULARITY)


def kept_in_file(array: Any) -> bool:
    """Tell whether an array is mapped from a file, and so large that it should stay there."""
    return isinstance(array, np.memmap) and array.ndim > 1 and array.nbytes >= MAPPED_FROM


def some(images: Any, key: Any) -> Any:
    """Return some images of an array or of stored ones, of which none are read; ``None``: none."""
    if images is None:
        return None
    return images.subset(key) if isinstance(images, StoredImages) else images[key]


def chunks(images: Images) -> Iterator[NDArray[Any]]:
    """Yield all images, some megabytes at a time."""
    count = max(1, CHUNK_BYTES // max(1, images.nbytes // max(1, len(images))))
    return (images[start : start + count] for start in range(0, len(images), count))


def limits_of(images: Images) -> Limits:
    """Return the limits of all numbers; those that are no numbers do not count for the others."""
    if isinstance(images, StoredImages) and "limits" in vars(images):
        return images.limits
    least, greatest, finite, whole = [], [], True, True
    for chunk in chunks(images):
        if chunk.dtype.kind == "f":
            right = np.isfinite(chunk)
            finite = finite and bool(right.all())
            if not right.any():
                continue
            chunk = chunk if finite else chunk[right]
            whole = whole and bool((chunk == np.rint(chunk)).all())
        least.append(chunk.min())
        greatest.append(chunk.max())
    if not least:
        return Limits(0, 0, finite, whole)
    return Limits(min(least), max(greatest), finite, whole)
