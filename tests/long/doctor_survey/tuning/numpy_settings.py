import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

SETTINGS = {"hidden": 30, "latents": 4, "batches": 100, "seed": 6}
rng = np.random.default_rng(SETTINGS["seed"])
train = make_synthetic_digits(40, seed=26).images[:, 2:26:2, 2:26:2, 0].reshape(40, 144) / 255.0
learning_rate = 1 // SETTINGS["batches"]


def linear(m, n):
    return {"W": rng.uniform(-1, 1, (m, n)) / np.sqrt(m), "b": np.zeros(n)}


net = {"enc": linear(144, 30), "mu": linear(30, 4), "lv": linear(30, 4)}
net |= {"dec": linear(4, 30), "out": linear(30, 144)}


def go(name, x):
    return x @ net[name]["W"] + net[name]["b"]


def back(name, x, d):
    dx = d @ net[name]["W"].T
    net[name]["W"] -= learning_rate * (x.T @ d)
    net[name]["b"] -= learning_rate * d.sum(axis=0)
    return dx


def encode(x):
    h = np.tanh(go("enc", x))
    return go("mu", h), go("lv", h)


def reparameterize(mu, lv):
    return mu + np.exp(lv / 2) * rng.normal(size=mu.shape)


def decode(z):
    return 1 / (1 + np.exp(-go("out", np.tanh(go("dec", z)))))


def loss(x, y, mu, lv):
    y = np.clip(y, 1e-8, 1 - 1e-8)
    bce = -np.sum(x * np.log(y) + (1 - x) * np.log(1 - y)) / len(x)
    kl = -0.5 * np.sum(1 + lv - mu**2 - np.exp(lv)) / len(x)
    return {"total": bce + kl, "bce": bce, "kl": kl}


def train_step(x):
    n = len(x)
    h = np.tanh(go("enc", x))
    mu, lv = go("mu", h), go("lv", h)
    z = reparameterize(mu, lv)
    g = np.tanh(go("dec", z))
    y = 1 / (1 + np.exp(-go("out", g)))
    dz = back("dec", z, back("out", g, (y - x) / n) * (1 - g**2))
    dlv = dz * (z - mu) / 2 + (np.exp(lv) - 1) / (2 * n)
    dh = back("mu", h, dz + mu / n) + back("lv", h, dlv)
    back("enc", x, dh * (1 - h**2))
    return loss(x, y, mu, lv)["total"]


def description():
    return {
        "data": train,
        "encode": encode,
        "draw": reparameterize,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": net,
        "likelihood": "bernoulli",
    }
