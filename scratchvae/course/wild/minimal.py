"""A minimal VAE that is right, in parts that a fault can replace one at a time.

Its methods have the names that the doctor reads. Each part returns its value and its slope, so that
a faulty part is trained on the gradient of what it computes, as a framework would.

Dimensions: N images of P pixels, D latents.
"""

import numpy as np

from scratchvae.layers import Dense, Sequential, Tanh
from scratchvae.training import Adam
from scratchvae.validation import FloatArray

Slopes = tuple[FloatArray, FloatArray]
RATE = 2e-3


class Minimal:
    """A VAE with one hidden layer on each side and Bernoulli pixels, whose decoder gives logits.

    Parameters
    ----------
    data
        Images (N, P) with pixels from 0 to 1: what the doctor examines it with.
    latents, hidden
        D, and the units of each hidden layer.
    seed
        Of the parameters and of the noise.
    """

    likelihood = "bernoulli"
    decoder_gives = "logits"
    spread = "log-variance"
    variance: float | None = None
    beta = 1.0
    latents = 10

    def __init__(self, data: FloatArray, *, hidden: int = 100, seed: int = 0) -> None:
        self.data = data
        self.rng = np.random.default_rng(seed)
        pixels, random, double = data.shape[1], self.rng, np.float64
        self.encoder = Sequential(
            Dense(pixels, hidden, rng=random, dtype=double),
            Tanh(dtype=double),
            Dense(hidden, 2 * self.latents, rng=random, dtype=double),
        )
        self.decoder = Sequential(
            Dense(self.latents, hidden, rng=random, dtype=double),
            Tanh(dtype=double),
            Dense(hidden, pixels, rng=random, dtype=double),
        )
        learned = {f"encoder.{name}": p for name, p in self.encoder.parameters.items()}
        learned |= {f"decoder.{name}": p for name, p in self.decoder.parameters.items()}
        self.optimiser = Adam(learned, RATE)
        self.parameters = {name: p.value for name, p in learned.items()}

    # The parts.

    def moments(self, first: FloatArray, second: FloatArray) -> Slopes:
        """Return mean and spread of q(z | x), (N, D) both, from the encoder's two outputs."""
        return first, second

    def moments_backward(self, first: FloatArray, second: FloatArray, slopes: Slopes) -> Slopes:
        """Return the derivatives by the encoder's two outputs from those by mean and spread."""
        return slopes

    def deviation(self, spread: FloatArray) -> Slopes:
        """Return σ, and dσ / dspread: σ = exp(log-variance / 2), eq. 10.7 of the lessons."""
        sigma = np.exp(spread / 2)
        return sigma, sigma / 2

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return fresh draws from N(0, 1)."""
        return self.rng.standard_normal(shape)

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return the KL to N(0, 1) of each latent, (N, D), and its slopes (eq. 8.10)."""
        variance = np.exp(spread)
        return 0.5 * (mean**2 + variance - 1 - spread), (mean, 0.5 * (variance - 1))

    def nats(self, x: FloatArray, y: FloatArray) -> Slopes:
        """Return −log p(x | y) of each pixel, and its slope by y (eq. 11.1 and 11.3)."""
        return np.logaddexp(0, y) - x * y, 0.5 * (1 + np.tanh(y / 2)) - x

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return by what the sums over pixels and over latents are multiplied: 1 / N, 1 / N."""
        return 1 / len(x), 1 / len(x)

    # What the doctor calls.

    def encode(self, x: FloatArray) -> Slopes:
        """Return mean and spread of q(z | x), (N, D) both."""
        first, second = np.split(self.encoder.forward(x), 2, axis=1)
        return self.moments(first, second)

    def draw(self, mean: FloatArray, spread: FloatArray) -> FloatArray:
        """Return one z for each image, (N, D)."""
        return mean + self.deviation(spread)[0] * self.noise(mean.shape)

    def decode(self, z: FloatArray) -> FloatArray:
        """Return the decoder's output, (N, P)."""
        return self.decoder.forward(z)

    def loss(
        self, x: FloatArray, y: FloatArray, mean: FloatArray, spread: FloatArray
    ) -> tuple[float, float, float]:
        """Return the loss, and the two terms whose sum it is."""
        by_pixels, by_latents = self.weights(x)
        reconstruction = by_pixels * self.nats(x, y)[0].sum()
        kl = by_latents * self.divergence(mean, spread)[0].sum()
        return float(reconstruction + kl), float(reconstruction), float(kl)

    def train_step(self, x: FloatArray) -> float:
        """Take a step of Adam on a batch, and return the loss before it."""
        first, second = np.split(self.encoder.forward(x), 2, axis=1)
        mean, spread = self.moments(first, second)
        (sigma, slope), noise = self.deviation(spread), self.noise(mean.shape)
        y = self.decoder.forward(mean + sigma * noise)
        by_pixels, by_latents = self.weights(x)
        kl_by_mean, kl_by_spread = self.divergence(mean, spread)[1]
        self.encoder.zero_grad()
        self.decoder.zero_grad()
        dz = self.decoder.backward(by_pixels * self.nats(x, y)[1])
        slopes = dz + by_latents * kl_by_mean, dz * slope * noise + by_latents * kl_by_spread
        by_outputs = self.moments_backward(first, second, slopes)
        self.encoder.backward(np.concatenate(by_outputs, axis=1))
        self.optimiser.step()
        return self.loss(x, y, mean, spread)[0]


class Gaussian(Minimal):
    """The same with Gaussian pixels of ``variance``, whose decoder gives their means."""

    likelihood = "gaussian"
    decoder_gives = "means"
    variance: float | None = 1.0

    def nats(self, x: FloatArray, y: FloatArray) -> Slopes:
        """Return −log p(x | y) without its constant: (x − y)² / 2σ², eq. 11.6."""
        variance = self.variance or 1.0
        return (x - y) ** 2 / (2 * variance), (y - x) / variance
