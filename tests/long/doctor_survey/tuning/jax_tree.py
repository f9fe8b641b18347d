import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

LATENTS = 6
data = jnp.asarray(make_synthetic_digits(50, seed=4).images.reshape(50, 784) / 255.0)


def dense(key, n_in, n_out):
    return {"w": jax.random.normal(key, (n_in, n_out)) / n_in**0.5, "b": jnp.zeros(n_out)}


def init(key):
    keys = jax.random.split(key, 5)
    return {
        "enc": dense(keys[0], 784, 64),
        "mean": dense(keys[1], 64, LATENTS),
        "logvar": dense(keys[2], 64, LATENTS),
        "dec": dense(keys[3], LATENTS, 64),
        "out": dense(keys[4], 64, 784),
    }


def apply(layer, x):
    return x @ layer["w"] + layer["b"]


def encode(params, x):
    h = jax.nn.relu(apply(params["enc"], x))
    return apply(params["mean"], h), apply(params["logvar"], h)


def sample(mean, logvar, eps):
    return mean + logvar * eps


def decode(params, z):
    return apply(params["out"], jax.nn.relu(apply(params["dec"], z)))


def elbo_loss(x, logits, mean, logvar):
    bce = jnp.sum(jnp.logaddexp(0.0, logits) - x * logits, axis=-1)
    kl = 0.5 * jnp.sum(jnp.exp(logvar) + mean**2 - 1.0 - logvar, axis=-1)
    return jnp.mean(bce + kl)


@jax.jit
def step(params, key, x):
    def objective(p):
        mean, logvar = encode(p, x)
        z = sample(mean, logvar, jax.random.normal(key, mean.shape))
        return elbo_loss(x, decode(p, z), mean, logvar)

    loss, grads = jax.value_and_grad(objective)(params)
    return loss, jax.tree.map(lambda p, g: p - 3e-3 * g, params, grads)


state = {"params": init(jax.random.PRNGKey(0)), "key": jax.random.PRNGKey(1)}


def train_step(x):
    state["key"], key = jax.random.split(state["key"])
    loss, state["params"] = step(state["params"], key, x)
    return loss


def description():
    return {
        "data": data,
        "encode": lambda x: encode(state["params"], x),
        "draw": sample,
        "decode": lambda z: decode(state["params"], z),
        "decoder_gives": "logits",
        "loss": elbo_loss,
        "train_step": train_step,
        "parameters": lambda: state["params"],
        "likelihood": "bernoulli",
    }
