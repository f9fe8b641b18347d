"""The pictures: what a model draws, how it sees the test images, and how training went.

Every function returns a Matplotlib ``Figure`` and changes no global state; ``save_figure`` writes
one to a file.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray
from scratchvae.errors import InputError
from scratchvae.files import write_atomically
from scratchvae.models import LatentModel
from scratchvae.randomness import stream
from scratchvae.training import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib is imported where it is used: it takes a third of a second, and training needs none.

_GAP = 2  # pixels between images in a grid
_DOTS = 3  # screen dots per image pixel
_DPI = 100
_PAPER = 0.16  # the grey between images


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG to ``path``, whole or not at all."""
    # No software version in the file: the same picture gives the same bytes.
    write_atomically(
        path, lambda file: figure.savefig(file, format="png", metadata={"Software": None})
    )


def draw_samples(
    model: LatentModel, *, rows: int = 10, columns: int = 10, seed: int = 0
) -> "Figure":
    """Return a grid of images decoded from draws of N(0, I)."""
    images = model.sample(rows * columns, seed=seed)
    title = f"Samples: decoded from N(0, I) in {model.latent_dim} dimensions"
    return _grid_figure(images, columns, title)


def draw_reconstructions(
    model: LatentModel, images: NDArray[Any], *, columns: int = 10, rows: int = 3
) -> "Figure":
    """Return pairs of rows: test images above, their reconstructions below."""
    originals = model.as_images(images[: columns * rows])
    originals = originals / 255 if originals.dtype == np.uint8 else originals
    rebuilt = model.reconstruct(originals.astype(model.dtype))
    pairs = []
    for start in range(0, len(originals), columns):
        pairs += [originals[start : start + columns], rebuilt[start : start + columns]]
    return _grid_figure(np.concatenate(pairs), columns, "Test images above, reconstructions below")


def draw_manifold(model: LatentModel, *, steps: int = 20) -> "Figure":
    """Return the images decoded from a grid of points of the plane of two latents.

    The points are the quantiles of N(0, 1), so each image stands for an equal share of the prior.
    """
    if model.latent_dim != 2:
        raise InputError(
            f"the manifold is a picture of two latents and this model has {model.latent_dim}: "
            "train with --latent-dim 2, or draw samples or an interpolation"
        )
    quantiles = np.array([_normal_quantile((i + 0.5) / steps) for i in range(steps)])
    first, second = np.meshgrid(quantiles, quantiles[::-1])  # the second latent grows upwards
    images = model.decode(np.stack([first.ravel(), second.ravel()], axis=1))
    return _grid_figure(images, steps, "The plane of two latents, by quantiles of N(0, 1)", gap=0)


def draw_interpolation(
    model: LatentModel, images: NDArray[Any], *, rows: int = 8, steps: int = 10, seed: int = 0
) -> "Figure":
    """Return rows of images decoded from points on the way from one test image to another."""
    if len(images) < 2:
        raise InputError(f"an interpolation needs two images or more, not {len(images)}")
    rng = stream(seed, "draw", 1)
    ends = np.array([rng.choice(len(images), 2, replace=False) for _ in range(rows)])
    start, end = model.encode(images[ends[:, 0]]), model.encode(images[ends[:, 1]])
    shares = np.linspace(0, 1, steps, dtype=model.dtype)[None, :, None]
    z = (1 - shares) * start[:, None] + shares * end[:, None]  # (rows, steps, D)
    decoded = model.decode(z.reshape(-1, model.latent_dim))
    return _grid_figure(decoded, steps, "From one test image to another through the latent space")


def draw_latent(
    model: LatentModel, images: NDArray[Any], labels: NDArray[Any], *, seed: int = 0
) -> "Figure":
    """Return the scatter of the test images' latent means, coloured by class.

    Two latents are drawn as they are. Of more, the plane of the two largest principal components is
    drawn; one is drawn against its class.
    """
    means = model.encode(images)
    if model.latent_dim == 1:
        jitter = stream(seed, "draw", 2).uniform(-0.35, 0.35, len(means))
        points = np.stack([means[:, 0], labels + jitter], axis=1)
        names = ("z₁", "class")
    elif model.latent_dim == 2:
        points, names = means, ("z₁", "z₂")
    else:
        centred = means - means.mean(axis=0)
        _, spread, axes = np.linalg.svd(centred, full_matrices=False)
        points = centred @ axes[:2].T
        share = spread**2 / (spread**2).sum()
        names = (
            f"principal component 1 ({share[0]:.0%} of the variance)",
            f"principal component 2 ({share[1]:.0%} of the variance)",
        )
    figure = _new_figure((7.2, 6.4))
    axes_ = figure.subplots()
    for label in np.unique(labels):
        chosen = points[labels == label]
        colour = f"C{int(label) % 10}"
        axes_.scatter(chosen[:, 0], chosen[:, 1], s=5, color=colour, alpha=0.55, linewidths=0)
        axes_.scatter([], [], s=30, color=colour, label=str(label))
    axes_.legend(title="class", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes_.set(xlabel=names[0], ylabel=names[1])
    axes_.set_title(f"Latent means of {len(images):,} test images", loc="left")
    _tidy(axes_)
    return figure


def draw_loss(history: Sequence[EpochMetrics]) -> "Figure":
    """Return the loss, its reconstruction and its KL by epoch, for training and test images."""
    figure = _new_figure((10.5, 3.4))
    panels = (("loss", "Loss"), ("reconstruction", "Reconstruction"), ("kl", "KL"))
    for axes, (part, title) in zip(figure.subplots(1, 3), panels, strict=True):
        epochs = [row.epoch for row in history]
        axes.plot(epochs, [row.train[part] for row in history], "o-", ms=3, label="training")
        tested = [row for row in history if row.test is not None]
        if tested:
            values = [row.test[part] for row in tested if row.test is not None]
            axes.plot([row.epoch for row in tested], values, "o-", ms=3, label="test")
        axes.set_title(title, loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        _tidy(axes)
        if part == "loss":
            axes.set_ylabel("nats per image")
            axes.legend(frameon=False)
    return figure


def mosaic(images: NDArray[Any], columns: int, gap: int = _GAP) -> FloatArray:
    """Return images (N, H, W, C) laid out in rows of ``columns`` as one image.

    Values are cut to 0 … 1, as a screen would. Missing images at the end are left blank.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    page = np.full(
        (rows * (height + gap) + gap, columns * (width + gap) + gap, channels), _PAPER, np.float64
    )
    for place, image in enumerate(np.clip(images, 0, 1)):
        top = gap + place // columns * (height + gap)
        left = gap + place % columns * (width + gap)
        page[top : top + height, left : left + width] = image
    return page


def _grid_figure(images: NDArray[Any], columns: int, title: str, gap: int = _GAP) -> "Figure":
    """Return a figure that shows a mosaic at a whole number of dots per pixel, under its title."""
    page = mosaic(images, columns, gap)
    height, width = (side * _DOTS for side in page.shape[:2])
    heading = 36
    figure = _new_figure((width / _DPI, (height + heading) / _DPI), constrained=False)
    axes = figure.add_axes((0, 0, 1, height / (height + heading)))
    axes.imshow(page.squeeze(-1) if page.shape[-1] == 1 else page, "gray", vmin=0, vmax=1)
    axes.set_axis_off()
    figure.text(6 / width, 1 - heading / 2 / (height + heading), title, va="center", fontsize=11)
    return figure


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
