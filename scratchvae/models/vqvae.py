"""The vector-quantised VAE: an image's latents are a few whole numbers.

Dimensions: N images, P latents (places), K codes of D numbers each, … an image's shape (H, W, C).
"""

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.layers import Layer, VectorQuantiser
from scratchvae.models.checks import check_decoded
from scratchvae.models.latent_model import LatentModel
from scratchvae.probability import Likelihood
from scratchvae.probability.categorical import (
    categorical_nll,
    categorical_nll_gradient,
    draw_categorical,
    one_hot,
)
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import check_generator, stream
from scratchvae.training import LossTerms
from scratchvae.validation import (
    FloatArray,
    check_count,
    check_instance,
    check_not_negative,
)

_IMAGES_FOR_CODEBOOK = 1000


class Quantised(NamedTuple):
    """What quantising gives.

    Attributes
    ----------
    codes
        The numbers k of the nearest codes, (N, P).
    vectors
        Their vectors e[k], which the decoder gets, (N, P·D).
    codebook_error, commitment_error
        ‖sg(z) − e[k]‖² and ‖z − sg(e[k])‖² of each image, (N,): one number, and two gradients.
    """

    codes: NDArray[np.int64]
    vectors: FloatArray
    codebook_error: FloatArray
    commitment_error: FloatArray


