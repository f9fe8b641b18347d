import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(13)
x = make_synthetic_digits(32, seed=28).images[:, ::2, ::2, 0].reshape(32, 196) / 255
d, h = 3, 40
A, B = rng.normal(0, 0.08, (196, h)), rng.normal(0, 0.15, (h, 2 * d))
C, D = rng.normal(0, 0.5, (d, h)), rng.normal(0, 0.15, (h, 196))
bias = np.full(196, -1.0)


def encode(x):
    s = np.tanh(x @ A) @ B
    return s[:, :d], s[:, d:]


def draw(mean, logvar, noise):
    return mean + np.exp(logvar / 2) * noise


def decode(z):
    a = np.tanh(z @ C) @ D + bias
    return np.clip(0.5 + a / 2, 0, 1)


def loss(x, p, mean, logvar):
    with np.errstate(all="ignore"):
        ce = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()
    return (ce - 0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum()) / len(x)


def train_step(x, rate=0.01):
    u = np.tanh(x @ A)
    s = u @ B
    mean, logvar = s[:, :d], s[:, d:]
    noise = rng.standard_normal(mean.shape)
    z = draw(mean, logvar, noise)
    g = np.tanh(z @ C)
    p = decode(z)
    with np.errstate(all="ignore"):
        da = (p - x) / (p * (1 - p)) * ((p > 0) & (p < 1)) / 2 / len(x)
    dg = da @ D.T * (1 - g**2)
    dz = dg @ C.T
    dlv = dz * noise * np.exp(logvar / 2) / 2 + (np.exp(logvar) - 1) / 2 / len(x)
    ds = np.hstack([dz + mean / len(x), dlv])
    du = ds @ B.T * (1 - u**2)
    for w, slope in [(A, x.T @ du), (B, u.T @ ds), (C, z.T @ dg), (D, g.T @ da)]:
        w -= rate * slope
    bias[:] -= rate * da.sum(0)
    return loss(x, p, mean, logvar)


def description():
    return {
        "data": x,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "likelihood": "bernoulli",
        "parameters": {"A": A, "B": B, "C": C, "D": D, "bias": bias},
    }
