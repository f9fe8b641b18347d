import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

pixels = jnp.asarray(make_synthetic_digits(40, seed=22).images[:, ::2, ::2, 0] / 255.0)
pixels = pixels.reshape(40, 196)


def mlp(key, sizes):
    layers = []
    for k, m, n in zip(jax.random.split(key, len(sizes)), sizes[:-1], sizes[1:], strict=False):
        layers.append({"w": jax.random.normal(k, (m, n)) * (1 / m) ** 0.5, "b": jnp.zeros(n)})
    return layers


def forward(layers, x):
    for layer in layers[:-1]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    return x @ layers[-1]["w"] + layers[-1]["b"]


def encode(params, x):
    return tuple(jnp.split(forward(params["encoder"], x), 2, axis=-1))


def decode(params, z):
    return forward(params["decoder"], z)


def loss(x, logits, mean, log_variance):
    bce = (jax.nn.softplus(logits) - x * logits).sum(-1).mean()
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(-1).mean()
    return bce + kl


def sample(mean, log_variance, noise):
    return mean + jnp.exp(0.5 * log_variance) * noise


def total(encoder, decoder, x, noise):
    params = {"encoder": encoder, "decoder": decoder}
    mean, log_variance = encode(params, x)
    return loss(x, decode(params, sample(mean, log_variance, noise)), mean, log_variance)


@jax.jit
def step(params, key, x):
    noise = jax.random.normal(key, (x.shape[0], 4))
    encoder, decoder = params["encoder"], params["decoder"]
    value, grads = jax.value_and_grad(total)(encoder, decoder, x, noise)
    encoder = jax.tree.map(lambda p, g: p - 0.01 * g, encoder, grads)
    return value, {"encoder": encoder, "decoder": decoder}


one, two, three = jax.random.split(jax.random.key(11), 3)
session = {
    "params": {"encoder": mlp(one, [196, 48, 8]), "decoder": mlp(two, [4, 48, 196])},
    "key": three,
}


def train_step(x):
    session["key"], key = jax.random.split(session["key"])
    value, session["params"] = step(session["params"], key, x)
    return value


def description():
    return {
        "data": pixels,
        "encode": lambda x: encode(session["params"], x),
        "draw": sample,
        "decode": lambda z: decode(session["params"], z),
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": train_step,
        "parameters": lambda: session["params"],
        "likelihood": "bernoulli",
    }
