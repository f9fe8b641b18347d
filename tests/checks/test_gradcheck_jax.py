"""``gradcheck`` of functions of JAX: right ones pass, and what is wrong is named."""

from functools import partial

import numpy as np
import pytest
from helpers import normal

from scratchvae import gradcheck, gradcheck_functions
from scratchvae.errors import InputError

jax = pytest.importorskip("jax")
jnp = jax.numpy

GENERATOR = np.random.default_rng(0)
ARRAYS = (normal(4, 5), normal(5, 3, seed=1), normal(3, seed=2))


def linear(backward=None, forward=None, function=None):
    """Return x w + b with rules of its own, each of which may be another."""
    made = jax.custom_vjp(function or (lambda x, w, b: x @ w + b))
    right = (
        (lambda x, w, b: (x @ w + b, (x, w))),
        (lambda kept, dy: (dy @ kept[1].T, kept[0].T @ dy, dy.sum(0))),
    )
    made.defvjp(forward or right[0], backward or right[1])
    return made


@partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def applied(function, x, scale):
    return function(x) * scale


applied.defvjp(
    lambda function, x, scale: (function(x) * scale, x),
    lambda function, scale, x, dy: (dy * jnp.cos(x) * scale,),
)


@jax.custom_jvp
def sine(x):
    return jnp.sin(x)


sine.defjvp(lambda point, moves: (jnp.sin(point[0]), jnp.cos(point[0]) * moves[0]))


def network(parameters, x, key, kind="tanh"):
    hidden = getattr(jnp, kind)(x @ parameters["hidden"]["w"] + parameters["hidden"]["b"])
    noisy = hidden + jax.random.normal(key, hidden.shape)
    return {"y": noisy @ parameters["out"][0], "largest": jnp.argmax(noisy)}


def parameters():
    w, b = normal(5, 4).astype(np.float32), jnp.array(normal(4))
    return {"hidden": {"w": w, "b": b}, "out": [normal(4, 2)]}


def branches(x):
    return jnp.sin(x) if x.sum() > 0 else x**2  # cannot be traced without values


