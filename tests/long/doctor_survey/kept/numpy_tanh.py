import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(92)
images = make_synthetic_digits(40, seed=92).images[:, ::2, ::2, 0].reshape(40, 196) / 127.5 - 1
VARIANCE = 0.25


class VAE:
    def __init__(self, n_hidden=40, n_latent=4):
        self.weights = {
            "W1": rng.normal(0, 0.07, (196, n_hidden)),
            "W2": rng.normal(0, 0.15, (n_hidden, 2 * n_latent)),
            "W3": rng.normal(0, 0.5, (n_latent, n_hidden)),
            "W4": rng.normal(0, 0.15, (n_hidden, 196)),
            "b4": np.full(196, -0.5),
        }
        self.n_latent = n_latent

    def encode(self, x):
        s = np.tanh(x @ self.weights["W1"]) @ self.weights["W2"]
        return s[:, : self.n_latent], s[:, self.n_latent :]

    def reparameterise(self, mean, log_variance, noise):
        return mean + np.exp(0.5 * log_variance) * noise

    def decode(self, z):
        w = self.weights
        return np.tanh(np.tanh(z @ w["W3"]) @ w["W4"] + w["b4"])

    def loss_function(self, x, y, mean, log_variance):
        squared = np.mean(np.sum((x - y) ** 2, axis=1)) / (2 * VARIANCE)
        constant = 0.5 * x.shape[1] * np.log(2 * np.pi * VARIANCE)
        kl = np.mean(np.sum(mean**2 + np.exp(log_variance) - log_variance - 1, axis=1)) / 2
        return squared + constant + kl

    def train_step(self, x, rate=0.01):
        n, w = len(x), self.weights
        h = np.tanh(x @ w["W1"])
        mean, log_variance = self.encode(x)
        noise = rng.standard_normal(mean.shape)
        z = self.reparameterise(mean, log_variance, noise)
        g = np.tanh(z @ w["W3"])
        y = self.decode(z)
        da = (y - x) * (1 - y**2) / (n * VARIANCE)
        dg = da @ w["W4"].T * (1 - g**2)
        dz = dg @ w["W3"].T
        dv = dz * noise * np.exp(log_variance / 2) / 2 + (np.exp(log_variance) - 1) / (2 * n)
        ds = np.hstack([dz + mean / n, dv])
        dh = ds @ w["W2"].T * (1 - h**2)
        slopes = {"W1": x.T @ dh, "W2": h.T @ ds, "W3": z.T @ dg, "W4": g.T @ da, "b4": da.sum(0)}
        for name, slope in slopes.items():
            w[name] -= rate * slope
        return self.loss_function(x, y, mean, log_variance)


vae = VAE()


def description():
    return {
        "data": images,
        "encode": vae.encode,
        "draw": vae.reparameterise,
        "decode": vae.decode,
        "loss": vae.loss_function,
        "train_step": vae.train_step,
        "parameters": vae.weights,
        "likelihood": "gaussian",
        "variance": VARIANCE,
    }
