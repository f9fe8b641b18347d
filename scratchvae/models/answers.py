"""What a model answers about images: their latents, what is decoded, bounds and losses.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.errors import InputError, not_defined
from scratchvae.models.checks import check_decoded, check_of_each
from scratchvae.models.scikit import ScikitNames
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import standard_normal, stream
from scratchvae.training import LossMean, LossTerms
from scratchvae.training.divergence import check_answer, finite_forward, finite_loss, unwarned
from scratchvae.validation import FloatArray, as_array, check_count, check_finite, check_flag

# This many images pass through a model at a time, which bounds the memory that it takes.
_CHUNK = 250
_DECODED = "the decoded images"


class Answers(ScikitNames):
    """The methods that look at a model and leave it as it is.

    Other threads may call them while the model trains: each call has a double of its own.
    """

    has_prior: ClassVar[bool]

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x), both (N, D)."""
        raise not_defined(self, "encode_distribution")

    def decode_parameters(self, z: FloatArray, training: bool = False) -> FloatArray:
        """Return the parameters of p(x | z), (N, …), or (L·N, …) for ``z`` (L, N, D)."""
        check_alike(z=z)
        decoded = self.decoder.forward(z.reshape(prod(z.shape[:-1]), z.shape[-1]), training)
        return check_decoded(decoded, self.image_shape, self.likelihood)

    def draw_latents(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws from the prior of what the decoder takes, (count, D)."""
        return standard_normal(rng, (count, self.latent_dim), self.dtype)

    def encode(self, images: Any, labels: Any = None) -> FloatArray:
        """Return each image's latents, (N, D): for a VAE the mean of q(z | x)."""
        images = self.as_images(images, scored=False)
        z = np.empty((len(images), self.latent_dim), self.dtype)
        for place, (x, condition) in zip(_chunks(len(z)), self._read(images, labels), strict=True):
            with looking_at(self) as model, unwarned():
                found = model.encode_distribution(x, **condition)[0]
                z[place] = check_of_each(found, z[place].shape, "the encoder")
            check_answer(self, z[place], "the latents", "encode_distribution", x, **condition)
        return z

    def decode(self, z: Any, labels: Any = None) -> FloatArray:
        """Return the mean image of p(x | z) for each row of ``z``: (N, D) to (N, H, W, C).

        Without ``labels`` a class-conditional model takes each class in turn.
        """
        with unwarned():  # an infinity is refused below
            z = as_array(z, "z").astype(self.dtype, copy=False)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            one = z.shape == (self.latent_dim,)
            raise InputError(
                f"decode expects z of shape (N, {self.latent_dim}), not {z.shape}",
                "give the latents of one image as z[None]" if one else "give a row for each image",
            )
        check_finite(z, "z")
        labels = self._labels_to_decode(labels, len(z))
        images = np.empty((len(z), *self.image_shape), self.dtype)
        for place in _chunks(len(z)):
            given, condition = z[place], _condition(labels, place)
            with looking_at(self) as model, unwarned():
                images[place] = self.likelihood_mean(model.decode_parameters(given, **condition))
            check_answer(self, images[place], _DECODED, "decode_parameters", given, **condition)
        return images

    def reconstruct(self, images: Any, labels: Any = None) -> FloatArray:
        """Return each image after encoding and decoding, in the shape it came in."""
        return self.decode(self.encode(images, labels), labels).reshape(np.shape(images))

    def sample(
        self,
        count: int = 1,
        *,
        labels: Any = None,
        seed: int = 0,
        pixel_noise: bool = False,
    ) -> FloatArray:
        """Return images decoded from draws of the prior, (count, H, W, C): eq. 1.3 of the lessons.

        Parameters
        ----------
        count
            How many.
        labels
            Which classes to draw, (count,), for a class-conditional model; ``None``: each in turn.
        seed
            Another seed gives other images.
        pixel_noise
            Whether to draw from p(x | z) instead of taking its mean.
        """
        rng = stream(seed, "draw")
        check_flag(pixel_noise, "pixel_noise")
        with looking_at(self) as model, unwarned():
            z = model.draw_latents(check_count(count, "count", 0), rng)
        check_answer(self, z, "the draws from the prior", "draw_latents", count, rng)
        if not pixel_noise:
            return self.decode(z, labels)
        condition = _condition(self._labels_to_decode(labels, count), slice(None))
        with looking_at(self) as model, unwarned():
            images = self.likelihood_sample(model.decode_parameters(z, **condition), rng)
        check_answer(self, images, _DECODED, "decode_parameters", z, **condition)
        return images

    def elbo(self, images: Any, *, labels: Any = None, seed: int = 0) -> FloatArray:
        """Return the evidence lower bound on log p(x) of each image in nats, (N,).

        It is the bound itself, with β = 1 and every constant included, whichever loss the model is
        trained on. For one draw of z (or L of them) it is an unbiased estimate; ``seed`` fixes the
        draws. It is an ``InputError`` if a bound is not finite.
        """
        if not self.has_prior:
            raise InputError(
                f"{type(self).__name__} has no prior over its latents, so no bound on log p(x): "
                "use evaluate(images) for its reconstruction error"
            )
        constant = self.omitted_constant()
        terms = (model.terms for _, model in self._forward_chunks(images, labels, seed))
        bounds = [-(reconstruction + kl + constant) for reconstruction, kl in terms]
        return np.concatenate([np.empty(0, self.dtype), *bounds])

    def evaluate(self, images: Any, *, labels: Any = None, seed: int = 0) -> LossTerms:
        """Return the mean loss over ``images`` and its terms; ``seed`` fixes the noise.

        It is an ``InputError`` if the loss is not finite, which names where that began.
        """
        images = self._some_images(images, "evaluate")
        mean = LossMean()
        for terms, model in self._forward_chunks(images, labels, seed):
            mean.add(terms, len(model.terms[0]))
        return finite_loss(mean.terms())

    def score(self, images: Any, y: object = None) -> float:
        """Return the mean bound over ``images`` (for an autoencoder, minus its loss)."""
        images, labels = self._some_images(images, "score"), self._labels_in(y)
        if not self.has_prior:
            return -self.evaluate(images, labels=labels).loss
        return float(self.elbo(images, labels=labels).mean())

    def _some_images(self, images: Any, method: str) -> NDArray[Any]:
        """Return ``images`` checked, if there are any to take a mean over."""
        found: NDArray[Any] = self.as_images(images)
        if len(found) == 0:
            raise InputError(f"{method} needs at least one image to average over")
        return found

    def _read(
        self, images: Any, labels: Any, seed: int | None = None
    ) -> Iterator[tuple[FloatArray, dict[str, Any]]]:
        """Yield a chunk of ``images`` at a time as floats, with its labels as keyword arguments.

        With a seed, 8-bit pixels are read as in training, binarised at random where the settings
        say so; without one they are read as grey.
        """
        images = self.as_images(images, scored=seed is not None)
        labels = self.as_labels(labels, len(images))
        reading = "grey" if seed is None else self.settings.pixels
        for number, place in enumerate(_chunks(len(images))):
            rng = stream(seed or 0, "pixels", number) if reading == "binarised" else None
            yield read_pixels(images[place], self.dtype, reading, rng), _condition(labels, place)

    def _forward_chunks(
        self, images: Any, labels: Any, seed: int
    ) -> Iterator[tuple[LossTerms, Any]]:
        """Yield each chunk's loss and what has its ``terms``; ``seed`` fixes the noise."""
        for number, (x, condition) in enumerate(self._read(images, labels, seed)):
            noise = self.draw_noise(len(x), stream(seed, "evaluate", number))
            with looking_at(self) as model:
                yield finite_forward(self, model, x, noise, condition), model

    def _labels_to_decode(self, labels: Any, count: int) -> NDArray[Any] | None:
        """Return the classes to decode: by default each in turn."""
        if labels is None and self.classes:
            return np.arange(count) % self.classes
        return self.as_labels(labels, count)


def _chunks(count: int) -> Iterator[slice]:
    """Yield where each chunk of ``count`` images is."""
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))


def _condition(labels: Any, place: slice) -> dict[str, Any]:
    """Return the labels of a chunk as a keyword argument, if there are any."""
    return {} if labels is None else {"labels": labels[place]}
