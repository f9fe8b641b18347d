"""Checks of a model with codes: what its gradients are the gradients of, and whether p(k) adds up.

A finite difference sees the encoder of a ``VQVAE`` only through the commitment, since the codes do
not move with it; nor does it know where a gradient was stopped. What the backward pass computes are
the slopes of another loss, with the codes held and each stopped array a constant (eq. 24.2 of the
lessons): the decoder gets z + c, where c = e[k] − z is what it was at the held point. That loss is
smooth, and can be checked.

Dimensions: N images, P places, K codes of D numbers each.
"""

import itertools
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.distributions import DistributionReport, DistributionRow
from scratchvae.checks.gradients import GradientReport, check_gradients
from scratchvae.layers import MaskedDense, Sequential, Tanh, VectorQuantiser
from scratchvae.layers.masked_dense import causal_masks
from scratchvae.models.vqvae import VQVAE, Quantised
from scratchvae.probability.categorical import categorical_nll
from scratchvae.validation import FloatArray, check_count

Masks = Callable[[int, int, int], Sequence[NDArray[Any]]]


class HeldQuantisation(VQVAE):
    """A ``VQVAE`` with codes and stopped gradients held where they were: see above."""

    held: tuple[NDArray[np.int64], FloatArray, FloatArray]

    def quantise(self, encoded: FloatArray) -> Quantised:
        """Return the held codes, and what depends on ``encoded`` and the codebook beside them."""
        codes, stopped_encoded, stopped_vectors = self.held
        vectors = self.quantiser.vectors(codes)
        return Quantised(
            codes,
            encoded + (stopped_vectors - stopped_encoded),
            ((stopped_encoded - vectors) ** 2).sum(axis=1),
            ((encoded - stopped_vectors) ** 2).sum(axis=1),
        )


def held_quantisation(model: VQVAE, images: NDArray[Any]) -> HeldQuantisation:
    """Return a model with the networks of ``model``, held at the codes of ``images``.

    Its loss at these images and parameters is that of ``model``, its backward pass is the same
    code, and here that is to be the derivative of the forward pass.
    """
    other: Any = copy(model)
    other.__class__ = HeldQuantisation
    encoded = model.encoder.forward(model.as_images(images), True)
    codes = model.quantiser.nearest(encoded)
    other.held = codes, encoded, model.quantiser.vectors(codes)
    assert isinstance(other, HeldQuantisation)
    return other


def check_vector_quantiser(
    kind: Callable[..., VectorQuantiser] = VectorQuantiser, *, seed: int = 0
) -> GradientReport:
    """Compare a codebook's gradient with finite differences of Σ ‖sg(z) − e[k]‖², codes held.

    There are more vectors than codes, so that some code stands in several places.
    """
    rng = np.random.default_rng([check_count(seed, "seed", 0, None), 11])
    quantiser = kind(5, 3, rng=1, dtype=np.float64)
    codebook = quantiser.parameters["codebook"]
    codebook.value[...] = rng.standard_normal(codebook.value.shape)
    z = rng.standard_normal((4, 6))
    codes = quantiser.nearest(z)

    def value() -> float:
        return float(((z - quantiser.vectors(codes)) ** 2).sum())

    quantiser.zero_grad()
    quantiser.pull(codes, 2 * (quantiser.vectors(codes) - z))
    gradients = {"codebook": codebook.grad.copy()}
    return check_gradients(
        "VectorQuantiser, its codes held", value, {"codebook": codebook.value}, gradients, rng=rng
    )


def check_code_prior(masks: Masks = causal_masks, *, seed: int = 0) -> DistributionReport:
    """Check that p(k) adds up to 1 over all codes, and that each place's logits see no later one.

    ``masks`` returns the two masks of a network for a number of places, of codes and of hidden
    units.

    A prior in which a place sees its own code gives it a probability near 1, and a bound on log
    p(x) that is too good; no gradient check notices.
    """
    places, count = 3, 4
    prior = masked_network(masks(places, count, 7), check_count(seed, "seed", 0, None))
    for parameter in prior.parameters.values():
        parameter.value *= 5.0  # far from uniform
    codes = np.array([*itertools.product(range(count), repeat=places)])  # all 64
    rows = np.eye(count)[codes].reshape(len(codes), -1)
    logits = prior.forward(rows).reshape(len(codes), places, count)
    total = float(np.exp(-categorical_nll(codes, logits)).sum())
    found = [DistributionRow("total probability of all codes", 1.0, total, abs(total - 1) / 1e-6)]
    for place in range(places):
        # Codes that are alike before the place have the same logits there.
        groups = logits[:, place].reshape(count**place, -1, count)
        spread = float(np.abs(groups - groups[:, :1]).max())
        name = f"place {place}: what later codes change"
        found.append(DistributionRow(name, 0.0, spread, spread / 1e-6))
    return DistributionReport("the prior over codes: a distribution, place after place", found)


def masked_network(masks: Sequence[NDArray[Any]], seed: int) -> Sequential:
    """Return a network of two masked layers in float64, with a tanh between them."""
    rng = np.random.default_rng([seed, 12])
    below, above = (MaskedDense(mask, rng=rng, dtype=np.float64) for mask in masks)
    return Sequential(below, Tanh(dtype=np.float64), above)
