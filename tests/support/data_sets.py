"""Small data sets in files, and where they are looked for."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from scratchvae.data.remotes import RemoteDataset
from scratchvae.errors import InputError

FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def make_set(seed):
    """Return the four arrays of a data set of seven and three images, by file name."""
    random = np.random.default_rng(seed)
    shapes = ((7, 28, 28), (7,), (3, 28, 28), (3,))
    return {
        f"{name}-ubyte": random.integers(0, 256 if len(shape) == 3 else 10, shape, np.uint8)
        for name, shape in zip(FILES, shapes, strict=True)
    }


def make_remote(name, arrays):
    hashes = {
        f"{file}.gz": hashlib.sha256(gzip.compress(idx_bytes(array), mtime=0)).hexdigest()
        for file, array in arrays.items()
    }
    content = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()
    return RemoteDataset(name, name.upper(), ("http://127.0.0.1:9/",), hashes, content)


DIGITS, CLOTHES, OTHER = make_set(1), make_set(2), make_set(3)
SETS = {
    "mnist": make_remote("mnist", DIGITS),
    "fashion-mnist": make_remote("fashion-mnist", CLOTHES),
}


def write(folder, arrays, *, compress=True, dotted=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx_bytes(array)
        if dotted:
            name = name.replace("-idx", ".idx")
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)


def contains(found, arrays):
    train_images, train_labels, test_images, test_labels = arrays.values()
    return (
        np.array_equal(found.train_images, train_images[..., None])
        and np.array_equal(found.train_labels, train_labels)
        and np.array_equal(found.test_images, test_images[..., None])
        and np.array_equal(found.test_labels, test_labels)
    )


def refusal(load_it, *arguments, **options):
    with pytest.raises(InputError) as error:
        load_it(*arguments, **options)
    text = str(error.value)
    assert "\n" not in text
    return text


def read_or_refused(load_it, *arguments):
    """Return the line with which something is refused; empty if it can be read."""
    try:
        load_it(*arguments)
    except InputError as error:
        return str(error)
    return ""
