import jax
import jax.numpy as jnp
from jax.nn import sigmoid, swish

from scratchvae.data.synthetic import make_synthetic_digits

train_images = make_synthetic_digits(36, seed=45).images.astype("float32")
train_images = jnp.asarray(train_images / 255).reshape(36, 784)
N_LATENT = 7


def initial(key):
    k = jax.random.split(key, 5)
    he = jax.nn.initializers.he_normal()
    return {
        "encoder": {"hidden": he(k[0], (784, 50)), "mean": he(k[1], (50, N_LATENT)) * 0.5}
        | {"log_variance": he(k[2], (50, N_LATENT)) * 0.5},
        "decoder": {"hidden": he(k[3], (N_LATENT, 50)), "pixels": he(k[4], (50, 784)) * 0.3},
    }


def encode(params, x):
    hidden = swish(x @ params["encoder"]["hidden"])
    return hidden @ params["encoder"]["mean"], hidden @ params["encoder"]["log_variance"]


def decode(params, z):
    return sigmoid(swish(z @ params["decoder"]["hidden"]) @ params["decoder"]["pixels"])


def sample_one(key, mean, log_variance):
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, (N_LATENT,))


def sample(key, mean, log_variance):
    return jax.vmap(sample_one, in_axes=(None, 0, 0))(key, mean, log_variance)


def loss_fn(x, y, mean, log_variance):
    y = jnp.clip(y, 1e-6, 1 - 1e-6)
    bernoulli = (x * jnp.log(y) + (1 - x) * jnp.log1p(-y)).sum(axis=1)
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - log_variance - 1).sum(axis=1)
    return jnp.mean(kl - bernoulli)


@jax.jit
def train(params, key, x):
    def f(params):
        mean, log_variance = encode(params, x)
        return loss_fn(x, decode(params, sample(key, mean, log_variance)), mean, log_variance)

    loss, grad = jax.value_and_grad(f)(params)
    return loss, jax.tree.map(lambda w, g: w - 2e-3 * g, params, grad)


now = {"params": initial(jax.random.PRNGKey(0)), "rng": jax.random.PRNGKey(1)}


def next_key():
    now["rng"], key = jax.random.split(now["rng"])
    return key


def train_step(x):
    loss, now["params"] = train(now["params"], next_key(), x)
    return loss


def description():
    return {
        "data": train_images,
        "encode": lambda x: encode(now["params"], x),
        "draw": lambda mean, log_variance: sample(next_key(), mean, log_variance),
        "decode": lambda z: decode(now["params"], z),
        "loss": loss_fn,
        "train_step": train_step,
        "parameters": lambda: now["params"],
        "likelihood": "bernoulli",
    }
