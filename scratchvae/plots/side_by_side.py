"""The pictures of several models side by side: rows of images, scatters, lines and bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError, shown
from scratchvae.plots.figures import (
    MOST_IN_A_ROW,
    Axes,
    Figure,
    add_legend,
    as_numbers,
    check_names,
    check_pairs,
    check_pictures,
    class_colours,
    name_classes,
    new_figure,
)
from scratchvae.plots.grids import draw_grid, padded
from scratchvae.validation import check_count, check_is, check_shape


def draw_rows(title: str, rows: Sequence[tuple[str, NDArray[Any]]], lines: int = 1) -> Figure:
    """Return images (N, H, W, C) in rows, each with its name at the left.

    The images of a row are laid out over ``lines`` lines.
    """
    check_is(title, "title", str)
    check_pairs(rows, "rows")
    check_count(lines, "lines", 1, MOST_IN_A_ROW)
    rows = [(name, check_pictures(images)) for name, images in rows]
    if len({images.shape[1:] for _, images in rows}) > 1 or not max(len(i) for _, i in rows):
        raise InputError("the images of all rows must be of one size, and some must be there")
    columns = -(-max(len(images) for _, images in rows) // lines)
    filled = np.concatenate([padded(images, columns * lines) for _, images in rows])
    names = [name for name, _ in rows]
    return draw_grid(filled, columns, title, dots=2, row_names=names)


def draw_scatters(
    title: str,
    panels: Sequence[tuple[str, NDArray[Any]]],
    labels: NDArray[Any] | None = None,
    axes_names: tuple[str, str] = ("z₁", "z₂"),
) -> Figure:
    """Return points (N, 2) in panels side by side, on one scale, coloured by class.

    ``axes_names`` are what the two coordinates are.
    """
    check_is(title, "title", str)
    check_pairs(panels, "panels")
    check_is(axes_names, "axes_names", tuple)
    if [type(name) for name in axes_names] != [str, str]:
        raise InputError(f"axes_names must be two texts, not {shown(axes_names)}: name both axes")
    panels = [(name, as_numbers(points, f"the points of {name}", 2)) for name, points in panels]
    for name, points in panels:
        check_shape(points, f"the points of {name}", (len(points), 2))
    if labels is not None:
        labels = as_numbers(labels, "labels")
        if len(labels) < max(len(points) for _, points in panels):
            raise InputError(f"labels must be one for each point, not {len(labels)}: give all")
    figure = new_figure(3.6 * len(panels), 3.9)
    grid: Any = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)
    for axes, (name, points) in zip(grid[0], panels, strict=True):
        colours = "C0" if labels is None else class_colours(labels[: len(points)])
        axes.scatter(points[:, 0], points[:, 1], s=4, c=colours, alpha=0.6, linewidths=0)
        if labels is not None:
            name_classes(axes, points, labels[: len(points)])
        axes.set_title(name, fontsize=10)
        axes.set_aspect("equal")
        axes.grid(alpha=0.25)
        axes.set_xlabel(axes_names[0])
    grid[0][0].set_ylabel(axes_names[1])
    if labels is not None:
        add_legend(grid[0][-1], labels)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def draw_lines(title: str, lines: Sequence[tuple[str, Sequence[float]]], ylabel: str) -> Figure:
    """Return a curve over the epochs for each line."""
    check_is(title, "title", str)
    check_is(ylabel, "ylabel", str)
    check_pairs(lines, "lines")
    figure = new_figure(7.0, 4.0)
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    for name, values in lines:
        as_numbers(values, f"the values of {name}")
        axes.plot(np.arange(1, len(values) + 1), values, "o-", ms=3, label=name)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _finish(axes, title)
    return figure


def draw_bars(
    title: str, names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]]
) -> Figure:
    """Return groups of bars in nats per image, one group for each name."""
    check_is(title, "title", str)
    check_names(names, "names")
    check_pairs(groups, "groups")
    for name, values in groups:
        check_shape(as_numbers(values, f"the values of {name}"), name, (len(names),))
    figure = new_figure(7.5, 3.8)
    axes = figure.subplots()
    places = np.arange(len(names))
    width = 0.8 / len(groups)
    for number, (name, values) in enumerate(groups):
        offset = (number - (len(groups) - 1) / 2) * width
        bars = axes.bar(places + offset, values, width, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(names) > 6 else {}
    axes.set_xticks(places, names, **slanted)
    axes.margins(y=0.3)  # room for the numbers and the legend
    axes.set_ylabel("nats per image")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, loc="upper right", ncols=len(groups))
    return figure


def draw_spreads(
    title: str,
    names: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Sequence[float]]]],
    xlabel: str,
) -> Figure:
    """Return for each group the mean at each name as a line and each value as a dot."""
    check_is(title, "title", str)
    check_is(xlabel, "xlabel", str)
    check_names(names, "names")
    check_pairs(groups, "groups")
    for name, values in groups:
        check_is(values, f"the values of {name}", Sequence)
        if len(values) != len(names):
            raise InputError(f"{name} must have values for each of {len(names)} names: give all")
        for some in values:
            as_numbers(some, f"the values of {name}")
    figure = new_figure(7.0, 4.0)
    axes = figure.subplots()
    for number, (name, values) in enumerate(groups):
        colour = f"C{number}"
        axes.plot(range(len(names)), [np.mean(some) for some in values], color=colour, label=name)
        for place, some in enumerate(values):
            axes.plot([place] * len(some), some, "o", ms=4, color=colour, alpha=0.6)
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel=xlabel, ylim=(0, None))
    _finish(axes, title)
    return figure


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
