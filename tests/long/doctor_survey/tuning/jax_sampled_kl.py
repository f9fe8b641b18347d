import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from scratchvae.data.synthetic import make_synthetic_digits

ims = jnp.asarray(make_synthetic_digits(40, seed=82).images[:, ::2, ::2, 0] / 255.0)
ims = ims.reshape(40, 196)


def init(key, d=4, h=48):
    ks = jax.random.split(key, 4)
    sizes = [(196, h), (h, 2 * d), (d, h), (h, 196)]
    return [jax.random.normal(k, s) / s[0] ** 0.5 for k, s in zip(ks, sizes, strict=True)]


def encode(w, x):
    return tuple(jnp.split(jnp.tanh(x @ w[0]) @ w[1], 2, axis=-1))


def decode(w, z):
    return jnp.tanh(z @ w[2]) @ w[3]


def draw(mean, log_variance, noise):
    return mean + jnp.exp(log_variance / 2) * noise


def negative_elbo(w, x, key):
    """One draw of log q(z|x) − log p(z) stands for the divergence."""
    mean, log_variance = encode(w, x)
    z = draw(mean, log_variance, jax.random.normal(key, mean.shape))
    logits = decode(w, z)
    log_px = jnp.sum(x * logits - jax.nn.softplus(logits), axis=1)
    log_qz = norm.logpdf(z, mean, jnp.exp(log_variance / 2)).sum(axis=1)
    log_pz = norm.logpdf(z).sum(axis=1)
    return jnp.mean(log_qz - log_pz - log_px)


slope = jax.jit(jax.value_and_grad(negative_elbo))
value = jax.jit(negative_elbo)
holder = {"w": init(jax.random.PRNGKey(0)), "key": jax.random.PRNGKey(1)}


def key():
    holder["key"], out = jax.random.split(holder["key"])
    return out


def train_step(x):
    loss, g = slope(holder["w"], x, key())
    holder["w"] = [w - 0.01 * d for w, d in zip(holder["w"], g, strict=True)]
    return loss


def description():
    return {
        "data": ims,
        "encode": lambda x: encode(holder["w"], x),
        "draw": draw,
        "decode": lambda z: decode(holder["w"], z),
        "decoder_gives": "logits",
        "loss": lambda x: value(holder["w"], x, key()),
        "train_step": train_step,
        "parameters": lambda: holder["w"],
        "likelihood": "bernoulli",
    }
