"""The variational autoencoder itself, and its training: what the last lesson writes.

Dimensions: N images of P pixels, D latents, S draws.
"""

from typing import Any

import numpy as np

from scratchvae.course.program.layers import Arrays
from scratchvae.course.program.probability import (
    draw,
    draw_backward,
    kl_gradients,
    kl_to_standard,
    log_mean_exp,
    log_normal,
)
from scratchvae.course.program.training import batches, cosine
from scratchvae.validation import FloatArray


class VAE:
    """Encoder, draw, decoder, and a likelihood: the loss is the negative ELBO, eq. 12.2.

    The encoder gives 2D numbers an image, the means and then the log-variances.
    """

    def __init__(self, encoder: Any, decoder: Any, likelihood: Any, latents: int) -> None:
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.latents = likelihood, latents

    @property
    def parameters(self) -> Arrays:
        """Both networks' arrays, named "encoder.0.weight", …."""
        return self._both("parameters")

    @property
    def gradients(self) -> Arrays:
        """Their gradients, by the same names."""
        return self._both("gradients")

    def _both(self, kind: str) -> Arrays:
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        return {
            f"{place}.{name}": array
            for place, network in networks.items()
            for name, array in getattr(network, kind).items()
        }

    def encode(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x), (N, D) both: eq. 12.1."""
        mean, log_variance = np.split(self.encoder.forward(x), 2, axis=1)
        return mean, log_variance

    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each image's reconstruction and KL in nats, (N,) both; keep what goes back."""
        mean, log_variance = self.encode(x)
        z = draw(mean, log_variance, eps)
        y = self.decoder.forward(z)
        self.kept = x, eps, mean, log_variance, y
        return self.likelihood.nats(x, y), kl_to_standard(mean, log_variance)

    def backward(self) -> None:
        """Fill all gradients of the mean loss, for the last forward pass."""
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        d_mean, d_log_variance = latent_gradients(dz, mean, log_variance, eps)
        encoder_backward(self.encoder, d_mean, d_log_variance)


def decoder_backward(decoder: Any, likelihood: Any, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return dz, (N, D), of the mean loss, filling the decoder's gradients: eq. 12.4 to 12.6."""
    dz: FloatArray = decoder.backward(likelihood.gradient(x, y) / len(x))
    return dz


def latent_gradients(
    dz: FloatArray, mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return d_mean and d_log_variance, each summed over its two paths: eq. 12.7 and eq. 12.8."""
    mean_through_z, log_variance_through_z = draw_backward(dz, log_variance, eps)
    mean_through_kl, log_variance_through_kl = kl_gradients(mean, log_variance)
    count = len(mean)
    return (
        mean_through_z + mean_through_kl / count,
        log_variance_through_z + log_variance_through_kl / count,
    )


def encoder_backward(encoder: Any, d_mean: FloatArray, d_log_variance: FloatArray) -> None:
    """Fill the encoder's gradients: eq. 12.9."""
    encoder.backward(np.concatenate([d_mean, d_log_variance], axis=1))


def toss(grey: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return black-and-white images: each pixel is 1 with the probability of its grey: eq. 11.4."""
    return (rng.random(grey.shape, dtype=grey.dtype) < grey).astype(grey.dtype)


def noise(rng: np.random.Generator, count: int, latents: int, dtype: Any) -> FloatArray:
    """Return draws of N(0, I), (count, latents)."""
    eps: FloatArray = rng.standard_normal((count, latents), dtype=dtype)
    return eps


def train_vae(
    vae: Any,
    optimiser: Any,
    images: FloatArray,
    *,
    epochs: int,
    size: int,
    rng: np.random.Generator,
    prepare: Any = None,
) -> list[float]:
    """Return the mean loss of each epoch, in nats per image, under a cosine schedule.

    ``prepare(images, rng)`` turns a batch into what the model sees, as ``toss`` does.
    """
    rate, history = optimiser.rate, []
    steps, done = epochs * -(-len(images) // size), 0
    for _ in range(epochs):
        total = 0.0
        for chosen in batches(len(images), size, rng):
            x = images[chosen] if prepare is None else prepare(images[chosen], rng)
            reconstruction, kl = vae.forward(x, noise(rng, len(x), vae.latents, x.dtype))
            vae.backward()
            optimiser.rate = rate * cosine(done / steps)
            optimiser.step(vae.gradients)
            done += 1
            total += float((reconstruction + kl).sum())
        history.append(total / len(images))
    optimiser.rate = rate
    return history


def save_parameters(file: Any, vae: Any) -> None:
    """Write all parameters to a file, or to its path, by their names."""
    np.savez(file, **vae.parameters)


def load_parameters(file: Any, vae: Any) -> None:
    """Put the parameters that ``save_parameters`` wrote back into a VAE of the same sizes."""
    with np.load(file) as kept:
        for name, value in vae.parameters.items():
            value[...] = kept[name]


def evaluate(vae: Any, images: FloatArray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the mean reconstruction and the mean KL of all images, in nats."""
    eps = noise(rng, len(images), vae.latents, images.dtype)
    reconstruction, kl = vae.forward(images, eps)
    return float(reconstruction.mean()), float(kl.mean())


def reconstruct(vae: Any, images: FloatArray) -> FloatArray:
    """Return the mean image decoded at each image's mean of q(z | x)."""
    mean, _ = vae.encode(images)
    decoded: FloatArray = vae.likelihood.mean(vae.decoder.forward(mean))
    return decoded


def sample(vae: Any, count: int, rng: np.random.Generator, dtype: Any = np.float32) -> FloatArray:
    """Return the mean images decoded at draws from the prior: eq. 1.3."""
    z = noise(rng, count, vae.latents, dtype)
    decoded: FloatArray = vae.likelihood.mean(vae.decoder.forward(z))
    return decoded


def interpolate(vae: Any, first: FloatArray, last: FloatArray, steps: int) -> FloatArray:
    """Return the images on the straight line between two images' means, (steps, P): eq. 1.8."""
    means, _ = vae.encode(np.stack([first, last]))
    share = np.linspace(0, 1, steps, dtype=means.dtype)[:, None]
    decoded: FloatArray = vae.likelihood.mean(
        vae.decoder.forward((1 - share) * means[0] + share * means[1])
    )
    return decoded


def estimate_log_evidence(
    vae: Any, x: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return an estimate of each image's log p(x) from ``draws`` of q(z | x): eq. 7.9.

    Its mean over the images is what maximum likelihood makes large: eq. 7.3.
    """
    mean, log_variance = vae.encode(x)
    logs = []
    for _ in range(draws):
        z = draw(mean, log_variance, noise(rng, len(x), vae.latents, x.dtype))
        prior = log_normal(z, np.zeros_like(z), np.zeros_like(z))
        likelihood = -vae.likelihood.nats(x, vae.decoder.forward(z))
        logs.append(likelihood + prior - log_normal(z, mean, log_variance))
    return log_mean_exp(np.stack(logs))
