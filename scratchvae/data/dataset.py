"""Find a data set by name: in a folder of the user's, in the cache, or on the network.

MNIST and Fashion-MNIST come as four files each, under the same four names. A folder called
``mnist`` or ``fashion-mnist`` says which of the two it contains; files anywhere else are recognised
by their content.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.download import DownloadError, download
from scratchvae.data.idx import read_idx
from scratchvae.data.remotes import FILES, REMOTES, RemoteDataset
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import as_path, user_cache_folder
from scratchvae.progress import say
from scratchvae.validation import check_count, check_seed

DATASET_NAMES = ("auto", "mnist", "fashion-mnist", "synthetic")
_DATA_VARIABLE = "SCRATCHVAE_DATA"
_IMAGE_SHAPE = (28, 28)
_CLASSES = 10
_SYNTHETIC_COUNTS = (60_000, 10_000)  # those of MNIST

_SYNTHETIC = 'use the synthetic digits, `load("synthetic")`'

_Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


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
        return counts | {"sha256": _content_hash(arrays)}

    def first(self, train: int | None, test: int | None) -> "Dataset":
        """Return only the first images of each split, with labels and factors; ``None``: all."""
        kept: dict[str, Any] = {}
        for split, count in (("train", train), ("test", test)):
            count = None if count is None else check_count(count, split, 0)
            for what in ("images", "labels", "factors"):
                array = getattr(self, f"{split}_{what}")
                kept[f"{split}_{what}"] = None if array is None else array[:count]
        return replace(self, **kept)


def load(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
    remotes: Mapping[str, RemoteDataset] = REMOTES,
) -> Dataset:
    """Load a data set.

    MNIST and Fashion-MNIST are looked for in ``data_dir``, then in the folder named by the
    environment variable SCRATCHVAE_DATA, then in the cache, and otherwise downloaded into the
    cache. A folder named by the user ends the search: without the data set it is an error.

    Parameters
    ----------
    name
        "mnist", "fashion-mnist", "synthetic", or "auto": MNIST if it can be found or downloaded,
        otherwise synthetic digits; for "auto" a folder without MNIST is no error. What is given
        in its place is said on standard error, with the reason.
    data_dir
        Folder with the four files, or with a folder ``mnist`` or ``fashion-mnist`` of them.
    seed
        Seed of the synthetic digits, not negative.
    progress
        Whether to show a progress bar while downloading, if standard error is a terminal.
    cache_dir
        Folder for downloads instead of the user's cache folder.
    remotes
        Where "mnist" and "fashion-mnist" are downloaded and how they are recognised.

    Raises
    ------
    InputError
        If there is no such data set, the seed is not a non-negative integer, a folder named by the
        user is missing or has damaged files, or the data set can be neither found nor downloaded.
    """
    if not isinstance(name, str) or name not in DATASET_NAMES:
        raise unknown_name("data set", name, DATASET_NAMES)
    seed = check_seed(seed)
    if name == "synthetic":
        if data_dir is not None:
            _say_once(
                f"scratchvae: {str(as_path(data_dir))!r} is not used: synthetic digits are drawn"
            )
        return _synthetic(seed, "")
    remote = remotes["mnist" if name == "auto" else name]
    passed_over = ""
    for folder in _user_folders(data_dir):
        found = _find(remote, folder, remotes)
        if isinstance(found, Dataset):
            return _announced(passed_over, found)
        passed_over = f"no {remote.title} in {str(folder)!r} ({found})"
        if name != "auto":
            raise InputError(
                f"expected {remote.title} in {str(folder)!r}, but {found}",
                f"put the files {', '.join(remote.hashes)} (or uncompressed, without .gz) into "
                f"{str(folder / remote.name)!r}, or {_SYNTHETIC}",
            )
    try:
        return _announced(passed_over, _find_or_download(remote, cache_dir, remotes, progress))
    except DownloadError as error:
        if name == "auto":
            why = f"{remote.title} could not be downloaded ({error.reason}): using "
            return _announced(passed_over, _synthetic(seed, why))
        raise InputError(
            error.problem,
            f"{error.remedy}, or put the files {', '.join(remote.hashes)} into a folder and set "
            f"{_DATA_VARIABLE} to it, or {_SYNTHETIC}",
        ) from error


def _announced(passed_over: str, data: Dataset) -> Dataset:
    """Return ``data``; if it is not what was named, standard error says so, once."""
    if passed_over:
        _say_once(f"scratchvae: {passed_over}; taken in its place: {data.origin}")
    elif data.name == "synthetic":
        _say_once(f"scratchvae: {data.origin}")
    return data


@cache
def _say_once(line: str) -> None:
    say(" ".join(line.split()))


def find_local(
    name: str,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    remotes: Mapping[str, RemoteDataset] = REMOTES,
) -> Dataset | None:
    """Return "mnist" or "fashion-mnist" if it is where ``load`` looks for it, else ``None``.

    Nothing is downloaded, and a folder without the data set is no error.
    """
    if not isinstance(name, str) or name not in remotes:
        raise unknown_name("data set", name, remotes)
    for folder in _user_folders(None):
        found = _find(remotes[name], folder, remotes)
        if isinstance(found, Dataset):
            return found
    return _find_in_cache(remotes[name], cache_folder(cache_dir), remotes)


def _user_folders(data_dir: str | os.PathLike[str] | None) -> list[Path]:
    """Return the folders that the user named, having checked that they exist."""
    named = {
        "the data folder": data_dir,
        f"the folder in {_DATA_VARIABLE}": os.environ.get(_DATA_VARIABLE) or None,
    }
    folders = {what: as_path(path) for what, path in named.items() if path is not None}
    for what, folder in folders.items():
        state = "may not be read"
        if not os.path.isdir(folder):
            state = "is not a folder" if os.path.exists(folder) else "does not exist"
        if not os.access(folder, os.R_OK | os.X_OK):  # which it may not if it is not there
            raise InputError(
                f"expected {what} to exist, but {str(folder)!r} {state}: "
                "correct it, or leave it out to have the data downloaded"
            )
    return list(folders.values())


def _find_or_download(
    remote: RemoteDataset,
    cache_dir: str | os.PathLike[str] | None,
    remotes: Mapping[str, RemoteDataset],
    progress: bool,
) -> Dataset:
    """Take a data set from the cache, downloading what is missing or damaged there."""
    cache = cache_folder(cache_dir)
    found = _find_in_cache(remote, cache, remotes)
    if found is not None:
        return found
    folder = cache / remote.name
    download(remote, folder, progress=progress)
    origin = f"{remote.title} downloaded into {folder}"
    return _dataset(remote.name, origin, _read(_files_in(folder)))


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where downloads are kept: the folder named, or the system's for this package."""
    none = cache_dir is None or (isinstance(cache_dir, str) and not cache_dir)
    return user_cache_folder() if none else as_path(cache_dir)


