"""A small classifier of digits, to tell what a generated image shows.

Dimensions: N images, K classes, … an image's shape (H, W, C).
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.layers import Dense, Flatten, Parameter, ReLU, Sequential
from scratchvae.models.checks import check_images, check_labels
from scratchvae.probability.categorical import softmax
from scratchvae.randomness import generator
from scratchvae.training import LossTerms, Settings, Trainable, Trainer, train
from scratchvae.validation import FloatArray, check_count, check_seed, check_sizes

_CHUNK = 1000  # images at a time


class DigitClassifier(Trainable):
    """One hidden layer and a softmax, trained by the same loop as the models.

    Parameters
    ----------
    image_shape
        (H, W, C).
    classes
        K.
    hidden
        Units of the hidden layer.
    seed
        Fixes the initial parameters.
    """

    def __init__(
        self, image_shape: tuple[int, ...], classes: int = 10, hidden: int = 300, seed: int = 0
    ) -> None:
        rng = generator(check_seed(seed))
        self.image_shape = check_sizes(image_shape, "image_shape")
        self.classes = check_count(classes, "classes", 2)
        self.network = Sequential(
            Flatten(),
            Dense(prod(self.image_shape), hidden, rng=rng),
            ReLU(),
            Dense(hidden, classes, rng=rng),
        )
        self.dtype = self.network.dtype

    @property
    def parameters(self) -> Mapping[str, Parameter]:  # type: ignore[override]  # read-only here
        """Those of the network."""
        return self.network.parameters

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return an empty array, since a classifier has no noise."""
        return np.empty((0, count), self.dtype)

    def forward(
        self,
        x: FloatArray,
        noise: FloatArray,
        training: bool = False,
        labels: NDArray[Any] | None = None,
    ) -> LossTerms:
        """Return the cross-entropy of the ``labels`` (N,) of the images ``x`` (N, …), in nats."""
        self._labels = check_labels(labels, len(x), self.classes)
        logits = self.network.forward(x, training)  # (N, K)
        logits = logits - logits.max(axis=1, keepdims=True)  # the same softmax, without overflow
        shares = np.exp(logits)
        self._shares = shares / shares.sum(axis=1, keepdims=True)  # (N, K)
        nll = np.log(shares.sum(axis=1)) - logits[np.arange(len(x)), self._labels]  # (N,)
        mean = float(nll.mean(dtype=np.float64))
        return LossTerms(mean, mean, 0.0)

    def backward(self) -> None:
        """Add the gradients: of −log softmax it is the softmax, less 1 at the right class."""
        d_logits = self._shares.copy()
        d_logits[np.arange(len(d_logits)), self._labels] -= 1
        d_logits /= len(d_logits)
        self.network.backward_parameters(d_logits)

    def as_images(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return ``images`` in the shape (N, H, W, C): 8-bit pixels, or floats from 0 to 1."""
        checked: NDArray[Any] = check_images(
            images,
            self.image_shape,
            "images",
            dtype=self.dtype,
            unit_interval=True,
            expects_unit_interval=True,
        )
        return checked

    def predict(self, images: NDArray[Any]) -> NDArray[np.int64]:
        """Return the likeliest class of each image, (N,): 8-bit pixels, or floats from 0 to 1."""
        likeliest: NDArray[np.int64] = self.probabilities(images).argmax(axis=1)
        return likeliest

    def probabilities(self, images: NDArray[Any]) -> FloatArray:
        """Return the probability of each class for each image, (N, K)."""
        images, found = self.as_images(images), [np.empty((0, self.classes), self.dtype)]
        for start in range(0, len(images), _CHUNK):
            with looking_at(self) as double:
                x = read_pixels(images[start : start + _CHUNK], self.dtype)
                found.append(softmax(double.network.forward(x)))
        return np.concatenate(found)


def train_digit_classifier(
    images: NDArray[np.uint8], labels: NDArray[Any] | None, *, epochs: int = 6, seed: int = 0
) -> DigitClassifier:
    """Return a classifier trained on ``images`` (N, H, W, C) and ``labels`` (N,)."""
    classifier = DigitClassifier(images.shape[1:], seed=seed)
    trainer = Trainer(classifier, Settings(epochs=epochs, schedule="cosine"), seed=seed)
    train(trainer, images, labels=labels, progress=False)
    return classifier
