"""A small VAE in NumPy that is right, and parts to put in place of its own."""

import numpy as np

PIXELS, LATENTS = 24, 4


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def cross_entropy(x, p):
    return -(x * np.log(p) + (1 - x) * np.log(1 - p))


def kl(mean, log_variance):
    return 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)


class SmallVAE:
    """One linear layer on each side, trained by plain gradient descent.

    ``z_path`` and ``kl_path`` multiply the encoder's gradients of either term: 0 cuts it off.
    """

    def __init__(self, *, z_path=1.0, kl_path=1.0, rate=0.02, decoder_rate=1.0):
        self.rng = np.random.default_rng(3)
        self.data = (self.rng.random((32, PIXELS)) < 0.3).astype(float)
        self.weights = {
            "encoder": 0.2 * self.rng.standard_normal((PIXELS, 2 * LATENTS)),
            "decoder": 0.4 * self.rng.standard_normal((LATENTS, PIXELS)),
            "bias": np.zeros(PIXELS),
        }
        self.z_path, self.kl_path = z_path, kl_path
        self.rate, self.decoder_rate = rate, decoder_rate

    def encode(self, x):
        both = x @ self.weights["encoder"]
        return both[:, :LATENTS], both[:, LATENTS:]

    def draw(self, mean, log_variance):
        return mean + np.exp(log_variance / 2) * self.rng.standard_normal(mean.shape)

    def decode(self, z):
        return sigmoid(z @ self.weights["decoder"] + self.weights["bias"])

    def loss(self, x, p, mean, log_variance):
        return (cross_entropy(x, p).sum() + kl(mean, log_variance).sum()) / len(x)

    def whole(self, x):
        mean, log_variance = self.encode(x)
        return self.loss(x, self.decode(self.draw(mean, log_variance)), mean, log_variance)

    def train_step(self, x):
        mean, log_variance = self.encode(x)
        z = self.draw(mean, log_variance)
        p = self.decode(z)
        by_output = (p - x) / len(x)
        by_z = self.z_path * by_output @ self.weights["decoder"].T
        by_mean = by_z + self.kl_path * mean / len(x)
        by_spread = by_z * (z - mean) / 2 + self.kl_path * (np.exp(log_variance) - 1) / 2 / len(x)
        self.weights["encoder"] -= self.rate * x.T @ np.hstack([by_mean, by_spread])
        self.weights["decoder"] -= self.rate * self.decoder_rate * z.T @ by_output
        self.weights["bias"] -= self.rate * self.decoder_rate * by_output.sum(0)
        return self.loss(x, p, mean, log_variance)

    def parts(self, **others):
        """Return what describes it to the doctor, with other parts in place of its own."""
        own = {name: getattr(self, name) for name in ("data", "encode", "draw", "decode", "loss")}
        own |= {"train_step": self.train_step, "parameters": self.weights}
        return own | {"likelihood": "bernoulli"} | others
