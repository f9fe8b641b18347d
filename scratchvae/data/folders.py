"""Find a data set in a folder.

MNIST and Fashion-MNIST come as four files each, under the same four names. A folder called
``mnist`` or ``fashion-mnist`` says which of the two it contains; files anywhere else are recognised
by their content.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scratchvae.data.idx import read_idx
from scratchvae.data.remotes import FILES, RemoteDataset
from scratchvae.data.splits import Arrays, Dataset, content_hash, counted_dataset
from scratchvae.errors import InputError

_IMAGE_SHAPE = (28, 28)
_CLASSES = 10


def find_in(
    remote: RemoteDataset,
    folder: Path,
    remotes: Mapping[str, RemoteDataset],
    *,
    only_original: bool = False,
) -> Dataset | str:
    """Look for a data set in a folder; return it, or say what is in the folder instead.

    A folder with the name of the data set may contain other images than the original ones, unless
    ``only_original``, but never those of another known data set.
    """
    found = "its files are not there"
    for place in (folder / remote.name, folder):
        files = files_in(place)
        missing = [name for name in FILES if name not in files]
        if missing:
            if files:
                found = f"{', '.join(missing)} is missing in {str(place)!r}"
            continue
        arrays = read_files(files)
        content = content_hash(arrays)
        titles = {other.content_hash: other.title for other in remotes.values()}
        named = Path(os.path.abspath(place)).name == remote.name and not only_original
        if content == remote.content_hash or (named and content not in titles):
            origin = f"{remote.title} from {place}"
            if content != remote.content_hash:
                origin += ", by the folder's name, though not the original images"
            return counted_dataset(remote.name, origin, arrays)
        found = f"the images in {str(place)!r} are {titles.get(content, 'of another data set')}"
    return found


def files_in(folder: Path) -> dict[str, Path]:
    """Return those of the four files that are in a folder, under any of their usual names."""
    files = {}
    for name in FILES:
        for usual in (name, name.replace("-idx", ".idx")):
            for path in (folder / f"{usual}.gz", folder / usual):
                # Some archives unpack into a folder that has the file's name.
                if name not in files and os.path.isfile(path):
                    files[name] = path
    return files


def read_files(files: Mapping[str, Path]) -> Arrays:
    """Read and check the four files; images come back as (N, 28, 28, 1)."""
    arrays = []
    for images, labels in (FILES[:2], FILES[2:]):
        path, label_path = files[images], files[labels]
        pixels, classes = read_idx(path), read_idx(label_path)
        if pixels.shape[1:] != _IMAGE_SHAPE:
            raise _wrong(path, "images of shape (N, 28, 28)", f"shape {pixels.shape}")
        if classes.ndim != 1:
            raise _wrong(label_path, "labels of shape (N,)", f"shape {classes.shape}")
        if len(classes) != len(pixels):
            wanted = f"a label for each of the {len(pixels):,} images beside it"
            raise _wrong(label_path, wanted, f"{len(classes):,} labels")
        if classes.max() >= _CLASSES:
            wanted = f"labels from 0 to {_CLASSES - 1}"
            raise _wrong(label_path, wanted, f"a label {classes.max()}")
        arrays += [pixels[..., np.newaxis], classes]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _wrong(path: Path, wanted: str, came: str) -> InputError:
    """Return the error of a file that is sound but does not fit."""
    remedy = "replace it with the file of the data set"
    return InputError(f"expected {wanted} in {str(path)!r}, but found {came}", remedy)
