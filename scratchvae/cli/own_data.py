"""Data of the user's own on the command line: how they are read, and what is in them."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.cli.common import Add, add_command, add_data_dir
from scratchvae.cli.text import say
from scratchvae.cli.values import real
from scratchvae.data import DATASET_NAMES, Dataset, load
from scratchvae.data.reading import ALPHAS, AXES
from scratchvae.errors import InputError

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
    add("--validation", metavar="S", type=real("of at least 0"), help=f"{share} for validation")
    tests = "for testing, where the data have no test images (default: 0.1)"
    add("--test-share", metavar="S", type=real("of at least 0"), help=f"{share} {tests}")


def add_data(subparsers: Any) -> None:
    """Add ``data info``."""
    add = add_command(
        subparsers,
        "data",
        "say what is in a data set, and how it is read",
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


def own_data(name: Any, options: argparse.Namespace, seed: int) -> Dataset | None:
    """Return the data set ``name``, if it has to be read to know the shape of its images."""
    reading = {each: getattr(options, each) for each in _READING if getattr(options, each)}
    if options.test_share is not None:
        reading["test"] = options.test_share
    if options.validation is not None:
        reading["validation"] = options.validation
    if name is None and reading:
        raise InputError("options of how data are read need --data NAME or PATH: give it as well")
    if not reading and name in (None, "auto", "mnist", "fashion-mnist", "synthetic"):
        return None
    return load(name, data_dir=options.data_dir, seed=seed, **reading)


def data(options: argparse.Namespace) -> int:
    """Say what is in a data set, and how its pixels become numbers."""
    found = own_data(options.data, options, 0) or load(options.data, data_dir=options.data_dir)
    say(found.origin)
    shape = " x ".join(map(str, found.image_shape))
    for split in ("train", "validation", "test"):
        images = getattr(found, f"{split}_images")
        if images is not None:
            say(f"  {split:12}{len(images):,} of {shape}, {images.dtype}")
    labels = found.train_labels
    if labels is not None and found.classes:
        counts = np.bincount(labels, minlength=found.classes)
        names = found.class_names or tuple(map(str, range(found.classes)))
        shown = [f"{n} ({c:,})" for n, c in zip(names, counts, strict=True)][:_MOST_CLASSES]
        more = (
            f", and {found.classes - _MOST_CLASSES} more" if found.classes > _MOST_CLASSES else ""
        )
        say(f"  classes     {', '.join(shown)}{more}, in the training images")
    return 0
