import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, relu
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm

from scratchvae.data.synthetic import make_synthetic_digits

SAMPLES = 5
batch = jnp.asarray(make_synthetic_digits(30, seed=93).images[:, ::2, ::2, 0] / 255.0)
batch = batch.reshape(30, 196)


def glorot(key, m, n):
    return jax.random.normal(key, (m, n)) * (2 / (m + n)) ** 0.5


def parameters(key):
    k = jax.random.split(key, 4)
    return [glorot(k[0], 196, 50), glorot(k[1], 50, 8), glorot(k[2], 4, 50), glorot(k[3], 50, 196)]


def encode(p, x):
    return tuple(jnp.split(relu(x @ p[0]) @ p[1], 2, axis=-1))


def draw(mean, log_variance, noise):
    return mean + jnp.exp(0.5 * log_variance) * noise


def decode(p, z):
    return relu(z @ p[2]) @ p[3]


def loss(p, x, key):
    """Minus the importance-weighted bound of five samples (Burda et al. 2016, equation 8)."""
    mean, log_variance = encode(p, x)
    z = draw(mean, log_variance, jax.random.normal(key, (SAMPLES, *mean.shape)))
    logits = decode(p, z)
    log_px = (x * log_sigmoid(logits) + (1 - x) * log_sigmoid(-logits)).sum(-1)
    log_pz = norm.logpdf(z).sum(-1)
    log_qz = norm.logpdf(z, mean, jnp.exp(0.5 * log_variance)).sum(-1)
    return -jnp.mean(logsumexp(log_px + log_pz - log_qz, axis=0) - jnp.log(SAMPLES))


gradient = jax.jit(jax.value_and_grad(loss))
evaluate = jax.jit(loss)


class Now:
    p, key = parameters(jax.random.PRNGKey(3)), jax.random.PRNGKey(4)


def next_key():
    Now.key, key = jax.random.split(Now.key)
    return key


def train_step(x):
    value, slopes = gradient(Now.p, x, next_key())
    Now.p = [w - 0.005 * g for w, g in zip(Now.p, slopes, strict=True)]
    return value


def description():
    return {
        "data": batch,
        "encode": lambda x: encode(Now.p, x),
        "draw": draw,
        "decode": lambda z: decode(Now.p, z),
        "decoder_gives": "logits",
        "loss": lambda x: evaluate(Now.p, x, next_key()),
        "train_step": train_step,
        "parameters": lambda: Now.p,
        "likelihood": "bernoulli",
    }
