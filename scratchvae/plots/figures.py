"""Figures: blank ones, what is in them, and files of them.

Every function of this package returns a Matplotlib ``Figure`` and changes no global state;
``save_figure`` writes one to a file.
"""

import gc
import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError, shown
from scratchvae.files import AnyPath, as_path, write_bytes
from scratchvae.validation import as_array, check_finite

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

# Matplotlib is imported where it is used: it takes a third of a second, and training needs none.
Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"

DPI = 100
MOST_IN_A_ROW = 1000  # images of a row, rows and dots between them: more cannot be seen

_FEW = 4  # figures that may wait for the collector; each has a few megabytes
SUFFIXES = (".png", ".svg", ".pdf")
_MOST_NAMES = 30  # classes whose names still find room
_CLASSES_IN_A_COLUMN = 20  # of a legend

# Ten colours that are told apart with any kind of colour vision: M. Petroff, "Accessible Color
# Sequences for Data Visualization", arXiv:2107.02270, 2021.
CLASS_COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)


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
    made = figure.Figure(figsize=(width, height), dpi=DPI, layout=layout)
    _alive.add(made)
    setattr(made, "_repr_png_", partial(png_bytes, made))  # noqa: B010  # it has none itself
    return made


def save_figure(figure: Figure, path: AnyPath) -> None:
    """Write a figure to ``path``, whole or not at all, as the name's ending says.

    As PNG, a picture without colours is written as grey, a third of the size. SVG and PDF have the
    images' pixels as they are, and text and lines as curves. The same figure gives the same bytes.

    Raises
    ------
    InputError
        If the name does not end in .png, .svg or .pdf, or the file cannot be written.
    """
    path = as_picture_path(path)
    png = path.suffix.lower() == ".png"
    write_bytes(path, png_bytes(figure) if png else _vector_bytes(figure, path.suffix.lower()[1:]))


def as_picture_path(path: Any) -> Path:
    """Return the path of a picture's file; ``InputError`` if its ending is none that is written."""
    named = as_path(path)
    if named.suffix.lower() not in SUFFIXES:
        ends = " or ".join(SUFFIXES)
        raise InputError(f"a picture's name must end in {ends}, not {named.name!r}")
    return named


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


def _vector_bytes(figure: Figure, kind: str) -> bytes:
    """Return a figure as an SVG or PDF file, without its date."""
    import matplotlib

    file = io.BytesIO()
    date = {"svg": "Date", "pdf": "CreationDate"}[kind]
    # The names of parts of an SVG are drawn at random, unless this says from what.
    with matplotlib.rc_context({"svg.hashsalt": "scratchvae"}):
        figure.savefig(file, format=kind, metadata={date: None})
    return file.getvalue()


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


def tidy(axes: Axes) -> None:
    """Leave only what helps to read a curve or a scatter off its axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def class_colours(labels: NDArray[Any]) -> list[str]:
    """Return the colour of each label's class; those of ten classes are all different."""
    return [CLASS_COLOURS[int(label) % len(CLASS_COLOURS)] for label in labels]


def add_legend(axes: Axes, labels: NDArray[Any]) -> None:
    """Say beside a scatter which colour is which class."""
    classes = np.unique(labels)
    for label, colour in zip(classes, class_colours(classes), strict=True):
        axes.scatter([], [], s=30, color=colour, label=str(label))
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    columns = -(-len(classes) // _CLASSES_IN_A_COLUMN)
    axes.legend(title="class", frameon=False, ncols=columns, **place)


def name_classes(axes: Axes, points: NDArray[Any], labels: NDArray[Any]) -> None:
    """Write each class's number where the middle of its points (N, 2) is."""
    from matplotlib.patheffects import withStroke

    classes = np.unique(labels)
    for label in classes if len(classes) <= _MOST_NAMES else ():
        x, y = np.median(points[labels == label], axis=0)
        text = axes.text(x, y, str(label), size=12, weight="bold", ha="center", va="center")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
