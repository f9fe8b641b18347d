"""Mutants of models with codes: gradients of codebook and encoder, and masks of the prior."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.mutants.base import GRADIENT, PROBABILITY, Check, Mutant, Report, normal
from scratchvae.checks.straight_through import (
    HeldQuantisation,
    Masks,
    check_code_prior,
    check_vector_quantiser,
    held_quantisation,
    masked_network,
)
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh, VectorQuantiser
from scratchvae.layers.masked_dense import causal_masks
from scratchvae.models import VQVAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.validation import FloatArray


class GradientsOfACodeOverwritten(VectorQuantiser):
    def pull(self, codes: NDArray[Any], d_vectors: FloatArray) -> None:
        grad = self.parameters["codebook"].grad
        grad[codes.ravel()] += d_vectors.reshape(-1, self.code_dim)


class CommitmentForgotten(HeldQuantisation):
    def backward(self) -> None:
        commitment, self.commitment = self.commitment, 0.0
        super().backward()
        self.commitment = commitment


def sees_its_own_place(places: int, width: int, hidden: int) -> list[NDArray[Any]]:
    below, _ = causal_masks(places, width, hidden)
    own = np.arange(hidden) % (places - 1)
    return [below, own[:, None] <= np.repeat(np.arange(places), width)]


def masks_swapped(places: int, width: int, hidden: int) -> list[NDArray[Any]]:
    below, above = causal_masks(places, width, hidden)
    return [above.T, below.T]


def _small(kind: type[HeldQuantisation], seed: int) -> Report:
    made: dict[str, Any] = {"rng": np.random.default_rng([seed, 18]), "dtype": np.float64}
    quantiser = VectorQuantiser(4, 2, **made)
    quantiser.parameters["codebook"].value[...] = 0.5 * normal(seed, 4, 2)
    model = VQVAE(
        Sequential(Flatten(), Dense(6, 4, **made)),
        quantiser,
        masked_network(causal_masks(2, 4, 5), seed),
        Sequential(Dense(4, 6, **made), Tanh(), Reshape((2, 3, 1))),
        BernoulliLikelihood(),
        commitment=0.7,
        image_shape=(2, 3, 1),
        latent_dim=2,
    )
    images = np.random.default_rng([seed, 19]).random((5, 2, 3, 1))
    held = held_quantisation(model, images)
    held.__class__ = kind
    return gradcheck(held, images, seed=seed)


def _masked(masks: Masks) -> Check:
    return lambda seed: gradcheck(
        masked_network(masks(3, 4, 7), seed), normal(seed, 5, 12), seed=seed
    )


CODE_MUTANTS = (
    Mutant(
        "vector quantiser: gradients of a code overwritten",
        "Of the gradients of a code that occurs several times only the last is kept.",
        "grad[codes] += d reads, adds and writes all rows at once; np.add.at does not.",
        GRADIENT,
        lambda seed: check_vector_quantiser(GradientsOfACodeOverwritten, seed=seed),
        lambda seed: check_vector_quantiser(seed=seed),
        "region",
    ),
    Mutant(
        "vq-vae: commitment forgotten",
        "The encoder's gradient is only what comes straight through.",
        "The two distances of the loss are one number, so one gradient seems to be enough.",
        GRADIENT,
        lambda seed: _small(CommitmentForgotten, seed),
        lambda seed: _small(HeldQuantisation, seed),
        "loss term",
    ),
    Mutant(
        "code prior: a place sees its own code",
        "The second mask connects a hidden unit with outputs of its own place, too.",
        "<= in place of <, as it stands in the first mask.",
        PROBABILITY,
        lambda seed: check_code_prior(sees_its_own_place, seed=seed),
        lambda seed: check_code_prior(seed=seed),
        passes_check=_masked(sees_its_own_place),
    ),
    Mutant(
        "code prior: masks swapped",
        "Places see what comes after them instead of what came before.",
        "The masks of the two layers are of transposed shapes, and fit in either order.",
        PROBABILITY,
        lambda seed: check_code_prior(masks_swapped, seed=seed),
        lambda seed: check_code_prior(seed=seed),
        passes_check=_masked(masks_swapped),
    ),
)