def _find_in_cache(
    remote: RemoteDataset, cache: Path, remotes: Mapping[str, RemoteDataset]
) -> Dataset | None:
    with suppress(InputError):  # damaged: as if it were not there, so that a download replaces it
        found = _find(remote, cache, remotes, only_original=True)
        if isinstance(found, Dataset):
            return found
    return None


def _find(
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
        files = _files_in(place)
        missing = [name for name in FILES if name not in files]
        if missing:
            if files:
                found = f"{', '.join(missing)} is missing in {str(place)!r}"
            continue
        arrays = _read(files)
        content = _content_hash(arrays)
        titles = {other.content_hash: other.title for other in remotes.values()}
        named = Path(os.path.abspath(place)).name == remote.name and not only_original
        if content == remote.content_hash or (named and content not in titles):
            origin = f"{remote.title} from {place}"
            if content != remote.content_hash:
                origin += ", by the folder's name, though not the original images"
            return _dataset(remote.name, origin, arrays)
        found = f"the images in {str(place)!r} are {titles.get(content, 'of another data set')}"
    return found


def _files_in(folder: Path) -> dict[str, Path]:
    """Return those of the four files that are in a folder, under any of their usual names."""
    files = {}
    for name in FILES:
        for usual in (name, name.replace("-idx", ".idx")):
            for path in (folder / f"{usual}.gz", folder / usual):
                # Some archives unpack into a folder that has the file's name.
                if name not in files and os.path.isfile(path):
                    files[name] = path
    return files


def _read(files: Mapping[str, Path]) -> _Arrays:
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


def _content_hash(arrays: _Arrays) -> str:
    """Return the SHA-256 of all entries, which does not depend on how files are compressed."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()


def _dataset(name: str, origin: str, arrays: _Arrays, **factors: Any) -> Dataset:
    """Return the data set, with its counts added to its origin."""
    counts = f"({len(arrays[0]):,} + {len(arrays[2]):,} images)"
    return Dataset(name, *arrays, origin=f"{origin} {counts}", **factors)


def _synthetic(seed: int, why: str) -> Dataset:
    """Make synthetic digits, with different seeds for training and for testing."""
    from scratchvae.data.synthetic import make_synthetic_digits

    train_seed, test_seed = (int(part) for part in np.random.SeedSequence(seed).generate_state(2))
    train = make_synthetic_digits(_SYNTHETIC_COUNTS[0], seed=train_seed)
    test = make_synthetic_digits(_SYNTHETIC_COUNTS[1], seed=test_seed)
    return _dataset(
        "synthetic",
        f"{why}synthetic digits from seed {seed}",
        (train.images, train.labels, test.images, test.labels),
        train_factors=train.factors,
        test_factors=test.factors,
    )
