import jax
import jax.numpy as jnp
from jax.nn import tanh

from scratchvae.data.synthetic import make_synthetic_digits

observations = make_synthetic_digits(36, seed=55).images[:, ::2, ::2, 0] / 255.0
observations = jnp.asarray(observations.reshape(36, 196), dtype=jnp.float32)


def uniform(key, m, n):
    return jax.random.uniform(key, (m, n), minval=-1, maxval=1) * jnp.sqrt(6 / (m + n))


def create(seed):
    keys = iter(jax.random.split(jax.random.key(seed), 4))
    return {
        "phi": {"W": uniform(next(keys), 196, 40), "V": uniform(next(keys), 40, 6)},
        "theta": {
            "W": uniform(next(keys), 3, 40),
            "V": uniform(next(keys), 40, 196),
            "b": jnp.full(196, -1.0),
        },
    }


def inference(phi, x):
    out = tanh(x @ phi["W"]) @ phi["V"]
    return out[:, :3], out[:, 3:]


def generation(theta, z):
    return tanh(z @ theta["W"]) @ theta["V"] + theta["b"]


def sample(key, mean, log_variance):
    noise = jax.random.normal(key, mean.shape)
    return jax.lax.stop_gradient(mean + jnp.exp(0.5 * log_variance) * noise)


def loss(x, logits, mean, log_variance):
    log_px = (x * jax.nn.log_sigmoid(logits) + (1 - x) * jax.nn.log_sigmoid(-logits)).sum(1)
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(1)
    return (kl - log_px).mean()


@jax.jit
def update(params, key, x):
    def objective(params):
        mean, log_variance = inference(params["phi"], x)
        logits = generation(params["theta"], sample(key, mean, log_variance))
        return loss(x, logits, mean, log_variance)

    value, slopes = jax.value_and_grad(objective)(params)
    return value, jax.tree.map(lambda p, s: p - 0.02 * s, params, slopes)


class Model:
    def __init__(self):
        self.params, self.key = create(0), jax.random.key(1)

    def new_key(self):
        self.key, key = jax.random.split(self.key)
        return key

    def encode(self, x):
        return inference(self.params["phi"], x)

    def draw(self, mean, log_variance):
        return sample(self.new_key(), mean, log_variance)

    def decode(self, z):
        return generation(self.params["theta"], z)

    def train_step(self, x):
        value, self.params = update(self.params, self.new_key(), x)
        return value


model = Model()


def description():
    return {
        "data": observations,
        "encode": model.encode,
        "draw": model.draw,
        "decode": model.decode,
        "decoder_gives": "logits",
        "loss": loss,
        "train_step": model.train_step,
        "parameters": lambda: model.params,
        "likelihood": "bernoulli",
    }
