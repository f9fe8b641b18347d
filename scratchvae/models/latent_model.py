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
from scratchvae.errors import InputError, not_defined
from scratchvae.models.checks import check_decoded, check_of_each
from scratchvae.models.last_good import LastGood
from scratchvae.models.scikit import ScikitNames
from scratchvae.models.training_set import training_set
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import seed_of_round, standard_normal, stream
from scratchvae.training import LossMean, LossTerms, Trainer, check_last_batch
from scratchvae.training.checks import check_writeable
from scratchvae.training.divergence import check_answer, finite_forward
from scratchvae.training.given_batches import GivenBatches
from scratchvae.training.loop import run_epochs
from scratchvae.validation import FloatArray, as_array, check_count, check_finite, check_flag

# This many images pass through a model at a time, which bounds the memory that it takes.
CHUNK = 250
_DECODED = "the decoded images"


class LatentModel(ScikitNames):
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

    def fit(
        self,
        images: Any,
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

        A fit that is stopped by Ctrl-C leaves the parameters of its last step, and ``history_`` has
        its complete epochs. One that ends in an error (the loss became infinite or NaN, say) leaves
        the model as it was after the last of these epochs; before the first, as it was before.

        Other threads may encode, decode, sample and evaluate meanwhile, with the parameters of that
        moment; that does not change the training.

        Parameters
        ----------
        images
            8-bit pixels, or floats from 0 to 1: (N, H, W, C), or (N, …) with as many numbers each.
            A large array that is mapped from a file (``np.load(path, mmap_mode="r")``) stays there.
            Or batches, each images or a pair (images, labels), taken in the order and of the size
            that they have: a sequence of them, which is one epoch; a function that returns an
            epoch's batches, and is called for each; or a generator, which is one epoch and no more.
        y
            The images' labels, for a class-conditional model. Others ignore it: scikit-learn's
            pipelines pass it to every model.
        test_images, test_labels
            Images to evaluate on after each epoch, for ``history_``, and their labels.
        seed
            Fixes the order of the images and all noise.
        warm_start
            Continue from the present parameters instead. Each such round has an order and noise of
            its own, and an optimiser that begins anew.
        progress
            Whether to show a progress bar.
        settings
            Changes to the model's ``Settings``: ``epochs``, ``learning_rate``, …

        Raises
        ------
        InputError
            If the images or the settings do not fit the model, or an epoch's last batch would be
            one image and there is batch norm, or another thread or trainer trains the model at the
            moment: before anything changes. Or if the loss becomes infinite or NaN.
        """
        check_flag(warm_start, "warm_start")
        rounds = self._rounds + 1 if warm_start else 0
        trainer = Trainer(self, seed=seed_of_round(seed, rounds), **settings)
        images, labels = training_set(self, images, y, trainer.settings.epochs, settings)
        tests = None if test_images is None else self.as_images(test_images, "test_images")
        if tests is not None:
            test_labels = self.as_labels(test_labels, len(tests))
        elif test_labels is not None:
            raise InputError("test_labels are of no use without test_images: give both")
        check_flag(progress, "progress")
        with trained_by(trainer, self):
            check_writeable(self._arrays())
            if not isinstance(images, GivenBatches):
                check_last_batch(self, images, labels, trainer.settings.batch_size)
            # From here on the model changes: input that is refused must not destroy a trained one.
            initial = self._initial_values()
            kept = LastGood(self)
            if not warm_start:
                for name, array in self._arrays().items():
                    array[...] = initial[name]
            self.history_, self._rounds = [], rounds
            try:
                run_epochs(
                    trainer,
                    images,
                    tests,
                    labels=labels,
                    test_labels=test_labels,
                    progress=progress,
                    on_epoch=kept.take,
                )
            except Exception:
                kept.put_back()
                raise
            finally:
                self._note_owners()
        return self

    def encode(self, images: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return each image's latents, (N, D): for a VAE the mean of q(z | x)."""
        images = self.as_images(images, scored=False)
        z = np.empty((len(images), self.latent_dim), self.dtype)
        for place, (x, condition) in zip(_chunks(len(z)), self._read(images, labels), strict=True):
            with looking_at(self) as model, np.errstate(over="ignore", invalid="ignore"):
                found = model.encode_distribution(x, **condition)[0]
                z[place] = check_of_each(found, z[place].shape, "the encoder")
            check_answer(self, z[place], "the latents", "encode_distribution", x, **condition)
        return z

    def decode(self, z: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return the mean image of p(x | z) for each row of ``z``: (N, D) to (N, H, W, C).

        Without ``labels`` a class-conditional model takes each class in turn.
        """
        with np.errstate(over="ignore"):  # an infinity is refused below
            z = as_array(z, "z").astype(self.dtype, copy=False)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise InputError(f"decode expects z of shape (N, {self.latent_dim}), not {z.shape}")
        check_finite(z, "z")
        labels = self._labels_to_decode(labels, len(z))
        images = np.empty((len(z), *self.image_shape), self.dtype)
        for place in _chunks(len(z)):
            given, condition = z[place], _condition(labels, place)
            with looking_at(self) as model, np.errstate(over="ignore", invalid="ignore"):
                means = self.likelihood.mean(model.decode_parameters(given, **condition))
                images[place] = check_of_each(means, images[place].shape, "the likelihood's mean")
            check_answer(self, images[place], _DECODED, "decode_parameters", given, **condition)
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
        check_flag(pixel_noise, "pixel_noise")
        with looking_at(self) as model, np.errstate(over="ignore", invalid="ignore"):
            z = model.draw_latents(check_count(count, "count", 0), rng)
        check_answer(self, z, "the draws from the prior", "draw_latents", count, rng)
        if not pixel_noise:
            return self.decode(z, labels)
        condition = _condition(self._labels_to_decode(labels, count), slice(None))
        with looking_at(self) as model, np.errstate(over="ignore", invalid="ignore"):
            images = self.likelihood.sample(model.decode_parameters(z, **condition), rng)
        check_answer(self, images, _DECODED, "decode_parameters", z, **condition)
        return images

    def elbo(
        self, images: NDArray[Any], *, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> FloatArray:
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
        constant = self.likelihood.omitted_constant(prod(self.image_shape))
        terms = (model.terms for _, model in self._forward_chunks(images, labels, seed))
        bounds = [-(reconstruction + kl + constant) for reconstruction, kl in terms]
        return np.concatenate([np.empty(0, self.dtype), *bounds])

    def evaluate(
        self, images: NDArray[Any], *, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> LossTerms:
        """Return the mean loss over ``images`` and its terms; ``seed`` fixes the noise.

        It is an ``InputError`` if the loss is not finite, which names where that began.
        """
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

    def _some_images(self, images: NDArray[Any], method: str) -> NDArray[Any]:
        """Return ``images`` checked, if there are any to take a mean over."""
        images = self.as_images(images)
        if len(images) == 0:
            raise InputError(f"{method} needs at least one image to average over")
        return images

    def _read(
        self, images: NDArray[Any], labels: NDArray[Any] | None, seed: int | None = None
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
        self, images: NDArray[Any], labels: NDArray[Any] | None, seed: int
    ) -> Iterator[tuple[LossTerms, Any]]:
        """Yield each chunk's loss and what has its ``terms``; ``seed`` fixes the noise."""
        for number, (x, condition) in enumerate(self._read(images, labels, seed)):
            noise = self.draw_noise(len(x), stream(seed, "evaluate", number))
            with looking_at(self) as model:
                yield finite_forward(self, model, x, noise, condition), model

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
