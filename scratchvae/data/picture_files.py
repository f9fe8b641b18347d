"""Read one picture by Pillow, and what its header says of it.

Of a picture that moves the first frame is taken, and a photograph that was taken on its side is
turned as its EXIF entry says. Of 16 bits only grey ones are read in full: Pillow gives 8 of colour.

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
from PIL import Image, ImageOps, UnidentifiedImageError

from scratchvae.errors import InputError
from scratchvae.files import read_bytes

_MOST_BYTES = 1 << 28  # of a picture's file
_MOST_PIXELS = 1 << 26
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
    clear: bool = False  # it may be transparent


def _opened(path: Path) -> Image.Image:
    """Return a picture, of which only the header was read."""
    image = Image.open(io.BytesIO(read_bytes(path, _MOST_BYTES)))
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"it has {image.width:,} x {image.height:,} pixels")
    return image


def kind_of(path: Path) -> Kind:
    """Return what the header of a picture says; ``InputError`` if it cannot be read."""
    with _in_words(path), _opened(path) as image:
        columns, rows = image.size
        if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
            rows, columns = columns, rows
        mode, clear = image.mode, "transparency" in image.info
        if mode == "F" or (mode.startswith("I") and ";16" not in mode and mode != "I"):
            raise ValueError(f"its pixels are of the kind {mode}")
        if mode in ("P", "PA"):
            palette = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
            colour = bool((palette != palette[:, :1]).any())
        else:
            colour = mode not in ("1", "L", "LA", "La") and not mode.startswith("I")
        clear = clear or mode in ("RGBA", "RGBa", "LA", "La", "PA")
        return Kind(rows, columns, colour, mode.startswith("I"), clear)


def pixels_of(path: Path, mode: str, sides: tuple[int, int], alpha: str | None) -> NDArray[Any]:
    """Return a picture as (H, W, C)."""
    with _in_words(path), _opened(path) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened)
        image = _deep(image) if mode == "I;16" else _over(image, mode, alpha)
        if image.size != sides[::-1]:
            reducing = image.width > sides[1] or image.height > sides[0]
            how = Image.Resampling.BOX if reducing else Image.Resampling.BILINEAR
            image = image.resize(sides[::-1], how)
        pixels = np.asarray(image)
        if mode == "I;16":
            pixels = np.clip(np.rint(pixels), 0, 65535).astype(np.uint16)
        return pixels.reshape(*sides, -1)


def _deep(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16 bits in floats, which can be resized."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its pixels are from {values.min()} to {values.max()}")
    return Image.fromarray(values.astype(np.float32))


def _over(image: Image.Image, mode: str, alpha: str | None) -> Image.Image:
    """Return a picture of 8 bits in this mode, its transparent pixels over white or black."""
    clear = "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA")
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
