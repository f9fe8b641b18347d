import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(83)
images = make_synthetic_digits(32, seed=83).images[:, ::2, ::2, 0].reshape(32, 196) / 255
P = {
    "W": rng.normal(0, 0.07, (196, 40)),
    "M": rng.normal(0, 0.15, (40, 4)),
    "S": rng.normal(0, 0.1, (40, 4)),
    "U": rng.normal(0, 0.5, (4, 40)),
    "V": rng.normal(0, 0.15, (40, 196)),
    "v": np.zeros(196),
}


def encode(x):
    h = np.tanh(x @ P["W"])
    return h @ P["M"], h @ P["S"]


def draw(mean, log_sigma, noise):
    return mean + np.exp(log_sigma) * noise


def decode(z):
    return np.tanh(z @ P["U"]) @ P["V"] + P["v"]


def loss(x, logits, mean, log_sigma):
    rec = np.sum(np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits))))
    kl = 0.5 * np.sum(mean**2 + np.exp(2 * log_sigma) - 1 - 2 * log_sigma)
    return rec + kl, rec, kl


def train_step(x, rate=5e-4):
    h = np.tanh(x @ P["W"])
    mean, log_sigma = h @ P["M"], h @ P["S"]
    noise = rng.standard_normal(mean.shape)
    z = draw(mean, log_sigma, noise)
    g = np.tanh(z @ P["U"])
    logits = g @ P["V"] + P["v"]
    da = 1 / (1 + np.exp(-logits)) - x
    dg = da @ P["V"].T * (1 - g**2)
    dz = dg @ P["U"].T
    dm = dz + mean
    ds = dz * noise * np.exp(log_sigma) + np.exp(2 * log_sigma) - 1
    dh = (dm @ P["M"].T + ds @ P["S"].T) * (1 - h**2)
    slopes = {"W": x.T @ dh, "M": h.T @ dm, "S": h.T @ ds}
    slopes |= {"U": z.T @ dg, "V": g.T @ da, "v": da.sum(0)}
    for name in P:
        P[name] -= rate * slopes[name]
    return loss(x, logits, mean, log_sigma)[0]


def description():
    return {
        "data": images,
        "encode": encode,
        "spread": "log-deviation",
        "draw": draw,
        "decode": decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": P,
        "likelihood": "bernoulli",
    }
