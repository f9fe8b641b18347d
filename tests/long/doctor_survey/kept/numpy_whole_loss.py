import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(55)
images = make_synthetic_digits(40, seed=44).images[:, ::2, ::2, 0].reshape(40, 196) / 255.0
p = {
    "W1": rng.normal(0, 0.07, (196, 36)),
    "W2": rng.normal(0, 0.16, (36, 10)),
    "W3": rng.normal(0, 0.4, (5, 36)),
    "W4": rng.normal(0, 0.16, (36, 196)),
    "b4": np.zeros(196) - 1,
}


def encode(x):
    return np.split(np.tanh(x @ p["W1"]) @ p["W2"], 2, axis=1)


def sample_z(mu, logvar):
    return mu + np.exp(0.5 * logvar) * rng.standard_normal(mu.shape)


def decode(z):
    return 1 / (1 + np.exp(-(np.tanh(z @ p["W3"]) @ p["W4"] + p["b4"])))


def forward(x):
    cache = {"x": x, "h": np.tanh(x @ p["W1"])}
    cache["mu"], cache["logvar"] = np.split(cache["h"] @ p["W2"], 2, axis=1)
    cache["z"] = cache["mu"]
    cache["g"] = np.tanh(cache["z"] @ p["W3"])
    cache["y"] = decode(cache["z"])
    y, mu, logvar = np.clip(cache["y"], 1e-9, 1 - 1e-9), cache["mu"], cache["logvar"]
    bce = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum()
    kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()
    return (bce + kl) / len(x), cache


def backward(c):
    n = len(c["x"])
    da = (c["y"] - c["x"]) / n
    dg = da @ p["W4"].T * (1 - c["g"] ** 2)
    dz = dg @ p["W3"].T
    dlv = dz * (c["z"] - c["mu"]) / 2 + (np.exp(c["logvar"]) - 1) / (2 * n)
    ds = np.hstack([dz + c["mu"] / n, dlv])
    dh = ds @ p["W2"].T * (1 - c["h"] ** 2)
    slopes = {"W1": c["x"].T @ dh, "W2": c["h"].T @ ds, "W3": c["z"].T @ dg}
    return slopes | {"W4": c["g"].T @ da, "b4": da.sum(0)}


def train_step(x):
    loss, cache = forward(x)
    for name, slope in backward(cache).items():
        p[name] -= 0.02 * slope
    return loss


def description():
    return {
        "data": images,
        "encode": encode,
        "draw": sample_z,
        "decode": decode,
        "loss": lambda x: forward(x)[0],
        "train_step": train_step,
        "parameters": p,
        "likelihood": "bernoulli",
    }
