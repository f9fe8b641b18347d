"""What each latent changes: rows of images in which one moves and the others stay.

Dimensions: N images of shape (H, W, C), D latents, R rows, S steps.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.models import HierarchicalVAE, LatentModel
from scratchvae.plots.figures import MOST_IN_A_ROW, Figure
from scratchvae.plots.grids import PAPER, draw_grid
from scratchvae.plots.model import check_continuous
from scratchvae.probability import kl_to_standard
from scratchvae.validation import MODEL, FloatArray, check_count, check_is

_MEASURED = 1000  # images that the latents are measured on


def draw_traversal(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    rows: int = 20,
    steps: int = 11,
) -> Figure:
    """Return rows of images: in each, one latent moves and the others stay at an image's code.

    The image is the first of ``images``; it is the first column, and below it its reconstruction.
    With the prior N(0, I) a latent moves through the quantiles (i + ½) / S of N(0, 1), and the rows
    are sorted by the latents' mean KL over the images (at most 1,000 of them), the largest first.
    Without that prior they are the quantiles of the images' own latents, sorted by variance.

    Parameters
    ----------
    model
        Any model with latents between which there is something: not one of codes.
    images, labels
        (N, H, W, C); for a conditional model, their classes (N,).
    rows, steps
        R, of how many latents at most; and S, how many images in a row.
    """
    check_is(model, "model", LatentModel, MODEL)
    check_continuous(model, "traversal")
    for name, count in (("rows", rows), ("steps", steps)):
        check_count(count, name, 1, MOST_IN_A_ROW)
    images = model.as_images(images, scored=False)
    labels = model.as_labels(labels, len(images))
    if len(images) == 0:
        raise InputError("a traversal needs at least one image")
    few = slice(0, _MEASURED)
    x = read_pixels(images[few], model.dtype)
    condition = {} if labels is None else {"labels": labels[few]}
    shares = (np.arange(steps) + 0.5) / steps
    if model.has_prior and not isinstance(model, HierarchicalVAE):
        with looking_at(model) as double:
            kls = _mean_kls(*double.encode_distribution(x, **condition))
        order = np.argsort(-kls, kind="stable")[:rows]
        values = np.tile([NormalDist().inv_cdf(share) for share in shares], (len(order), 1))
        names = [f"z{latent + 1}  KL {kls[latent]:.2f}" for latent in order]
        title = "Each latent moved through the quantiles of N(0, 1) around an image's code"
    else:
        codes = model.encode(x, condition.get("labels"))
        variances = codes.var(axis=0, dtype=np.float64)
        order = np.argsort(-variances, kind="stable")[:rows]
        values = np.quantile(codes[:, order], shares, axis=0).T
        names = [f"z{latent + 1}  variance {variances[latent]:.2g}" for latent in order]
        title = "Each latent moved through its quantiles over test images, around an image's code"
    one = None if labels is None else labels[:1]
    return traversal(model, images[:1], one, order, values, names, title)


def traversal(
    model: LatentModel,
    image: NDArray[Any],
    labels: NDArray[Any] | None,
    order: NDArray[Any],
    values: NDArray[Any],
    names: list[str],
    title: str,
) -> Figure:
    """Return the picture of an image (1, H, W, C) whose latents ``order`` (R,) move.

    ``values`` (R, S) is what each becomes, ``names`` is what its row is called.
    """
    rows, steps = values.shape
    original = read_pixels(image, model.dtype)
    code = model.encode(image, labels)  # (1, D)
    z = np.repeat(code, rows * steps, axis=0).reshape(rows, steps, -1)
    z[np.arange(rows), :, order] = values
    classes = None if labels is None else np.repeat(labels, rows * steps)
    moved = model.decode(z.reshape(rows * steps, -1), classes)
    first = np.full((rows, 1, *original.shape[1:]), PAPER, original.dtype)
    first[0], first[1:2] = original, model.decode(code, labels)
    page = np.concatenate([first, moved.reshape(rows, steps, *original.shape[1:])], axis=1)
    return draw_grid(
        page.reshape(-1, *original.shape[1:]),
        steps + 1,
        title,
        dots=2,
        row_names=names,
        column_names=["image", *(f"{(i + 0.5) / steps:.0%}" for i in range(steps))],
    )


def _mean_kls(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return the mean KL(q(zⱼ | x) ‖ N(0, 1)) of each latent over images, (D,), in nats."""
    latents = range(mean.shape[1])
    kls = [kl_to_standard(mean[:, [j]], log_variance[:, [j]]).mean(dtype=float) for j in latents]
    return np.array(kls)
