import numpy as np

rng = np.random.default_rng(71)
hidden_causes = rng.normal(size=(60, 2))
table = np.tanh(hidden_causes @ rng.normal(size=(2, 16))) + 0.1 * rng.normal(size=(60, 16))
NOISE = 0.1  # the variance of the observations


def initial(inputs, outputs):
    return rng.normal(size=(inputs, outputs)) * np.sqrt(1 / inputs)


encoder = {"w": initial(16, 24), "mean": initial(24, 2), "logvar": initial(24, 2)}
decoder = {"w": initial(2, 24), "out": initial(24, 16), "bias": np.zeros(16)}


def encode(x):
    h = np.tanh(x @ encoder["w"])
    return h @ encoder["mean"], h @ encoder["logvar"]


def draw(mean, logvar, noise):
    return mean + np.exp(0.5 * logvar) * noise


def decode(z):
    return np.tanh(z @ decoder["w"]) @ decoder["out"] + decoder["bias"]


def loss(x, y, mean, logvar):
    squares = np.sum((x - y) ** 2) / (2 * NOISE**2)
    kl = -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))
    return (squares + kl) / len(x)


def train_step(x, rate=2e-4):
    n = len(x)
    h = np.tanh(x @ encoder["w"])
    mean, logvar = h @ encoder["mean"], h @ encoder["logvar"]
    noise = rng.standard_normal(mean.shape)
    z = draw(mean, logvar, noise)
    g = np.tanh(z @ decoder["w"])
    y = g @ decoder["out"] + decoder["bias"]
    dy = (y - x) / NOISE**2 / n
    dg = dy @ decoder["out"].T * (1 - g**2)
    dz = dg @ decoder["w"].T
    dmean = dz + mean / n
    dlogvar = dz * noise * np.exp(0.5 * logvar) / 2 + (np.exp(logvar) - 1) / (2 * n)
    dh = (dmean @ encoder["mean"].T + dlogvar @ encoder["logvar"].T) * (1 - h**2)
    encoder["w"] -= rate * x.T @ dh
    encoder["mean"] -= rate * h.T @ dmean
    encoder["logvar"] -= rate * h.T @ dlogvar
    decoder["w"] -= rate * z.T @ dg
    decoder["out"] -= rate * g.T @ dy
    decoder["bias"] -= rate * dy.sum(0)
    return loss(x, y, mean, logvar)


def description():
    return {
        "data": table,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": {"encoder": encoder, "decoder": decoder},
        "likelihood": "gaussian",
        "variance": NOISE,
    }
