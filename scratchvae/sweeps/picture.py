"""The picture of a sweep: the test loss and its two terms over what varies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scratchvae.plots.figures import Axes, Figure, new_figure, tidy

_PANELS = (("test_loss", "Loss"), ("test_reconstruction", "Reconstruction"), ("test_kl", "KL"))
_MOST_LINES = 8  # that can be told apart


def draw_grid(rows: Sequence[Mapping[str, Any]], varied: Sequence[str]) -> Figure:
    """Return a panel each for loss, reconstruction and KL of the test images.

    The values of what varies first are on the axis, and each combination of the others is a line;
    a band reaches from the least to the greatest over the seeds.
    """
    figure = new_figure(11.5, 3.8)
    done = [row for row in rows if "test_loss" in row]
    name, others = (varied[0], list(varied[1:])) if varied else ("seed", [])
    for panel, (measure, title) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        lines: dict[str, list[Mapping[str, Any]]] = {}
        for row in done:
            label = ", ".join(f"{other} {row[other]}" for other in others)
            lines.setdefault(label, []).append(row)
        values = list(dict.fromkeys(row[name] for row in rows))
        for label, members in list(lines.items())[:_MOST_LINES]:
            _draw_line(panel, members, name, values, measure, label)
        panel.set_xticks(range(len(values)), [str(value) for value in values])
        panel.set_title(title, loc="left")
        panel.set_xlabel(name)
        tidy(panel)
        if measure == "test_loss":
            panel.set_ylabel("nats per test image")
            if others and lines:
                panel.legend(frameon=False, fontsize=8)
    return figure


def _draw_line(
    panel: Axes,
    rows: Sequence[Mapping[str, Any]],
    name: str,
    values: Sequence[Any],
    measure: str,
    label: str,
) -> None:
    measured = [[row[measure] for row in rows if row[name] == value] for value in values]
    places = [place for place, found in enumerate(measured) if found]
    found = [found for found in measured if found]
    (line,) = panel.plot(places, [np.mean(each) for each in found], "o-", ms=4, label=label)
    lowest, highest = [min(each) for each in found], [max(each) for each in found]
    panel.fill_between(places, lowest, highest, color=line.get_color(), alpha=0.2, lw=0)
