"""Data of the user's own: a folder of pictures, a .npy, .npz, .csv or .parquet file, IDX files.

What is in the files is read by ``pictures``, ``arrays``, ``tables`` and ``folders``; here it
becomes one data set: with its axes in order, its pixels in a known range, and in splits.

Dimensions: N images of H rows, W columns and C channels; vectors of D numbers.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data import tables
from scratchvae.data.arrays import SPLITS, read_npy, read_npz
from scratchvae.data.folders import read_idx_file, read_idx_sets
from scratchvae.data.reading import AXES, Reading, in_order, padded, scaled
from scratchvae.data.splits import Dataset
from scratchvae.data.stored import Images, StoredImages, some
from scratchvae.errors import InputError
from scratchvae.randomness import stream
from scratchvae.validation import check_between

TEST_SHARE = 0.1

Parts = Mapping[str, tuple[Images, NDArray[Any] | None]]


def load_own(path: Path, reading: Reading, shares: "Shares", *, progress: bool = True) -> Dataset:
    """Return the data set in a file or folder.

    Raises
    ------
    InputError
        If there is nothing there, it cannot be read, or can be read in more than one way and
        ``reading`` does not say which.
    """
    parts, names, notes, asked = _read(path, reading, progress)
    what = f"the images in {str(path)!r}"
    for images, labels in parts.values():
        if labels is not None and np.shape(labels)[:1] != images.shape[:1]:
            counts = [one.shape[0] if one.ndim else 0 for one in (images, labels)]
            raise InputError(
                f"{what} are {counts[0]:,} and their labels {counts[1]:,}",
                "give a label for each image",
            )
    labelled = [labels for _, labels in parts.values() if labels is not None]
    if labelled and not names:
        numbers, names = tables.as_classes(np.concatenate(labelled), f"the labels in {str(path)!r}")
        ends = np.cumsum([len(labels) for labels in labelled])[:-1]
        numbered = iter(np.split(numbers, ends))
        parts = {s: (i, None if y is None else next(numbered)) for s, (i, y) in parts.items()}
    images, counts = _joined([images for images, _ in parts.values()], what)
    axes = reading if asked else replace(reading, axes=AXES[0])
    ordered = in_order(images, axes, what) if images.ndim != 2 or asked else images
    ready, range_ = scaled(padded(ordered, reading.pad, what), reading, what)
    if len(ordered) != len(images):  # one picture, its channels first
        counts = [1]
    if not len(ready) or not np.prod(ready.shape[1:]):
        raise InputError(f"{what} have no numbers: they are of shape {ready.shape}", "give others")
    starts = np.cumsum([0, *counts])
    split = {
        s: (some(ready, slice(start, stop)), labels)
        for (s, (_, labels)), start, stop in zip(
            parts.items(), starts[:-1], starts[1:], strict=True
        )
    }
    return shares.dataset(
        split,
        name=Path(os.path.abspath(path)).stem or "data",
        origin=_Summary(ready.shape[1:], range_, names, tuple(notes), str(path)),
        class_names=names,
        source={"name": os.path.abspath(path), **reading.chosen},
    )


class Shares:
    """How data without splits are divided, by a seed.

    Parameters
    ----------
    validation, test
        The shares of the images, from 0 to below 1.
    seed
        Which images these are.
    """

    def __init__(self, validation: float | None, test: float | None, seed: int) -> None:
        self._given = {"validation": validation, "test": test}
        for name, share in self._given.items():
            if share is not None and check_between(share, name, 0, 1) == 1:
                raise InputError(f"{name} must be a share below 1, not {share}")
        self.seed = seed
        self.validation = validation or 0.0
        self.test = TEST_SHARE if test is None else test
        if self.validation + self.test >= 1:
            raise InputError(
                f"of validation {self.validation:g} and test {self.test:g} nothing is left to "
                "train on: choose less"
            )

    @property
    def chosen(self) -> dict[str, float]:
        """The shares that were given."""
        return {name: share for name, share in self._given.items() if share is not None}

    def of(self, data: Dataset) -> Dataset:
        """Return a data set that has test images, with some of the others for validation."""
        if self._given["test"] is not None:
            raise InputError(f"{data.name} has test images: leave out the share of `test`")
        count = len(data.train_images)
        order = stream(self.seed, "shuffle").permutation(count)
        chosen = np.sort(order[: self._wanted("validation", count)])
        rest = np.delete(np.arange(count), chosen)
        kept = {
            f"train_{what}": some(getattr(data, f"train_{what}"), rest)
            for what in ("images", "labels", "factors")
        }
        return replace(
            data,
            **kept,
            validation_images=data.train_images[chosen],
            validation_labels=some(data.train_labels, chosen),
            source={"name": data.name, **self.chosen, "seed": self.seed},
            origin=f"{data.origin}, {len(chosen):,} of these for validation",
        )

    def _wanted(self, split: str, count: int) -> int:
        """Return how many of so many images a split takes."""
        share = {"validation": self.validation, "test": self.test}[split]
        return max(1, round(share * count)) if share and count > 1 else 0

    def dataset(
        self, parts: Parts, *, source: Mapping[str, Any], origin: "_Summary", **others: Any
    ) -> Dataset:
        """Return the data set: the splits that there are, and those that its data lack."""
        parts = dict(parts)
        if "all" in parts:
            parts["train"] = parts.pop("all")
        elif self._given["test"] is not None and "test" in parts:
            raise InputError("these data have test images: leave out the share of `test`")
        whole, count = parts["train"], len(parts["train"][0])
        order = stream(self.seed, "shuffle").permutation(count)
        for name in ("validation", "test"):
            wanted = 0 if name in parts else min(self._wanted(name, count), len(order) - 1)
            chosen, order = np.sort(order[:wanted]), order[wanted:]
            if wanted:
                parts[name] = _chosen(whole, chosen)
        if len(order) < count:
            parts["train"] = _chosen(whole, np.sort(order))
        empty = _chosen(whole, order[:0])
        return Dataset(
            train_images=parts["train"][0],
            train_labels=parts["train"][1],
            test_images=parts.get("test", empty)[0],
            test_labels=parts.get("test", empty)[1],
            validation_images=parts["validation"][0] if "validation" in parts else None,
            validation_labels=parts["validation"][1] if "validation" in parts else None,
            origin=origin.line({s: len(parts[s][0]) for s in SPLITS if s in parts}),
            source={**source, **self.chosen, "seed": self.seed},
            **others,
        )


class _Summary:
    """What is said of a data set that was read."""

    def __init__(
        self,
        shape: tuple[int, ...],
        range_: str,
        classes: tuple[str, ...],
        notes: tuple[str, ...],
        path: str,
    ) -> None:
        if len(shape) == 1:
            self._what = f"vectors of {shape[0]} number{'s' if shape[0] != 1 else ''}"
        else:
            kind = {1: "grey ", 3: "colour "}.get(shape[2], "")
            channels = "" if kind else f" with {shape[2]} channels"
            self._what = f"{kind}images of {shape[0]}x{shape[1]}{channels}"
        plural = "es" if len(classes) != 1 else ""
        kinds = f"{len(classes):,} class{plural}" if classes else "no labels"
        self._rest = "; ".join([range_, kinds, *notes]) + f"; from {path!r}"

    def line(self, counts: Mapping[str, int]) -> str:
        """Return it all in a line."""
        numbers = " + ".join(f"{count:,} {split}" for split, count in counts.items())
        return f"{numbers} {self._what}; {self._rest}"


def small_digits(reading: Reading, shares: Shares) -> Dataset:
    """Return scikit-learn's digits: 1,797 of 8 x 8 pixels, which count from 0 to 16."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            "the digits of 8 x 8 pixels come with scikit-learn, which is not installed",
            "run `pip install scikit-learn`, or name another data set",
        ) from None
    digits = load_digits()
    pixels = digits.images[..., None].astype(np.float32)
    images, range_ = scaled(pixels, Reading(scale=16.0), "the digits")
    images, names = padded(images, reading.pad, "the digits"), tuple("0123456789")
    return shares.dataset(
        {"all": (images, digits.target)},
        name="digits",
        origin=_Summary(images.shape[1:], range_, names, (), "scikit-learn"),
        class_names=names,
        source={"name": "digits", **reading.chosen},
    )


