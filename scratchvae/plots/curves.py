"""The pictures of numbers: losses by epoch, and errors of finite differences by step size."""

from collections.abc import Mapping, Sequence

import numpy as np

from scratchvae.checks.gradients import ErrorCurve
from scratchvae.errors import InputError
from scratchvae.plots.figures import Figure, new_figure, tidy
from scratchvae.training import EpochMetrics


def draw_loss(history: Sequence[EpochMetrics]) -> Figure:
    """Return the loss, its reconstruction and its KL by epoch, for training and test images."""
    figure = new_figure(10.5, 3.4)
    from matplotlib.ticker import MaxNLocator

    panels = (("loss", "Loss"), ("reconstruction", "Reconstruction"), ("kl", "KL"))
    tested = [row for row in history if row.test is not None]
    for axes, (term, title) in zip(figure.subplots(1, 3), panels, strict=True):
        values = [getattr(row.train, term) for row in history]
        axes.plot([row.epoch for row in history], values, "o-", ms=3, label="training")
        if tested:
            values = [getattr(row.test, term) for row in tested]
            axes.plot([row.epoch for row in tested], values, "o-", ms=3, label="test")
        axes.set_title(title, loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        tidy(axes)
        if term == "loss":
            axes.set_ylabel("nats per image")
            axes.legend(frameon=False)
    return figure


def draw_error_curve(curves: Mapping[str, ErrorCurve], title: str = "") -> Figure:
    """Return the error of finite differences by step size, in logarithms: a V for each curve.

    ``curves`` is what ``error_curve`` returned, by the name to show in the legend. An empty
    ``title`` is the usual one.
    """
    if not curves:
        raise InputError("draw_error_curve needs at least one curve")
    figure = new_figure(6.8, 4.4)
    axes = figure.subplots()
    for name, curve in curves.items():
        # An error of exactly 0 has no logarithm; below one rounding nothing is known anyway.
        axes.loglog(curve.steps, np.maximum(curve.errors, 1e-16), "o-", ms=3, label=name)
    axes.set(xlabel="step h", ylabel="relative error")
    axes.set_title(title or "Finite differences: curvature to the right, rounding to the left")
    axes.legend(frameon=False)
    tidy(axes)
    return figure
