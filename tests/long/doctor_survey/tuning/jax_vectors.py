import jax
import jax.numpy as jnp
import numpy as np

rng = np.random.default_rng(17)
factors = rng.normal(size=(80, 3))
vectors = np.tanh(factors @ rng.normal(size=(3, 20))) + 0.1 * rng.normal(size=(80, 20))
vectors = jnp.asarray(vectors, jnp.float32)


def glorot(key, shape):
    return jax.nn.initializers.glorot_normal()(key, shape)


def make(key):
    a, b, c, d = jax.random.split(key, 4)
    encoder = (glorot(a, (20, 32)), glorot(b, (32, 6)))
    decoder = (glorot(c, (3, 32)), glorot(d, (32, 20)), jnp.zeros(20))
    return encoder, decoder


def infer(params, x):
    w, v = params[0]
    statistics = jax.nn.softplus(x @ w) @ v
    return statistics[..., :3], statistics[..., 3:]


def generate(params, z):
    w, v, b = params[1]
    return jax.nn.softplus(z @ w) @ v + b


def free_energy(x, x_mean, mean, log_variance):
    accuracy = jnp.sum((x - x_mean) ** 2, axis=-1)
    complexity = 0.5 * jnp.sum(mean**2 + jnp.exp(log_variance) - log_variance - 1, axis=-1)
    return jnp.mean(accuracy + complexity)


def sample(key, mean, log_variance):
    return mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)


@jax.jit
def update(params, key, x):
    def objective(params):
        mean, log_variance = infer(params, x)
        return free_energy(x, generate(params, sample(key, mean, log_variance)), mean, log_variance)

    value, slope = jax.value_and_grad(objective)(params)
    return value, jax.tree.map(lambda p, g: p - 0.02 * g, params, slope)


class Trainer:
    def __init__(self):
        self.key = jax.random.key(0)
        self.params = make(self.next_key())

    def next_key(self):
        self.key, key = jax.random.split(self.key)
        return key

    def step(self, x):
        value, self.params = update(self.params, self.next_key(), x)
        return float(value)


trainer = Trainer()


def description():
    return {
        "data": vectors,
        "encode": lambda x: infer(trainer.params, x),
        "draw": lambda mean, spread: sample(trainer.next_key(), mean, spread),
        "decode": lambda z: generate(trainer.params, z),
        "loss": free_energy,
        "train_step": trainer.step,
        "parameters": lambda: trainer.params,
        "likelihood": "gaussian",
        "variance": 1.0,
    }
