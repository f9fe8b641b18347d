import jax
import jax.numpy as jnp
from jax import random

from scratchvae.data.synthetic import make_synthetic_digits

SIGMA2 = 0.1
dataset = jnp.asarray(make_synthetic_digits(44, seed=49).images[:, ::2, ::2] / 255.0)


def init(key, hidden=40, latent=5):
    keys = random.split(key, 4)
    shapes = [(196, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, 196)]
    names = ["enc_in", "enc_out", "dec_in", "dec_out"]
    return {
        n: random.normal(k, s) / s[0] ** 0.5 for n, k, s in zip(names, keys, shapes, strict=True)
    }


def encode(params, x):
    h = jnp.tanh(x.reshape(len(x), -1) @ params["enc_in"])
    mean, deviation = jnp.split(h @ params["enc_out"], 2, axis=1)
    return mean, jax.nn.softplus(deviation) + 1e-4


def draw(mean, deviation, noise):
    return mean + deviation * noise


def decode(params, z):
    return (jnp.tanh(z @ params["dec_in"]) @ params["dec_out"]).reshape(-1, 14, 14, 1)


def loss(x, x_mean, mean, deviation):
    squares = jnp.sum((x - x_mean) ** 2, axis=(1, 2, 3)) / (2 * SIGMA2)
    kl = jnp.sum(mean**2 + deviation**2 - 1 - 2 * jnp.log(deviation), axis=1)
    return jnp.mean(squares + kl)


@jax.jit
def update(params, moments, key, x):
    def objective(params):
        mean, deviation = encode(params, x)
        z = draw(mean, deviation, random.normal(key, mean.shape))
        return loss(x, decode(params, z), mean, deviation)

    value, grads = jax.value_and_grad(objective)(params)
    moments = jax.tree.map(lambda m, g: 0.9 * m + g, moments, grads)
    return value, jax.tree.map(lambda p, m: p - 2e-4 * m, params, moments), moments


store = {"params": init(random.key(1)), "key": random.key(2)}
store["moments"] = jax.tree.map(jnp.zeros_like, store["params"])


def train_step(x):
    store["key"], key = random.split(store["key"])
    value, store["params"], store["moments"] = update(store["params"], store["moments"], key, x)
    return value


def description():
    return {
        "data": dataset,
        "encode": lambda x: encode(store["params"], x),
        "spread": "deviation",
        "draw": draw,
        "decoder_gives": "means",
        "decode": lambda z: decode(store["params"], z),
        "loss": loss,
        "train_step": train_step,
        "parameters": lambda: store["params"],
        "likelihood": "gaussian",
        "variance": SIGMA2,
    }
