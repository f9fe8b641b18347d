"""``encode``, ``decode``, ``sample`` and ``interpolate``: a trained model between images and z.

Arrays are .npy files: latents (N, D), images (N, H, W, C). Images are written as a picture instead
where the file's name ends as one.
"""

import argparse
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.cli.common import Add, add_command, add_data_dir
from scratchvae.cli.text import say
from scratchvae.cli.values import expected, read_path, whole
from scratchvae.data.arrays import UNSOUND
from scratchvae.errors import InputError
from scratchvae.files import as_path, cannot_read, check_writable, open_regular, write_bytes
from scratchvae.models import LatentModel
from scratchvae.plots import draw_grid, save_figure
from scratchvae.plots.captions import draws_from
from scratchvae.plots.figures import SUFFIXES, check_matplotlib
from scratchvae.plots.grids import DOTS, GAP
from scratchvae.plots.model import check_continuous
from scratchvae.runs import Run
from scratchvae.runs.loading import load

_Labels = NDArray[Any] | None

_IN_A_ROW = 10  # images of a picture
_LARGE = 64  # pixels across, above which an image has a dot for each
_TALLEST = 60_000  # dots of a picture: Matplotlib draws no more than 65,535
_TRAIN = "scratchvae train --data synthetic --epochs 1 --out runs/coded\n  "


def add_latents(subparsers: Any) -> None:
    """Add the four commands."""
    for add in (_add_encode, _add_decode, _add_sample, _add_interpolate):
        add(subparsers)


def _add_encode(subparsers: Any) -> None:
    example = f"{_TRAIN}scratchvae encode runs/coded --out z.npy"
    add = add_command(subparsers, "encode", example, encode)
    add_model(add)
    add_images(add)
    add("--out", metavar="FILE", type=_read_array, required=True, help="a .npy file for z (N, D)")


def _add_decode(subparsers: Any) -> None:
    example = f"{_TRAIN}scratchvae encode runs/coded --out z.npy\n"
    example += "  scratchvae decode runs/coded z.npy --out decoded.png"
    add = add_command(subparsers, "decode", example, decode)
    add_model(add)
    add("latents", metavar="Z.npy", type=_read_array, help="the latents (N, D), a .npy file")
    _add_classes(add)
    _add_out(add)


def _add_sample(subparsers: Any) -> None:
    example = f"{_TRAIN}scratchvae sample runs/coded --count 20 --out new.png"
    add = add_command(subparsers, "sample", example, sample)
    add_model(add)
    add("--count", metavar="N", type=whole(1), required=True, help="how many")
    _add_classes(add)
    add("--seed", metavar="S", type=whole(0, math.inf), default=0, help="seed of the draws")
    _add_out(add)


def _add_interpolate(subparsers: Any) -> None:
    example = f"{_TRAIN}scratchvae interpolate runs/coded --from 0 --to 7 --out way.png"
    add = add_command(subparsers, "interpolate", example, interpolate)
    add_model(add)
    for name, which in (("--from", "first"), ("--to", "last")):
        image = f"the {which} image, by its place among the images, from 0"
        add(name, metavar="I", type=whole(0), required=True, help=image, dest=which)
    steps = "how many images, both ends included (default: 10)"
    add("--steps", metavar="N", type=whole(2), default=10, help=steps)
    add_images(add)
    _add_out(add)


def add_model(add: Add) -> None:
    """Add which model."""
    add("model", metavar="DIR", type=read_path, help="folder of a run, or a file of a saved model")


def add_images(add: Add) -> None:
    """Add which images, and their labels."""
    images = "images (N, H, W, C), a .npy file (default: the test images of the run's data)"
    add("--images", metavar="FILE", type=_read_array, help=images)
    _add_classes(add, "of --images, the ")
    add_data_dir(add)


def _add_classes(add: Add, of: str = "") -> None:
    classes = (
        f"{of}classes of a conditional model: a .npy file, numbers such as 3,1,4, or one for all"
    )
    add("--labels", metavar="LABELS", type=_read_labels, help=classes)


def _add_out(add: Add) -> None:
    out = f"a file for the images: .npy, or a picture ({', '.join(SUFFIXES)})"
    add("--out", metavar="FILE", type=_read_out, required=True, help=out)


def _read_array(text: str) -> Path:
    """Return the name of a .npy file."""
    path = read_path(text)
    if path.suffix.lower() != ".npy":
        raise expected("a name that ends in .npy", path.name)
    return path


def _read_out(text: str) -> Path:
    """Return the name of a file for images."""
    path = read_path(text)
    if path.suffix.lower() not in (".npy", *SUFFIXES):
        raise expected(f"a name that ends in .npy or {' or '.join(SUFFIXES)}", path.name)
    return path


def _read_labels(text: str) -> Path | list[int]:
    """Return the file of classes that a text names, or the classes in it."""
    if text.lower().endswith(".npy"):
        return read_path(text)
    return [whole(0)(each) for each in text.split(",")]


# What the commands do


