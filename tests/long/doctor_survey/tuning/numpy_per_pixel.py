import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(86)
x_train = make_synthetic_digits(40, seed=86).images[:, ::2, ::2, 0].reshape(40, 196) / 255.0
PIXELS = x_train.shape[1]
params = {"e0": rng.normal(0, 0.07, (196, 40)), "e1": rng.normal(0, 0.15, (40, 8))}
params |= {"d0": rng.normal(0, 0.5, (4, 40)), "d1": rng.normal(0, 0.15, (40, 196))}
params["d2"] = np.zeros(196)


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def encode(x):
    s = np.tanh(x @ params["e0"]) @ params["e1"]
    return s[:, :4], s[:, 4:]


def sample(mu, logvar):
    return mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape)


def decode(z):
    return sigmoid(np.tanh(z @ params["d0"]) @ params["d1"] + params["d2"])


def loss(x, y, mu, logvar):
    """Nats per pixel: both terms are divided by the number of pixels."""
    y = np.clip(y, 1e-9, 1 - 1e-9)
    bce = np.mean(-(x * np.log(y) + (1 - x) * np.log(1 - y)))
    kl = np.mean(np.sum(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar), axis=1)) / PIXELS
    return bce + kl, bce, kl


def train_step(x, rate=2.0):
    size = x.size
    h = np.tanh(x @ params["e0"])
    mu, logvar = np.hsplit(h @ params["e1"], 2)
    z = sample(mu, logvar)
    g = np.tanh(z @ params["d0"])
    y = decode(z)
    da = (y - x) / size
    dg = da @ params["d1"].T * (1 - g**2)
    dz = dg @ params["d0"].T
    dlogvar = dz * (z - mu) / 2 + (np.exp(logvar) - 1) / (2 * size)
    ds = np.hstack([dz + mu / size, dlogvar])
    dh = ds @ params["e1"].T * (1 - h**2)
    slopes = {"e0": x.T @ dh, "e1": h.T @ ds, "d0": z.T @ dg, "d1": g.T @ da, "d2": da.sum(0)}
    for name, slope in slopes.items():
        params[name] -= rate * slope
    return loss(x, y, mu, logvar)[0]


def description():
    return {
        "data": x_train,
        "encode": encode,
        "draw": sample,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": params,
        "likelihood": "bernoulli",
    }
