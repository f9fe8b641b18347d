import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

random_state = np.random.default_rng(72)
images = make_synthetic_digits(40, seed=54).images[:, ::2, ::2, 0].reshape(40, 196)
images = images / 127.5 - 1


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class VAE:
    def __init__(self, n_in=196, n_hidden=36, n_z=4):
        self.We = random_state.normal(0, 0.06, (n_in, n_hidden))
        self.Wm = random_state.normal(0, 0.17, (n_hidden, n_z))
        self.Wl = random_state.normal(0, 0.17, (n_hidden, n_z))
        self.Wd = random_state.normal(0, 0.5, (n_z, n_hidden))
        self.Wo = random_state.normal(0, 0.17, (n_hidden, n_in))
        self.bo = np.zeros(n_in)

    def encode(self, x):
        h = np.tanh(x @ self.We)
        return h @ self.Wm, h @ self.Wl

    def reparameterize(self, mu, logvar, eps):
        return mu + np.exp(0.5 * logvar) * eps

    def decode(self, z):
        return sigmoid(np.tanh(z @ self.Wd) @ self.Wo + self.bo)

    def loss(self, x, y, mu, logvar):
        bce = -np.sum(x * np.log(y + 1e-9) + (1 - x) * np.log(1 - y + 1e-9)) / len(x)
        kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / len(x)
        return bce + kl, bce, kl

    def train_step(self, x, lr=0.01):
        n = x.shape[0]
        h = np.tanh(x @ self.We)
        mu, logvar = h @ self.Wm, h @ self.Wl
        eps = random_state.standard_normal(mu.shape)
        z = self.reparameterize(mu, logvar, eps)
        g = np.tanh(z @ self.Wd)
        y = self.decode(z)
        da = (y - x) / n
        dg = da @ self.Wo.T * (1 - g * g)
        dz = dg @ self.Wd.T
        dmu = dz + mu / n
        dl = dz * eps * np.exp(0.5 * logvar) * 0.5 + 0.5 * (np.exp(logvar) - 1) / n
        dh = (dmu @ self.Wm.T + dl @ self.Wl.T) * (1 - h * h)
        value = self.loss(x, y, mu, logvar)[0]
        self.We -= lr * x.T @ dh
        self.Wm -= lr * h.T @ dmu
        self.Wl -= lr * h.T @ dl
        self.Wd -= lr * z.T @ dg
        self.Wo -= lr * g.T @ da
        self.bo -= lr * da.sum(0)
        return value


vae = VAE()


def description():
    return {
        "data": images,
        "encode": vae.encode,
        "draw": vae.reparameterize,
        "decode": vae.decode,
        "loss": vae.loss,
        "train_step": vae.train_step,
        "parameters": vars(vae),
        "likelihood": "bernoulli",
    }