def encode(options: argparse.Namespace) -> int:
    """Write the latents of images."""
    check_writable(options.out)
    model, run = opened(options.model)
    images, labels = images_of(options, model, run)
    _write_array(options.out, model.encode(images, labels))
    return 0


def decode(options: argparse.Namespace) -> int:
    """Write the images of latents."""
    model, _ = opened(options.model)
    z = _loaded(options.latents)
    _check_out(options.out, model, len(z) if z.ndim else 0)
    labels = _labels(options.labels, len(z) if z.ndim else 0)
    _write_images(options.out, model.decode(z, labels), "Decoded from latents")
    return 0


def sample(options: argparse.Namespace) -> int:
    """Write images decoded from draws of the prior."""
    model, _ = opened(options.model)
    _check_out(options.out, model, options.count)
    labels = _labels(options.labels, options.count)
    images = model.sample(options.count, labels=labels, seed=options.seed)
    _write_images(options.out, images, f"Samples: decoded from {draws_from(model)}")
    return 0


def interpolate(options: argparse.Namespace) -> int:
    """Write images from points on the straight line between two images' latents."""
    model, run = opened(options.model)
    check_continuous(model, "interpolation")
    _check_out(options.out, model, options.steps)
    images, labels = images_of(options, model, run)
    ends = [options.first, options.last]
    for name, place in zip(("--from", "--to"), ends, strict=True):
        if place >= len(images):
            raise InputError(
                f"{name} {place}: there are {len(images)} images, from 0 to {len(images) - 1}"
            )
    of_ends = None if labels is None else labels[ends]
    start, end = model.encode(np.stack([images[place] for place in ends]), of_ends)
    shares = np.linspace(0, 1, options.steps, dtype=model.dtype)[:, None]
    # As in the pictures of a run, all are of the first image's class.
    classes = None if of_ends is None else np.repeat(of_ends[:1], options.steps)
    decoded = model.decode((1 - shares) * start + shares * end, classes)
    title = f"From image {options.first} to image {options.last} through the latent space"
    _write_images(options.out, decoded, title)
    return 0


def opened(path: Path) -> tuple[LatentModel, Run | None]:
    """Return a model, and the run that it is of if it is of one."""
    if not as_path(path).is_dir():
        return load(path), None
    run = Run.open(path)
    return run.model, run


def images_of(
    options: argparse.Namespace, model: LatentModel, run: Run | None, *, classes: bool = False
) -> tuple[NDArray[Any], _Labels]:
    """Return the images that the options name, and their labels.

    A model that has no use for the labels of a run gets none, unless ``classes`` are asked for.
    """
    if options.images is not None:
        images = _loaded(options.images)
        return images, _labels(options.labels, len(images) if images.ndim else 0)
    if run is None:
        raise InputError("a model that was saved to a file knows no images: give --images FILE")
    if options.labels is not None:
        raise InputError("the run's own test images have labels: leave out --labels")
    data = run.load_data(options.data_dir)
    return data.test_images, data.test_labels if model.classes or classes else None


def _labels(given: Path | list[int] | None, count: int) -> _Labels:
    """Return the classes in a file or in words; a single one is that of all images."""
    if given is None:
        return None
    labels = _loaded(given) if isinstance(given, Path) else np.array(given)
    return np.repeat(labels, count) if labels.shape == (1,) else labels


def _loaded(path: Path) -> NDArray[Any]:
    """Return the array in a .npy file."""
    path = as_path(path)
    try:
        with open_regular(path) as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise cannot_read(path, error, "name a .npy file that is there") from None
    except UNSOUND as error:
        problem = f"{str(path)!r} is no .npy file of numbers ({error})"
        raise InputError(problem, "write it with numpy.save") from None
    return array


def _check_out(out: Path, model: LatentModel, count: int) -> None:
    """Raise ``InputError`` if so many images of a model could not be written."""
    check_writable(out)
    if out.suffix.lower() == ".npy":
        return
    check_matplotlib()
    shape, array = model.image_shape, "write a .npy file"
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise InputError(f"there is no picture of {shape}, neither grey nor in colour: {array}")
    most = _TALLEST // ((shape[0] + GAP) * _dots(shape)) * _IN_A_ROW
    if count > most:
        raise InputError(f"a picture has at most {most:,} of these images, not {count:,}: {array}")


def _write_images(out: Path, images: NDArray[Any], title: str) -> None:
    if out.suffix.lower() == ".npy":
        return _write_array(out, images)
    columns = min(_IN_A_ROW, max(1, len(images)))
    save_figure(draw_grid(images, columns, title, dots=_dots(images.shape[1:])), out)
    say(f"wrote {out}")
    return None


def _dots(shape: tuple[int, ...]) -> int:
    """Return how many dots of a picture a pixel has."""
    return 1 if max(shape[:2]) > _LARGE else DOTS


def _write_array(out: Path, array: NDArray[Any]) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    write_bytes(out, file.getbuffer())
    say(f"wrote {out}: {' x '.join(f'{count:,}' for count in array.shape)} {array.dtype}")
