import numpy as np

from scratchvae.data.synthetic import make_synthetic_digits

rng = np.random.default_rng(73)
x_train = make_synthetic_digits(48, seed=56).images[:, ::2, ::2, 0].reshape(48, 196) / 255


class Linear:
    def __init__(self, n_in, n_out):
        self.W, self.b = rng.normal(0, n_in**-0.5, (n_in, n_out)), np.zeros(n_out)

    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW, self.db = self.x.T @ d, d.sum(axis=0)
        return d @ self.W.T


class Tanh:
    def __call__(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, d):
        return d * (1 - self.y**2)


def run(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def run_back(layers, d):
    for layer in reversed(layers):
        d = layer.backward(d)
    return d


trunk, mean_head, spread_head = [Linear(196, 50), Tanh()], Linear(50, 5), Linear(50, 5)
decoder = [Linear(5, 50), Tanh(), Linear(50, 196)]
linears = [trunk[0], mean_head, spread_head, decoder[0], decoder[2]]


def encode(x):
    h = run(trunk, x)
    return mean_head(h), spread_head(h)


def reparameterise(mean, log_variance, noise):
    return mean + np.exp(log_variance / 2) * noise


def loss(x, logits, mean, log_variance):
    nll = np.sum(np.logaddexp(0, logits) - x * logits) / len(x)
    kl = np.sum(mean**2 + np.exp(log_variance) - log_variance - 1) / (2 * len(x))
    return nll + kl, nll, kl


def train_step(x):
    mean, log_variance = encode(x)
    noise = rng.standard_normal(mean.shape)
    logits = run(decoder, reparameterise(mean, log_variance, noise))
    dz = run_back(decoder, (1 / (1 + np.exp(-logits)) - x) / len(x))
    d_log_variance = dz * noise * np.exp(log_variance / 2) / 2
    run_back(trunk, mean_head.backward(dz) + spread_head.backward(d_log_variance))
    for layer in linears:
        layer.W -= 0.02 * layer.dW
        layer.b -= 0.02 * layer.db
    return loss(x, logits, mean, log_variance)[0]


def description():
    return {
        "data": x_train,
        "encode": encode,
        "draw": reparameterise,
        "loss": loss,
        "decode": lambda z: run(decoder, z),
        "decoder_gives": "logits",
        "train_step": train_step,
        "likelihood": "bernoulli",
        "parameters": lambda: [w for layer in linears for w in (layer.W, layer.b)],
    }
