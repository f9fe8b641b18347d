import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

generator = np.random.default_rng(4)
pictures = make_synthetic_digits(40, seed=9).images[:, ::2, ::2, 0].reshape(40, 196) / 255


class Model:
    def __init__(self, d=5, h=50):
        shapes = {"w1": (196, h), "wm": (h, d), "ws": (h, d), "w2": (d, h), "w3": (h, 196)}
        self.weights = {k: generator.normal(0, s[0] ** -0.5, s) for k, s in shapes.items()}
        self.weights["b"] = np.full(196, -1.5)
        self.m = dict.fromkeys(self.weights, 0.0)
        self.v = dict.fromkeys(self.weights, 0.0)
        self.t = 0

    def encode(self, x):
        h = np.maximum(x @ self.weights["w1"], 0)
        return h @ self.weights["wm"], h @ self.weights["ws"]

    def draw(self, mean, log_variance):
        self.noise = generator.standard_normal(mean.shape)
        return mean + np.exp(0.5 * log_variance) * self.noise

    def decode(self, z):
        a = np.maximum(z @ self.weights["w2"], 0) @ self.weights["w3"] + self.weights["b"]
        return 1 / (1 + np.exp(-a))

    def loss(self, x, p, mean, log_variance):
        log_likelihood = np.sum(x * np.log(p + 1e-10), axis=1)
        kl = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance), axis=1)
        return np.mean(kl - log_likelihood)

    def train_step(self, x):
        n, w = len(x), self.weights
        h = np.maximum(x @ w["w1"], 0)
        mean, log_variance = self.encode(x)
        z = self.draw(mean, log_variance)
        g = np.maximum(z @ w["w2"], 0)
        p = self.decode(z)
        da = -x * (1 - p) / n
        dg = da @ w["w3"].T * (g > 0)
        dz = dg @ w["w2"].T
        dm = dz + mean / n
        ds = 0.5 * dz * (z - mean) + 0.5 * (np.exp(log_variance) - 1) / n
        dh = (dm @ w["wm"].T + ds @ w["ws"].T) * (h > 0)
        slopes = {"w1": x.T @ dh, "wm": h.T @ dm, "ws": h.T @ ds, "w2": z.T @ dg}
        slopes |= {"w3": g.T @ da, "b": da.sum(0)}
        self.t += 1
        for k, slope in slopes.items():
            self.m[k] = 0.9 * self.m[k] + 0.1 * slope
            self.v[k] = 0.99 * self.v[k] + 0.01 * slope**2
            size = np.sqrt(self.v[k] / (1 - 0.99**self.t)) + 1e-8
            w[k] -= 0.005 * self.m[k] / (1 - 0.9**self.t) / size
        return self.loss(x, p, mean, log_variance)


model = Model()


def description():
    return {
        "data": pictures,
        "encode": model.encode,
        "draw": model.draw,
        "decode": model.decode,
        "loss": model.loss,
        "train_step": model.train_step,
        "parameters": model.weights,
        "likelihood": "bernoulli",
        "decoder_gives": "probabilities",
    }
