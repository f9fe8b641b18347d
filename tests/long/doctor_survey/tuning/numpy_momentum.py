import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

random = np.random.default_rng(99)
batch = make_synthetic_digits(36, seed=3).images[:, ::2, ::2, 0].reshape(36, -1) / 255.0
P, H, L = batch.shape[1], 48, 8
theta = [random.normal(0, 1 / np.sqrt(n), (n, m)) for n, m in [(P, H), (H, 2 * L), (L, H), (H, P)]]
speed = [np.zeros_like(t) for t in theta]


def encode(x):
    both = np.tanh(x @ theta[0]) @ theta[1]
    return both[:, :L], both[:, L:]


def reparam(mu, logvar, eps):
    return mu + np.exp(0.5 * logvar) * eps


def decode(z):
    return np.tanh(z @ theta[2]) @ theta[3]


def terms(x, x_hat, mu, logvar):
    rec = np.mean(np.sum((x - x_hat) ** 2, axis=1) / 2)
    kl = np.mean(-0.5 * (1 + logvar - mu**2 - np.exp(logvar)))
    return rec + kl, rec, kl


def step(x, rate=0.01):
    n = len(x)
    h = np.tanh(x @ theta[0])
    both = h @ theta[1]
    mu, logvar = both[:, :L], both[:, L:]
    eps = random.standard_normal(mu.shape)
    z = reparam(mu, logvar, eps)
    g = np.tanh(z @ theta[2])
    x_hat = g @ theta[3]
    dx = (x_hat - x) / n
    dg = dx @ theta[3].T * (1 - g**2)
    dz = dg @ theta[2].T
    dmu = dz + mu / (n * L)
    dlv = dz * eps * np.exp(logvar / 2) / 2 + (np.exp(logvar) - 1) / (2 * n * L)
    dboth = np.hstack([dmu, dlv])
    dh = dboth @ theta[1].T * (1 - h**2)
    for i, slope in enumerate([x.T @ dh, h.T @ dboth, z.T @ dg, g.T @ dx]):
        speed[i] = 0.9 * speed[i] - rate * slope
        theta[i] += speed[i]
    return terms(x, x_hat, mu, logvar)[0]


def description():
    return {
        "data": batch,
        "encode": encode,
        "draw": reparam,
        "decode": decode,
        "decoder_gives": "means",
        "loss": terms,
        "train_step": step,
        "parameters": theta,
        "likelihood": "gaussian",
        "variance": 1.0,
    }
