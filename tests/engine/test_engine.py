"""The engine: a model's passes give what its layers give, and nobody else's memory changes."""

import json
import os
import subprocess
import sys
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from helpers import refused, small_vae

import scratchvae
from scratchvae import kernels
from scratchvae.engine import Engine
from scratchvae.engine.engine import is_on
from scratchvae.kernels.machine.arena import Arena, empty
from scratchvae.layers import Dense, Parameter
from scratchvae.models import RECIPES
from scratchvae.training import Adam
from scratchvae.validation import chosen_by_variable

compiled = pytest.mark.skipif(kernels.BACKEND != "numba", reason="plans are of compiled kernels")
planned = pytest.mark.skipif(not is_on(), reason="passes run as they are written")
on_tile = pytest.mark.skipif(
    chosen_by_variable("SCRATCHVAE_PRODUCTS") != "tile", reason="each product by BLAS is a call"
)

STEPS = """
import json, sys
import numpy as np
import scratchvae

name, dtype, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = scratchvae.build(name, seed=0, dtype=np.dtype(dtype))
trainer = scratchvae.Trainer(model, seed=0)
rng = np.random.default_rng(0)
losses = []
for _ in range(10):
    labels = {"labels": np.arange(batch) % 10} if model.classes else {}
    losses.append(trainer.step(rng.random((batch, 28, 28, 1)), **labels).loss)
print(json.dumps(losses))
"""


def losses(name, dtype, **environment):
    """Return the losses of ten steps of a recipe, run by themselves with these variables."""
    batch = "4" if name in ("zhao-cnn", "fleuret-conv", "fleuret-autoencoder") else "16"
    done = subprocess.run(
        [sys.executable, "-c", STEPS, name, dtype, batch],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout))


@compiled
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RECIPES)
def test_ten_steps_have_the_same_losses_without_the_engine_and_on_numpy(name, dtype):
    # What ten steps make of sums in another order; measured below a tenth of it. In float32 a ReLU
    # that a larger error switches, or a gradient of 0 that Adam sees as 1e-9, moves later losses by
    # a thousandth: Winograd's convolutions are held to one step's gradients elsewhere.
    close = {"float32": 1e-5, "float64": 1e-10}[dtype]
    direct = {"SCRATCHVAE_WINOGRAD": "off"} if dtype == "float32" else {}
    fast = losses(name, dtype, **direct)
    assert np.isfinite(fast).all()
    for other in ({"SCRATCHVAE_ENGINE": "off"}, {"SCRATCHVAE_KERNELS": "numpy"}):
        np.testing.assert_allclose(losses(name, dtype, **direct, **other), fast, rtol=close, atol=0)


