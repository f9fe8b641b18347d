"""The picture of how the time of a training step grows, ours beside the rivals'."""

from collections.abc import Sequence
from typing import Any

from scratchvae.benchmarks.rivals import RIVALS
from scratchvae.plots.figures import Axes, Figure, new_figure, tidy


def draw_growth(growth: Sequence[dict[str, Any]], title: str) -> Figure:
    """Return a panel for each axis that ``measure_growth`` returned, both scales logarithmic."""
    figure = new_figure(9.6, 3.5 * ((len(growth) + 1) // 2))
    panels = figure.subplots((len(growth) + 1) // 2, 2, squeeze=False).ravel()
    for panel, axis in zip(panels, growth, strict=False):
        _draw_axis(panel, axis)
    for panel in panels[len(growth) :]:
        panel.set_axis_off()
    panels[0].legend(frameon=False, fontsize=9)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def _draw_axis(panel: Axes, axis: dict[str, Any]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    points = axis["points"]
    values = [point["value"] for point in points]
    panel.plot(values, [point["ours_ms"] for point in points], "o-", ms=4, lw=2, label="ours")
    for number, name in enumerate(points[0].get("rivals", ()), 1):
        for kind, style in (("plain", "s--"), ("best", "s-")):
            times = [point["rivals"][name][f"{kind}_ms"] for point in points]
            label = f"{RIVALS[name].title}, {kind}"
            panel.plot(values, times, style, ms=3, lw=1.2, color=f"C{number}", label=label)
    panel.set(xscale="log", yscale="log", xlabel=axis["title"])
    panel.set_title(axis["model"], loc="left", fontsize=9)
    panel.set_ylabel("ms per training step")
    panel.set_xticks(values, [f"{value:,}" for value in values])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    tidy(panel)
