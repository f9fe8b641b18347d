"""How arrays of any kind become images: axes, sizes, and what number stands for white.

What can be meant in two ways is asked, in one line, and never guessed.

Dimensions: N images of H rows, W columns and C channels; vectors of D numbers.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.stored import Images, Limits, StoredImages, chunks, limits_of
from scratchvae.errors import InputError, shown
from scratchvae.validation import check_choice, check_count

AXES = ("channels-last", "channels-first")
ALPHAS = ("white", "black", "keep")
SCALES = ("features", "none")
_MOST_FAINT = 16  # of 8 bits: above, pixels are not nearly black
_COLOURS = (1, 3)
_LEAST_SIDE = 8  # of what may be one picture
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Reading:
    """How images are to be read, where the files leave it open; ``None``: they are asked.

    Attributes
    ----------
    size
        (H, W), or text such as "32x32": pictures are resized to it.
    pad
        Likewise: black is put around the images, as much on all sides.
    axes
        "channels-last", (N, H, W, C), or "channels-first", (N, C, H, W).
    scale
        The number that stands for white, such as 255: pixels are divided by it. "features": each
        number of an image is brought to 0 to 1 by its least and greatest. "none": as they are.
    alpha
        What is seen through transparent pixels, "white" or "black"; "keep" makes transparency
        another channel.
    labels
        The column of a table that has the classes.
    """

    size: tuple[int, int] | None = None
    pad: tuple[int, int] | None = None
    axes: str | None = None
    scale: float | str | None = None
    alpha: str | None = None
    labels: str | None = None

    @classmethod
    def of(cls, **options: Any) -> "Reading":
        """Return a reading, each option checked."""
        given = {name: value for name, value in options.items() if value is not None}
        for name in ("size", "pad"):
            if name in given:
                given[name] = _sides(given[name], name)
        for name, choices in (("axes", AXES), ("alpha", ALPHAS)):
            if name in given:
                check_choice(given[name], name, choices)
        if "scale" in given:
            given["scale"] = _scale(given["scale"])
        if "labels" in given and not isinstance(given["labels"], str):
            raise InputError(f"labels must be the name of a column, not {shown(given['labels'])}")
        return cls(**given)

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that were given, as plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {name: value for name, value in plain.items() if value is not None}

    def refuse(self, what: str, *names: str) -> None:
        """Raise ``InputError`` if one of these options was given, which ``what`` has no use for."""
        for name in names:
            if getattr(self, name) is not None:
                raise InputError(f"{name} is of no use for {what}", f"leave out `{name}`")


def in_order(images: Images, reading: Reading, what: str) -> Images:
    """Return images as (N, H, W, C), or vectors as (N, D), or ask how their axes stand."""
    shape = images.shape
    if images.ndim == 2:
        reading.refuse(f"{what}, which are vectors of {shape[1]} numbers,", "axes", "pad", "size")
        return images
    if images.ndim not in (3, 4):
        raise InputError(
            f"{what} must be images, (N, H, W) or (N, H, W, C), or vectors, (N, D), not of shape "
            f"{shape}",
            "reshape them",
        )
    if reading.axes is None:
        _ask_axes(shape, what)
    if images.ndim == 3 and reading.axes == AXES[1]:
        images, shape = _reshaped(images, (1, *shape)), (1, *shape)
    if reading.axes == AXES[1]:
        _, c, h, w = shape
        return _mapped(images, lambda chunk: np.moveaxis(chunk, 1, -1), (h, w, c))
    return _reshaped(images, (*shape, 1)) if images.ndim == 3 else images


def _ask_axes(shape: tuple[int, ...], what: str) -> None:
    """Raise ``InputError`` if images of a shape, 3 or 4 axes, may be read in several ways."""
    # (3, H, W) is one picture or three.
    if (shape[0] if len(shape) == 3 else shape[1]) in _COLOURS:
        raise InputError(
            f"{what} of shape {shape} may be images with the channels first, or with the channels "
            "last",
            f'say which: axes="{AXES[1]}" or axes="{AXES[0]}" (`axes`)',
        )
    grey = f'say axes="{AXES[0]}" if they are (N, H, W'
    if len(shape) == 3 and shape[2] == 3 and min(shape[:2]) >= _LEAST_SIDE:
        raise InputError(
            f"{what} of shape {shape} may be {shape[0]} grey images, or one in colour",
            f"{grey}), as grey ones are (`axes`), and else save images[None]",
        )
    square = _LEAST_SIDE <= shape[0] == shape[1] < shape[2]
    if square if len(shape) == 3 else shape[2] in _COLOURS and shape[3] > 4:
        raise InputError(
            f"{what} of shape {shape} may be {shape[-1]:,} images, of which the last axis counts "
            "them",
            f"{grey}{', C' * (len(shape) == 4)}) all the same (`axes`), and else save "
            "numpy.moveaxis(images, -1, 0)",
        )


def padded(images: Images, pad: tuple[int, int] | None, what: str) -> Images:
    """Return images with black around them, up to ``pad`` rows and columns."""
    if pad is None:
        return images
    if images.ndim != 4:
        raise InputError(f"{what} have no rows and columns", "leave out `pad`")
    _, rows, columns, channels = images.shape
    more = (pad[0] - rows, pad[1] - columns)
    if min(more) < 0:
        raise InputError(
            f"{what} have {rows}x{columns} pixels, more than the {pad[0]}x{pad[1]} to pad them to",
            "choose a larger `pad`",
        )
    around = ((0, 0), *((each // 2, each - each // 2) for each in more), (0, 0))
    return _mapped(images, lambda chunk: np.pad(chunk, around), (*pad, channels))


def scaled(images: Images, reading: Reading, what: str) -> tuple[Images, str]:
    """Return images of 8 bits, or of floats, and how their numbers became these, in words.

    Where that is known, floats are from 0 to 1.
    """
    dtype = images.dtype.newbyteorder("=")
    if images.dtype == np.bool_:
        reading.refuse(f"{what}, which are black or white,", "scale")
        return _mapped(images, lambda chunk: chunk.astype(np.uint8) * np.uint8(255)), (
            "black or white"
        )
    if dtype.kind not in "iuf":
        raise InputError(f"{what} must be numbers, not {dtype}", "convert them")
    found = limits_of(images)
    if not found.finite:
        raise InputError(
            f"{what} have numbers that are NaN or infinite", "replace them, or leave their rows out"
        )
    span = f"from {found.least:.6g} to {found.greatest:.6g}"
    if reading.scale == "features":
        return _by_feature(images), f"{dtype}, {span}, each feature brought to 0 to 1"
    if reading.scale == "none":
        return _as_floats(images, 1.0), f"{dtype}, {span}, as they are"
    white = reading.scale
    if white is None:
        white = _white(dtype, found, what, span, vectors=images.ndim == 2)
    assert not isinstance(white, str)
    rounding = _ROUNDING * white
    if found.least < -rounding or found.greatest > white + rounding:
        raise InputError(
            f"{what} are {span}, and cannot be divided by {white:g} to be from 0 to 1",
            "choose the number that stands for white, "
            'or scale="features" to bring each feature to 0 to 1 (`scale`)',
        )
    if dtype == np.uint8 and white == 255:
        return images, f"8-bit, {span}, divided by 255"
    if dtype.kind in "iu" and white == 255:  # the same numbers in more bits
        return _mapped(images, lambda chunk: chunk.astype(np.uint8), dtype=np.uint8), (
            f"{dtype}, {span}, divided by 255"
        )
    divided = "" if white == 1 and dtype.kind == "f" else f", divided by {white:g}"
    return _as_floats(images, float(white), clip=True), f"{dtype}, {span}{divided}"


def _white(dtype: np.dtype[Any], found: Limits, what: str, span: str, *, vectors: bool) -> float:
    """Return the number that stands for white, or ask for it."""
    if dtype.kind == "f":
        if found.least >= -_ROUNDING and found.greatest <= 1 + _ROUNDING:
            return 1.0
        guess = "255 if they are 8-bit pixels"
        guess += ', "features" to bring each feature to 0 to 1' if vectors else ""
        if found.least < 0 or found.greatest > 255:
            guess = '"features" to bring each feature to 0 to 1, "none" to take them as they are'
        raise _question(what, f"floats {span}", guess)
    if dtype == np.uint8:
        if found.greatest > _MOST_FAINT or found.greatest == found.least == 0:
            return 255.0
        raise _question(what, f"8-bit pixels {span}, which is nearly black", _or(found, 255))
    if dtype == np.uint16:
        if found.greatest > 4095:
            return 65535.0
        likely = 255 if found.greatest <= 255 else 4095
        raise _question(what, f"16-bit pixels {span}", f"{likely} or 65535")
    raise _question(what, f"whole numbers ({dtype}) {span}", _or(found, 255))


def _or(found: Limits, usual: int) -> str:
    if found.least < 0 or found.greatest > 255:
        return '"features" to bring each feature to 0 to 1, "none" to take them as they are'
    return f"{found.greatest} or {usual}" if found.greatest not in (0, usual) else str(usual)


def _question(what: str, came: str, choices: str) -> InputError:
    return InputError(
        f"{what} are {came}", f"say which number stands for white with `scale`: {choices}"
    )


def _by_feature(images: Images) -> Images:
    """Return each number of an image brought to 0 to 1 by the least and greatest of all."""
    lows, highs = zip(*((c.min(axis=0), c.max(axis=0)) for c in chunks(images)), strict=True)
    low = np.min(lows, axis=0).astype(np.float64)
    span = np.max(highs, axis=0).astype(np.float64) - low
    span[span == 0] = 1.0  # what is always the same is 0

    def change(chunk: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = np.clip((chunk - low) / span, 0, 1).astype(np.float32)
        return found

    return _mapped(images, change, dtype=np.float32)


def _as_floats(images: Images, white: float, clip: bool = False) -> Images:
    dtype = images.dtype.newbyteorder("=")
    dtype = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float32)

    def change(chunk: NDArray[Any]) -> NDArray[Any]:
        floats = chunk.astype(dtype) if white == 1 else (chunk / white).astype(dtype)
        return np.clip(floats, 0, 1) if clip else floats

    return _mapped(images, change, dtype=dtype)


def _mapped(
    images: Images, change: Any, shape: tuple[int, ...] | None = None, dtype: Any = None
) -> Images:
    """Return ``change(images)``: now, or for stored ones when they are read."""
    if not isinstance(images, StoredImages):
        changed: NDArray[Any] = change(images)
        return changed
    return images.mapped(change, shape or images.shape[1:], dtype or images.dtype)


def _reshaped(images: Images, shape: tuple[int, ...]) -> Images:
    if isinstance(images, StoredImages):
        if shape[0] != len(images):  # a single image
            return images[:].reshape(shape)
        return images.reshaped(shape[1:])
    return images.reshape(shape)


def _sides(value: Any, name: str) -> tuple[int, int]:
    """Return rows and columns, given as a pair or as text such as "32x24"."""
    pair = value.lower().split("x") if isinstance(value, str) else value
    if isinstance(value, str):
        pair = [int(one) if one.strip().isdecimal() else one for one in pair]
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(
            f'{name} must be rows and columns, such as (32, 32) or "32x32", not {shown(value)}'
        )
    rows, columns = (check_count(one, name, 1, 1 << 15) for one in pair)
    return rows, columns


def _scale(value: Any) -> float | str:
    number = value
    if isinstance(value, str) and value not in SCALES:
        try:
            number = float(value)
        except ValueError:
            number = None
    if number in SCALES and isinstance(number, str):
        return number
    valid = isinstance(number, int | float | np.number) and not isinstance(number, bool)
    if not valid or not (np.isfinite(number) and number > 0):
        raise InputError(
            f"scale must be the number that stands for white, such as 255, or {' or '.join(SCALES)}"
            f", not {shown(value)}"
        )
    return float(number)
