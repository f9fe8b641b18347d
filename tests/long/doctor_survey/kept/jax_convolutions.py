import jax
import jax.numpy as jnp
from jax import lax

from scratchvae.data.synthetic import make_synthetic_digits

VARIANCE = 0.1
images = make_synthetic_digits(24, seed=98).images[:, ::2, ::2].transpose(0, 3, 1, 2)
images = jnp.asarray(images, jnp.float32) / 255


def init(key):
    k = jax.random.split(key, 5)
    return {
        "conv": jax.random.normal(k[0], (8, 1, 3, 3)) / 3,
        "mean": jax.random.normal(k[1], (392, 4)) / 20,
        "log_variance": jax.random.normal(k[2], (392, 4)) / 20,
        "dense": {"w": jax.random.normal(k[3], (4, 48)) / 2, "b": jnp.zeros(48)},
        "pixels": {"w": jax.random.normal(k[4], (48, 196)) / 7, "b": jnp.zeros(196)},
    }


def recognise(params, x):
    h = jax.nn.relu(lax.conv(x, params["conv"], (2, 2), "SAME")).reshape(len(x), -1)
    return h @ params["mean"], h @ params["log_variance"]


def draw(mean, log_variance, noise):
    return mean + jnp.exp(log_variance / 2) * noise


def paint(params, z):
    h = jax.nn.relu(z @ params["dense"]["w"] + params["dense"]["b"])
    return (h @ params["pixels"]["w"] + params["pixels"]["b"]).reshape(-1, 1, 14, 14)


def loss(x, y, mean, log_variance):
    squares = (x - y) ** 2 / VARIANCE + jnp.log(2 * jnp.pi * VARIANCE)
    rec = 0.5 * squares.sum((1, 2, 3)).mean()
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - log_variance - 1).sum(1).mean()
    return rec + kl, (rec, kl)


@jax.jit
def update(params, velocity, key, x):
    def objective(params):
        mean, log_variance = recognise(params, x)
        z = draw(mean, log_variance, jax.random.normal(key, mean.shape))
        return loss(x, paint(params, z), mean, log_variance)

    (value, _), slopes = jax.value_and_grad(objective, has_aux=True)(params)
    velocity = jax.tree.map(lambda v, s: 0.9 * v - 3e-4 * s, velocity, slopes)
    return value, jax.tree.map(jnp.add, params, velocity), velocity


params, KEY = init(jax.random.key(0)), jax.random.key(1)
velocity = jax.tree.map(jnp.zeros_like, params)


def train_step(x):
    global params, velocity, KEY
    KEY, key = jax.random.split(KEY)
    value, params, velocity = update(params, velocity, key, x)
    return value


def description():
    return {
        "data": images,
        "encode": lambda x: recognise(params, x),
        "draw": draw,
        "loss": lambda *arguments: loss(*arguments)[0],
        "decode": lambda z: paint(params, z),
        "decoder_gives": "means",
        "train_step": train_step,
        "parameters": lambda: params,
        "likelihood": "gaussian",
        "variance": VARIANCE,
    }
