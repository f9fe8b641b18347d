"""The pictures of a run, by name."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchvae import plots
from scratchvae.data import Dataset
from scratchvae.data.stored import some
from scratchvae.errors import InputError, unknown_name
from scratchvae.models import VQVAE, Diffusion, LatentModel
from scratchvae.plots.figures import Figure
from scratchvae.randomness import stream
from scratchvae.training import EpochMetrics

PICTURES = (
    *("loss", "samples", "reconstructions", "latent", "manifold", "interpolation", "traversal"),
)
PICTURES_OF_DATA = ("reconstructions", "latent", "interpolation", "traversal")


def draw_picture(
    kind: str,
    model: LatentModel,
    history: Sequence[EpochMetrics],
    data: Dataset | None,
    seed: int,
) -> Figure:
    """Return one of the ``PICTURES``; ``data`` is needed for those in ``PICTURES_OF_DATA``."""
    if not isinstance(kind, str) or kind not in PICTURES:
        raise unknown_name("picture", kind, PICTURES)
    if kind in PICTURES_OF_DATA and data is None:
        raise InputError(f"the picture {kind!r} is of test images: give the data set")
    images: Any
    labels: Any
    images, labels = (None, None) if data is None else _mixed(data, seed)
    condition = labels if model.classes else None
    draw: dict[str, Callable[[], Figure]] = {
        "loss": lambda: plots.draw_loss(history),
        "samples": lambda: plots.draw_samples(model, seed=seed),
        "reconstructions": lambda: plots.draw_reconstructions(model, images, condition),
        "latent": lambda: plots.draw_latent(model, images, labels),
        "manifold": lambda: plots.draw_manifold(model),
        "interpolation": lambda: plots.draw_interpolation(model, images, condition, seed=seed),
        "traversal": lambda: plots.draw_traversal(model, images, condition),
    }
    return draw[kind]()


def _mixed(data: Dataset, seed: int) -> tuple[Any, Any]:
    """Return test images and labels; of images that lie class by class, in an order drawn by seed.

    The first of them, which are drawn, would all be of one class.
    """
    images, labels = data.test_images, data.test_labels
    if labels is None or len(labels) < 2 or (np.diff(labels.astype(np.int64)) < 0).any():
        return images, labels
    order = stream(seed, "shuffle").permutation(len(labels))
    return some(images, order), labels[order]


def usual_pictures(model: LatentModel) -> tuple[str, ...]:
    """Return which pictures belong to every run of a model."""
    if len(model.image_shape) != 3 or model.image_shape[-1] not in (1, 3):
        # Numbers that are no picture.
        return ("loss",) if isinstance(model, Diffusion) else ("loss", "latent")
    # Between two codes there is none, so codes have no plane.
    no_plane = model.latent_dim != 2 or isinstance(model, VQVAE)
    if isinstance(model, Diffusion):
        return ("loss", "samples")  # its last latents tell nothing of an image
    left_out = {"interpolation", "traversal"} | ({"manifold"} if no_plane else set())
    return tuple(kind for kind in PICTURES if kind not in left_out)
