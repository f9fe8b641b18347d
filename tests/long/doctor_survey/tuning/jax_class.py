import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

digits = make_synthetic_digits(48, seed=25).images.astype("float32").reshape(48, 784) / 255
digits = jnp.array(digits)


def init(key, m, n):
    return jax.random.uniform(key, (m, n), minval=-1, maxval=1) * (3 / m) ** 0.5


def encode(p, x):
    h = jax.nn.relu(x @ p["e"] + p["eb"])
    return h @ p["m"], h @ p["s"]


def draw(mean, logvar, key):
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)


def decode(p, z):
    z = jnp.zeros_like(z)
    h = jax.nn.relu(z @ p["d"] + p["db"])
    return jax.nn.sigmoid(h @ p["o"] + p["ob"])


def loss(x, probabilities, mean, logvar):
    probabilities = jnp.clip(probabilities, 1e-6, 1 - 1e-6)
    ce = -jnp.sum(x * jnp.log(probabilities) + (1 - x) * jnp.log(1 - probabilities))
    return ce - 0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar))


class Vae:
    def __init__(self, seed=1, hidden=60, latents=6):
        self.key, *keys = jax.random.split(jax.random.PRNGKey(seed), 6)
        self.p = {"e": init(keys[0], 784, hidden), "eb": jnp.full(hidden, 0.1)}
        self.p |= {"m": init(keys[1], hidden, latents), "s": init(keys[2], hidden, latents)}
        self.p |= {"d": init(keys[3], latents, hidden), "db": jnp.full(hidden, 0.1)}
        self.p |= {"o": init(keys[4], hidden, 784), "ob": jnp.zeros(784)}
        self.slope = jax.jit(jax.value_and_grad(self.objective))

    def split(self):
        self.key, key = jax.random.split(self.key)
        return key

    def objective(self, p, x, key):
        mean, logvar = encode(p, x)
        return loss(x, decode(p, draw(mean, logvar, key)), mean, logvar)

    def train_step(self, x):
        value, slope = self.slope(self.p, x, self.split())
        self.p = {name: w - 5e-5 * slope[name] for name, w in self.p.items()}
        return value


vae = Vae()


def description():
    return {
        "data": digits,
        "encode": lambda x: encode(vae.p, x),
        "draw": lambda mean, logvar: draw(mean, logvar, vae.split()),
        "decode": lambda z: decode(vae.p, z),
        "loss": loss,
        "train_step": vae.train_step,
        "parameters": lambda: vae.p,
        "likelihood": "bernoulli",
    }
