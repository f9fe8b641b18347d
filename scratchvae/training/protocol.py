"""What training needs of a model, and the terms that a loss is made of.

Training imports no model. It knows one only as a ``Trainable``, so a model of the reader's own can
be trained as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import not_defined
from scratchvae.layers import Layer, Parameter
from scratchvae.layers.parameter import kept
from scratchvae.training.settings import Settings
from scratchvae.validation import FloatArray, as_array


@dataclass(frozen=True)
class LossTerms:
    """A loss and the terms it is made of, in nats per image.

    Each is summed over pixels or latents and averaged over the images of a batch; divided by log 2
    it would be in bits (eq. 1.7 of the lessons).

    Attributes
    ----------
    loss
        What is minimised: ``reconstruction + beta * kl`` (eq. 1.6), plus whatever a model adds.
    reconstruction
        −log p(x | z), without the constants that the likelihood leaves out.
    kl
        KL(q(z | x) ‖ p(z)), before it is multiplied by beta; 0 for a plain autoencoder.
    """

    loss: float
    reconstruction: float
    kl: float


@dataclass
class LossMean:
    """The running mean of loss terms over batches, each weighted by its number of images."""

    images: int = 0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, terms: LossTerms, images: int) -> None:
        """Include the ``terms`` of a batch of ``images`` images."""
        loss, reconstruction, kl = self.sums
        self.images += images
        self.sums = (
            loss + terms.loss * images,
            reconstruction + terms.reconstruction * images,
            kl + terms.kl * images,
        )

    def terms(self) -> LossTerms:
        """Return the mean over all images so far."""
        loss, reconstruction, kl = (total / max(self.images, 1) for total in self.sums)
        return LossTerms(loss, reconstruction, kl)


class Trainable:
    """A model that a ``Trainer`` can train.

    A model of your own derives from this class, sets ``parameters`` and ``dtype``, and defines
    ``draw_noise``, ``forward`` and ``backward``; everything else has a default. One training step
    on the images x is::

        noise = model.draw_noise(len(x), rng)
        terms = model.forward(x, noise, training=True)
        model.zero_grad()
        model.backward()
        optimiser.step()

    If there are labels, ``forward`` also gets those of its batch, as ``labels=`` (N,).

    Attributes
    ----------
    parameters
        What is learned, by name.
    dtype
        ``float32`` or ``float64``: images are converted to it before ``forward``.
    buffers
        Arrays that belong in a checkpoint although no optimiser changes them, by name.
    settings
        How the model is trained by default; ``None``: by the defaults of ``Settings``.
    weighs_kl, kl_weight
        Whether the loss has a KL term of its own, and a factor for that term in addition to β. A
        warm-up (``Settings.warm_up``) sets the factor for each training step; otherwise it is 1.
    free_bits
        The free bits of the loss in nats; ``None`` for a model that has none. Free bits that
        decrease (``Settings.free_bits``) are set for each training step.
    """

    parameters: Mapping[str, Parameter]
    dtype: np.dtype[Any]
    buffers: Mapping[str, FloatArray] = MappingProxyType({})
    settings: Settings | None = None
    weighs_kl: bool = False
    kl_weight: float = 1.0
    free_bits: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        return kept(self)

    @property
    def networks(self) -> dict[str, Layer]:
        """The networks, by the names of their attributes, in the order of definition."""
        attributes = list(vars(self).items())  # another thread may add to them
        return {name: value for name, value in attributes if isinstance(value, Layer)}

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return all the noise that a forward pass of ``count`` images needs."""
        raise not_defined(self, "draw_noise")

    def forward(self, x: FloatArray, noise: FloatArray, /, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …), and keep what ``backward`` needs.

        ``training`` is passed on to the layers: batch norm uses the batch's statistics if it is
        set.
        """
        raise not_defined(self, "forward")

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        raise not_defined(self, "backward")

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def as_images(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return ``images`` checked and in the model's shape, (N, …); 8-bit pixels stay 8-bit."""
        return as_array(images, "images")

    def as_labels(self, labels: Any, count: int) -> NDArray[Any] | None:
        """Return the ``labels`` of ``count`` images, checked, or ``None`` if there are none."""
        return None if labels is None else as_array(labels, "labels")

    def begin(self, images: NDArray[Any]) -> None:
        """Prepare for training on ``images``; called once, before the first step."""

    def evaluate(
        self, images: NDArray[Any], *, labels: NDArray[Any] | None = None, seed: int = 0
    ) -> LossTerms | None:
        """Return the mean loss of test images, measured after each epoch, or ``None``."""
        return None
