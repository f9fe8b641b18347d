"""What a model's networks and its likelihood give, checked: they may be of a user's own.

Dimensions: N images or latents, … an image's shape (H, W, C).
"""

from math import prod
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.probability import Likelihood
from scratchvae.training import Trainable
from scratchvae.validation import FloatArray, check_array, check_number


class Passes(Trainable):
    """A model's parts, called by name; ``InputError`` says which of them gives something else.

    NumPy would fit an array of another shape to its neighbours where it can, and the model would
    learn something wrong without a word.
    """

    likelihood: Likelihood
    image_shape: tuple[int, ...]

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return −log p(x | z) of each image, (N,), as the likelihood gives it."""
        nll = self.likelihood.negative_log_likelihood(x, decoded)
        if isinstance(nll, np.ndarray) and nll.dtype.kind == "f":  # of any precision
            nll = nll.astype(decoded.dtype, copy=False)
        remedy = "sum over the pixels of each image"
        return self._checked("negative_log_likelihood", nll, (len(x),), decoded, remedy)

    def likelihood_gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return the gradient of each image's −log p(x | z), in ``decoded``'s shape and dtype."""
        gradient = self.likelihood.gradient(x, decoded)
        remedy = "it is the gradient of each number that was decoded"
        return self._checked("gradient", gradient, decoded.shape, decoded, remedy)

    def likelihood_mean(self, decoded: FloatArray) -> FloatArray:
        """Return the mean image for each of what was decoded, (N, H, W, C)."""
        return self._images_of("mean", self.likelihood.mean(decoded), len(decoded))

    def likelihood_sample(self, decoded: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a random image for each of what was decoded, (N, H, W, C)."""
        return self._images_of("sample", self.likelihood.sample(decoded, rng), len(decoded))

    def omitted_constant(self) -> float:
        """Return what the likelihood leaves out of an image's −log p(x | z), in nats."""
        constant = self.likelihood.omitted_constant(prod(self.image_shape))
        return check_number(constant, self._of_likelihood("omitted_constant"))

    def through(
        self, name: str, x: FloatArray, width: int | str, training: bool = False, remedy: str = ""
    ) -> FloatArray:
        """Return what a network gives for ``x``, (N, width); a letter stands for any width."""
        network: Layer = getattr(self, name)
        y = network.forward(x, training)
        if not _fits(y, (len(x), width), x.dtype):
            remedy = remedy or "change its last layer"
            check_array(y, f"what {name}.forward gives", (len(x), width), x.dtype, remedy)
        return y

    def back_through(self, name: str, dy: FloatArray, width: int) -> FloatArray:
        """Return what it gives for the gradient ``dy`` of that, (N, width) as its input was."""
        network: Layer = getattr(self, name)
        dx = network.backward(dy)
        if not _fits(dx, (len(dy), width), dy.dtype):
            remedy = "it is the gradient of what goes into forward, and of its shape"
            check_array(dx, f"what {name}.backward gives", (len(dy), width), dy.dtype, remedy)
        return dx

    def _images_of(self, method: str, images: Any, count: int) -> FloatArray:
        if isinstance(images, np.ndarray) and images.dtype.kind in "biuf":  # black and white, too
            images = images.astype(self.dtype, copy=False)
        shape = (count, *self.image_shape)
        check_array(images, self._of_likelihood(method), shape, self.dtype, "change what it gives")
        found: FloatArray = images
        return found

    def _checked(
        self, method: str, found: Any, shape: tuple[int, ...], decoded: FloatArray, remedy: str
    ) -> FloatArray:
        """Return what a method of the likelihood gave for what was decoded."""
        checked: FloatArray = found
        if type(self.likelihood).__module__.startswith("scratchvae."):
            return checked  # of the package's own, which its tests check
        what = self._of_likelihood(method)
        check_array(found, what, shape, decoded.dtype, remedy)
        # Of numbers that are not finite nothing can be made: a layer before has diverged.
        if np.isfinite(decoded).all() and not np.isfinite(found).all():
            most = float(np.abs(decoded).max(initial=0))
            raise InputError(
                f"{what} must be finite, and is not for decoded numbers of up to {most:.3g}: look "
                "for a logarithm of zero, a division by zero, or an exponential that overflows"
            )
        return checked

    def _of_likelihood(self, method: str) -> str:
        return f"what {type(self.likelihood).__name__}.{method} returns"


def _fits(found: Any, shape: tuple[int | str, ...], dtype: np.dtype[Any]) -> bool:
    """Tell at once what is usual: to say what is wrong takes longer."""
    return isinstance(found, np.ndarray) and found.shape == shape and found.dtype == dtype
