"""Data of the user's own on the command line: how they are read, and what is in them."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.cli.common import Add, add_command, add_data_dir
from scratchvae.cli.text import say
from scratchvae.data import DATASET_NAMES, Dataset, load
from scratchvae.data.reading import ALPHAS, AXES
from scratchvae.errors import InputError
from scratchvae.validation import check_between

_READING = ("size", "pad", "axes", "scale", "alpha", "labels")  # options of `load`, and of commands
_MOST_CLASSES = 30  # listed


def add_reading(add: Add) -> None:
    """Add how data of the user's own are read."""
    add("--size", metavar="HxW", help="resize pictures, as in 32x32")
    add("--pad", metavar="HxW", help="put black around images, up to this size")
    add("--axes", metavar="ORDER", help=f"of arrays of images: {' or '.join(AXES)}")
    white = "the number that stands for white, such as 255; or features, or none"
    add("--scale", metavar="S", help=white)
    add("--alpha", metavar="A", help=f"what is seen through transparency: {', '.join(ALPHAS)}")
    add("--labels", metavar="COLUMN", help="the column of a table that has the classes")
    share = "share of the training images to set aside"
    add("--validation", metavar="S", type=_share, help=f"{share} for validation")
    tests = "for testing, where the data have no test images (default: 0.1)"
    add("--test-share", metavar="S", type=_share, help=f"{share} {tests}")


def _share(text: str) -> float:
    try:
        return check_between(float(text), "a share", 0, 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, not {text!r}") from None


def add_data(subparsers: Any) -> None:
    """Add ``data info``."""
    add = add_command(
        subparsers,
        "data",
        "scratchvae data info photos --size 64x64",
        data,
    )
    add("what", metavar="info", choices=["info"], help="what to do: info")
    add("data", metavar="NAME|PATH", help=f"{', '.join(DATASET_NAMES)}, a folder or a file")
    add_data_dir(add)
    add_reading(add)


def check_resumed(options: argparse.Namespace) -> None:
    """Refuse to read the data of a run otherwise than it does; a path is where they are now."""
    given = [name for name in (*_READING, "validation", "test_share") if getattr(options, name)]
    if given:
        name = given[0].replace("_", "-")
        raise InputError(f"a run that goes on reads its data as it did: leave out --{name}")
    if options.data is not None and options.data not in DATASET_NAMES:
        options.data, options.data_dir = None, Path(options.data)


def reading_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return how data of the user's own are to be read, as ``load`` takes it."""
    reading = {each: getattr(options, each) for each in _READING if getattr(options, each)}
    if options.test_share is not None:
        reading["test"] = options.test_share
    if options.validation is not None:
        reading["validation"] = options.validation
    return reading


def own_data(name: Any, options: argparse.Namespace, seed: int) -> Dataset | None:
    """Return the data set ``name``, if it has to be read to know the shape of its images."""
    reading = reading_of(options)
    if name is None and reading:
        raise InputError("options of how data are read need --data NAME or PATH: give it as well")
    if not reading and name in (None, "auto", "mnist", "fashion-mnist", "synthetic"):
        return None
    return load(name, data_dir=options.data_dir, seed=seed, **reading)


def data(options: argparse.Namespace) -> int:
    """Say what is in a data set, and how its pixels become numbers."""
    found = own_data(options.data, options, 0)
    for line in describe(found or load(options.data, data_dir=options.data_dir)):
        say(line)
    return 0


def describe(data: Dataset) -> list[str]:
    """Return what is in a data set, and how its pixels become numbers, in lines."""
    lines = [data.origin]
    shape = " x ".join(map(str, data.image_shape))
    for split in ("train", "validation", "test"):
        images = getattr(data, f"{split}_images")
        if images is not None:
            lines.append(f"  {split:12}{len(images):,} of {shape}, {images.dtype}")
    if data.train_labels is None or not data.classes:
        return lines
    counts = np.bincount(data.train_labels, minlength=data.classes)
    names = data.class_names or tuple(map(str, range(data.classes)))
    shown = [f"{n} ({c:,})" for n, c in zip(names, counts, strict=True)][:_MOST_CLASSES]
    more = f", and {data.classes - _MOST_CLASSES} more" if data.classes > _MOST_CLASSES else ""
    return [*lines, f"  classes     {', '.join(shown)}{more}, in the training images"]
