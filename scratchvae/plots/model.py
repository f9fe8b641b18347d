"""The pictures: what a model draws, how it sees the test images, and how training went.

Every function returns a Matplotlib ``Figure`` and changes no global state; ``save_figure`` writes
one to a file.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients import ErrorCurve
from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.files import write_atomically
from scratchvae.models import LatentModel
from scratchvae.randomness import stream
from scratchvae.training import EpochMetrics
from scratchvae.validation import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib is imported where it is used: it takes a third of a second, and training needs none.

_GAP = 2  # pixels between images in a grid
_DOTS = 3  # screen dots per image pixel
_DPI = 100
_HEADING = 36  # dots for the title
PAPER = 0.16  # the grey between images


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG to ``path``, whole or not at all.

    A picture without colours is written as grey, a third of the size. The same figure gives the
    same bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    dots = np.asarray(canvas.buffer_rgba())[..., :3]
    grey = bool((dots == dots[..., :1]).all())
    picture = Image.fromarray(np.ascontiguousarray(dots[..., 0] if grey else dots))
    write_atomically(path, lambda file: picture.save(file, format="png", optimize=True))


def draw_samples(
    model: LatentModel, *, rows: int = 10, columns: int = 10, seed: int = 0
) -> "Figure":
    """Return a grid of images decoded from draws of the prior, a class a column if there are."""
    if model.classes:
        columns = model.classes
    images = model.sample(rows * columns, seed=seed)
    title = f"Samples: decoded from {model.describe_draws()}"
    return _grid_figure(images, columns, title)


def draw_reconstructions(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    columns: int = 10,
    rows: int = 3,
) -> "Figure":
    """Return pairs of rows: test images above, their reconstructions below."""
    if len(images) == 0:
        raise InputError("reconstructions need at least one image, and there is none: give some")
    originals = read_pixels(model.as_images(images[: columns * rows]), model.dtype)
    columns = min(columns, len(originals))
    rebuilt = model.reconstruct(originals, None if labels is None else labels[: columns * rows])
    missing = -len(originals) % columns
    blank = np.full((missing, *originals.shape[1:]), PAPER, originals.dtype)
    rows_of_both = [
        np.concatenate([images, blank]).reshape(-1, columns, *originals.shape[1:])
        for images in (originals, rebuilt)
    ]
    pairs = np.stack(rows_of_both, axis=1).reshape(-1, *originals.shape[1:])
    return _grid_figure(pairs, columns, "Test images above, reconstructions below")


def draw_manifold(model: LatentModel, *, steps: int | None = None) -> "Figure":
    """Return the images decoded from a grid of points of the plane of two latents.

    The points are the quantiles of N(0, 1), so each image stands for an equal share of the prior,
    where that is N(0, I). A model that is told the classes has a plane for each of them, five in a
    row.

    Parameters
    ----------
    model
        A model of two latents.
    steps
        How many images in a row of a plane; ``None``: 20, or 10 where there are several planes.
    """
    if model.latent_dim != 2:
        raise InputError(
            f"the manifold is a picture of two latents and this model has {model.latent_dim}: "
            "train with --latent-dim 2, or draw samples or an interpolation"
        )
    steps = steps or (10 if model.classes else 20)
    quantiles = np.array([_normal_quantile((i + 0.5) / steps) for i in range(steps)])
    first, second = np.meshgrid(quantiles, quantiles[::-1])  # the second latent grows upwards
    z = np.stack([first.ravel(), second.ravel()], axis=1)
    title = f"Decoded from the plane of two latents, by quantiles of N(0, 1){model.plane_note}"
    if not model.classes:
        return _grid_figure(model.decode(z), steps, title, gap=0, dots=2)
    planes = [
        mosaic(model.decode(z, np.full(len(z), label)), steps, gap=0)
        for label in range(model.classes)
    ]
    title += f": a plane for each class, 0 to {model.classes - 1}"
    return _grid_figure(np.stack(planes), 5, title, gap=_GAP * _DOTS, dots=1)


def draw_interpolation(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    rows: int = 8,
    steps: int = 10,
    seed: int = 0,
) -> "Figure":
    """Return rows of images decoded from points on the way from one test image to another.

    The way is the straight line between their latent means (eq. 1.8 of the lessons). A model
    that is told the classes draws each row in the class of its first image.
    """
    if len(images) < 2:
        raise InputError(f"an interpolation needs two images or more, not {len(images)}")
    rng = stream(seed, "draw", 1)
    ends = np.array([rng.choice(len(images), 2, replace=False) for _ in range(rows)])
    start, end = (
        model.encode(images[place], None if labels is None else labels[place]) for place in ends.T
    )
    shares = np.linspace(0, 1, steps, dtype=model.dtype)[None, :, None]
    z = (1 - shares) * start[:, None] + shares * end[:, None]  # (rows, steps, D)
    told = None if labels is None else np.repeat(labels[ends[:, 0]], steps)
    decoded = model.decode(z.reshape(-1, model.latent_dim), told)
    return _grid_figure(decoded, steps, "From one test image to another through the latent space")


def draw_latent(
    model: LatentModel, images: NDArray[Any], labels: NDArray[Any], *, seed: int = 0
) -> "Figure":
    """Return the scatter of the test images' latent means, coloured by class.

    Two latents are drawn as they are. Of more, the plane of the two largest principal components is
    drawn; one is drawn against its class.
    """
    if len(images) == 0:
        raise InputError("the picture of latents needs at least one image, and there is none")
    means = model.encode(images, labels if model.classes else None)
    points, names = _to_plane(means, labels, stream(seed, "draw", 2))
    figure = _new_figure((6.8, 6.0))
    axes = figure.subplots()
    # All classes at once, in the images' own order: drawn one by one, the last would hide others.
    colours = [f"C{int(label) % 10}" for label in labels]
    axes.scatter(points[:, 0], points[:, 1], s=5, c=colours, alpha=0.6, linewidths=0)
    for label in np.unique(labels):
        axes.scatter([], [], s=30, color=f"C{int(label) % 10}", label=str(label))
    axes.legend(title="class", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_title(f"Latent means of {len(images):,} test images", loc="left")
    if model.latent_dim > 1:
        axes.set_aspect("equal", adjustable="datalim")
    _tidy(axes)
    return figure


def draw_loss(history: Sequence[EpochMetrics]) -> "Figure":
    """Return the loss, its reconstruction and its KL by epoch, for training and test images."""
    from matplotlib.ticker import MaxNLocator

    figure = _new_figure((10.5, 3.4))
    panels = (("loss", "Loss"), ("reconstruction", "Reconstruction"), ("kl", "KL"))
    for axes, (part, title) in zip(figure.subplots(1, 3), panels, strict=True):
        epochs = [row.epoch for row in history]
        axes.plot(
            epochs, [getattr(row.train, part) for row in history], "o-", ms=3, label="training"
        )
        tested = [row for row in history if row.test is not None]
        if tested:
            values = [getattr(row.test, part) for row in tested if row.test is not None]
            axes.plot([row.epoch for row in tested], values, "o-", ms=3, label="test")
        axes.set_title(title, loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _tidy(axes)
        if part == "loss":
            axes.set_ylabel("nats per image")
            axes.legend(frameon=False)
    return figure


def draw_error_curve(curves: Mapping[str, ErrorCurve], title: str = "") -> "Figure":
    """Return the error of finite differences by step size, in logarithms: a V for each curve.

    Parameters
    ----------
    curves
        What ``error_curve`` returned, by the name that the legend is to show.
    title
        A title of your own; empty for the usual one.
    """
    if not curves:
        raise InputError("draw_error_curve expects at least one curve, and there is none")
    figure = _new_figure((6.8, 4.4))
    axes = figure.subplots()
    for name, curve in curves.items():
        # An error of exactly 0 has no logarithm; below one rounding nothing is known anyway.
        axes.loglog(curve.steps, np.maximum(curve.errors, 1e-16), "o-", ms=3, label=name)
    axes.set(xlabel="step h", ylabel="relative error")
    axes.set_title(title or "Finite differences: curvature to the right, rounding to the left")
    axes.legend(frameon=False)
    _tidy(axes)
    return figure


def mosaic(images: NDArray[Any], columns: int, gap: int = _GAP) -> FloatArray:
    """Return images (N, H, W, C) laid out in rows of ``columns`` as one image.

    Values are cut to 0 … 1, as a screen would. Missing images at the end are left blank.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, channels)
    page = np.full(shape, PAPER, dtype=np.float32)
    for place, image in enumerate(np.clip(images, 0, 1)):
        top = gap + place // columns * (height + gap)
        left = gap + place % columns * (width + gap)
        page[top : top + height, left : left + width] = image
    return page


