import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(97)
ones = make_synthetic_digits(30, seed=97, labels=np.ones(30, int)).images[:, ::2, ::2, 0]
ones = ones.reshape(30, 196) / 255
layer = {"in": rng.normal(0, 0.07, (196, 32)), "mu": rng.normal(0, 0.2, (32, 1))}
layer |= {"var": rng.normal(0, 0.1, (32, 1)), "up": rng.normal(0, 1, (1, 32))}
layer |= {
    "up_b": rng.normal(0, 0.5, 32),
    "out": rng.normal(0, 0.2, (32, 196)),
    "out_b": np.zeros(196),
}


def encode(x):
    h = np.tanh(x @ layer["in"])
    return h @ layer["mu"], h @ layer["var"]


def sample(mu, log_var, epsilon):
    return mu + epsilon * np.sqrt(np.exp(log_var))


def decode(z):
    a = np.tanh(z @ layer["up"] + layer["up_b"]) @ layer["out"] + layer["out_b"]
    return 1 / (1 + np.exp(-a))


def loss(x, p, mu, log_var):
    p = np.clip(p, 1e-10, 1 - 1e-10)
    log_likelihood = np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
    kl = 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var)[:, 0]
    return np.mean(kl - log_likelihood)


def train_step(x, rate=0.02):
    n = len(x)
    h = np.tanh(x @ layer["in"])
    mu, log_var = h @ layer["mu"], h @ layer["var"]
    epsilon = rng.standard_normal(mu.shape)
    z = sample(mu, log_var, epsilon)
    g = np.tanh(z @ layer["up"] + layer["up_b"])
    p = decode(z)
    da = (p - x) / n
    dg = da @ layer["out"].T * (1 - g**2)
    dz = dg @ layer["up"].T
    dmu = dz + mu / n
    dvar = dz * epsilon * np.exp(log_var / 2) / 2 + (np.exp(log_var) - 1) / (2 * n)
    dh = (dmu @ layer["mu"].T + dvar @ layer["var"].T) * (1 - h**2)
    slopes = {"in": x.T @ dh, "mu": h.T @ dmu, "var": h.T @ dvar, "up": z.T @ dg}
    slopes |= {"up_b": dg.sum(0), "out": g.T @ da, "out_b": da.sum(0)}
    for name, slope in slopes.items():
        layer[name] -= rate * slope
    return loss(x, p, mu, log_var)


def description():
    return {
        "data": ones,
        "encode": encode,
        "draw": sample,
        "decode": decode,
        "loss": loss,
        "train_step": train_step,
        "parameters": layer,
        "likelihood": "bernoulli",
    }
