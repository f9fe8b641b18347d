import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(0)
images = make_synthetic_digits(30, seed=21).images[:, 1::3, 1::3, 0].reshape(30, 81) / 255
w = {
    "in": rng.normal(0, 0.15, (81, 32)),
    "mean": rng.normal(0, 0.2, (32, 3)),
    "logvar": rng.normal(0, 0.1, (32, 3)),
    "up": rng.normal(0, 0.5, (3, 32)),
    "out": rng.normal(0, 0.2, (32, 81)),
    "bias": np.zeros(81),
}


def encode(x):
    h = np.tanh(x @ w["in"])
    return h @ w["mean"], h @ w["logvar"]


def draw(mean, log_variance):
    return mean + np.exp(log_variance / 2) * rng.standard_normal(mean.shape)


def decode(z):
    return np.tanh(z @ w["up"]) @ w["out"] + w["bias"]


def loss(x, logits, mean, log_variance):
    reconstruction = np.sum(np.logaddexp(0, logits) - x * logits)
    kl = 0.5 * np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance)
    return reconstruction - kl


def train_step(x, rate=5e-4):
    h = np.tanh(x @ w["in"])
    mean, log_variance = h @ w["mean"], h @ w["logvar"]
    z = draw(mean, log_variance)
    g = np.tanh(z @ w["up"])
    logits = g @ w["out"] + w["bias"]
    d_logits = 1 / (1 + np.exp(-logits)) - x
    d_g = d_logits @ w["out"].T * (1 - g**2)
    d_z = d_g @ w["up"].T
    d_mean = d_z - mean
    d_logvar = d_z * (z - mean) / 2 - (np.exp(log_variance) - 1) / 2
    d_h = (d_mean @ w["mean"].T + d_logvar @ w["logvar"].T) * (1 - h**2)
    w["in"] -= rate * x.T @ d_h
    w["mean"] -= rate * h.T @ d_mean
    w["logvar"] -= rate * h.T @ d_logvar
    w["up"] -= rate * z.T @ d_g
    w["out"] -= rate * g.T @ d_logits
    w["bias"] -= rate * d_logits.sum(0)
    return loss(x, logits, mean, log_variance)


def description():
    return {
        "data": images,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": w,
        "likelihood": "bernoulli",
    }
