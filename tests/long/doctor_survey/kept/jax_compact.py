import jax
import jax.numpy as jnp

from scratchvae.data.synthetic import make_synthetic_digits

x_all = jnp.asarray(make_synthetic_digits(40, seed=50).images[:, 2:26:2, 2:26:2, 0] / 255.0)
x_all = x_all.reshape(-1, 144)
k1, k2, k3, k4, KEY = jax.random.split(jax.random.PRNGKey(77), 5)
P = [
    jax.random.normal(k1, (144, 32)) * 0.08,
    jax.random.normal(k2, (32, 6)) * 0.15,
    jax.random.normal(k3, (3, 32)) * 0.5,
    jax.random.normal(k4, (32, 144)) * 0.15,
]


def q(P, x):
    s = jnp.tanh(x @ P[0]) @ P[1]
    return s[:, :3], s[:, 3:]


def p(P, z):
    return jnp.tanh(z @ P[2]) @ P[3]


def kl(m, v):
    return -0.5 * (1 + v - jnp.exp(m) - jnp.exp(v)).sum()


def nll(x, a):
    return (jax.nn.softplus(a) - x * a).sum()


def L(x, a, m, v):
    return nll(x, a) + kl(m, v)


def sample(m, v, e):
    return m + jnp.exp(v / 2) * e


@jax.jit
def sgd(P, x, e):
    def f(P):
        m, v = q(P, x)
        return L(x, p(P, sample(m, v, e)), m, v)

    value, g = jax.value_and_grad(f)(P)
    return value, [a - 2e-4 * b for a, b in zip(P, g, strict=True)]


def train_step(x):
    global P, KEY
    KEY, key = jax.random.split(KEY)
    value, P = sgd(P, x, jax.random.normal(key, (len(x), 3)))
    return value


def description():
    return {
        "data": x_all,
        "encode": lambda x: q(P, x),
        "draw": sample,
        "decode": lambda z: p(P, z),
        "decoder_gives": "logits",
        "loss": L,
        "train_step": train_step,
        "parameters": lambda: P,
        "likelihood": "bernoulli",
    }
