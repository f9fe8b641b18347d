import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

imgs = make_synthetic_digits(48, seed=53).images[:, ::2, ::2, 0].reshape(48, 196) / 255.0
imgs = jnp.asarray(imgs)
shapes = dict(w1=(196, 64), w2=(64, 5), w3=(64, 5), w4=(5, 64), w5=(64, 196))  # noqa: C408


def bce_with_logits(labels, logits):
    p = jax.nn.sigmoid(logits)
    return -(labels * jnp.log(p + 1e-8) + (1 - labels) * jnp.log(1 - p + 1e-8))


def encoder(theta, x):
    h = jax.nn.relu(x @ theta["w1"])
    return h @ theta["w2"], h @ theta["w3"]


def decoder(theta, z):
    return jax.nn.sigmoid(jax.nn.relu(z @ theta["w4"]) @ theta["w5"])


def reparameterize(rng, mu, logvar):
    std = jnp.exp(0.5 * logvar)
    return mu + std * jax.random.normal(rng, logvar.shape)


def compute_loss(x, recon, mu, logvar):
    bce = bce_with_logits(x, recon).sum(axis=-1).mean()
    kld = (-0.5 * jnp.sum(1 + logvar - mu**2 - jnp.exp(logvar), axis=-1)).mean()
    return {"bce": bce, "kld": kld, "loss": bce + kld}


@jax.jit
def train_fn(theta, rng, x):
    def loss_fn(theta):
        mu, logvar = encoder(theta, x)
        recon = decoder(theta, reparameterize(rng, mu, logvar))
        return compute_loss(x, recon, mu, logvar)["loss"]

    loss, grads = jax.value_and_grad(loss_fn)(theta)
    return loss, jax.tree_util.tree_map(lambda t, g: t - 0.01 * g, theta, grads)


def start(key):
    keys = jax.random.split(key, len(shapes))
    return {
        name: jax.random.normal(k, shape) * shape[0] ** -0.5
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


class S:
    rng = jax.random.PRNGKey(123)
    theta = start(jax.random.PRNGKey(321))


def fresh():
    S.rng, out = jax.random.split(S.rng)
    return out


def train_step(x):
    loss, S.theta = train_fn(S.theta, fresh(), x)
    return float(loss)


def description():
    return {
        "data": imgs,
        "encode": lambda x: encoder(S.theta, x),
        "draw": lambda mu, logvar: reparameterize(fresh(), mu, logvar),
        "decode": lambda z: decoder(S.theta, z),
        "loss": compute_loss,
        "train_step": train_step,
        "parameters": lambda: S.theta,
        "likelihood": "bernoulli",
    }
