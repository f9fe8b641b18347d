"""Load a data set by name, from a folder, the cache or the network; or one of the user's own."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.data.download import DownloadError, download
from scratchvae.data.folders import files_in, find_in, names_idx_set, read_files
from scratchvae.data.own import Shares, load_own, small_digits
from scratchvae.data.reading import Reading
from scratchvae.data.remotes import REMOTES, RemoteDataset
from scratchvae.data.splits import Dataset, counted_dataset
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import as_path, user_cache_folder
from scratchvae.progress import say
from scratchvae.validation import check_seed

DATASET_NAMES = ("auto", "mnist", "fashion-mnist", "synthetic", "digits")
_DATA_VARIABLE = "SCRATCHVAE_DATA"
_SYNTHETIC_COUNTS = (60_000, 10_000)  # those of MNIST

_SYNTHETIC = 'use the synthetic digits, `load("synthetic")`'


def load(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    size: tuple[int, int] | str | None = None,
    pad: tuple[int, int] | str | None = None,
    axes: str | None = None,
    scale: float | str | None = None,
    alpha: str | None = None,
    labels: str | None = None,
    validation: float | None = None,
    test: float | None = None,
    progress: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
    remotes: Mapping[str, RemoteDataset] = REMOTES,
) -> Dataset:
    """Load a data set by its name, or images or vectors of your own by their path.

    MNIST and Fashion-MNIST are looked for in ``data_dir``, then in the folder named by the
    environment variable SCRATCHVAE_DATA, then in the cache, and otherwise downloaded into the
    cache. A folder named by the user ends the search: without the data set it is an error.

    Data of your own are a folder of pictures (folders in it are classes), a file .npy or .npz (its
    arrays as ``arrays`` says, Keras' mnist.npz among them), .csv or .parquet (a vector in each
    row), or IDX files as those of MNIST and EMNIST, of which a path may name one of several:
    "EMNIST/raw/emnist-letters". Images have any rows, columns and channels. What could be read in
    two ways is not guessed: an error says which option decides. Large .npy files, and the pixels
    of many pictures, stay in files, of which some images are read at a time.

    Parameters
    ----------
    name
        A path; or "mnist", "fashion-mnist", "synthetic", or "auto": MNIST if it can be found or
        downloaded, otherwise synthetic digits; for "auto" a folder without MNIST is no error. What
        is given in its place is said on standard error, with the reason. "digits" are
        scikit-learn's 1,797 digits of 8 x 8 pixels, if it is installed.
    data_dir
        Folder with the four files, or with a folder ``mnist`` or ``fashion-mnist`` of them.
    seed
        Seed of the synthetic digits, and of which images are for validation and for testing.
    size
        Rows and columns, such as (32, 32) or "32x32", to which pictures are resized.
    pad
        Rows and columns to which images are padded with black.
    axes
        "channels-first" for images (N, C, H, W), or "channels-last".
    scale
        The number that stands for white, by which pixels are divided: 255 for floats up to 255.
        "features" brings each number of an image to 0 to 1 by its own least and greatest; "none"
        takes all as they are.
    alpha
        What is seen through transparent pixels: "white" or "black"; or "keep", which makes
        transparency a channel.
    labels
        The column of a table that has the classes.
    validation, test
        The shares of the training images to set aside, below 1. Data that have no test images
        lose a tenth of them to a test split, if ``test`` is not given, and none to validation.
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
        If data of your own cannot be read, or an option has to say how.
    """
    seed = check_seed(seed)
    reading = Reading.of(size=size, pad=pad, axes=axes, scale=scale, alpha=alpha, labels=labels)
    shares = Shares(validation, test, seed)
    if not isinstance(name, str) or name not in DATASET_NAMES:
        path = _own_path(name)
        if data_dir is not None:
            raise InputError(f"{str(path)!r} is a path already", "leave out `data_dir`")
        return load_own(path, reading, shares, progress=progress)
    if data_dir is None and not os.environ.get(_DATA_VARIABLE) and os.path.isdir(name):
        _say_once(f"scratchvae: {name} is the data set of that name; the folder here is ./{name}")
    if name == "digits":
        reading.refuse("scikit-learn's digits", "size", "axes", "scale", "alpha", "labels")
        return small_digits(reading, shares)
    reading.refuse(f"{name}, which can be read in one way only,", *reading.chosen)
    data = _named(name, data_dir, seed, progress, cache_dir, remotes)
    return shares.of(data) if shares.chosen else data


def _own_path(name: Any) -> Path:
    """Return the path of data of the user's own, if there is something."""
    if not isinstance(name, str | os.PathLike):
        raise InputError(
            f"load takes the name of a data set or a path, not {type(name).__name__}",
            "give arrays to model.fit as they are",
        )
    if not os.fspath(name):
        raise unknown_name("data set", name, DATASET_NAMES)
    path = as_path(name)
    if os.path.lexists(path) or names_idx_set(path):
        return path
    error = unknown_name("data set", str(name), DATASET_NAMES)
    raise InputError(f"{error.problem}; nor is there a file or folder of that name")


def _named(
    name: str,
    data_dir: str | os.PathLike[str] | None,
    seed: int,
    progress: bool,
    cache_dir: str | os.PathLike[str] | None,
    remotes: Mapping[str, RemoteDataset],
) -> Dataset:
    """Return one of the data sets that have a name."""
    if name == "synthetic":
        if data_dir is not None:
            _say_once(
                f"scratchvae: {str(as_path(data_dir))!r} is not used: synthetic digits are drawn"
            )
        return _synthetic(seed, "")
    remote = remotes["mnist" if name == "auto" else name]
    passed_over = ""
    for folder in _user_folders(data_dir):
        found = find_in(remote, folder, remotes)
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
    else:
        return data
    return replace(data, announced=True)


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
        found = find_in(remotes[name], folder, remotes)
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
    return counted_dataset(remote.name, origin, read_files(files_in(folder)))


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return where downloads are kept: the folder named, or the system's for this package."""
    none = cache_dir is None or (isinstance(cache_dir, str) and not cache_dir)
    return user_cache_folder() if none else as_path(cache_dir)


def _find_in_cache(
    remote: RemoteDataset, cache: Path, remotes: Mapping[str, RemoteDataset]
) -> Dataset | None:
    with suppress(InputError):  # damaged: as if it were not there, so that a download replaces it
        found = find_in(remote, cache, remotes, only_original=True)
        if isinstance(found, Dataset):
            return found
    return None


def _synthetic(seed: int, why: str) -> Dataset:
    """Make synthetic digits, with different seeds for training and for testing."""
    from scratchvae.data.synthetic import make_synthetic_digits

    train_seed, test_seed = (int(part) for part in np.random.SeedSequence(seed).generate_state(2))
    train = make_synthetic_digits(_SYNTHETIC_COUNTS[0], seed=train_seed)
    test = make_synthetic_digits(_SYNTHETIC_COUNTS[1], seed=test_seed)
    return counted_dataset(
        "synthetic",
        f"{why}synthetic digits from seed {seed}",
        (train.images, train.labels, test.images, test.labels),
        train_factors=train.factors,
        test_factors=test.factors,
    )
