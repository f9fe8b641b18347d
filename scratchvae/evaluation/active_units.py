"""Active units: how many latents a model uses.

A latent that says nothing about the image has the same mean for every image. So a latent counts as
active if the variance of its mean over the data is above 0.01. Source: Burda, Grosse and
Salakhutdinov (2016), section 7.2.

Dimensions: N images, D latents of a layer.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.models import HierarchicalVAE, LatentModel
from scratchvae.validation import MODEL, FloatArray, check_floats, check_is, check_not_negative

THRESHOLD = 0.01


class LayerActivity(NamedTuple):
    """How a layer of latents is used.

    Attributes
    ----------
    active
        How many of its latents are active.
    variances
        The variance over the data of each latent's mean, (D,).
    """

    active: int
    variances: FloatArray

    def __str__(self) -> str:
        return f"{self.active} of {len(self.variances)} latents active"


def active_units(means: FloatArray, threshold: float = THRESHOLD) -> LayerActivity:
    """Return the activity of latents with these means, (N, D).

    Fewer than two images have no variance, and are an ``InputError``.
    """
    check_floats(means, "means")
    check_not_negative(threshold, "threshold")
    if means.ndim != 2 or len(means) < 2:
        raise InputError(
            f"means must be of shape (N, D) for two images or more, not {means.shape}: give more "
            "images"
        )
    variances: FloatArray = means.var(axis=0, dtype=np.float64, ddof=1)
    return LayerActivity(int(np.count_nonzero(variances > threshold)), variances)


def layer_activity(
    model: LatentModel,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    threshold: float = THRESHOLD,
) -> list[LayerActivity]:
    """Return the activity of each layer of a model's latents over ``images``, lowest first."""
    check_is(model, "model", LatentModel, MODEL)
    if not isinstance(model, HierarchicalVAE):
        return [active_units(model.encode(images, labels), threshold)]
    chunks = []
    for x, _ in model._read(images, None):
        with looking_at(model) as double:
            chunks.append([means.copy() for means in double.layer_means(x)])
    layers = [np.concatenate(layer) for layer in zip(*chunks, strict=True)]
    return [active_units(layer, threshold) for layer in layers or [np.empty((0, model.latent_dim))]]