def _read(
    path: Path, reading: Reading, progress: bool
) -> tuple[Parts, tuple[str, ...], list[str], bool]:
    """Return the splits in a file or folder, the names of their classes, and what was done.

    The last says whether it is open how the axes of the images stand.
    """
    suffix = _suffix(path)
    if os.path.isdir(path):
        found = read_idx_sets(path)
        if found is None:
            # Pillow is imported where there are pictures.
            from scratchvae.data.pictures import read_pictures

            pictures = read_pictures(path, reading, progress=progress)
            return pictures.splits, pictures.class_names, list(pictures.notes), False
        return _of_idx(found, reading)
    if suffix in tables.SUFFIXES:
        reading.refuse("a table", "size", "alpha", "axes", "pad")
        images, labels, names, notes = tables.read_table(path, reading)
        return {"all": (images, labels)}, names, notes, False
    if suffix in (".npy", ".npz"):
        reading.refuse("arrays", "size", "labels")
        parts, notes = read_npz(path) if suffix == ".npz" else (read_npy(path), [])
        _check_alpha(parts, reading, path)
        return parts, (), notes, True
    found = read_idx_sets(path.parent, path.name) or read_idx_file(path)
    if found is not None:
        return _of_idx(found, reading)
    raise InputError(
        f"{str(path)!r} is of no kind that can be read",
        "give a folder of pictures or of IDX files, a .npy, .npz, .csv, .tsv or .parquet file, or "
        "save what it has by numpy.savez(path, images=images, labels=labels)",
    )


