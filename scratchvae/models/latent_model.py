"""What all models share: their parts, and the methods that a user calls.

The names are scikit-learn's where it has one. A model's own mathematics (``forward`` and
``backward``) is in the file of that model.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray, check_count, check_finite
from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.layers import Layer, Parameter
from scratchvae.probability import BernoulliLikelihood, Likelihood
from scratchvae.randomness import stream
from scratchvae.training import EpochMetrics, LossMean, LossParts, Settings, Trainer, train

# Images are passed through a model so many at a time, which bounds the memory that it takes.
CHUNK = 250


class LatentModel:
    """An encoder, a decoder and a likelihood.

    Parameters
    ----------
    encoder
        From images (N, H, W, C) to latents, or to what they are drawn from.
    decoder
        From latents (N, D) to the parameters of the likelihood.
    likelihood
        How an image is scored against what was decoded.
    image_shape
        (H, W, C).
    latent_dim
        D.
    settings
        How ``fit`` trains it, unless told otherwise.

    Attributes
    ----------
    parameters
        All that is learned, by name: ``"encoder.1.weight"``, …
    buffers
        What layers keep without learning it (running statistics), named likewise.
    config
        What a recipe built it from; empty for a model put together by hand.
    terms
        After ``forward``: each image's reconstruction and KL, (N,) both, in nats.
    history_
        The metrics of each epoch, after ``fit``.
    """

    has_prior: ClassVar[bool]

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        image_shape: tuple[int, ...],
        latent_dim: int,
        settings: Settings | None = None,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.image_shape = tuple(image_shape)
        self.latent_dim = check_count(latent_dim, "latent_dim")
        self.settings = settings or Settings()
        self.dtype = encoder.dtype
        self.config: dict[str, Any] = {}
        self.terms: tuple[FloatArray, FloatArray]
        self.history_: list[EpochMetrics] = []
        self.parameters: dict[str, Parameter] = {
            f"{part}.{name}": parameter
            for part, layer in (("encoder", encoder), ("decoder", decoder))
            for name, parameter in layer.parameters.items()
        }
        self.buffers: dict[str, FloatArray] = {
            f"{part}.{name}": buffer
            for part, layer in (("encoder", encoder), ("decoder", decoder))
            for name, buffer in layer.buffers.items()
        }
        self._initial = {name: array.copy() for name, array in self.state().items()}

    # What a model defines: see VAE and Autoencoder.

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return all the noise that a forward pass of ``count`` images needs."""
        raise NotImplementedError

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = True) -> LossParts:
        """Return the loss of a batch of images in nats per image."""
        raise NotImplementedError

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        raise NotImplementedError

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x), both (N, D)."""
        raise NotImplementedError

    def state(self) -> dict[str, FloatArray]:
        """Return every array that makes the model what it is: parameters' values and buffers."""
        return {name: p.value for name, p in self.parameters.items()} | self.buffers

    def _last_pass(self) -> Any:
        """Return what ``forward`` stored for ``backward``, or say that it has not run."""
        try:
            return self.__dict__["_pass"]
        except KeyError:
            raise InputError(
                f"{type(self).__name__}.backward needs a forward pass first: call forward(x, noise)"
            ) from None

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    # What a user calls.

    def fit(
        self,
        images: NDArray[Any],
        y: object = None,
        *,
        test_images: NDArray[Any] | None = None,
        seed: int = 0,
        warm_start: bool = False,
        progress: bool = True,
        **settings: Any,
    ) -> Self:
        """Train the model from its initial parameters, and return it.

        Parameters
        ----------
        images
            8-bit pixels, or floats from 0 to 1: (N, H, W, C), or (N, …) with as many numbers each.
        y
            Not used; it is here for scikit-learn's pipelines.
        test_images
            Images to evaluate on after each epoch, for ``history_``.
        seed
            Fixes the order of the images and all noise.
        warm_start
            Go on from the present parameters instead.
        progress
            Whether to show a progress bar.
        settings
            Changes to the model's ``Settings``: ``epochs``, ``learning_rate``, …

        Raises
        ------
        InputError
            If the images do not fit the model, or the loss becomes infinite or NaN.
        """
        if not warm_start:
            for name, array in self.state().items():
                array[...] = self._initial[name]
        trainer = Trainer(self, seed=seed, **settings)
        tests = None if test_images is None else self.as_images(test_images, "test_images")
        self.history_ = train(trainer, self.as_images(images), tests, progress=progress)
        return self

    def encode(self, images: NDArray[Any]) -> FloatArray:
        """Return each image's latents, (N, D): for a VAE the mean of q(z | x)."""
        chunks = [self.encode_distribution(x)[0] for x in self._read(images)]
        return np.concatenate(chunks) if chunks else np.empty((0, self.latent_dim), self.dtype)

    def decode(self, z: NDArray[Any]) -> FloatArray:
        """Return the mean image of p(x | z) for each row of ``z``: (N, D) to (N, H, W, C)."""
        z = np.asarray(z, dtype=self.dtype)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise InputError(f"decode expects z of shape (N, {self.latent_dim}), not {z.shape}")
        check_finite(z, "z")
        chunks = [
            self.likelihood.mean(self.decoder.forward(z[start : start + CHUNK]))
            for start in range(0, len(z), CHUNK)
        ]
        return np.concatenate(chunks) if chunks else np.empty((0, *self.image_shape), self.dtype)

    def reconstruct(self, images: NDArray[Any]) -> FloatArray:
        """Return what each image looks like after encoding and decoding, in its own shape."""
        return self.decode(self.encode(images)).reshape(np.shape(images))

    def sample(self, count: int = 1, *, seed: int = 0, pixel_noise: bool = False) -> FloatArray:
        """Return images decoded from draws of N(0, I), (count, H, W, C).

        Parameters
        ----------
        count
            How many.
        seed
            Another seed gives other images.
        pixel_noise
            Whether to draw from p(x | z) instead of taking its mean.
        """
        rng = stream(seed, "draw")
        z = rng.standard_normal((check_count(count, "count", 0), self.latent_dim), dtype=self.dtype)
        if not pixel_noise:
            return self.decode(z)
        return self.likelihood.sample(self.decoder.forward(z), rng)

    def elbo(self, images: NDArray[Any], *, seed: int = 0) -> FloatArray:
        """Return the evidence lower bound on log p(x) of each image in nats, (N,).

        It is the bound itself: β = 1 and every constant included, whatever the loss was. For one
        draw of z (or L of them) it is an unbiased estimate; ``seed`` fixes the draws.
        """
        if not self.has_prior:
            raise InputError(
                f"{type(self).__name__} has no prior over its latents, so no bound on log p(x): "
                "use evaluate(images) for its reconstruction error"
            )
        omitted = self.likelihood.omitted(prod(self.image_shape))
        bounds = [np.empty(0, self.dtype)]
        for _ in self._forward_chunks(images, seed):
            reconstruction, kl = self.terms
            bounds.append(-(reconstruction + kl + omitted))
        return np.concatenate(bounds)

    def evaluate(self, images: NDArray[Any], *, seed: int = 0) -> LossParts:
        """Return the mean loss over ``images`` and its parts; ``seed`` fixes the noise."""
        images = self.as_images(images)
        if len(images) == 0:
            raise InputError("evaluate expects at least one image: the mean of none is no number")
        mean = LossMean()
        for parts in self._forward_chunks(images, seed):
            mean.add(parts, len(self.terms[0]))
        return mean.parts()

    def score(self, images: NDArray[Any], y: object = None) -> float:
        """Return the mean bound over ``images`` (for an autoencoder, minus its loss)."""
        images = self.as_images(images)
        if len(images) == 0:
            raise InputError("score expects at least one image: the mean of none is no number")
        return float(self.elbo(images).mean()) if self.has_prior else -self.evaluate(images).loss

    def transform(self, images: NDArray[Any]) -> FloatArray:
        """Do as ``encode``: scikit-learn's name for it."""
        return self.encode(images)

    def inverse_transform(self, z: NDArray[Any]) -> FloatArray:
        """Do as ``decode``: scikit-learn's name for it."""
        return self.decode(z)

    def fit_transform(self, images: NDArray[Any], y: object = None, **settings: Any) -> FloatArray:
        """Return ``fit(images).encode(images)``."""
        return self.fit(images, **settings).encode(images)

    def as_images(self, images: NDArray[Any], name: str = "images") -> NDArray[Any]:
        """Return ``images`` in the shape (N, H, W, C), checked; 8-bit pixels stay 8-bit."""
        try:
            images = np.asarray(images)
        except ValueError:
            raise InputError(f"{name} must be an array; these rows differ in length") from None
        pixels = prod(self.image_shape)
        if images.ndim < 2 or prod(images.shape[1:]) != pixels:
            raise InputError(
                f"{name} must be of shape (N, {', '.join(map(str, self.image_shape))}) or hold "
                f"{pixels} numbers each, not {images.shape}"
            )
        if images.dtype == np.bool_:
            images = images.astype(np.uint8) * np.uint8(255)
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise InputError(
                f"{name} must be 8-bit pixels (uint8) or floats from 0 to 1, not {images.dtype}"
            )
        if images.dtype.kind == "f":
            check_finite(images, name)
            outside = images.size and (images.min() < 0 or images.max() > 1)
            if outside and isinstance(self.likelihood, BernoulliLikelihood):
                raise InputError(
                    f"{name} must be from 0 to 1 for a Bernoulli likelihood, not from "
                    f"{images.min():.4g} to {images.max():.4g}: divide 8-bit pixels by 255"
                )
        return images.reshape(len(images), *self.image_shape)

    def _mean_loss(self, reconstruction: FloatArray, kl: FloatArray, beta: float) -> LossParts:
        """Remember each image's terms (N,), and return their means as a loss."""
        self.terms = (reconstruction, kl)
        # Means in float64: of numbers of hundreds of nats, float32 would lose the third decimal.
        mean_reconstruction = float(reconstruction.mean(dtype=np.float64))
        mean_kl = float(kl.mean(dtype=np.float64))
        return LossParts(mean_reconstruction + beta * mean_kl, mean_reconstruction, mean_kl)

    def _read(self, images: NDArray[Any], seed: int | None = None) -> Iterator[FloatArray]:
        """Yield ``images`` as floats, a chunk at a time.

        With a seed, 8-bit pixels are read as in training, binarised by coin tosses where the
        settings say so; without one they are read as grey.
        """
        images = self.as_images(images)
        toss = seed is not None and images.dtype == np.uint8
        for number, start in enumerate(range(0, len(images), CHUNK)):
            chunk = images[start : start + CHUNK]
            if toss and self.settings.pixels == "binarised":
                rng = stream(seed or 0, "pixels", number)
                yield read_pixels(chunk, self.dtype, "binarised", rng)
            else:
                yield read_pixels(chunk, self.dtype)

    def _forward_chunks(self, images: NDArray[Any], seed: int) -> Iterator[LossParts]:
        """Yield the loss of each chunk of ``images``, its noise fixed by ``seed``."""
        for number, x in enumerate(self._read(images, seed)):
            noise = self.draw_noise(len(x), stream(seed, "evaluate", number))
            yield self.forward(x, noise, training=False)
