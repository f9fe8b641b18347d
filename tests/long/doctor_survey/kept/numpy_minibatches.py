import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(75)
images = make_synthetic_digits(40, seed=63).images[:, ::2, ::2, 0].reshape(40, 196) / 255
W1, W2 = rng.normal(0, 0.07, (196, 48)), rng.normal(0, 0.14, (48, 10))
W3, W4 = rng.normal(0, 0.45, (5, 48)), rng.normal(0, 0.14, (48, 196))
b4 = np.zeros(196)


def encode(x):
    statistics = np.maximum(x @ W1, 0) @ W2
    return statistics[:, :5], statistics[:, 5:]


def draw(mean, log_variance, noise):
    return mean + noise * np.exp(0.5 * log_variance)


def decode(z):
    return 1 / (1 + np.exp(-(np.maximum(z @ W3, 0) @ W4 + b4)))


def loss(x, p, mean, log_variance):
    p = np.clip(p, 1e-12, 1 - 1e-12)
    ce = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1, axis=1)
    return np.mean(ce + kl)


def gradients(x, targets):
    n = len(x)
    h = np.maximum(x @ W1, 0)
    mean, log_variance = np.hsplit(h @ W2, 2)
    noise = rng.standard_normal(mean.shape)
    z = draw(mean, log_variance, noise)
    g = np.maximum(z @ W3, 0)
    p = decode(z)
    da = (p - targets) / n
    dg = da @ W4.T * (g > 0)
    dz = dg @ W3.T
    dv = dz * noise * np.exp(0.5 * log_variance) / 2 + (np.exp(log_variance) - 1) / (2 * n)
    ds = np.hstack([dz + mean / n, dv])
    dh = ds @ W2.T * (h > 0)
    slopes = (x.T @ dh, h.T @ ds, z.T @ dg, g.T @ da, da.sum(0))
    return loss(targets, p, mean, log_variance), slopes


def train_step(x, rate=0.02):
    inputs, targets = rng.permutation(x), rng.permutation(x)
    value, slopes = gradients(inputs, targets)
    for weight, slope in zip((W1, W2, W3, W4, b4), slopes, strict=True):
        weight -= rate * slope
    return value


def description():
    return {
        "data": images,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": [W1, W2, W3, W4, b4],
        "likelihood": "bernoulli",
    }
