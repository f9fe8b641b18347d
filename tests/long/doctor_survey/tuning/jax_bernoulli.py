import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

x_train = jnp.array(make_synthetic_digits(60, seed=14).images.reshape(60, -1), jnp.float32) / 255
SIZES = [("enc", 784, 40), ("mu", 40, 5), ("ls", 40, 5), ("dec", 5, 40), ("px", 40, 784)]


def init_params(seed=0):
    params = {}
    for key, (name, m, n) in zip(jax.random.split(jax.random.PRNGKey(seed), 5), SIZES, strict=True):
        params[name] = {"W": jax.random.normal(key, (m, n)) / jnp.sqrt(m), "b": jnp.zeros((n,))}
    return params


def linear(p, x):
    return jnp.dot(x, p["W"]) + p["b"]


def encode(params, x):
    h = jax.nn.elu(linear(params["enc"], x))
    return linear(params["mu"], h), linear(params["ls"], h)


def draw(mu, log_sigma, eps):
    return mu + jnp.exp(log_sigma) * eps


def decode(params, z):
    h = jax.nn.elu(linear(params["dec"], z))
    return linear(params["px"], h)


def loss_fn(x, p, mu, log_sigma):
    p = jnp.clip(p, 1e-7, 1 - 1e-7)
    nll = -jnp.sum(x * jnp.log(p) + (1 - x) * jnp.log(1 - p), axis=1)
    kl = jnp.sum(0.5 * (mu**2 + jnp.exp(2 * log_sigma) - 1) - log_sigma, axis=1)
    return jnp.mean(nll + kl), jnp.mean(nll), jnp.mean(kl)


@jax.jit
def sgd(params, x, eps):
    def total(params):
        mu, log_sigma = encode(params, x)
        return loss_fn(x, decode(params, draw(mu, log_sigma, eps)), mu, log_sigma)[0]

    value, grads = jax.value_and_grad(total)(params)
    return value, jax.tree.map(lambda p, g: p - 2e-3 * g, params, grads)


class State:
    params = init_params()
    key = jax.random.PRNGKey(42)


def train_step(x):
    State.key, sub = jax.random.split(State.key)
    value, State.params = sgd(State.params, x, jax.random.normal(sub, (len(x), 5)))
    return value


def description():
    return {
        "data": x_train,
        "encode": lambda x: encode(State.params, x),
        "spread": "log-deviation",
        "draw": draw,
        "loss": loss_fn,
        "decode": lambda z: decode(State.params, z),
        "decoder_gives": "probabilities",
        "train_step": train_step,
        "parameters": lambda: State.params,
        "likelihood": "bernoulli",
    }