def test_engine_variable_is_on_or_off(monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", "fast")
    with refused("SCRATCHVAE_ENGINE", "on or off", "'fast'"):
        scratchvae.Trainer(small_vae())


@planned
@on_tile
@pytest.mark.parametrize(("name", "most"), [("zhao-mlp", 100), ("iwae", 400)])
def test_a_step_makes_few_python_calls(name, most):
    trainer = scratchvae.Trainer(scratchvae.build(name, seed=0))
    x = np.random.default_rng(0).random((32, 28, 28, 1), dtype=np.float32)
    for _ in range(3):  # the second stores the kernels' calls, the third finds all as it was
        trainer.step_on_floats(x)
    package, calls = os.path.dirname(scratchvae.__file__), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(package)

    sys.setprofile(count)
    try:
        trainer.step_on_floats(x)
    finally:
        sys.setprofile(None)
    assert 20 < calls <= most


@planned
@pytest.mark.parametrize("name", ["zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv"])
def test_a_step_after_the_first_allocates_nothing_large(name):
    trainer = scratchvae.Trainer(scratchvae.build(name))
    x = np.random.default_rng(0).random((32, 28, 28, 1), dtype=np.float32)
    for _ in range(2):
        trainer.step(x)
    tracemalloc.start(1)
    try:
        trainer.step(x)
        tracemalloc.reset_peak()
        start, _ = tracemalloc.get_traced_memory()
        trainer.step(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All that lives at one moment, small arrays and Python's own objects, is below twice the bound
    # for one array: an array of the batch alone would be 100 KB.
    assert peak - start < 2 * 64 * 1024


def test_arena_gives_the_nth_request_of_a_round_the_same_memory():
    arena = Arena()
    with arena:
        first, other = empty((4, 5), np.dtype("f")), empty((4, 5), np.dtype("f"))
        arena.rewind()
        smaller = empty((3, 5), np.dtype("f"))
    assert np.shares_memory(first, smaller)
    assert not np.shares_memory(first, other)
    assert smaller.flags.c_contiguous
    outside = empty((4, 5), np.dtype("f"))
    assert not np.shares_memory(first, outside)


def test_a_refused_step_leaves_running_statistics_and_parameters_as_they_were():
    model = scratchvae.build("zhao-cnn", seed=0)
    trainer = scratchvae.Trainer(model)
    x = np.random.default_rng(0).random((4, 28, 28, 1), dtype=np.float32)
    trainer.step(x)
    before = {name: array.copy() for name, array in model.state().items()}
    with refused("loss"):
        trainer.step_on_floats(np.full_like(x, np.float32(1e30)))
    for name, array in model.state().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert trainer.optimiser.steps == 1


def test_a_trainer_refuses_parameters_that_its_optimiser_does_not_have():
    model = small_vae()
    trainer = scratchvae.Trainer(model)
    x = np.random.default_rng(0).random((4, 3, 5, 1))
    for _ in range(4):
        trainer.step(x)
    model.encoder.layers[1] = Dense(15, 3, rng=0, dtype=np.float64)
    with refused("replaced", "new Trainer"):
        trainer.step(x)


def test_planned_adam_is_adam_whatever_the_order_of_a_gradient():
    gradients = np.random.default_rng(0).standard_normal((3, 4, 5))

    def stepped(step):
        parameters = {name: Parameter(np.ones((4, 5))) for name in "ab"}
        optimiser = Adam(parameters, 0.1)
        for place, gradient in enumerate(gradients):
            parameters["a"].grad = gradient
            parameters["b"].grad = np.asfortranarray(gradient) if place == 1 else gradient
            if place == 2:
                parameters["a"].value = 2 * parameters["a"].value
            step(optimiser)
        assert optimiser.steps == 3
        return [p.value for p in parameters.values()], optimiser

    engine = Engine(keeps=True)
    expected, _ = stepped(lambda optimiser: optimiser.step())
    found, optimiser = stepped(lambda optimiser: engine.step(optimiser, adam=True))
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, other)
    optimiser.parameters["a"].grad = np.zeros((4, 4))
    with refused("gradient of a", "(4, 4)", "(4, 5)"):
        engine.step(optimiser, adam=True)


@compiled
def test_gradients_that_no_backward_pass_reaches_are_cleared(monkeypatch):
    def stale(trainer):
        for parameter in trainer.model.parameters.values():
            parameter.grad[...] = 1
        return trainer

    def gradients(trainer):
        return [parameter.grad.any() for parameter in trainer.model.parameters.values()]

    x = np.random.default_rng(0).random((3, 3, 5, 1), dtype=np.float32)
    plain = type(small_vae()).backward
    for left_out in (lambda model: None, lambda model: 1 / 0):
        trainer = stale(scratchvae.Trainer(small_vae(dtype=np.float32)))
        monkeypatch.setattr(type(trainer.model), "backward", left_out)
        with suppress(ZeroDivisionError):
            trainer.step_on_floats(x)
        assert not any(gradients(trainer))
    monkeypatch.setattr(type(trainer.model), "backward", plain)
    trainer.step_on_floats(x)
    assert all(gradients(trainer))
