"""Find a data set in a folder.

MNIST and Fashion-MNIST come as four files each, under the same four names. A folder called
``mnist`` or ``fashion-mnist`` says which of the two it contains; files anywhere else are recognised
by their content.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.data.idx import read_idx
from scratchvae.data.remotes import FILES, RemoteDataset
from scratchvae.data.splits import Arrays, Dataset, content_hash, counted_dataset
from scratchvae.errors import InputError

_IMAGE_SHAPE = (28, 28)
# A name of the data set's own, the split, and what is in the file.
_IDX_NAME = re.compile(r"(?:(.+)-)?(train|t10k|test)-(images|labels)[-.]idx[1-4](?:-\w+)?(?:\.gz)?")
_RAW = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}  # torchvision's folders


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
    raw = folder / _RAW.get(remote.name, remote.name)
    for place in (folder / remote.name, raw, folder):
        files = files_in(place)
        missing = [name for name in FILES if name not in files]
        if missing:
            if files:
                found = f"{', '.join(missing)} is missing in {str(place)!r}"
            continue
        arrays = read_files(files)
        content = content_hash(arrays)
        titles = {other.content_hash: other.title for other in remotes.values()}
        named = place == raw or Path(os.path.abspath(place)).name == remote.name
        named = named and not only_original
        if content == remote.content_hash or (named and content not in titles):
            origin = f"{remote.title} from {place}"
            if content != remote.content_hash:
                origin += ", by the folder's name, though not the original images"
            return counted_dataset(remote.name, origin, arrays)
        found = f"the images in {str(place)!r} are {titles.get(content, 'of another data set')}"
    return found


def read_idx_sets(folder: Path, name: str = "") -> dict[str, tuple[Any, Any]] | None:
    """Return the splits of the one data set of IDX files in a folder; ``None`` if there is none.

    Their files are called as MNIST's, or have the data set's name before that, as EMNIST's have:
    ``emnist-letters-train-images-idx3-ubyte.gz``. Images may have any rows and columns, labels may
    be any numbers, and may be missing. They may lie in a folder ``raw`` below, as torchvision's do.

    Parameters
    ----------
    folder
        The folder.
    name
        That name, such as "emnist-letters"; or empty if the folder has one data set only.
    """
    for place in places_in(folder):
        names = os.listdir(place) if os.path.isdir(place) else []
        starts: dict[str, dict[str, Path]] = {}
        for file in sorted(names):
            found = _IDX_NAME.fullmatch(file)
            if found and os.path.isfile(place / file):
                kind = f"{'test' if found[2] != 'train' else 'train'}-{found[3]}"
                starts.setdefault(found[1] or "", {}).setdefault(kind, place / file)
        if name:
            starts = {start: files for start, files in starts.items() if start == name}
        if not starts:
            continue
        if len(starts) > 1:
            known = ", ".join(start or "one without a name" for start in starts)
            first = str(place / next(start for start in starts if start))
            raise InputError(
                f"there are several data sets in {str(place)!r}: {known}",
                f"name one of them, as in load({first!r})",
            )
        return _read_splits(place, next(iter(starts.values())))
    return None


def read_idx_file(path: Path) -> dict[str, tuple[Any, Any]] | None:
    """Return the images of one IDX file, with the labels that lie beside it; ``None``: it is none.

    A file may have any name with "idx" in it. Its labels are in a file that is called as it is
    called, with "labels" for "images".
    """
    if "idx" not in path.name.lower() or not os.path.isfile(path):
        return None
    beside = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels"))
    labels = path.with_name(beside) if beside != path.name else path
    found = {"train-images": path}
    if labels != path and os.path.isfile(labels):
        found["train-labels"] = labels
    return {"all": _read_splits(path.parent, found)["train"]}


def names_idx_set(path: Path) -> bool:
    """Tell whether a path is a folder and the name of a data set of IDX files in it."""
    files = (
        file
        for place in places_in(path.parent)
        if os.path.isdir(place)
        for file in os.listdir(place)
        if file.startswith(f"{path.name}-train-images")
    )
    return any(map(_IDX_NAME.fullmatch, files))


def _read_splits(place: Path, files: Mapping[str, Path]) -> dict[str, tuple[Any, Any]]:
    if "train-images" not in files:
        raise InputError(
            f"there are IDX files in {str(place)!r}, but no training images",
            "put the file *-train-images-idx3-ubyte beside them",
        )
    parts: dict[str, tuple[Any, Any]] = {}
    for split in ("train", "test"):
        path, label_path = (files.get(f"{split}-{what}") for what in ("images", "labels"))
        if path is None:
            continue
        pixels = read_idx(path, any_type=True)
        if pixels.ndim < 2:
            raise _wrong(path, "images of shape (N, H, W)", f"shape {pixels.shape}")
        parts[split] = (pixels[..., np.newaxis] if pixels.ndim == 3 else pixels, None)
        if label_path is not None:
            classes = read_idx(label_path, any_type=True)
            if classes.ndim != 1 or len(classes) != len(pixels):
                wanted = f"a label for each of the {len(pixels):,} images beside it"
                raise _wrong(label_path, wanted, f"shape {classes.shape}")
            parts[split] = (parts[split][0], classes)
    return parts


def places_in(folder: Path) -> list[Path]:
    """Return the folder, and those in it where torchvision puts the files that it downloads."""
    return [
        folder,
        folder / "raw",
        *(folder / name / "raw" for name in ("MNIST", "FashionMNIST", "EMNIST", "KMNIST")),
    ]


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
        arrays += [pixels[..., np.newaxis], classes]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _wrong(path: Path, wanted: str, came: str) -> InputError:
    """Return the error of a file that is sound but does not fit."""
    remedy = "replace it with the file of the data set"
    return InputError(f"expected {wanted} in {str(path)!r}, but found {came}", remedy)
