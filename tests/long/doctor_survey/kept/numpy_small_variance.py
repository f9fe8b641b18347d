import numpy as np

rng = np.random.default_rng(95)
t = np.linspace(0, 1, 18)
waves = np.exp(-((t - rng.uniform(0.2, 0.8, (50, 1))) ** 2) / rng.uniform(0.01, 0.05, (50, 1)))
waves += 0.1 * rng.standard_normal(waves.shape)
sigma_x = 0.1
W = [rng.normal(0, 1 / np.sqrt(m), (m, n)) for m, n in [(18, 30), (30, 4), (2, 30), (30, 18)]]
b = [np.zeros(30), np.zeros(4), np.zeros(30), np.zeros(18)]


def encode(x):
    s = np.tanh(x @ W[0] + b[0]) @ W[1] + b[1]
    return s[:, :2], s[:, 2:]


def draw(mean, log_variance):
    return mean + np.exp(log_variance / 2) * rng.standard_normal(mean.shape)


def decode(z):
    return np.tanh(z @ W[2] + b[2]) @ W[3] + b[3]


def loss(x, y, mean, log_variance):
    squares = 0.5 * np.sum(((x - y) / sigma_x) ** 2)
    kl = -0.5 * np.sum(1 + log_variance - mean**2 - np.exp(log_variance))
    return {"loss": squares + kl, "squares": squares, "divergence": kl}


def train_step(x, rate=4e-6):
    h = np.tanh(x @ W[0] + b[0])
    mean, log_variance = encode(x)
    z = draw(mean, log_variance)
    g = np.tanh(z @ W[2] + b[2])
    y = g @ W[3] + b[3]
    dy = (y - x) / sigma_x**2
    dg = dy @ W[3].T * (1 - g**2)
    dz = dg @ W[2].T
    dv = dz * (z - mean) / 2 + (np.exp(log_variance) - 1) / 2
    ds = np.hstack([dz + mean, dv])
    dh = ds @ W[1].T * (1 - h**2)
    inputs, slopes = (x, h, z, g), (dh, ds, dg, dy)
    for i in range(4):
        W[i] -= rate * inputs[i].T @ slopes[i]
        b[i] -= rate * slopes[i].sum(0)
    return loss(x, y, mean, log_variance)["loss"]


def description():
    return {
        "data": waves,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": {"W": W, "b": b},
        "likelihood": "gaussian",
        "variance": sigma_x**2,
        "decoder_gives": "means",
    }