RIGHT = {
    "custom_vjp": lambda: (linear(), *ARRAYS),
    "compiled": lambda: (jax.jit(linear()), *ARRAYS),
    "partly given": lambda: (partial(linear(), ARRAYS[0]), *ARRAYS[1:]),
    "custom_jvp": lambda: (sine, ARRAYS[0]),
    "not differentiated": lambda: (applied, jnp.sin, ARRAYS[0][:, :3], np.array([2.0, 3.0, 4.0])),
    "containers": lambda: (network, parameters(), jnp.array(ARRAYS[0]), jax.random.key(0)),
    "old key": lambda: (jax.jit(network), parameters(), ARRAYS[0], jax.random.PRNGKey(0)),
    "text": lambda: (network, parameters(), ARRAYS[0], jax.random.key(0), "sin"),
    "loss": lambda: (lambda x, y: jnp.mean((x - y) ** 2), *map(jnp.array, ARRAYS[:1] * 2)),
    "branches": lambda: (branches, jnp.array(ARRAYS[2])),
    "kink": lambda: (jax.nn.relu, jnp.array([0.0, 1.0, -1.0])),
    "half": lambda: (lambda x: x * 2, jnp.ones(3, jnp.bfloat16)),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_is_not_accused(kind):
    target, *inputs = RIGHT[kind]()
    report = gradcheck(target, *inputs)
    assert report.passed, report
    assert report.max_relative_error < 1e-7
    assert not [unseen for unseen in report.unseen if kind != "partly given"]


def test_what_a_container_holds_is_named_by_the_way_to_it():
    report = gradcheck(*RIGHT["containers"]())
    assert [row.name for row in report.rows] == [
        "parameters['hidden']['b']",
        "parameters['hidden']['w']",
        "parameters['out'][0]",
        "x",
    ]


def test_what_is_not_differentiated_is_not_checked():
    assert [row.name for row in gradcheck(*RIGHT["not differentiated"]()).rows] == ["x"]


WRONG = {
    "factor": (linear(lambda k, dy: (dy @ k[1].T, 2 * k[0].T @ dy, dy.sum(0))), {"w": "factor"}),
    "transpose": (linear(lambda k, dy: (dy @ k[1].T, dy.T @ k[0], dy.sum(0))), {"w": "transpose"}),
    "no sum": (linear(lambda k, dy: (dy @ k[1].T, k[0].T @ dy, dy)), {"b": "missing sum"}),
    "one": (linear(lambda k, dy: (dy @ k[1].T, k[0].T @ dy, dy[0])), {"b": "missing sum"}),
    "none": (linear(lambda k, dy: (dy @ k[1].T, k[0].T @ dy, None)), {"b": "zero"}),
    "noise": (
        linear(function=lambda x, w, b: x @ w + b + GENERATOR.standard_normal((4, 3))),
        dict.fromkeys("xwb", "random forward"),
    ),
    "float32": (
        lambda x, w, b: (x @ w + b).astype(jnp.float32).astype(jnp.float64),
        dict.fromkeys("xwb", "single precision"),
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_is_named(mistake):
    target, causes = WRONG[mistake]
    report = gradcheck(target, *map(jnp.array, ARRAYS))
    assert {row.name: row.cause for row in report.rows if not row.passed} == causes


def test_a_wrong_custom_jvp_is_named():
    wrong = jax.custom_jvp(jnp.sin)
    wrong.defjvp(lambda point, moves: (jnp.sin(point[0]), -jnp.cos(point[0]) * moves[0]))
    assert "wrong sign" in gradcheck(wrong, ARRAYS[0]).rows[0].diagnosis


def test_gradients_in_the_wrong_order_and_of_an_earlier_batch_are_named():
    product = jax.custom_vjp(lambda a, b: a * jnp.exp(b))
    product.defvjp(
        lambda a, b: (a * jnp.exp(b), (a, b)),
        lambda kept, dy: (dy * kept[0] * jnp.exp(kept[1]), dy * jnp.exp(kept[1])),
    )
    report = gradcheck(product, normal(2, 3), normal(2, 3, seed=1))
    assert [row.cause for row in report.rows] == ["order", "order"]
    earlier = []

    def forward(x):
        earlier.append(x)
        return x**2, earlier[-2:][0]

    square = jax.custom_vjp(lambda x: x**2)
    square.defvjp(forward, lambda kept, dy: (2 * kept * dy,))
    assert [row.cause for row in gradcheck(square, normal(2, 3)).rows] == ["stale"]


def test_arrays_from_outside_are_named():
    weight, of_numpy = jnp.ones((5, 3)), np.ones((5, 3))
    for function in (lambda x: x @ weight, jax.jit(lambda x: jnp.sin(x) @ weight)):
        report = gradcheck(function, jnp.array(ARRAYS[0]))
        assert report.passed
        assert [array.name for array in report.unseen] == ["weight"]
    report = gradcheck(lambda x: x @ of_numpy, jnp.array(ARRAYS[0]))
    assert [array.name for array in report.unseen] == ["of_numpy"]


def test_float64_is_switched_on_within_the_check_only():
    x = jnp.array(ARRAYS[0])
    assert x.dtype == np.float32
    assert gradcheck(jnp.sin, x).passed
    assert jnp.array(ARRAYS[0]).dtype == np.float32
    np.testing.assert_array_equal(x, ARRAYS[0].astype(np.float32))


def test_a_jax_that_cannot_switch_to_float64_for_a_while_says_how(monkeypatch):
    from types import SimpleNamespace

    from scratchvae.checks.gradients.frameworks.jax_target import float64_in

    old = SimpleNamespace(config=SimpleNamespace(jax_enable_x64=False))
    with pytest.raises(InputError, match=r'jax.config.update\("jax_enable_x64", True\)'):
        float64_in(old)
    old.config.jax_enable_x64 = True
    with float64_in(old):
        pass


def test_a_pair_of_functions_of_jax_is_checked():
    def forward(x, w):
        return jnp.tanh(x @ w), (x, w)

    def backward(dy, cache):
        x, w = cache
        dy = dy * (1 - jnp.tanh(x @ w) ** 2)
        return dy @ w.T, 2 * x.T @ dy

    report = gradcheck_functions(forward, backward, *map(jnp.array, ARRAYS[:2]))
    assert {row.name: row.cause for row in report.rows} == {"x": "", "w": "factor"}


REFUSED = {
    "let fwd return the function's own output": lambda: (
        linear(forward=lambda x, w, b: (x @ w, (x, w))),
        *ARRAYS,
    ),
    "a tuple of length equal to the number": lambda: (
        linear(lambda kept, dy: (dy @ kept[1].T, kept[0].T @ dy)),
        *ARRAYS,
    ),
    "no array of floats: return": lambda: (lambda x: x.astype(int), jnp.ones(3)),
    "moves real numbers and x is complex": lambda: (lambda x: x, jnp.ones(3, complex)),
    "returned float32": lambda: (lambda x: x.astype(jnp.float32), jnp.ones(3)),
    "no array of floats among": lambda: (lambda x: x, jnp.arange(3)),
    "its own arrays": lambda: (lambda x: jnp.sin(x), ARRAYS[0]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_checked_is_refused_in_one_line(words):
    with pytest.raises(InputError, match=words) as refused:
        gradcheck(*REFUSED[words]())
    assert "\n" not in str(refused.value)


def test_a_function_has_no_mode():
    with pytest.raises(InputError, match="has no mode"):
        gradcheck(jnp.sin, jnp.ones(3), training=True)
