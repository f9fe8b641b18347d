"""The pictures of a model: what it generates, and how it sees the test images.

Dimensions: N images of shape (H, W, C), D latents.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.models import VQVAE, LatentModel
from scratchvae.models.checks import check_labels
from scratchvae.plots.captions import draws_from, plane_note
from scratchvae.plots.figures import (
    MOST_IN_A_ROW,
    Figure,
    add_legend,
    check_pictures,
    class_colours,
    name_classes,
    new_figure,
    tidy,
)
from scratchvae.plots.grids import DOTS, GAP, draw_grid, mosaic, padded
from scratchvae.randomness import stream
from scratchvae.validation import MODEL, MOST, FloatArray, check_count, check_is


def draw_samples(model: LatentModel, *, rows: int = 10, columns: int = 10, seed: int = 0) -> Figure:
    """Return a grid of images decoded from draws of the prior.

    A conditional model has a column for each class.
    """
    check_is(model, "model", LatentModel, MODEL)
    _check_counts(rows=rows, columns=columns)
    columns = model.classes or columns
    images = model.sample(rows * columns, seed=seed)
    return draw_grid(images, columns, f"Samples: decoded from {draws_from(model)}")


def draw_reconstructions(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    columns: int = 10,
    rows: int = 3,
) -> Figure:
    """Return pairs of rows: test images above, their reconstructions below."""
    check_is(model, "model", LatentModel, MODEL)
    _check_counts(rows=rows, columns=columns)
    images = model.as_images(images, scored=False)
    labels = model.as_labels(labels, len(images))
    if len(images) == 0:
        raise InputError("a picture of reconstructions needs at least one image")
    originals = read_pixels(images[: columns * rows], model.dtype)
    columns = min(columns, len(originals))
    rebuilt = model.reconstruct(originals, None if labels is None else labels[: columns * rows])
    lines = [
        padded(half[start : start + columns], columns)
        for start in range(0, len(originals), columns)
        for half in (originals, rebuilt)
    ]
    title = "Test images above, reconstructions below"
    return draw_grid(np.concatenate(lines), columns, title)


def draw_manifold(model: LatentModel, *, steps: int | None = None) -> Figure:
    """Return the images decoded from a grid of points of the plane of two latents.

    The points are the quantiles of N(0, 1), so each image stands for an equal share of the prior,
    where that is N(0, I). The values of the latents are at the edges. The model has two latents; a
    conditional one has a plane for each class, five in a row. ``steps`` is how many images in a row
    of a plane; ``None``: 20, or 10 where there are several planes.
    """
    check_is(model, "model", LatentModel, MODEL)
    check_continuous(model, "manifold")
    if model.latent_dim != 2:
        raise InputError(
            f"the manifold is a picture of two latents, and this model has {model.latent_dim}",
            "train a model with `latent_dim=2`, or draw samples or an interpolation",
        )
    steps = (10 if model.classes else 20) if steps is None else steps
    _check_counts(steps=steps)
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / steps) for i in range(steps)])
    first, second = np.meshgrid(quantiles, quantiles[::-1])  # the second latent grows upwards
    z = np.stack([first.ravel(), second.ravel()], axis=1)
    title = (
        "Decoded from the plane of two latents, the first to the right and the second upwards, "
        f"by quantiles of N(0, 1){plane_note(model)}"
    )
    if not model.classes:
        images = check_pictures(model.decode(z))
        height, width = (2 * side for side in images.shape[1:3])
        values = [f"{value:.2f}".replace("-", "−") for value in quantiles]
        names = {
            "row_names": _thinned(values[::-1], height, 20),
            "column_names": _thinned(values, width, 44),
        }
        return draw_grid(images, steps, title, gap=0, dots=2, **names)
    planes = [
        mosaic(model.decode(z, np.full(len(z), label)), steps, gap=0)
        for label in range(model.classes)
    ]
    title += f": a plane for each class, 0 to {model.classes - 1}"
    return draw_grid(np.stack(planes), 5, title, gap=GAP * DOTS, dots=1)


def draw_interpolation(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    rows: int = 8,
    steps: int = 10,
    seed: int = 0,
) -> Figure:
    """Return rows of images decoded from points on the way from one test image to another.

    The way is the straight line between their latent means (eq. 1.8 of the lessons). A conditional
    model draws each row in the class of its first image.
    """
    check_is(model, "model", LatentModel, MODEL)
    _check_counts(rows=rows, steps=steps)
    images = model.as_images(images, scored=False)
    labels = model.as_labels(labels, len(images))
    check_continuous(model, "interpolation")
    if len(images) < 2:
        raise InputError(f"an interpolation needs at least two images, not {len(images)}")
    rng = stream(seed, "draw", 1)
    ends = np.array([rng.choice(len(images), 2, replace=False) for _ in range(rows)])
    start, end = (
        model.encode(images[place], None if labels is None else labels[place]) for place in ends.T
    )
    shares = np.linspace(0, 1, steps, dtype=model.dtype)[None, :, None]
    z = (1 - shares) * start[:, None] + shares * end[:, None]  # (rows, steps, D)
    classes = None if labels is None else np.repeat(labels[ends[:, 0]], steps)
    decoded = model.decode(z.reshape(-1, model.latent_dim), classes)
    return draw_grid(decoded, steps, "From one test image to another through the latent space")


def draw_latent(
    model: LatentModel, images: NDArray[Any], labels: NDArray[Any] | None = None, *, seed: int = 0
) -> Figure:
    """Return the scatter of the test images' latent means, coloured by class if they have labels.

    Two latents are drawn as they are. Of more, the plane of the two largest principal components is
    drawn; one is drawn against its class. Of codes, it is the vectors that they stand for. A
    class-conditional model cannot do without labels.
    """
    check_is(model, "model", LatentModel, MODEL)
    images = model.as_images(images, scored=False)
    if labels is not None or model.classes:
        labels = check_labels(labels, len(images), model.classes or MOST)
    if len(images) == 0:
        raise InputError("a picture of latents needs at least one image")
    means = model.encode(images, labels if model.classes else None)
    if isinstance(model, VQVAE):
        means = model.code_vectors(means)
    points, names = _to_plane(means, labels, stream(seed, "draw", 2))
    figure = new_figure(6.8, 6.0)
    axes = figure.subplots()
    # All classes at once, in the images' own order: drawn one by one, the last would hide others.
    colours = class_colours(np.zeros(len(points)) if labels is None else labels)
    axes.scatter(points[:, 0], points[:, 1], s=5, c=colours, alpha=0.6, linewidths=0)
    if labels is not None:
        add_legend(axes, labels)
        name_classes(axes, points, labels)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_title(f"Latent means of {len(images):,} test images", loc="left")
    if means.shape[1] > 1:
        axes.set_aspect("equal", adjustable="datalim")
    tidy(axes)
    return figure


def _thinned(names: list[str], dots: int, needed: int) -> list[str]:
    """Return names without those for which there is no room, where each has so many dots."""
    every = -(-needed // dots)
    return [name if place % every == 0 else "" for place, name in enumerate(names)]


def check_continuous(model: LatentModel, picture: str) -> None:
    """Raise ``InputError`` if there is nothing between two values of a model's latents."""
    if isinstance(model, VQVAE):
        raise InputError(
            f"the {picture} is a picture of what lies between latents, and between two codes of a "
            f"{type(model).__name__} there is none",
            "draw samples or reconstructions",
        )


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        check_count(count, name, 1, MOST_IN_A_ROW)


def _to_plane(
    means: FloatArray, labels: NDArray[Any] | None, rng: np.random.Generator
) -> tuple[FloatArray, tuple[str, str]]:
    """Return a point in the plane (N, 2) for each image's latents (N, D), and the axes' names."""
    latents = means.shape[1]
    if latents == 1:
        jitter = rng.uniform(-0.35, 0.35, len(means))
        if labels is None:
            return np.stack([means[:, 0], jitter], axis=1), ("z₁", "spread out at random")
        return np.stack([means[:, 0], labels + jitter], axis=1), ("z₁", "class, spread out")
    if latents == 2:
        return means, ("z₁", "z₂")
    centred = means - means.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)  # from the smallest to the largest
    shares = variances[::-1] / max(variances.sum(), np.finfo(variances.dtype).tiny)
    names = [f"principal component {i + 1} ({shares[i]:.0%} of the variance)" for i in (0, 1)]
    return centred @ directions[:, :-3:-1], (names[0], names[1])
