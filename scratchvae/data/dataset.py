"""Load a data set by name: from a folder of the user's, the cache, or the network."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from scratchvae.data.download import DownloadError, download
from scratchvae.data.folders import files_in, find_in, read_files
from scratchvae.data.remotes import REMOTES, RemoteDataset
from scratchvae.data.splits import Dataset, counted_dataset
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import as_path, user_cache_folder
from scratchvae.progress import say
from scratchvae.validation import check_seed

DATASET_NAMES = ("auto", "mnist", "fashion-mnist", "synthetic")
_DATA_VARIABLE = "SCRATCHVAE_DATA"
_SYNTHETIC_COUNTS = (60_000, 10_000)  # those of MNIST

_SYNTHETIC = 'use the synthetic digits, `load("synthetic")`'


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
