from functools import partial

import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

images = make_synthetic_digits(32, seed=12).images[:, ::2, ::2, 0].reshape(32, 196)
images = jnp.array(images, dtype=jnp.float32) / 255.0
sizes = {"e": (196, 50), "m": (50, 3), "s": (50, 3), "d": (3, 50), "o": (50, 196)}
keys = jax.random.split(jax.random.key(3), len(sizes))
weights = {
    name: [jax.random.normal(k, size) * size[0] ** -0.5, jnp.zeros(size[1])]
    for k, (name, size) in zip(keys, sizes.items(), strict=True)
}


def layer(w, name, x):
    return x @ w[name][0] + w[name][1]


def encoder(w, x):
    h = jnp.tanh(layer(w, "e", x))
    return layer(w, "m", h), layer(w, "s", h)


def decoder(w, z):
    return jax.nn.sigmoid(layer(w, "o", jnp.tanh(layer(w, "d", z))))


def reparameterise(mean, log_variance, key):
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)


def criterion(x, x_hat, mean, log_variance):
    x_hat = jnp.clip(x_hat, 1e-6, 1 - 1e-6)
    ce = -(x * jnp.log(x_hat) + (1 - x) * jnp.log1p(-x_hat)).sum(1)
    kl = -0.5 * (1 + log_variance - mean**2 - jnp.exp(log_variance)).sum(1)
    return (ce + kl).mean()


def whole(w, x, key):
    mean, log_variance = encoder(w, x)
    return criterion(x, decoder(w, reparameterise(mean, log_variance, key)), mean, log_variance)


@partial(jax.jit, static_argnums=2)
def update(w, x, seed):
    key = jax.random.PRNGKey(seed)
    value, slope = jax.value_and_grad(whole)(w, x, key)
    return value, jax.tree.map(lambda a, b: a - 0.01 * b, w, slope), key


model = {"w": weights, "seed": 0}


def loss(x):
    return whole(model["w"], x, jax.random.PRNGKey(model["seed"]))


def train_step(x):
    value, model["w"], _ = update(model["w"], x, model["seed"])
    return value


def description():
    return {
        "data": images,
        "encode": lambda x: encoder(model["w"], x),
        "decode": lambda z: decoder(model["w"], z),
        "loss": loss,
        "train_step": train_step,
        "draw": lambda m, s: reparameterise(m, s, jax.random.PRNGKey(model["seed"])),
        "parameters": lambda: model["w"],
        "likelihood": "bernoulli",
    }
