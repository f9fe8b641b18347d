"""Figures: blank ones, grids of images, and files of them.

Every function of this package returns a Matplotlib ``Figure`` and changes no global state;
``save_figure`` writes one to a file.

Dimensions: N images of shape (H, W, C).
"""

import gc
import io
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError, shown
from scratchvae.files import AnyPath, as_path, write_bytes
from scratchvae.validation import FloatArray, as_array, check_count, check_finite, check_is

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

# Matplotlib is imported where it is used: it takes a third of a second, and training needs none.
Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"

GAP = 2  # pixels between images in a grid
DOTS = 3  # screen dots per image pixel
PAPER = 0.16  # the grey between images

MOST_IN_A_ROW = 1000  # images of a row, rows and dots between them: more cannot be seen

_FEW = 4  # figures that may wait for the collector; each has a few megabytes
_DPI = 100
_TITLE = 36  # dots for the title of a grid
_COLUMN_NAMES = 22  # dots for the names of its columns
_MARGIN = 8  # dots on both sides of the names of its rows
_SIZES = {"title": 11, "rows": 9, "columns": 8}  # of letters, in points


def check_matplotlib() -> None:
    """Raise ``InputError`` if Matplotlib refuses its environment variable MPLBACKEND."""
    try:
        import matplotlib  # noqa: F401
    except ValueError as error:
        problem = f"Matplotlib refuses the environment variable MPLBACKEND ({error})"
        raise InputError(problem, "unset it") from None


class _Alive:
    """The figures that were made and are not freed yet.

    A figure and its axes refer to each other, so that one which nobody has any more waits for
    Python's collector. That counts objects, of which a process with compiled kernels has so many
    that it lets some hundred figures pass, with all their pictures, before it looks at them.
    """

    def __init__(self) -> None:
        self._figures: WeakSet[Figure] = WeakSet()
        self._most = _FEW

    def add(self, figure: Figure) -> None:
        """Note a new figure; where there are many, have those freed that nobody has."""
        self._figures.add(figure)
        if len(self._figures) > self._most and gc.isenabled():
            gc.collect()
            # Those that are left belong to somebody: to look for them each time would be in vain.
            self._most = len(self._figures) + _FEW


_alive = _Alive()


def new_figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    """Return an empty figure of that many inches; a notebook shows it as a picture."""
    check_matplotlib()
    from matplotlib import figure

    # Figure() rather than pyplot: no window, no global list of figures that fills up the memory.
    made = figure.Figure(figsize=(width, height), dpi=_DPI, layout=layout)
    _alive.add(made)
    setattr(made, "_repr_png_", partial(png_bytes, made))  # noqa: B010  # it has none itself
    return made


def save_figure(figure: Figure, path: AnyPath) -> None:
    """Write a figure as PNG to ``path``, whole or not at all.

    A picture without colours is written as grey, a third of the size. The same figure gives the
    same bytes.

    Raises
    ------
    InputError
        If the name does not end in .png, or the file cannot be written.
    """
    path = as_path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"pictures are PNG files: the name must end in .png, not {path.name!r}")
    write_bytes(path, png_bytes(figure))


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    dots = np.asarray(canvas.buffer_rgba())[..., :3]
    grey = bool((dots == dots[..., :1]).all())
    picture = Image.fromarray(np.ascontiguousarray(dots[..., 0] if grey else dots))
    file = io.BytesIO()
    picture.save(file, format="png", optimize=True)
    return file.getvalue()


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


def check_pictures(images: NDArray[Any]) -> NDArray[Any]:
    """Return ``images``; ``InputError`` unless they are finite, grey or of three colours."""
    images = as_array(images, "images")
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise InputError(
            "pictures are drawn of images (N, H, W, 1), grey, or (N, H, W, 3), in colour, not "
            f"{images.shape}: choose one or three of the channels, and draw them with draw_grid"
        )
    check_finite(images, "images")
    return images


def check_names(names: Any, what: str) -> None:
    """Raise ``InputError`` unless ``names`` is a sequence of text."""
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{what} must be a list of text, not {shown(names)}")


def check_pairs(pairs: Any, what: str) -> None:
    """Raise ``InputError`` unless ``pairs`` is a sequence of names, each with what it names."""
    pair = (
        isinstance(pairs, list | tuple)
        and len(pairs)
        and all(
            isinstance(each, tuple | list) and len(each) == 2 and isinstance(each[0], str)
            for each in pairs
        )
    )
    if not pair:
        raise InputError(
            f'{what} must be a list of pairs, such as ("a name", values), at least one of them, '
            f"not {shown(pairs)}"
        )


def as_numbers(values: Any, name: str, axes: int = 1) -> NDArray[Any]:
    """Return ``values`` as an array of so many axes; ``InputError`` if it is none."""
    array = as_array(values, name)
    if array.ndim != axes or array.size == 0:
        raise InputError(f"{name} must be an array of {axes} axes with entries, not {array.shape}")
    check_finite(array, name)
    return array


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
    left, top = _names_width(row_names), _TITLE + (_COLUMN_NAMES if column_names else 0)
    across, down = left + width, height + top
    figure = new_figure(across / _DPI, down / _DPI, layout=None)
    axes = figure.add_axes((left / across, 0, width / across, height / down))
    # Red, green and blue in 8 bits: a colour map would be off by a shade or two.
    shown = np.broadcast_to(np.rint(page * 255).astype(np.uint8), (*page.shape[:2], 3))
    axes.imshow(shown, interpolation="nearest", aspect="auto")
    axes.set_axis_off()

    def write(x: float, y: float, text: str, kind: str, side: str) -> None:
        figure.text(x / across, y / down, text, fontsize=_SIZES[kind], ha=side, va="center")

    for place, name in enumerate(row_names):
        y = height * (1 - (place + 0.5) / len(row_names))
        write(left - _MARGIN, y, name, "rows", "right")
    for place, name in enumerate(column_names):
        x = left + width * (place + 0.5) / len(column_names)
        write(x, height + _COLUMN_NAMES / 2, name, "columns", "center")
    write(_MARGIN, down - _TITLE / 2, title, "title", "left")
    return figure


def tidy(axes: Axes) -> None:
    """Leave only what helps to read a curve or a scatter off its axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def class_colours(labels: NDArray[Any]) -> list[str]:
    """Return the colour of each label's class."""
    return [f"C{int(label) % 10}" for label in labels]


def _names_width(names: Sequence[str]) -> int:
    """Return how many dots the names of rows take, their margins included."""
    if not names:
        return 0
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    make_renderer: Any = RendererAgg  # Matplotlib does not say its type
    renderer = make_renderer(1, 1, _DPI)
    font = FontProperties(size=_SIZES["rows"])
    widths = [renderer.get_text_width_height_descent(name, font, False)[0] for name in names]
    return int(max(widths)) + 2 * _MARGIN
