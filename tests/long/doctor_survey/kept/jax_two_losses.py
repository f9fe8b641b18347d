import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

batch = jnp.asarray(make_synthetic_digits(40, seed=52).images.reshape(40, 784) / 255.0)


def setup(key):
    a, b, c, d = jax.random.split(key, 4)
    return {
        "encoder": [jax.random.normal(a, (784, 56)) / 28, jax.random.normal(b, (56, 8)) / 8],
        "decoder": [jax.random.normal(c, (4, 56)) / 2, jax.random.normal(d, (56, 784)) / 8],
    }


def encode(params, x):
    w, v = params["encoder"]
    return tuple(jnp.split(jax.nn.leaky_relu(x @ w) @ v, 2, axis=1))


def decode(params, z):
    w, v = params["decoder"]
    return jax.nn.leaky_relu(z @ w) @ v


def cross_entropy(x, logits):
    return jnp.maximum(logits, 0) - x * logits + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def kl(mean, logvar):
    return 0.5 * jnp.sum(mean**2 + jnp.exp(logvar) - logvar - 1, axis=-1)


def train_loss(x, logits, mean, logvar):
    return jnp.mean(cross_entropy(x, logits).sum(-1) + kl(mean, logvar))


def test_loss(x, logits, mean, logvar):
    return jnp.mean(cross_entropy(x, logits).mean(-1) + kl(mean, logvar))


@jax.jit
def update(params, key, x):
    def objective(params):
        mean, logvar = encode(params, x)
        z = mean + jnp.exp(logvar / 2) * jax.random.normal(key, mean.shape)
        return train_loss(x, decode(params, z), mean, logvar)

    value, grads = jax.value_and_grad(objective)(params)
    return value, jax.tree.map(lambda p, g: p - 1e-3 * g, params, grads)


params, rng = setup(jax.random.PRNGKey(0)), jax.random.PRNGKey(1)


def train_step(x):
    global params, rng
    rng, key = jax.random.split(rng)
    value, params = update(params, key, x)
    return value


def description():
    return {
        "data": batch,
        "encode": lambda x: encode(params, x),
        "draw": lambda mean, logvar, noise: mean + jnp.exp(logvar / 2) * noise,
        "decode": lambda z: decode(params, z),
        "decoder_gives": "logits",
        "loss": train_loss,
        "validation_loss": test_loss,
        "train_step": train_step,
        "parameters": lambda: params,
        "likelihood": "bernoulli",
    }
