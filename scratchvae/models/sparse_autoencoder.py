"""The sparse autoencoder: more numbers in the code than pixels in the image, but few of them used.

Dimensions: N images, D numbers in a code, … an image's shape (H, W, C).
"""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from scratchvae.models.autoencoder import Autoencoder
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray, check_not_negative


class SparseAutoencoder(Autoencoder):
    """An autoencoder with an L1 penalty on its code.

    The number of entries that are not zero has no useful gradient. The sum of their absolute values
    has one, and shrinks most of them to 0:

        loss = 1/N Σₙ [ reconstruction + c ‖f(xₙ)‖₁ ]

    It is eq. 5.1 of the lessons. Source: EECS 230, lecture 16.

    Parameters
    ----------
    sparsity
        The weight c of the penalty, in nats per unit of the code.
    args, kwargs
        As for every ``LatentModel``.
    """

    smooth: ClassVar[bool] = False  # |z| has a kink at 0
    checked = Autoencoder.checked | {"sparsity": check_not_negative}

    def __init__(self, *args: Any, sparsity: float = 0.1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sparsity = sparsity

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …); ``noise`` is not used."""
        terms = super().forward(x, noise, training)
        _, z, _ = self._pass
        penalty = self.sparsity * np.abs(z).sum(axis=1)  # (N,)
        return replace(terms, loss=terms.loss + float(penalty.mean(dtype=np.float64)))

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        x, z, decoded = self._last_pass()
        d_decoded = self.likelihood_gradient(x, decoded)  # (N, …)
        d_decoded /= len(x)
        # ∂|z|/∂z is the sign of z; at the kink, z = 0, it is taken as 0.
        dz = self.back_through("decoder", d_decoded, self.latent_dim)  # (N, D)
        dz = dz + self.sparsity / len(x) * np.sign(z)
        self.encoder.backward_parameters(dz)
