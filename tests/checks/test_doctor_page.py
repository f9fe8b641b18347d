"""``docs/doctor.md`` is held to the doctor."""

import re
from pathlib import Path

import numpy as np
import pytest
from small_vaes import SmallVAE, torch_parts

import scratchvae
from scratchvae.checks.doctor.finding import ORDER

ROOT = Path(scratchvae.__file__).parent.parent
PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ADAPTERS = re.findall(r"```python\n(report = .*?)```", PAGE, re.DOTALL)


def test_the_page_explains_every_cause_in_their_order():
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert [cause for cause, _, _ in rows] == list(ORDER)


def run(adapter, **names):
    names["scratchvae"] = scratchvae
    exec(adapter, names)
    return names["report"]


def test_the_adapter_of_numpy_runs():
    vae = SmallVAE()
    report = run(
        ADAPTERS[0],
        **{name: getattr(vae, name) for name in ("encode", "draw", "decode", "loss", "weights")},
        x=vae.data,
        step=vae.train_step,
    )
    assert report.passed
    assert "NumPy" in report.title


def test_the_adapter_of_pytorch_runs():
    parts = torch_parts(pytest.importorskip("torch"))
    model = parts["parameters"]
    report = run(ADAPTERS[1], batch=parts["data"], model=model, train_step=parts["train_step"])
    assert report.passed
    assert "PyTorch" in report.title


def test_the_adapter_of_jax_runs_and_its_weights_are_put_back():
    jax = pytest.importorskip("jax")
    jnp, vae = jax.numpy, SmallVAE()
    weights = tuple(jnp.asarray(vae.weights[name], jnp.float32) for name in ("encoder", "decoder"))
    state = {"params": weights}

    def encode(params, x):
        return jnp.split(x @ params[0], 2, axis=1)

    def draw(mean, log_variance, noise):
        return mean + jnp.exp(log_variance / 2) * noise

    def decode(params, z):
        return z @ params[1]

    def loss(x, logits, mean, log_variance):
        error = (jnp.logaddexp(0, logits) - x * logits).sum()
        return (error + 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum()) / len(x)

    @jax.jit
    def slopes(params, x, noise):
        def whole(params):
            moments = encode(params, x)
            return loss(x, decode(params, draw(*moments, noise)), *moments)

        return jax.value_and_grad(whole)(params)

    rng = np.random.default_rng(0)

    def step(x):
        noise = jnp.asarray(rng.standard_normal((len(x), 4)), jnp.float32)
        value, slope = slopes(state["params"], x, noise)
        pairs = zip(state["params"], slope, strict=True)
        state["params"] = tuple(each - 0.02 * by for each, by in pairs)
        return value

    names = {"encode": encode, "draw": draw, "decode": decode, "loss": loss, "step": step}
    report = run(ADAPTERS[2], x=jnp.asarray(vae.data, jnp.float32), state=state, **names)
    assert report.passed, str(report)
    assert "JAX" in report.title
    assert "training step" in [row.cause for row in report.rows if row.kind == "ok"]
    for now, before in zip(state["params"], weights, strict=True):
        np.testing.assert_allclose(now, before, rtol=1e-6)  # through float64 and back
