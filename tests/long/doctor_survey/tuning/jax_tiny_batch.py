import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

pair = jnp.asarray(make_synthetic_digits(2, seed=88).images[..., 0] / 255.0)


def network(key, *sizes):
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        {"w": jax.random.normal(k, (m, n)) / m**0.5, "b": jnp.zeros(n)}
        for k, m, n in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


def run(layers, x):
    *first, last = layers
    for layer in first:
        x = jax.nn.silu(x @ layer["w"] + layer["b"])
    return x @ last["w"] + last["b"]


def encode(params, x):
    mean, raw = jnp.split(run(params["q"], x.reshape(-1, 784)), 2, axis=1)
    return mean, jax.nn.softplus(raw) + 1e-5


def draw(mean, variance, noise):
    return mean + jnp.sqrt(variance) * noise


def decode(params, z):
    return jax.nn.sigmoid(run(params["p"], z)).reshape(-1, 28, 28)


def loss(x, y, mean, variance):
    y = jnp.clip(y, 1e-6, 1 - 1e-6)
    ce = -(x * jnp.log(y) + (1 - x) * jnp.log1p(-y)).sum((1, 2))
    kl = 0.5 * (mean**2 + variance - jnp.log(variance) - 1).sum(1)
    return {"loss": (ce + kl).mean(), "cross_entropy": ce.mean(), "kl": kl.mean()}


@jax.jit
def step(params, x, noise):
    def objective(params):
        mean, variance = encode(params, x)
        return loss(x, decode(params, draw(mean, variance, noise)), mean, variance)["loss"]

    value, grads = jax.value_and_grad(objective)(params)
    return value, jax.tree.map(lambda p, g: p - 3e-3 * g, params, grads)


a, b, c = jax.random.split(jax.random.key(6), 3)
now = {"params": {"q": network(a, 784, 40, 6), "p": network(b, 3, 40, 784)}, "key": c}


def train_step(x):
    now["key"], key = jax.random.split(now["key"])
    noise = jax.random.normal(key, (len(x), 3))
    value, now["params"] = step(now["params"], x, noise)
    return value


def description():
    return {
        "data": pair,
        "encode": lambda x: encode(now["params"], x),
        "spread": "variance",
        "draw": draw,
        "decode": lambda z: decode(now["params"], z),
        "loss": loss,
        "train_step": train_step,
        "parameters": lambda: now["params"],
        "likelihood": "bernoulli",
    }
