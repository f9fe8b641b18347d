"""Read arrays of NumPy's: .npy and .npz.

A .npy file has one array, without labels. A .npz file has images under one of the names
``images``, ``x``, ``data`` or ``arr_0``, labels under ``labels``, ``label``, ``y``, ``target``,
``targets`` or ``classes``; or splits, as ``x_train`` or ``train_images`` (``validation``, ``val``
and ``test`` likewise), with ``y_train`` or ``train_labels``; all of them also in capitals. Keras'
mnist.npz is one. Nothing that needs a pickle is read.
"""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.stored import MAPPED_FROM, Images, as_stored
from scratchvae.errors import InputError
from scratchvae.files import cannot_read, open_regular

SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
_IMAGES = ("images", "x", "data")
_LABELS = ("labels", "label", "y", "target", "targets", "classes")
_MOST_NAMES = 1000
_ANOTHER = "check its name and your permission to read it"

Split = tuple[Images, NDArray[Any] | None]

# What NumPy and zipfile raise of files that are damaged or foreign.
UNSOUND: tuple[type[Exception], ...] = (
    *(ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError, SyntaxError, OverflowError, IndexError, MemoryError),
    tokenize.TokenError,  # of a header that is no Python, from Python 3.12 on
)


def read_npy(path: Path) -> dict[str, Split]:
    """Return the images of a .npy file; large ones stay in it."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size < MAPPED_FROM:
                images: Images = _loaded(np.load(file, allow_pickle=False))
            else:
                images = as_stored(_loaded(np.load(path, mmap_mode="r", allow_pickle=False)))
    except OSError as error:
        raise cannot_read(path, error, _ANOTHER) from None
    except UNSOUND as error:
        raise _unsound(path, "a .npy file", error) from None
    return {"all": (images, None)}


def read_npz(path: Path) -> tuple[dict[str, Split], list[str]]:
    """Return the images and labels of each split in a .npz file; without splits it is "all".

    Beside them it says what was left out.
    """
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it has one array, as a .npy file")
            names = archive.files[:_MOST_NAMES]
            found = _names_of_splits(names, path)
            read: dict[str, Split] = {
                split: (_loaded(archive[images]), None if labels is None else archive[labels])
                for split, (images, labels) in found.items()
            }
            taken = {name for pair in found.values() for name in pair}
            others = [name for name in names if name not in taken]
            return read, [f"left out: {', '.join(others[:5])}"] if others else []
    except InputError:
        raise
    except OSError as error:
        raise cannot_read(path, error, _ANOTHER) from None
    except UNSOUND as error:
        raise _unsound(path, "a .npz file", error) from None


def _names_of_splits(names: list[str], path: Path) -> dict[str, tuple[str, str | None]]:
    """Return the names of the arrays of images and labels of each split."""

    def named(split: str, kinds: tuple[str, ...]) -> list[str]:
        joined = [
            text
            for word in SPLITS[split]
            for kind in kinds
            for text in (f"{kind}_{word}", f"{word}_{kind}")
        ]
        return [name for text in joined for name in names if name.lower() == text]

    found: dict[str, tuple[str, str | None]] = {}
    for split in SPLITS:
        if images := named(split, _IMAGES):
            found[split] = (images[0], next(iter(named(split, _LABELS)), None))
    if "train" in found:
        return found
    whole = [name for name in names if name.lower() in (*_IMAGES, "arr_0")]
    if found or not whole:
        raise InputError(
            f"expected images or x, or x_train or train_images, among the arrays of {str(path)!r}, "
            f"and they are {', '.join(names[:20]) or 'none'}",
            "save them under these names, as np.savez(path, images=images, labels=labels)",
        )
    if len(whole) > 1:
        raise InputError(
            f"{str(path)!r} has several arrays that may be the images, {' and '.join(whole)}",
            "save one of them alone",
        )
    labels = [name for name in names if name.lower() in _LABELS]
    return {"all": (whole[0], labels[0] if labels else None)}


def _loaded(array: Any) -> NDArray[Any]:
    if not isinstance(array, np.ndarray):
        raise ValueError("it has several arrays, as a .npz file")
    if array.dtype.names is not None:
        raise ValueError("its entries have fields")
    return array


def _unsound(path: Path, what: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    if isinstance(error, ValueError) and "pickled" in reason:  # NumPy says so of all it knows not
        reason = "it begins as no such file does, and Python's pickles are not read"
    elif "pickle" in reason.lower():
        reason = "it holds Python objects, which are not read since they may run code"
    return InputError(
        f"{str(path)!r} cannot be read as {what}: {reason}", "save its arrays as plain numbers"
    )
