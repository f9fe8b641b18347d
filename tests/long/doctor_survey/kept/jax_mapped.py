import jax
import jax.numpy as jnp
from jax import random, vmap

from scratchvae.data.synthetic import make_synthetic_digits

x_train = jnp.asarray(make_synthetic_digits(32, seed=91).images / 255.0, jnp.float32)


def init(key, z=5, h=50):
    k = random.split(key, 4)
    return {
        "enc": (random.normal(k[0], (784, h)) / 28, random.normal(k[1], (h, 2 * z)) / h**0.5),
        "dec": (random.normal(k[2], (z, h)) / z**0.5, random.normal(k[3], (h, 784)) / h**0.5),
    }


def encode(params, image):
    w, v = params["enc"]
    return jnp.split(jax.nn.relu(image.reshape(-1) @ w) @ v, 2)


def draw(key, mean, logvar):
    return mean + jnp.exp(0.5 * logvar) * random.normal(key, mean.shape)


def decode(params, z):
    w, v = params["dec"]
    return (jax.nn.relu(z @ w) @ v).reshape(28, 28, 1)


def loss(image, logits, mean, logvar):
    ce = jnp.sum(jnp.logaddexp(0, logits) - image * logits)
    return ce + 0.5 * jnp.sum(mean**2 + jnp.exp(logvar) - 1 - logvar)


def per_example(params, key, image):
    mean, logvar = encode(params, image)
    return loss(image, decode(params, draw(key, mean, logvar)), mean, logvar)


@jax.jit
def update(params, key, images):
    def objective(params):
        keys = random.split(key, images.shape[0])
        return vmap(per_example, in_axes=(None, 0, 0))(params, keys, images).mean()

    value, grads = jax.value_and_grad(objective)(params)
    return value, jax.tree.map(lambda p, g: p - 2e-3 * g, params, grads)


class Trainer:
    def __init__(self, seed=0):
        self.key, key = random.split(random.PRNGKey(seed))
        self.params = init(key)

    def keys(self, n):
        self.key, *keys = random.split(self.key, n + 1)
        return jnp.stack(keys)

    def step(self, images):
        value, self.params = update(self.params, self.keys(1)[0], images)
        return value


trainer = Trainer()


def description():
    return {
        "data": x_train,
        "encode": lambda x: vmap(encode, (None, 0))(trainer.params, x),
        "draw": lambda mean, s: vmap(draw)(trainer.keys(len(mean)), mean, s),
        "decode": lambda z: vmap(decode, (None, 0))(trainer.params, z),
        "decoder_gives": "logits",
        "loss": lambda x, logits, mean, s: vmap(loss)(x, logits, mean, s).mean(),
        "train_step": trainer.step,
        "parameters": lambda: trainer.params,
        "likelihood": "bernoulli",
    }
