"""Read one picture by Pillow, and what its header says of it.

Of a picture that moves the first frame is taken, and a photograph that was taken on its side is
turned as its EXIF entry says. Of 16 bits are grey pictures, and PNGs in colour; of others with as
many bits Pillow gives 8.

Dimensions: H rows, W columns and C channels.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from scratchvae.errors import InputError
from scratchvae.files import read_bytes

_MOST_BYTES = 1 << 28  # of a picture's file
_MOST_PIXELS = 1 << 26
_WITH_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")
# How Pillow is asked for the high bytes of 16 bits, as it is by itself, and for the low ones.
_HALVES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_ORIENTATION = 0x0112  # in EXIF; from 5 on rows and columns change places

# What Pillow raises of files that are damaged, foreign or made to harm.
_UNSOUND: tuple[type[Exception], ...] = (
    *(OSError, ValueError, TypeError, SyntaxError, KeyError, IndexError, EOFError, AttributeError),
    *(UnidentifiedImageError, OverflowError, NotImplementedError, MemoryError, RuntimeError),
    *(struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning),
)


@dataclass(frozen=True)
class Kind:
    """What a picture's header says of its pixels."""

    rows: int
    columns: int
    colour: bool = False
    deep: bool = False  # 16 bits
    halved: bool = False  # it has 16, of which 8 are read
    clear: bool = False  # some of it is transparent
    opaque: bool = False  # it has an alpha channel, and nothing is transparent
    frames: int = 1


def _opened(path: Path) -> ImageFile.ImageFile:
    """Return a picture, of which only the header was read."""
    image = Image.open(io.BytesIO(read_bytes(path, _MOST_BYTES)))
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"it has {image.width:,} x {image.height:,} pixels")
    return image


def kind_of(path: Path) -> Kind:
    """Return what the header of a picture says; ``InputError`` if it cannot be read."""
    with _in_words(path), _opened(path) as image:
        columns, rows = image.size
        halves, bits = _in_two_halves(image), str(image.tile)  # which are gone once it is read
        if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
            rows, columns = columns, rows
        mode, clear = image.mode, "transparency" in image.info
        if mode == "F" or (mode.startswith("I") and ";16" not in mode and mode != "I"):
            raise _measured(path, "floats" if mode == "F" else f"of the kind {mode}")
        if mode in ("P", "PA"):
            palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
            colour = bool((palette != palette[:, :1]).any())
        else:
            colour = mode not in ("1", "L", "LA", "La") and not mode.startswith("I")
        deep = mode.startswith("I") or halves
        halved = not deep and ";16" in bits
        frames, opaque = getattr(image, "n_frames", 1), False
        if clear or mode in _WITH_ALPHA:
            clear = bool(np.asarray(image.convert("RGBA"))[..., 3].min() < 255)
            opaque = not clear
        return Kind(rows, columns, colour, deep, halved, clear, opaque, frames)


def pixels_of(
    path: Path, mode: str, sides: tuple[int, int], alpha: str | None, deep: bool = False
) -> NDArray[Any]:
    """Return a picture as (H, W, C): in a mode of Pillow, or in the mode's channels of 16 bits."""
    with _in_words(path), _opened(path) as opened:
        if deep:
            channels = _resized_deep(_deep(opened, path, mode, alpha), sides)
            pixels: NDArray[Any] = np.clip(np.rint(channels), 0, 65535).astype(np.uint16)
            return pixels
        image = _over(ImageOps.exif_transpose(opened), mode, alpha)
        if image.size != sides[::-1]:
            image = image.resize(sides[::-1], _how(image, sides))
        return np.asarray(image).reshape(*sides, -1)


def _how(image: Image.Image, sides: tuple[int, int]) -> Image.Resampling:
    reducing = image.width > sides[1] or image.height > sides[0]
    return Image.Resampling.BOX if reducing else Image.Resampling.BILINEAR


def _in_two_halves(image: ImageFile.ImageFile) -> bool:
    """Tell whether a picture in colour has 16 bits a channel, of which Pillow gives either byte."""
    return image.format == "PNG" and any(tile[3] in _HALVES for tile in image.tile)


def _deep(opened: ImageFile.ImageFile, path: Path, mode: str, alpha: str | None) -> NDArray[Any]:
    """Return a picture of 16 bits as floats (H, W, C), in the channels of ``mode``."""
    if not _in_two_halves(opened):
        values = np.asarray(ImageOps.exif_transpose(opened))
        if values.min() < 0 or values.max() > 65535:
            raise _measured(path, f"from {values.min()} to {values.max()}")
        grey = values[..., None].astype(np.float32)
        rest = [np.full_like(grey, 65535)] if mode.endswith("A") else []
        return np.concatenate([grey] * len(mode.removesuffix("A")) + rest, axis=-1)
    with _opened(path) as again:
        again.tile = [tile._replace(args=_HALVES[str(tile[3])]) for tile in again.tile]
        high, low = (np.asarray(ImageOps.exif_transpose(each)) for each in (opened, again))
    channels: NDArray[Any] = high * np.float32(256) + low
    if channels.shape[-1] == len(mode):
        return channels
    if mode.endswith("A"):
        return np.concatenate([channels, np.full_like(channels[..., :1], 65535)], axis=-1)
    opacity, ground = channels[..., 3:] / 65535, 65535.0 if alpha == "white" else 0.0
    return np.asarray(channels[..., :3] * opacity + ground * (1 - opacity))


def _measured(path: Path, pixels: str) -> InputError:
    """Return the error for numbers of which a picture does not say which one stands for white."""
    return InputError(
        f"the pixels of {str(path)!r} are {pixels}, and which number stands for white is unknown",
        "write np.asarray(PIL.Image.open(path)) of all of them to one .npy file, and say with "
        "`scale` what stands for white",
    )


def _resized_deep(channels: NDArray[Any], sides: tuple[int, int]) -> NDArray[Any]:
    if channels.shape[:2] == sides:
        return channels
    images = [Image.fromarray(each.astype(np.float32)) for each in np.moveaxis(channels, -1, 0)]
    return np.stack(
        [np.asarray(each.resize(sides[::-1], _how(each, sides))) for each in images], axis=-1
    )


def _over(image: Image.Image, mode: str, alpha: str | None) -> Image.Image:
    """Return a picture of 8 bits in this mode, its transparent pixels over white or black."""
    clear = "transparency" in image.info or image.mode in _WITH_ALPHA
    if clear and alpha != "keep":
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255,) * 4 if alpha == "white" else (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
    elif mode in ("L", "LA") and image.mode in ("P", "PA"):
        image = image.convert("RGBA" if mode == "LA" else "RGB")
    return image if image.mode == mode else image.convert(mode)


class _in_words:  # noqa: N801  # used as a function
    """Within this, what Pillow raises of a picture is an ``InputError`` that names it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._warnings.__enter__()
        warnings.simplefilter("ignore")  # of entries besides the pixels, which matter to nobody
        warnings.simplefilter("error", Image.DecompressionBombWarning)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._warnings.__exit__(kind, error, trace)
        if isinstance(error, InputError) or not isinstance(error, _UNSOUND):
            return
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "it is of no kind that Pillow knows"
        reason = " ".join(str(reason).split())[:120]
        raise InputError(
            f"cannot read the picture {str(self._path)!r}: {reason}", "replace it, or remove it"
        ) from None
