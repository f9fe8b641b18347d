"""The kinds of picture that the sources draw, for several models side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.plots.model import mosaic, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_ROW = 0.62


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def save_rows(
    path: Path, title: str, rows: Sequence[tuple[str, NDArray[Any]]], lines: int = 1
) -> Path:
    """Draw images (N, H, W, 1) in rows, each under its name at the left, and return the path.

    Parameters
    ----------
    path, title
        Where to, and what it is.
    rows
        The name of each row and its images.
    lines
        Over how many lines the images of a row are laid out.
    """
    columns = -(-max(len(images) for _, images in rows) // lines)
    longest = max(len(name) for name, _ in rows)
    width = max(2.0, 0.1 * longest) + columns * _INCHES_PER_ROW
    figure = new_figure(width, 0.5 + len(rows) * lines * (_INCHES_PER_ROW + 0.05))
    grid: Any = figure.subplots(len(rows), 1, squeeze=False)
    for axes, (name, images) in zip(grid[:, 0], rows, strict=True):
        axes.imshow(mosaic(images, columns)[..., 0], cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        # In the middle it would move after the layout has made room for its name.
        axes.set_anchor("W")
        axes.spines[:].set_visible(False)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    save_figure(figure, path)
    return path


def save_scatters(
    path: Path,
    title: str,
    panels: Sequence[tuple[str, NDArray[Any]]],
    labels: NDArray[Any] | None = None,
    limit: float | None = None,
) -> Path:
    """Draw points (N, 2) in panels side by side, coloured by class, and return the path."""
    figure = new_figure(3.6 * len(panels), 3.9)
    grid: Any = figure.subplots(1, len(panels), squeeze=False)
    for axes, (name, points) in zip(grid[0], panels, strict=True):
        colours = "C0" if labels is None else [f"C{int(n) % 10}" for n in labels[: len(points)]]
        axes.scatter(points[:, 0], points[:, 1], s=4, c=colours, alpha=0.6, linewidths=0)
        axes.set_title(name, fontsize=10)
        axes.set_aspect("equal", adjustable="datalim")
        if limit is not None:
            axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.grid(alpha=0.25)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    save_figure(figure, path)
    return path


def save_lines(
    path: Path, title: str, lines: Sequence[tuple[str, Sequence[float]]], ylabel: str
) -> Path:
    """Draw a curve over the epochs for each line, and return the path."""
    figure = new_figure(7.0, 4.0)
    axes: Axes = figure.subplots()
    for name, values in lines:
        axes.plot(np.arange(1, len(values) + 1), values, "o-", ms=3, label=name)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    save_figure(figure, path)
    return path


def save_bars(
    path: Path, title: str, names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]]
) -> Path:
    """Draw groups of bars, one group a name, and return the path."""
    figure = new_figure(7.5, 3.8)
    axes: Axes = figure.subplots()
    places = np.arange(len(names))
    width = 0.8 / len(groups)
    for number, (name, values) in enumerate(groups):
        bars = axes.bar(
            places + (number - (len(groups) - 1) / 2) * width, values, width, label=name
        )
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(names) > 6 else {}
    axes.set_xticks(places, names, **slanted)
    axes.margins(y=0.3)  # room for the numbers and the legend
    axes.set_ylabel("nats per image")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, loc="upper right", ncols=len(groups))
    save_figure(figure, path)
    return path


def save_spreads(
    path: Path,
    title: str,
    names: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Sequence[float]]]],
    xlabel: str,
) -> Path:
    """Draw for each group the mean at each name as a line and each value as a dot."""
    figure = new_figure(7.0, 4.0)
    axes: Axes = figure.subplots()
    for number, (name, values) in enumerate(groups):
        colour = f"C{number}"
        axes.plot(range(len(names)), [np.mean(one) for one in values], color=colour, label=name)
        for place, one in enumerate(values):
            axes.plot([place] * len(one), one, "o", ms=4, color=colour, alpha=0.6)
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel(xlabel)
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    save_figure(figure, path)
    return path