def _of_idx(found: Parts, reading: Reading) -> tuple[Parts, tuple[str, ...], list[str], bool]:
    reading.refuse("IDX files", "size", "alpha", "labels")
    return found, (), [], any(i.ndim == 4 and i.shape[-1] != 1 for i, _ in found.values())


def _suffix(path: Path) -> str:
    """Return how a file's name ends, such as ".csv", also of a table that gzip has compressed."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz") if ".csv" in name or ".tsv" in name else name).suffix


def _check_alpha(parts: Parts, reading: Reading, path: Path) -> None:
    """Ask whether the fourth channel of an array of 8 bits says how transparent it is."""
    for images, _ in parts.values():
        if images.ndim != 4 or images.dtype != np.uint8 or reading.alpha == "keep":
            continue
        if images.shape[1 if reading.axes == "channels-first" else -1] == 4:
            raise InputError(
                f"the images in {str(path)!r} are of shape {images.shape}, whose fourth channel "
                "may be transparency",
                'leave it out of the array, or keep all four with alpha="keep" (`alpha`)',
            )


def _joined(arrays: list[Images], what: str) -> tuple[Images, list[int]]:
    """Return the images of all splits as one, and how many each has."""
    counts = [len(array) if array.ndim else 0 for array in arrays]
    if len(arrays) == 1:
        return arrays[0], counts
    if len({(array.shape[1:], array.dtype) for array in arrays}) > 1:
        shapes = " and ".join(f"{array.shape} ({array.dtype})" for array in arrays)
        raise InputError(f"the splits of {what} differ, {shapes}", "make them alike")
    stored = [array for array in arrays if isinstance(array, StoredImages)]
    if stored:  # all of them, subsets of the same
        return stored[0].beside(stored[1:]), counts
    return np.concatenate([np.asarray(array) for array in arrays]), counts


def _chosen(
    part: tuple[Images, NDArray[Any] | None], places: NDArray[Any]
) -> tuple[Images, NDArray[Any] | None]:
    images, labels = part
    return some(images, places), None if labels is None else labels[places]
