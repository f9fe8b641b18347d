"""The pictures of known factors: what each latent changes, and how much of them it explains.

Dimensions: D latents, F factors, S steps.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.evaluation.disentanglement import FactorInformation
from scratchvae.models import LatentModel
from scratchvae.plots.figures import MOST_IN_A_ROW, Figure, check_pairs, new_figure
from scratchvae.plots.traversal import traversal
from scratchvae.validation import MODEL, check_count, check_is


def draw_factor_traversal(
    model: LatentModel,
    image: NDArray[Any],
    information: FactorInformation,
    labels: NDArray[Any] | None = None,
    *,
    title: str = "",
    steps: int = 11,
) -> Figure:
    """Return rows of images: in each, one latent moves and the others stay at an image's code.

    The latent moves through the prior's quantiles (i + ½) / S, so each image stands for an equal
    share of N(0, 1). The rows are sorted by the latents' KL, the largest first, and each names the
    two factors of whose entropy its latent explains the largest shares: the first is often the same
    for many latents. The first column is the image itself, and below it its reconstruction.

    Parameters
    ----------
    model
        A model with the prior N(0, I).
    image
        One image, (1, H, W, C).
    information
        What ``model_information`` returned for the model.
    labels
        The image's class (1,), for a conditional model.
    title
        A title of your own; empty for the usual one.
    steps
        S, how many images in a row.

    Raises
    ------
    InputError
        If there is not exactly one image, or ``information`` is of another number of latents.
    """
    check_is(model, "model", LatentModel, MODEL)
    check_is(information, "information", FactorInformation)
    check_is(title, "title", str)
    check_count(steps, "steps", 1, MOST_IN_A_ROW)
    latents = model.latent_dim
    image = model.as_images(image, "image", scored=False)
    labels = model.as_labels(labels, len(image))
    if len(image) != 1:
        raise InputError(f"a traversal starts from one image, (1, H, W, C), not from {len(image)}")
    if len(information.kls) != latents:
        raise InputError(
            f"the model has {latents} latents, and the information is of {len(information.kls)}: "
            "give what model_information returns for this model"
        )
    quantiles = [NormalDist().inv_cdf((i + 0.5) / steps) for i in range(steps)]
    order = np.argsort(-information.kls, kind="stable")
    names = [_latent_name(information, int(latent)) for latent in order]
    usual = "Each latent moved through the quantiles of N(0, 1) around an image's code"
    values = np.tile(quantiles, (latents, 1))
    return traversal(model, image, labels, order, values, names, title or usual)


def draw_factor_shares(panels: list[tuple[str, FactorInformation]], title: str) -> Figure:
    """Return for each model, in shades, the share of a factor's entropy that a latent explains.

    Rows are factors, columns latents, the latent of the largest KL first. ``panels`` are the
    models' names and what ``model_information`` returned for each.
    """
    check_pairs(panels, "panels")
    for _, information in panels:
        check_is(information, "information", FactorInformation)
    check_is(title, "title", str)
    largest = max(float(information.shares.max()) for _, information in panels)
    width = 1.6 + sum(0.7 + 0.2 * len(information.kls) for _, information in panels)
    figure = new_figure(width, 3.4)
    grid: Any = figure.subplots(1, len(panels), squeeze=False)
    for axes, (name, information) in zip(grid[0], panels, strict=True):
        order = np.argsort(-information.kls, kind="stable")
        shades = axes.imshow(information.shares[:, order], cmap="Blues", vmin=0, vmax=largest)
        axes.set_title(f"{name}: gap {information.score:.3f}", loc="left", fontsize=10)
        axes.set_xticks(range(len(order)), [f"{latent + 1}" for latent in order], fontsize=7)
        names = information.names if axes is grid[0, 0] else []
        axes.set_yticks(range(len(information.names)), names)
        axes.set_xlabel("latent, by KL", fontsize=9)
    figure.colorbar(shades, ax=list(grid[0]), label="share of the factor's entropy")
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def _latent_name(information: FactorInformation, latent: int) -> str:
    """Return a latent's number, its KL, and the two factors that it explains best."""
    shares = information.shares[:, latent]
    best = np.argsort(-shares, kind="stable")[:2]
    factors = ", ".join(f"{information.names[place]} {shares[place]:.1%}" for place in best)
    return f"z{latent + 1}  KL {information.kls[latent]:.2f}  {factors}"
