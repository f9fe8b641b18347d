"""The pictures of known factors: what each latent draws, and what it says of them.

Like those in ``plots``, each function returns a Matplotlib ``Figure`` and changes no global state.

Dimensions: D latents, F factors, S steps.
"""

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.evaluation.disentanglement import FactorInformation
from scratchvae.models import LatentModel
from scratchvae.plots.model import PAPER, mosaic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100
_DOTS = 2  # screen dots per image pixel
_GAP = 2  # pixels between images
_LEFT, _TOP = 290, 58  # dots for the names of rows, and for title and names of columns


def draw_factor_traversal(
    model: LatentModel,
    image: NDArray[Any],
    found: FactorInformation,
    labels: NDArray[Any] | None = None,
    *,
    title: str = "",
    steps: int = 11,
) -> "Figure":
    """Return rows of images: in each, one latent moves and the others stay at an image's code.

    The latent moves through the prior's quantiles (i + ½) / S, so each image stands for an equal
    share of N(0, 1). The rows are sorted by the latents' KL, the largest first, and each names the
    two factors of whose entropy its latent tells the largest shares: the first is often the same
    for many latents. The first column is the image itself, and below it its reconstruction.

    Parameters
    ----------
    model
        A model with the prior N(0, I).
    image
        One image, (1, H, W, C).
    found
        What ``model_information`` said of the model.
    labels
        The image's class (1,), for a model that is told it.
    title
        A title of your own; empty for the usual one.
    steps
        S, how many images in a row.

    Raises
    ------
    InputError
        If there is not exactly one image, or ``found`` is of another number of latents.
    """
    if len(image) != 1:
        raise InputError(f"a traversal starts from one image, (1, H, W, C), not from {len(image)}")
    if len(found.kls) != model.latent_dim:
        raise InputError(
            f"the model has {model.latent_dim} latents and what was found is of {len(found.kls)}: "
            "give what model_information says of this model"
        )
    original = read_pixels(model.as_images(image), model.dtype)
    code = model.encode(image, labels)  # (1, D)
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / steps) for i in range(steps)])
    order = np.argsort(-found.kls, kind="stable")
    z = np.repeat(code, model.latent_dim * steps, axis=0).reshape(model.latent_dim, steps, -1)
    z[np.arange(model.latent_dim), :, order] = quantiles
    told = None if labels is None else np.repeat(labels, model.latent_dim * steps)
    moved = model.decode(z.reshape(-1, model.latent_dim), told)
    moved = moved.reshape(model.latent_dim, steps, *original.shape[1:])
    first = np.full((model.latent_dim, 1, *original.shape[1:]), PAPER, original.dtype)
    first[0], first[1:2] = original, model.decode(code, labels)
    rows = np.concatenate([first, moved], axis=1)
    page = mosaic(rows.reshape(-1, *original.shape[1:]), steps + 1, _GAP)
    names = [_latent_name(found, int(latent)) for latent in order]
    heads = ["image", *(f"{NormalDist().cdf(quantile):.0%}" for quantile in quantiles)]
    heading = title or "Each latent moved through the quantiles of N(0, 1) around an image's code"
    return _labelled_grid(page, names, heads, heading)


def draw_factor_shares(panels: list[tuple[str, FactorInformation]], title: str) -> "Figure":
    """Return a table of shades for each of some models: the share of a factor a latent tells.

    Rows are factors, columns latents, the latent of the largest KL first. ``panels`` are the
    models' names and what ``model_information`` said of each.
    """
    if not panels:
        raise InputError("draw_factor_shares expects at least one model, and there is none")
    from matplotlib.figure import Figure

    most = max(float(found.shares.max()) for _, found in panels)
    width = 1.6 + sum(0.7 + 0.2 * len(found.kls) for _, found in panels)
    figure = Figure(figsize=(width, 3.4), dpi=_DPI, layout="constrained")
    grid: Any = figure.subplots(1, len(panels), squeeze=False)
    for axes, (name, found) in zip(grid[0], panels, strict=True):
        order = np.argsort(-found.kls, kind="stable")
        shades = axes.imshow(found.shares[:, order], cmap="Blues", vmin=0, vmax=most)
        axes.set_title(f"{name}: gap {found.score:.3f}", loc="left", fontsize=10)
        axes.set_xticks(range(len(order)), [f"{latent + 1}" for latent in order], fontsize=7)
        axes.set_yticks(range(len(found.names)), found.names if axes is grid[0, 0] else [])
        axes.set_xlabel("latent, by KL", fontsize=9)
    figure.colorbar(shades, ax=list(grid[0]), label="share of the factor's entropy")
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def _latent_name(found: FactorInformation, latent: int) -> str:
    """Return a latent's number, its KL, and the two factors of which it tells the most."""
    shares = found.shares[:, latent]
    best = np.argsort(-shares, kind="stable")[:2]
    factors = ", ".join(f"{found.names[place]} {shares[place]:.1%}" for place in best)
    return f"z{latent + 1}  KL {found.kls[latent]:.2f}  {factors}"


def _labelled_grid(page: Any, rows: list[str], columns: list[str], title: str) -> "Figure":
    """Return a figure of a mosaic at whole dots per pixel, with names for rows and columns."""
    from matplotlib.figure import Figure

    height, width = (side * _DOTS for side in page.shape[:2])
    figure = Figure(figsize=((width + _LEFT) / _DPI, (height + _TOP) / _DPI), dpi=_DPI)
    across, down = width + _LEFT, height + _TOP
    axes = figure.add_axes((_LEFT / across, 0, width / across, height / down))
    axes.imshow(np.clip(page, 0, 1).squeeze(-1), cmap="gray", vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    for place, name in enumerate(rows):
        y = (height - height * (place + 0.5) / len(rows)) / down
        figure.text((_LEFT - 8) / across, y, name, ha="right", va="center", fontsize=9)
    for place, name in enumerate(columns):
        x = (_LEFT + width * (place + 0.5) / len(columns)) / across
        figure.text(x, (height + 9) / down, name, ha="center", va="center", fontsize=8)
    figure.text(8 / across, (height + 38) / down, title, va="center", fontsize=11)
    return figure