def _grid_figure(
    images: NDArray[Any], columns: int, title: str, gap: int = _GAP, dots: int = _DOTS
) -> "Figure":
    """Return a figure that shows a mosaic at a whole number of dots per pixel, under its title."""
    page = mosaic(images, columns, gap)
    height, width = (side * dots for side in page.shape[:2])
    figure = _new_figure((width / _DPI, (height + _HEADING) / _DPI), constrained=False)
    axes = figure.add_axes((0, 0, 1, height / (height + _HEADING)))
    # Red, green and blue in 8 bits: a colour map would be off by a shade or two.
    shown = np.broadcast_to(np.rint(page * 255).astype(np.uint8), (*page.shape[:2], 3))
    axes.imshow(shown, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    middle = 1 - _HEADING / 2 / (height + _HEADING)
    figure.text(6 / width, middle, title, va="center", fontsize=11)
    return figure


def _to_plane(
    means: FloatArray, labels: NDArray[Any], rng: np.random.Generator
) -> tuple[FloatArray, tuple[str, str]]:
    """Return a point in the plane (N, 2) for each image's latents (N, D), and the axes' names."""
    latents = means.shape[1]
    if latents == 1:
        jitter = rng.uniform(-0.35, 0.35, len(means))
        return np.stack([means[:, 0], labels + jitter], axis=1), ("z₁", "class, spread out")
    if latents == 2:
        return means, ("z₁", "z₂")
    centred = means - means.mean(axis=0)
    spread, directions = np.linalg.eigh(centred.T @ centred)  # from the smallest to the largest
    shares = spread[::-1] / max(spread.sum(), np.finfo(spread.dtype).tiny)
    first, second = (
        f"principal component {place + 1} ({shares[place]:.0%} of the variance)" for place in (0, 1)
    )
    return centred @ directions[:, :-3:-1], (first, second)


def _new_figure(size: tuple[float, float], constrained: bool = True) -> "Figure":
    from matplotlib.figure import Figure

    # Figure() rather than pyplot: no window, no global list of figures that fills up the memory.
    return Figure(figsize=size, dpi=_DPI, layout="constrained" if constrained else None)


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def _normal_quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
