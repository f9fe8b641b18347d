"""What training needs of a model, and the parts that a loss is made of.

Training knows a model only through ``Trainable``, so anything with these methods can be trained,
a model of the reader's own as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scratchvae.layers import Parameter
from scratchvae.validation import FloatArray


@dataclass(frozen=True)
class LossParts(Mapping[str, float]):
    """A loss and what it is made of, in nats per image.

    Each is summed over pixels or latents and averaged over the images of a batch; divided by log 2
    it would be in bits (eq. 1.7 of the lessons). Read a part as an attribute or as a key:
    ``parts.kl`` or ``parts["kl"]``.

    Attributes
    ----------
    loss
        What is minimised: ``reconstruction + beta * kl`` (eq. 1.6), and what else a model adds.
    reconstruction
        −log p(x | z), without the constants that the likelihood leaves out.
    kl
        KL(q(z | x) ‖ p(z)), before it is multiplied by beta; 0 for a plain autoencoder.
    """

    loss: float
    reconstruction: float
    kl: float

    def __getitem__(self, name: str) -> float:
        if name not in ("loss", "reconstruction", "kl"):
            raise KeyError(name)
        return float(getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        return iter(("loss", "reconstruction", "kl"))

    def __len__(self) -> int:
        return 3


class LossMean:
    """The running mean of loss parts over batches, each weighted by its number of images."""

    def __init__(self, images: int = 0, sums: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        self.images = images
        self.sums = sums

    def add(self, parts: LossParts, images: int) -> None:
        """Count a batch of so many images."""
        loss, reconstruction, kl = self.sums
        self.images += images
        self.sums = (
            loss + parts.loss * images,
            reconstruction + parts.reconstruction * images,
            kl + parts.kl * images,
        )

    def parts(self) -> LossParts:
        """Return the mean over all images counted so far."""
        loss, reconstruction, kl = (total / max(self.images, 1) for total in self.sums)
        return LossParts(loss, reconstruction, kl)


class Trainable(Protocol):
    """A model as the trainer sees it.

    Where labels travel with the images, ``forward`` gets those of its batch as ``labels=``, (N,);
    where the KL is warmed up, the model's attribute ``kl_weight`` is set for each step, and where
    there are free bits that sink, ``free_bits``. A model without these attributes gets neither: the
    trainer refuses such settings for it.

    A model may also have ``settings``, what it is trained with unless told otherwise; ``buffers``,
    arrays by name that belong into a checkpoint though no optimiser changes them; ``as_images``,
    which checks images and gives them its shape; ``begin(images)``, called before the first step;
    and ``evaluate``, for the test images.
    """

    parameters: dict[str, Parameter]
    dtype: np.dtype[Any]

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return all the noise that a forward pass of ``count`` images needs."""

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = True) -> LossParts:
        """Return the loss of the images ``x``, and remember what the backward pass needs."""

    def backward(self) -> None:
        """Add the gradients of that loss to the parameters' ``grad``."""

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
