"""The sparse autoencoder: more numbers in the code than pixels in the image, but few of them used.

Dimensions: N images, D numbers in a code, … an image's shape (H, W, C).
"""

from typing import Any, ClassVar

import numpy as np

from scratchvae.models.autoencoder import Autoencoder
from scratchvae.training import LossParts
from scratchvae.validation import FloatArray, check_not_negative


class SparseAutoencoder(Autoencoder):
    """An autoencoder that pays for every number of its code that is not zero.

    Counting them has no useful gradient; their absolute sum has, and shrinks most of them to 0:

        loss = 1/N Σₙ [ reconstruction + c ‖f(xₙ)‖₁ ]

    It is eq. 3.8 of the lessons. Source: EECS 230, lecture 16.

    Parameters
    ----------
    sparsity
        The price c, in nats per unit of the code.
    parts
        As for every ``LatentModel``.
    """

    smooth: ClassVar[bool] = False  # |z| has a kink at 0

    def __init__(self, *parts: Any, sparsity: float = 0.1, **named_parts: Any) -> None:
        super().__init__(*parts, **named_parts)
        self.sparsity = check_not_negative(sparsity, "sparsity")

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = True) -> LossParts:
        """Return the loss of the images ``x`` (N, …); ``noise`` is not used."""
        z = self.encoder.forward(x, training)  # (N, D)
        decoded = self.decoder.forward(z, training)  # (N, …)
        reconstruction = self.likelihood.negative_log_likelihood(x, decoded)  # (N,)
        price = self.sparsity * np.abs(z).sum(axis=1)  # (N,)
        self._pass = (x, z, decoded)
        parts = self._mean_loss(reconstruction, np.zeros_like(reconstruction), 0.0)
        return LossParts(parts.loss + float(price.mean(dtype=np.float64)), parts.reconstruction, 0)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        x, z, decoded = self._last_pass()
        d_decoded = self.likelihood.gradient(x, decoded)  # (N, …)
        d_decoded /= len(x)
        # ∂|z|/∂z is the sign of z; where z is 0 already, 0 serves.
        dz = self.decoder.backward(d_decoded) + self.sparsity / len(x) * np.sign(z)  # (N, D)
        self.encoder.backward_parameters(dz)
