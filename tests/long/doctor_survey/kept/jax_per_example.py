import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

X = jnp.array(make_synthetic_digits(40, seed=42).images[:, ::2, ::2, 0] / 255.0)


def init(key, sizes):
    keys = jax.random.split(key, len(sizes))
    return [
        (jax.random.normal(k, (m, n)) / jnp.sqrt(m), jnp.zeros(n))
        for k, (m, n) in zip(keys, sizes, strict=True)
    ]


params = init(jax.random.PRNGKey(5), [(196, 48), (48, 4), (48, 4), (4, 48), (48, 196)])


def encode_one(params, image):
    (w, b), (wm, bm), (wv, bv) = params[:3]
    h = jax.nn.relu(image.ravel() @ w + b)
    return h @ wm + bm, h @ wv + bv


def draw_one(mean, log_variance, eps):
    return eps * jnp.exp(log_variance) + mean


def decode_one(params, z):
    (w, b), (wo, bo) = params[3:]
    return (jax.nn.relu(z @ w + b) @ wo + bo).reshape(14, 14)


def loss_one(image, logits, mean, log_variance):
    nll = jnp.sum(jax.nn.softplus(logits) - image * logits)
    kl = 0.5 * jnp.sum(mean**2 + jnp.exp(log_variance) - log_variance - 1)
    return nll + kl


def elbo_one(params, image, key):
    mean, log_variance = encode_one(params, image)
    z = draw_one(mean, log_variance, jax.random.normal(key, mean.shape))
    return loss_one(image, decode_one(params, z), mean, log_variance)


@jax.jit
def update(params, images, key):
    def batch_loss(params):
        keys = jax.random.split(key, len(images))
        return jax.vmap(elbo_one, (None, 0, 0))(params, images, keys).mean()

    loss, grads = jax.value_and_grad(batch_loss)(params)
    return loss, jax.tree.map(lambda p, g: p - 0.005 * g, params, grads)


class Run:
    params, key = params, jax.random.PRNGKey(9)

    @classmethod
    def step(cls, images):
        cls.key, key = jax.random.split(cls.key)
        loss, cls.params = update(cls.params, images, key)
        return loss


def description():
    return {
        "data": X,
        "encode": lambda x: jax.vmap(encode_one, (None, 0))(Run.params, x),
        "draw": jax.vmap(draw_one),
        "decode": lambda z: jax.vmap(decode_one, (None, 0))(Run.params, z),
        "decoder_gives": "logits",
        "loss": lambda *args: jax.vmap(loss_one)(*args).mean(),
        "train_step": Run.step,
        "parameters": lambda: Run.params,
        "likelihood": "bernoulli",
    }
