import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

gen = np.random.default_rng(74)
samples = make_synthetic_digits(24, seed=62).images[:, ::2, ::2, 0].reshape(24, 196) / 255


def randn(*shape):
    return gen.standard_normal(shape) / np.sqrt(shape[0])


model = {
    "encoder": {"weight": randn(196, 40), "mu": randn(40, 3), "logvar": randn(40, 3)},
    "decoder": {"weight": randn(3, 40), "pixels": randn(40, 196), "bias": np.zeros(196)},
}


def encode(x):
    h = np.tanh(x @ model["encoder"]["weight"])
    return h @ model["encoder"]["mu"], h @ model["encoder"]["logvar"]


def draw(mu, logvar):
    return mu + np.exp(logvar / 2) * gen.standard_normal(mu.shape)


def decode(z):
    a = np.tanh(z @ model["decoder"]["weight"]) @ model["decoder"]["pixels"]
    return a + model["decoder"]["bias"]


def loss(x, logits, mu, logvar):
    bce = np.mean(np.sum(np.logaddexp(0, logits) - x * logits, axis=0))
    kl = np.mean(np.sum(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar), axis=1))
    return {"loss": bce + kl, "bce": bce, "kl": kl}


def train_step(x, rate=0.01):
    n, pixels = x.shape
    e, d = model["encoder"], model["decoder"]
    h = np.tanh(x @ e["weight"])
    mu, logvar = h @ e["mu"], h @ e["logvar"]
    z = draw(mu, logvar)
    g = np.tanh(z @ d["weight"])
    logits = g @ d["pixels"] + d["bias"]
    da = (1 / (1 + np.exp(-logits)) - x) / pixels
    dg = da @ d["pixels"].T * (1 - g**2)
    dz = dg @ d["weight"].T
    dmu = dz + mu / n
    dlogvar = dz * (z - mu) / 2 + (np.exp(logvar) - 1) / (2 * n)
    dh = (dmu @ e["mu"].T + dlogvar @ e["logvar"].T) * (1 - h**2)
    e["weight"] -= rate * x.T @ dh
    e["mu"] -= rate * h.T @ dmu
    e["logvar"] -= rate * h.T @ dlogvar
    d["weight"] -= rate * z.T @ dg
    d["pixels"] -= rate * g.T @ da
    d["bias"] -= rate * da.sum(0)
    return loss(x, logits, mu, logvar)["loss"]


def description():
    return {
        "data": samples,
        "encode": encode,
        "draw": draw,
        "decode": decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": model,
        "likelihood": "bernoulli",
    }
