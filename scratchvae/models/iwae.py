"""The importance-weighted autoencoder: a VAE trained on a tighter bound.

Dimensions: N images, D latents, K draws of z per image, … an image's shape (H, W, C).
"""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.layers import Dense, Layer
from scratchvae.layers.sequential import each_layer
from scratchvae.models.vae import VAE
from scratchvae.probability import BernoulliLikelihood, reparameterise_backward
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray

# A pixel that is black in every training image would get a bias of −∞.
_FAINTEST = 1e-3


class IWAE(VAE):
    """A VAE whose loss is minus the logarithm of the mean weight of K draws.

    With the weights w = p(x | z) p(z) / q(z | x) the loss is

        loss = −1/N Σₙ log 1/K Σₖ wₖₙ

    in nats per image. It falls to −log p(x) as K grows. For K = 1 it is the VAE's bound, whose KL
    has a closed form: there this model is the VAE, since without a draw in the KL the gradient is
    less noisy (the estimator L̃ᴮ of Kingma and Welling (2013), equation 7, rather than L̃ᴬ,
    equation 6).
    Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016).

    The parameters are those of ``VAE`` except β and the weight of the reconstruction: with either,
    the loss would not be a bound. ``samples`` is K.

    The terms of its loss are those of the bound with K = 1, so that runs can be compared:
    ``reconstruction`` and ``kl`` are means over all draws (for K > 1 the KL is estimated from the
    draws), and ``loss`` is at most their sum.
    """

    made_of: ClassVar[dict[str, str]] = {"beta": "", "reconstruction_weight": ""}
    weighs_kl = False  # the logarithm of the mean weight does not split into two terms

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for weight in ("beta", "reconstruction_weight"):
            if weight in kwargs:
                raise TypeError(f"IWAE takes no {weight}: with it, the loss would be no bound")
        super().__init__(*args, **kwargs)

    def forward(
        self, x: FloatArray, eps: FloatArray, training: bool = False, **condition: Any
    ) -> LossTerms:
        """Return the loss of the images ``x`` (N, …) with the noise ``eps`` (K, N, D)."""
        terms = super().forward(x, eps, training, **condition)
        if len(eps) == 1:
            return terms
        _, log_variance, _, _, _, z, nll = self._pass
        # log q(z | x) − log p(z): in log q the distance of z from its mean is eps itself.
        log_ratio = 0.5 * (z**2 - eps**2 - log_variance).sum(axis=-1)  # (K, N)
        log_weights = -(nll + log_ratio)  # (K, N)
        largest = log_weights.max(axis=0)
        weights = np.exp(log_weights - largest)
        total = weights.sum(axis=0)
        self._pass = (*self._pass, weights / total)
        loss = -(np.log(total / len(eps)) + largest)  # (N,)
        terms = self._mean_loss(nll.mean(axis=0), log_ratio.mean(axis=0), 1.0)
        return replace(terms, loss=float(loss.mean(dtype=np.float64)))

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``.

        ∂loss/∂log wₖₙ = −w̃ₖₙ / N, with the weights normalised to Σₖ w̃ₖₙ = 1: each draw counts
        according to its weight, where in a VAE all count equally. And with
        z = mean + e^(log_variance / 2) eps,

            −log w = −log p(x | z) + ½ Σ (z² − eps² − log_variance).
        """
        _, log_variance, eps, targets, decoded, z, *_, last = self._last_pass()
        if len(eps) == 1:
            return super().backward()
        weight = last / z.shape[1]  # the normalised weights over N, (K, N): all sum to 1
        d_decoded = self.likelihood_gradient(targets, decoded)  # (K·N, …)
        d_decoded *= weight.reshape(-1, *[1] * (decoded.ndim - 1))
        dz = self.decode_backward(d_decoded).reshape(eps.shape)  # (K, N, D): through p(x | z) …
        dz = dz + weight[..., None] * z  # … and through the prior
        d_mean, d_log_variance = reparameterise_backward(dz, log_variance, eps)  # (N, D) both
        # q's own log-variance: −½, times Σₖ w̃ / N.
        self.encode_backward(d_mean, d_log_variance - 0.5 / z.shape[1])

    def begin(self, images: NDArray[Any]) -> None:
        """Before the first step, set the output's bias so that the mean image is decoded.

        Source: the code of the paper's authors. Nothing is done unless the decoder ends in a dense
        layer of logits whose bias is still zero: otherwise it has been trained.
        """
        images = self.as_images(images)
        dense = _dense_layers(self.decoder)
        if not isinstance(self.likelihood, BernoulliLikelihood) or not dense or not len(images):
            return
        bias = dense[-1].parameters["bias"].value
        # In pieces, since the mean of 8-bit pixels needs no copy of all of them as floats.
        pieces = np.array_split(np.arange(len(images)), -(-len(images) // 1000))
        total = sum(
            read_pixels(images[piece[0] : piece[-1] + 1], np.float64).sum(axis=0)
            for piece in pieces
        )
        mean = np.clip(np.ravel(total / len(images)), _FAINTEST, 1 - _FAINTEST)
        if mean.size == bias.size and not bias.any():
            bias[...] = np.log(mean / (1 - mean))


def initialise_as_glorot(*networks: Layer) -> None:
    """Give dense layers the initial weights of the paper: uniform in ±√(6 / (I + O)), biases 0.

    They are uniform in ±1/√I at first (see ``Dense``), so a factor is enough. Source: Glorot and
    Bengio (2010), equation 16.
    """
    for network in networks:
        for layer in _dense_layers(network):
            fan_in, fan_out = layer.in_features, layer.out_features
            layer.parameters["weight"].value *= np.sqrt(6 * fan_in / (fan_in + fan_out))
            layer.parameters["bias"].value[...] = 0


def _dense_layers(network: Layer) -> list[Dense]:
    """Return the dense layers in a network, from first to last."""
    return [layer for layer in each_layer(network) if isinstance(layer, Dense)]
