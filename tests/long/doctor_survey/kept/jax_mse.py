import jax
import jax.numpy as jnp
import numpy as np

rng = np.random.default_rng(70)
angles = rng.uniform(0, 2 * np.pi, (64, 2))
signals = np.sin(np.linspace(0, 2 * np.pi, 30) + angles[:, :1]) * (1 + 0.3 * np.cos(angles[:, 1:]))
signals = jnp.asarray(signals + 0.05 * rng.normal(size=signals.shape), dtype=jnp.float32)


def new_layer(key, inputs, outputs):
    w = jax.random.normal(key, (inputs, outputs)) / np.sqrt(inputs)
    return {"weight": w, "bias": jnp.zeros(outputs)}


def new_model(key):
    keys = jax.random.split(key, 5)
    sizes = {"hidden": (30, 40), "mean": (40, 2), "logvar": (40, 2), "up": (2, 40), "out": (40, 30)}
    return {n: new_layer(k, *s) for k, (n, s) in zip(keys, sizes.items(), strict=True)}


def dense(layer, x):
    return x @ layer["weight"] + layer["bias"]


def encode(model, x):
    h = jax.nn.gelu(dense(model["hidden"], x))
    return dense(model["mean"], h), dense(model["logvar"], h)


def decode(model, z):
    return dense(model["out"], jax.nn.gelu(dense(model["up"], z)))


def loss_terms(x, recon, mean, logvar):
    mse = jnp.mean((x - recon) ** 2) / 2
    kl = -0.5 * jnp.mean(jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar), axis=-1))
    return mse + kl, mse, kl


@jax.jit
def sgd_step(model, x, key):
    def loss(model):
        mean, logvar = encode(model, x)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
        return loss_terms(x, decode(model, z), mean, logvar)[0]

    value, grads = jax.value_and_grad(loss)(model)
    return value, jax.tree.map(lambda w, g: w - 0.03 * g, model, grads)


class Training:
    def __init__(self, seed):
        self.key, key = jax.random.split(jax.random.key(seed))
        self.model = new_model(key)

    def draw(self, mean, logvar):
        self.key, key = jax.random.split(self.key)
        return mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)

    def step(self, x):
        self.key, key = jax.random.split(self.key)
        value, self.model = sgd_step(self.model, x, key)
        return value


training = Training(3)


def description():
    return {
        "data": signals,
        "encode": lambda x: encode(training.model, x),
        "draw": training.draw,
        "decode": lambda z: decode(training.model, z),
        "loss": loss_terms,
        "train_step": training.step,
        "likelihood": "gaussian",
        "parameters": lambda: training.model,
    }
