"""The page: what a model's explorer shows, and the file that it is.

Dimensions: N images of shape (H, W, C), D latents.
"""

import base64
import html
import io
import json
from importlib.resources import files
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.explorer.decoder import check_explorable, written_decoder
from scratchvae.explorer.packing import pack
from scratchvae.files import AnyPath, check_writable, write_text
from scratchvae.models import LatentModel
from scratchvae.models.checks import check_labels
from scratchvae.plots.figures import CLASS_COLOURS
from scratchvae.randomness import stream
from scratchvae.validation import MODEL, MOST, FloatArray, check_is

MOST_IMAGES = 1000  # more dots hide one another
MOST_CHARACTERS = 1_500_000
_FEWEST_IMAGES = 50  # which are shown in any case, if there are so many

_TRIED = 256  # latents from the whole plane that the rounding is tried on, beside the images' own
_PROGRAMS = ("decoder.js", "plane.js", "explorer.js", "controls.js")
_PRIOR = 3.25  # standard deviations of N(0, 1) that the plane shows at least


def write(
    model: LatentModel,
    path: AnyPath,
    images: NDArray[Any] | None = None,
    labels: NDArray[Any] | None = None,
) -> None:
    """Write a model's latent explorer to an HTML file, whole or not at all.

    The browser's decoder agrees with ``model.decode`` to 1e-4 of the pixels' range.

    Parameters
    ----------
    model
        A VAE or an autoencoder of grey or coloured images, conditional or not.
    path
        The file.
    images
        Images (N, H, W, C), whose latents are shown as points of the plane: the first 1,000, or as
        many as make a file of 1.5 MB, but at least 50 beside a decoder that is as large. ``None``:
        no points.
    labels
        Their classes, whole numbers (N,), which colour the points. A conditional model cannot do
        without.

    Raises
    ------
    InputError
        If the model decodes otherwise (a hierarchy, codes, a diffusion), has a layer or likelihood
        that the explorer has not, or is of no images; or if the file cannot be written.
    """
    check_writable(path)
    write_text(path, page(model, images, labels))


def page(
    model: LatentModel,
    images: NDArray[Any] | None = None,
    labels: NDArray[Any] | None = None,
) -> str:
    """Return the text of the file that ``write`` writes."""
    check_is(model, "model", LatentModel, MODEL)
    check_explorable(model)
    if len(model.image_shape) != 3 or model.image_shape[2] not in (1, 3):
        raise InputError(
            "the explorer shows images of shape (H, W, 1), grey, or (H, W, 3), in colour, not "
            f"{model.image_shape}",
            "give it a model of such images",
        )
    images, labels = _shown(model, images, labels)
    codes = model.encode(images, labels if model.classes else None)
    lowest, highest = _ranges(model, codes)
    decoder, rounding = written_decoder(model, _tried(codes, lowest, highest))
    spread = codes.std(axis=0) if len(codes) else np.ones(model.latent_dim)
    widest = np.argsort(-spread, kind="stable").tolist()
    content: dict[str, Any] = {
        "title": str(model.config.get("recipe", type(model).__name__)),
        "image_shape": model.image_shape,
        "latents": model.latent_dim,
        "classes": model.classes,
        "has_prior": model.has_prior,
        "lowest": _short(lowest),
        "highest": _short(highest),
        "widest_first": [*sorted(widest[:2]), *widest[2:]],
        "colours": CLASS_COLOURS,
        "rounding": rounding,
        **decoder,
    }
    empty = _filled(content | _points(codes[:0], labels, images[:0]))
    room = MOST_CHARACTERS - len(empty.encode())
    return _filled(content | _as_many_points_as_fit(codes, labels, images, room))


def _shown(
    model: LatentModel, images: NDArray[Any] | None, labels: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the images that may be shown and their labels, checked."""
    if images is None:
        if labels is not None:
            raise InputError("labels are of no use without images: give both")
        return np.empty((0, *model.image_shape), np.uint8), np.empty(0, np.int64)
    images = model.as_images(images, scored=False)
    if labels is not None or model.classes:
        labels = check_labels(labels, len(images), model.classes or MOST)[:MOST_IMAGES]
    return images[:MOST_IMAGES], labels


def _ranges(model: LatentModel, codes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest value of each latent that the page shows, (D,) both."""
    if model.has_prior or not len(codes):
        most = np.maximum(1.05 * np.abs(codes).max(axis=0, initial=0), _PRIOR)
        return -most, most
    low, high = codes.min(axis=0), codes.max(axis=0)
    margin = np.maximum(0.05 * (high - low), 1e-3)
    return low - margin, high + margin


def _tried(codes: FloatArray, lowest: FloatArray, highest: FloatArray) -> FloatArray:
    """Return latents of images and latents from everywhere in the page's ranges."""
    anywhere = stream(0, "draw").uniform(lowest, highest, (_TRIED, len(lowest)))
    return np.concatenate([codes, anywhere.astype(codes.dtype)])


def _as_many_points_as_fit(
    codes: FloatArray, labels: NDArray[Any] | None, images: NDArray[Any], room: int
) -> dict[str, Any]:
    """Return the points of as many images as this many characters hold, from the first on."""
    count = len(images)
    while True:
        points = _points(codes[:count], labels, images[:count])
        excess = len(json.dumps(points)) / max(room, 1)
        if excess <= 1 or count <= _FEWEST_IMAGES:
            return points
        count = max(int(count * min(0.95, 1 / excess)), min(_FEWEST_IMAGES, count - 1))


def _points(codes: FloatArray, labels: NDArray[Any] | None, images: NDArray[Any]) -> dict[str, Any]:
    """Return latents, classes and images of what the plane shows as points."""
    columns = max(1, ceil(sqrt(len(images))))
    return {
        "codes": pack(codes, 2),
        "labels": None if labels is None else labels[: len(codes)].tolist(),
        "images": _picture(images, columns) if len(images) else None,
        "columns": columns,
    }


def _picture(images: NDArray[Any], columns: int) -> str:
    """Return the address of a PNG picture with all images, row by row, as 8-bit pixels."""
    from PIL import Image

    count, height, width, channels = images.shape
    grey = np.rint(255 * np.clip(read_pixels(images, np.float32), 0, 1)).astype(np.uint8)
    rows = ceil(count / columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:count] = grey
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    whole = sheet.reshape(rows * height, columns * width, channels)
    file = io.BytesIO()
    Image.fromarray(whole[..., 0] if channels == 1 else whole).save(file, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _filled(content: dict[str, Any]) -> str:
    """Return the page with its style, its programs and what they are to show."""
    parts = {
        "title": html.escape(content["title"]),
        "style": _asset("page.css"),
        "programs": "\n".join(map(_asset, _PROGRAMS)),
        # No text in it may end the element that it stands in.
        "content": json.dumps(content, allow_nan=False).replace("<", "\\u003c"),
    }
    text = _asset("page.html")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part, 1)
    return text


def _asset(name: str) -> str:
    return files("scratchvae.explorer").joinpath(name).read_text(encoding="utf-8")


def _short(values: FloatArray) -> list[float]:
    return [round(float(value), 4) for value in values]
