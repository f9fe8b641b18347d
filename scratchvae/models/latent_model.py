"""The methods of every model that a user calls.

The names are scikit-learn's where it has one. A model's own mathematics (``forward`` and
``backward``) is in the file of that model.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at, trained_by
from scratchvae.errors import InputError
from scratchvae.models.base import Model
from scratchvae.models.checks import check_decoded, check_images, check_labels
from scratchvae.randomness import stream
from scratchvae.training import LossMean, LossTerms, Trainer, check_training_set, train
from scratchvae.validation import FloatArray, check_count, check_finite

# This many images pass through a model at a time, which bounds the memory that it takes.
CHUNK = 250


class LatentModel(Model):
    """An encoder, a decoder and a likelihood, with the methods that a user calls.

    A model defines ``draw_noise``, ``forward``, ``backward`` and ``encode_distribution``.

    Attributes
    ----------
    has_prior
        Whether there is a p(z), and so a bound on log p(x).
    classes
        The number of classes of a class-conditional model, else 0. Such a model takes ``labels``
        wherever it takes images or latents.
    """

    has_prior: ClassVar[bool]
    classes: int = 0

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x), both (N, D)."""
        raise NotImplementedError

    def decode_parameters(self, z: FloatArray, training: bool = False) -> FloatArray:
        """Return the parameters of p(x | z), (N, …), or (L·N, …) for ``z`` (L, N, D)."""
        decoded = self.decoder.forward(z.reshape(-1, z.shape[-1]), training)
        return check_decoded(decoded, self.image_shape, self.likelihood)

    def draw_latents(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws from the prior of what the decoder takes, (count, D)."""
        return rng.standard_normal((count, self.latent_dim), dtype=self.dtype)

    def fit(
        self,
        images: NDArray[Any],
        y: object = None,
        *,
        test_images: NDArray[Any] | None = None,
        test_labels: NDArray[Any] | None = None,
        seed: int = 0,
        warm_start: bool = False,
        progress: bool = True,
        **settings: Any,
    ) -> Self:
        """Train the model, from the parameters that it had before its first ``fit``; return it.

        Other threads may encode, decode, sample and evaluate meanwhile, with the parameters of that
        moment; that does not change the training.

        Parameters
        ----------
        images
            8-bit pixels, or floats from 0 to 1: (N, H, W, C), or (N, …) with as many numbers each.
        y
            The images' labels, for a class-conditional model. Others ignore it: scikit-learn's
            pipelines pass it to every model.
        test_images, test_labels
            Images to evaluate on after each epoch, for ``history_``, and their labels.
        seed
            Fixes the order of the images and all noise.
        warm_start
            Continue from the present parameters instead.
        progress
            Whether to show a progress bar.
        settings
            Changes to the model's ``Settings``: ``epochs``, ``learning_rate``, …

        Raises
        ------
        InputError
            If the images or the settings do not fit the model, or another thread or trainer trains
            it at the moment: it then stays as it was. Or if the loss becomes infinite or NaN.
        """
        trainer = Trainer(self, seed=seed, **settings)
        images = self.as_images(images)
        labels = self.as_labels(self._labels_in(y), len(images))
        tests = None if test_images is None else self.as_images(test_images, "test_images")
        if tests is not None:
            test_labels = self.as_labels(test_labels, len(tests))
        check_training_set(images, labels)
        with trained_by(trainer, self):
            # From here on the model changes: input that is refused must not destroy a trained one.
            initial = self._initial_values()
            if not warm_start:
                for name, array in self._arrays().items():
                    array[...] = initial[name]
            self.history_ = []
            train(
                trainer,
                images,
                tests,
                labels=labels,
                test_labels=test_labels,
                progress=progress,
                on_epoch=self.history_.append,
            )
        return self

    def encode(self, images: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return each image's latents, (N, D): for a VAE the mean of q(z | x)."""
        images = self.as_images(images)
        z = np.empty((len(images), self.latent_dim), self.dtype)
        for place, (x, condition) in zip(_chunks(len(z)), self._read(images, labels), strict=True):
            with looking_at(self) as model:
                z[place] = model.encode_distribution(x, **condition)[0]
        return z

    def decode(self, z: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return the mean image of p(x | z) for each row of ``z``: (N, D) to (N, H, W, C).

        Without ``labels`` a class-conditional model takes each class in turn.
        """
        try:
            z = np.asarray(z, dtype=self.dtype)
        except (TypeError, ValueError):
            raise InputError(
                f"decode expects z of shape (N, {self.latent_dim}), all numbers; these rows differ "
                "in length or hold something else"
            ) from None
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise InputError(f"decode expects z of shape (N, {self.latent_dim}), not {z.shape}")
        check_finite(z, "z")
        labels = self._labels_to_decode(labels, len(z))
        images = np.empty((len(z), *self.image_shape), self.dtype)
        for place in _chunks(len(z)):
            with looking_at(self) as model:
                decoded = model.decode_parameters(z[place], **_condition(labels, place))
                images[place] = self.likelihood.mean(decoded)
        return images

    def reconstruct(self, images: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return each image after encoding and decoding, in the shape it came in."""
        return self.decode(self.encode(images, labels), labels).reshape(np.shape(images))

    def sample(
        self,
        count: int = 1,
        *,
        labels: NDArray[Any] | None = None,
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
        with looking_at(self) as model:
            z = model.draw_latents(check_count(count, "count", 0), rng)
        if not pixel_noise:
            return self.decode(z, labels)
        condition = _condition(self._labels_to_decode(labels, count), slice(None))
        with looking_at(self) as model:
            return self.likelihood.sample(model.decode_parameters(z, **condition), rng)

    def elbo(
        self, images: NDArray[Any], *, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> FloatArray:
        """Return the evidence lower bound on log p(x) of each image in nats, (N,).

        It is the bound itself, with β = 1 and every constant included, whichever loss the model is
        trained on. For one draw of z (or L of them) it is an unbiased estimate; ``seed`` fixes the
        draws.
        """
        if not self.has_prior:
            raise InputError(
                f"{type(self).__name__} has no prior over its latents, so no bound on log p(x): "
                "use evaluate(images) for its reconstruction error"
            )
        constant = self.likelihood.omitted_constant(prod(self.image_shape))
        terms = (model.terms for _, model in self._forward_chunks(images, labels, seed))
        bounds = [-(reconstruction + kl + constant) for reconstruction, kl in terms]
        return np.concatenate([np.empty(0, self.dtype), *bounds])

    def evaluate(
        self, images: NDArray[Any], *, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> LossTerms:
        """Return the mean loss over ``images`` and its terms; ``seed`` fixes the noise."""
        images = self._some_images(images, "evaluate")
        mean = LossMean()
        for terms, model in self._forward_chunks(images, labels, seed):
            mean.add(terms, len(model.terms[0]))
        return mean.terms()

    def score(self, images: NDArray[Any], y: object = None) -> float:
        """Return the mean bound over ``images`` (for an autoencoder, minus its loss)."""
        images, labels = self._some_images(images, "score"), self._labels_in(y)
        if not self.has_prior:
            return -self.evaluate(images, labels=labels).loss
        return float(self.elbo(images, labels=labels).mean())

    def transform(self, images: NDArray[Any], y: object = None) -> FloatArray:
        """Return ``encode(images)``: scikit-learn's name for it; ``y`` as for ``fit``."""
        return self.encode(images, self._labels_in(y))

    def inverse_transform(self, z: NDArray[Any], y: object = None) -> FloatArray:
        """Return ``decode(z)``: scikit-learn's name for it; ``y`` as for ``fit``."""
        return self.decode(z, self._labels_in(y))

    def fit_transform(self, images: NDArray[Any], y: object = None, **settings: Any) -> FloatArray:
        """Return ``fit(images, y).transform(images, y)``."""
        return self.fit(images, y, **settings).transform(images, y)

    def as_images(self, images: NDArray[Any], name: str = "images") -> NDArray[Any]:
        """Return ``images`` in the shape (N, H, W, C), checked; 8-bit pixels stay 8-bit."""
        return check_images(images, self.image_shape, name, self.likelihood.unit_interval)

    def as_labels(self, labels: Any, count: int) -> NDArray[Any] | None:
        """Return the labels of ``count`` images, checked, or ``None`` where none are needed."""
        if self.classes:
            return check_labels(labels, count, self.classes)
        if labels is not None:
            raise InputError(
                f"{type(self).__name__} is not conditioned on classes: leave labels out"
            )
        return None

    def _some_images(self, images: NDArray[Any], method: str) -> NDArray[Any]:
        """Return ``images`` checked, if there are any to take a mean over."""
        images = self.as_images(images)
        if len(images) == 0:
            raise InputError(f"{method} needs at least one image to average over")
        return images

    def _labels_in(self, y: Any) -> Any:
        """Return the labels in scikit-learn's ``y``: only a class-conditional model has any."""
        return y if self.classes else None

    def _read(
        self, images: NDArray[Any], labels: NDArray[Any] | None, seed: int | None = None
    ) -> Iterator[tuple[FloatArray, dict[str, Any]]]:
        """Yield a chunk of ``images`` at a time as floats, with its labels as keyword arguments.

        With a seed, 8-bit pixels are read as in training, binarised at random where the settings
        say so; without one they are read as grey.
        """
        images = self.as_images(images)
        labels = self.as_labels(labels, len(images))
        reading = "grey" if seed is None else self.settings.pixels
        for number, place in enumerate(_chunks(len(images))):
            rng = stream(seed or 0, "pixels", number) if reading == "binarised" else None
            yield read_pixels(images[place], self.dtype, reading, rng), _condition(labels, place)

    def _forward_chunks(
        self, images: NDArray[Any], labels: NDArray[Any] | None, seed: int
    ) -> Iterator[tuple[LossTerms, Any]]:
        """Yield each chunk's loss and what has its ``terms``; ``seed`` fixes the noise."""
        for number, (x, condition) in enumerate(self._read(images, labels, seed)):
            noise = self.draw_noise(len(x), stream(seed, "evaluate", number))
            with looking_at(self) as model:
                yield model.forward(x, noise, training=False, **condition), model

    def _labels_to_decode(self, labels: NDArray[Any] | None, count: int) -> NDArray[Any] | None:
        """Return the classes to decode: by default each in turn."""
        if labels is None and self.classes:
            return np.arange(count) % self.classes
        return self.as_labels(labels, count)


def _chunks(count: int) -> Iterator[slice]:
    """Yield where each chunk of ``count`` images is."""
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))


def _condition(labels: NDArray[Any] | None, place: slice) -> dict[str, Any]:
    """Return the labels of a chunk as a keyword argument, if there are any."""
    return {} if labels is None else {"labels": labels[place]}