class VQVAE(LatentModel):
    """p(x | k) p(k) for P codes k of an image, and an encoder that names one k for each image.

    The loss in nats per image, with sg for "stop gradient" (eq. 24.2 of the lessons):

        loss = 1/N Σₙ [ −log p(xₙ | kₙ) − log p(kₙ) + ‖sg(zₙ) − e[kₙ]‖² + β ‖zₙ − sg(e[kₙ])‖² ]

    The first two terms are minus a bound on log p(x): q(k | x) is certain, so its KL to the prior
    is −log p(k) (eq. 24.5). The two others bring codes and vectors together. No gradient passes
    from the codes to the prior's input or back, so it is all the same whether the prior is trained
    now or afterwards. Source: van den Oord, Vinyals and Kavukcuoglu (2017); the prior is a MADE
    (Germain et al. 2015).

    Parameters
    ----------
    encoder
        Images (N, …) to (N, P·D): P vectors z.
    quantiser
        The codebook.
    prior
        Codes as one-hot rows (N, P·K) to logits (N, P·K), those of a place from earlier places
        only: see ``causal_masks``.
    decoder
        Vectors (N, P·D) to the parameters of the likelihood.
    likelihood
        p(x | k).
    commitment
        β.
    kwargs
        ``image_shape``, ``latent_dim``, which is P, and ``settings``, as for every ``LatentModel``.
        Its latents are codes, whole numbers from 0 to K − 1.
    """

    has_prior = True
    smooth: ClassVar[bool] = False  # a vector that moves is given another code
    layered: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "quantiser", "prior")
    checked = LatentModel.checked | {
        "commitment": check_not_negative,
        "quantiser": lambda value, name: check_instance(value, name, VectorQuantiser),
    }

    def __init__(
        self,
        encoder: Layer,
        quantiser: VectorQuantiser,
        prior: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        commitment: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood, **kwargs)
        self.quantiser = quantiser
        self.prior = prior
        self.commitment = commitment

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return an empty array: an image has its codes, and nothing is drawn."""
        return np.empty((0, check_count(count, "count", 0), self.latent_dim), self.dtype)

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …); ``noise`` is not used."""
        encoded = self._encode_vectors(x, training)  # (N, P·D)
        quantised = self.quantise(encoded)
        decoded = self._decode_vectors(quantised.vectors, training)  # (N, …)
        reconstruction = self.negative_log_likelihood(x, decoded)  # (N,)
        logits = self.code_logits(quantised.codes, training)  # (N, P, K)
        kl = categorical_nll(quantised.codes, logits)  # (N,): eq. 24.5
        self._pass = (x, encoded, quantised, decoded, logits)
        terms = self._mean_loss(reconstruction, kl, 1.0)
        errors = quantised.codebook_error + self.commitment * quantised.commitment_error
        return replace(terms, loss=terms.loss + float(errors.mean(dtype=np.float64)))

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``.

        Those of the encoder are not the slopes of the loss, which is constant in it but for jumps:
        see ``VectorQuantiser``.
        """
        x, encoded, quantised, decoded, logits = self._last_pass()
        codes, vectors, *_ = quantised
        d_decoded = self.likelihood_gradient(x, decoded)  # (N, …)
        d_decoded /= len(x)
        width = encoded.shape[1]
        through_decoder = self.back_through("decoder", d_decoded, width)  # (N, P·D), to e[k] …
        residual = 2 / len(x) * (encoded - vectors)  # (N, P·D)
        # … which the encoder gets as if it were z (eq. 24.3), and the codebook does not get.
        self.encoder.backward_parameters(through_decoder + self.commitment * residual)
        self.quantiser.pull(codes, -residual)  # eq. 24.4
        d_logits = categorical_nll_gradient(codes, logits) / len(x)  # (N, P, K): eq. 24.8
        self.prior.backward_parameters(d_logits.reshape(len(x), d_logits[0].size))

    def quantise(self, encoded: FloatArray) -> Quantised:
        """Return the codes nearest to the encoder's vectors, (N, P·D), and how far they are."""
        check_alike(encoded=encoded)
        codes = self.quantiser.nearest(encoded)  # (N, P)
        vectors = self.quantiser.vectors(codes)  # (N, P·D)
        error = ((encoded - vectors) ** 2).sum(axis=1)  # (N,)
        return Quantised(codes, vectors, error, error)

    def code_logits(self, codes: NDArray[Any], training: bool = False) -> FloatArray:
        """Return the logits of each place's code given the codes before it: (N, P) to (N, P, K)."""
        codes = self._as_codes(codes)
        rows = one_hot(codes, self.quantiser.codes, self.dtype)  # (N, P, K)
        width = self.latent_dim * self.quantiser.codes
        logits = self.through("prior", rows.reshape(len(codes), width), width, training)
        return logits.reshape(rows.shape)

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the codes, whole numbers (N, P), and log-variances of −∞: they are certain."""
        codes = self.quantiser.nearest(self._encode_vectors(x, training)).astype(self.dtype)
        return codes, np.full_like(codes, -np.inf)

    def decode_parameters(self, z: FloatArray, training: bool = False) -> FloatArray:
        """Return the parameters of p(x | k), (N, …), or (L·N, …) for codes ``z`` (L, N, P)."""
        check_alike(z=z)
        return self._decode_vectors(self.code_vectors(z), training)

    def code_vectors(self, z: FloatArray) -> FloatArray:
        """Return the vectors of codes, (N, P·D) for ``z`` (N, P), or (L·N, P·D) for (L, N, P)."""
        check_alike(z=z)
        if z.ndim not in (2, 3) or z.shape[-1] != self.latent_dim:
            raise InputError(f"codes must be of shape (N, {self.latent_dim}), not {z.shape}")
        return self.quantiser.vectors(self._as_codes(z.reshape(-1, self.latent_dim)))

    def draw_latents(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of the codes from the prior, (count, P): a place after the other."""
        check_generator(rng)
        codes = np.zeros((check_count(count, "count", 0), self.latent_dim), np.int64)
        for place in range(self.latent_dim):
            # What stands in later places does not matter yet: the network is causal.
            codes[:, place] = draw_categorical(self.code_logits(codes)[:, place], rng)
        return codes.astype(self.dtype)

    def begin(self, images: NDArray[Any]) -> None:
        """Before the first step, put the codes where the encoder puts images.

        A code that is nearest to nothing is never moved. Nothing is done if the codebook is no
        longer as it was drawn, within ±1/K: then it has been trained.
        """
        images = self.as_images(images)[:_IMAGES_FOR_CODEBOOK]
        codebook = self.quantiser.parameters["codebook"].value
        if not len(images) or np.abs(codebook).max() > 1 / len(codebook):
            return
        encoded = self._encode_vectors(read_pixels(images, self.dtype))
        vectors = encoded.reshape(-1, self.quantiser.code_dim)
        rng = stream(0, "initialise", 1)
        codebook[...] = vectors[
            rng.choice(len(vectors), len(codebook), len(vectors) < len(codebook))
        ]

    def _encode_vectors(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the encoder's vectors z, (N, P·D)."""
        return self.through("encoder", x, self.latent_dim * self.quantiser.code_dim, training)

    def _decode_vectors(self, vectors: FloatArray, training: bool = False) -> FloatArray:
        return check_decoded(
            self.decoder.forward(vectors, training), self.image_shape, self.likelihood
        )

    def _as_codes(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        checked: NDArray[np.int64] = self.quantiser.check_codes(codes)
        if checked.shape[1] != self.latent_dim:
            raise InputError(f"codes must be of shape (N, {self.latent_dim}), not {checked.shape}")
        return checked
