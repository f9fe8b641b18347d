"""Grids of images, at a whole number of dots for each of their pixels.

Dimensions: N images of shape (H, W, C).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.plots.figures import (
    DPI,
    MOST_IN_A_ROW,
    Figure,
    check_names,
    check_pictures,
    new_figure,
)
from scratchvae.validation import FloatArray, check_count, check_is

GAP = 2  # pixels between images in a grid
DOTS = 3  # screen dots per image pixel
PAPER = 0.16  # the grey between images

_TITLE = 36  # dots for the title of a grid
_LINE = 18  # and for each further line of it
_LEAST_WIDTH = 220  # dots: room for a title's words beside few and small images
_COLUMN_NAMES = 22  # dots for the names of its columns
_MARGIN = 8  # dots on both sides of the names of its rows
_SIZES = {"title": 11, "rows": 9, "columns": 8}  # of letters, in points


def mosaic(images: NDArray[Any], columns: int, gap: int = GAP) -> FloatArray:
    """Return images (N, H, W, C) laid out in rows of ``columns`` as one image.

    Values are clipped to 0 … 1, as a screen would. Missing images at the end are left blank.
    """
    images = check_pictures(images)
    check_count(columns, "columns", 1, MOST_IN_A_ROW)
    check_count(gap, "gap", 0, MOST_IN_A_ROW)
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, channels)
    page = np.full(shape, PAPER, dtype=np.float32)
    for place, image in enumerate(np.clip(images, 0, 1)):
        top = gap + place // columns * (height + gap)
        left = gap + place % columns * (width + gap)
        page[top : top + height, left : left + width] = image
    return page


def padded(images: NDArray[Any], count: int) -> NDArray[Any]:
    """Return images (N, H, W, C) followed by blank ones, ``count`` in all."""
    blank = np.full((count - len(images), *images.shape[1:]), PAPER, images.dtype)
    return np.concatenate([images, blank])


def draw_grid(
    images: NDArray[Any],
    columns: int,
    title: str,
    *,
    gap: int = GAP,
    dots: int = DOTS,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
) -> Figure:
    """Return a mosaic under its title, at a whole number of dots per pixel.

    A title that is wider than the mosaic goes on in further lines.

    Parameters
    ----------
    images, columns, gap
        As of ``mosaic``.
    title
        What the images are.
    dots
        Screen dots per image pixel, across and down.
    row_names
        Names at the left. Where there are fewer than rows, each stands for that share of the rows.
    column_names
        Names above the columns.
    """
    check_is(title, "title", str)
    check_count(dots, "dots", 1, 100)
    check_names(row_names, "row_names")
    check_names(column_names, "column_names")
    page = mosaic(images, columns, gap)
    height, width = (side * dots for side in page.shape[:2])
    left = _width(row_names, "rows") + 2 * _MARGIN if row_names else 0
    across = max(left + width, _LEAST_WIDTH)
    lines = _wrapped(title, across - 2 * _MARGIN)
    titled = _TITLE + _LINE * (len(lines) - 1)
    down = height + titled + (_COLUMN_NAMES if column_names else 0)
    # Matplotlib, up to 3.10, rounds a figure that is a hair too small down to a dot less, and axes
    # that are a hair too large up to a dot more.
    more, less = 1 + 1e-9, 1 - 1e-8
    figure = new_figure(across / DPI * more, down / DPI * more, layout=None)
    axes = figure.add_axes((left / across, 0, width / across * less, height / down * less))
    # Red, green and blue in 8 bits: a colour map would be off by a shade or two.
    shown = np.broadcast_to(np.rint(page * 255).astype(np.uint8), (*page.shape[:2], 3))
    axes.imshow(shown, interpolation="none", aspect="auto")
    axes.set_axis_off()

    def write(x: float, y: float, text: str, kind: str, side: str) -> None:
        figure.text(x / across, y / down, text, fontsize=_SIZES[kind], ha=side, va="center")

    for place, name in enumerate(row_names):
        y = height * (1 - (place + 0.5) / len(row_names))
        write(left - _MARGIN, y, name, "rows", "right")
    for place, name in enumerate(column_names):
        x = left + width * (place + 0.5) / len(column_names)
        write(x, height + _COLUMN_NAMES / 2, name, "columns", "center")
    write(_MARGIN, down - titled / 2, "\n".join(lines), "title", "left")
    return figure


def _wrapped(text: str, width: float) -> list[str]:
    """Return a title in lines of at most ``width`` dots; a longer word has one of its own."""
    words = text.split(" ")
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        lines[-1:] = [longer] if _width([longer], "title") <= width else [lines[-1], word]
    return lines


def _width(texts: Iterable[str], kind: str) -> int:
    """Return how many dots the widest of some texts takes."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    make_renderer: Any = RendererAgg  # Matplotlib does not say its type
    renderer = make_renderer(1, 1, DPI)
    font = FontProperties(size=_SIZES[kind])
    widths = [renderer.get_text_width_height_descent(text, font, False)[0] for text in texts]
    return int(max(widths))
