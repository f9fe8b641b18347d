import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(31)
data = make_synthetic_digits(36, seed=43).images[:, ::2, ::2, 0].reshape(36, 196) / 255.0


class Network:
    def __init__(self, n_latent=6, n_hidden=44):
        self.W = rng.normal(0, 0.07, (196, n_hidden))
        self.M = rng.normal(0, 0.15, (n_hidden, n_latent))
        self.S = rng.normal(0, 0.15, (n_hidden, n_latent))
        self.U = rng.normal(0, 0.4, (n_latent, n_hidden))
        self.V = rng.normal(0, 0.15, (n_hidden, 196))
        self.v = np.zeros(196) - 1

    def encode(self, x):
        h = np.tanh(x @ self.W)
        return h @ self.M, h @ self.S

    def draw(self, mean, s):
        return mean + np.exp(0.5 * s) * rng.standard_normal(mean.shape)

    def decode(self, z):
        return np.tanh(z @ self.U) @ self.V + self.v

    def loss(self, x, logits, mean, s):
        ce = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
        kl = np.sum(0.5 * (mean**2 + np.exp(2 * s) - 1) - s, axis=1)
        return np.mean(ce + kl)

    def train_step(self, x, rate=0.02):
        n = len(x)
        h = np.tanh(x @ self.W)
        mean, s = h @ self.M, h @ self.S
        z = self.draw(mean, s)
        g = np.tanh(z @ self.U)
        logits = g @ self.V + self.v
        da = (1 / (1 + np.exp(-logits)) - x) / n
        dg = da @ self.V.T * (1 - g**2)
        dz = dg @ self.U.T
        dm = dz + mean / n
        ds = 0.5 * dz * (z - mean) + (np.exp(2 * s) - 1) / n
        dh = (dm @ self.M.T + ds @ self.S.T) * (1 - h**2)
        value = self.loss(x, logits, mean, s)
        self.W -= rate * x.T @ dh
        self.M -= rate * h.T @ dm
        self.S -= rate * h.T @ ds
        self.U -= rate * z.T @ dg
        self.V -= rate * g.T @ da
        self.v -= rate * da.sum(0)
        return value


net = Network()


def description():
    return {
        "data": data,
        "encode": net.encode,
        "spread": "log-variance",
        "draw": net.draw,
        "decode": net.decode,
        "decoder_gives": "logits",
        "loss": net.loss,
        "train_step": net.train_step,
        "parameters": vars(net),
        "likelihood": "bernoulli",
    }
