import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(7)
X = (make_synthetic_digits(48, seed=2).images[:, ::2, ::2, 0] / 255).reshape(48, -1)


class Vae:
    def __init__(self, pixels=196, hidden=40, latents=4):
        def weight(a, b):
            return rng.normal(0, 1 / np.sqrt(a), (a, b))

        self.p = {"W1": weight(pixels, hidden), "Wm": weight(hidden, latents)}
        self.p |= {"Wv": weight(hidden, latents) * 0.3, "W3": weight(latents, hidden)}
        self.p |= {"W4": weight(hidden, pixels)}
        self.p |= {"b1": np.zeros(hidden), "b3": np.zeros(hidden), "b4": np.zeros(pixels)}

    def encode(self, x):
        self.h = np.tanh(x @ self.p["W1"] + self.p["b1"])
        return self.h @ self.p["Wm"], np.exp(self.h @ self.p["Wv"])

    def sample(self, mean, var, noise):
        return mean + var * noise

    def decode(self, z):
        self.g = np.tanh(z @ self.p["W3"] + self.p["b3"])
        return 1 / (1 + np.exp(-(self.g @ self.p["W4"] + self.p["b4"])))

    def loss(self, x, y, mean, var):
        y = np.clip(y, 1e-9, 1 - 1e-9)
        cross_entropy = -np.sum(x * np.log(y) + (1 - x) * np.log(1 - y))
        kl = 0.5 * np.sum(mean**2 + var - np.log(var) - 1)
        return (cross_entropy + kl) / len(x)

    def train_step(self, x, rate=0.02):
        mean, var = self.encode(x)
        noise = rng.standard_normal(mean.shape)
        z = self.sample(mean, var, noise)
        y = self.decode(z)
        da = (y - x) / len(x)
        dg = (da @ self.p["W4"].T) * (1 - self.g**2)
        dz = dg @ self.p["W3"].T
        dmean = dz + mean / len(x)
        dlogvar = dz * noise * var + 0.5 * (var - 1) / len(x)
        dh = (dmean @ self.p["Wm"].T + dlogvar @ self.p["Wv"].T) * (1 - self.h**2)
        gradients = {"W1": x.T @ dh, "b1": dh.sum(0), "Wm": self.h.T @ dmean}
        gradients |= {"Wv": self.h.T @ dlogvar, "W3": z.T @ dg, "b3": dg.sum(0)}
        gradients |= {"W4": self.g.T @ da, "b4": da.sum(0)}
        for name, gradient in gradients.items():
            self.p[name] -= rate * gradient
        return self.loss(x, y, mean, var)


vae = Vae()


def description():
    return {
        "data": X,
        "encode": vae.encode,
        "spread": "variance",
        "draw": vae.sample,
        "decode": vae.decode,
        "loss": vae.loss,
        "train_step": vae.train_step,
        "parameters": vae.p,
        "likelihood": "bernoulli",
    }
