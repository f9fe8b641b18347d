"""Plans whose calls are stored give, to the bit, what their tasks give one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from stack_cases import stacks

import scratchvae
from scratchvae import kernels
from scratchvae.engine.network import PlannedNetwork
from scratchvae.kernels.machine import tasks
from scratchvae.kernels.machine.tasks import Program
from scratchvae.layers import ELU, Dense, Sequential
from scratchvae.models import RECIPES

pytestmark = pytest.mark.skipif(kernels.BACKEND != "numba", reason="there are no plans")


@pytest.fixture
def never_stored(monkeypatch):
    """Return what has programs run their tasks one by one from then on."""
    return lambda: monkeypatch.setattr(Program, "_store", lambda self: None)


@pytest.fixture
def restored_threads():
    yield
    kernels.set_threads(None)


def trained(name):
    """Return losses and values after steps with batches of several shapes in turn."""
    model = scratchvae.build(name, seed=0)
    trainer = scratchvae.Trainer(model)
    rng = np.random.default_rng(0)
    classes = getattr(model, "classes", 0)
    losses = []
    for step in range(8):
        count = (9, 9, 4, 9)[step % 4]
        x = np.round(rng.random((count, *model.image_shape))).astype(model.dtype)
        labels = rng.integers(0, classes, count) if classes else None
        losses.append(trainer.step_on_floats(x, labels).loss)
        if step == 4:
            first = next(iter(model.parameters.values()))
            first.value = 0.9 * first.value
        kernels.set_threads(1 if step in (2, 3, 6) else 2)
    return [np.array(losses), *model.state().values()]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_trained_to_the_same_bits(name, never_stored, restored_threads, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0)
    stored = trained(name)
    never_stored()
    for one, other in zip(stored, trained(name), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=30)
@given(stacks())
def test_drawn_stacks_have_the_same_bits(drawn):
    layers, shape, dtype, training, seed = drawn
    network = Sequential(*layers)
    before = [buffer.copy() for buffer in network.buffers.values()]
    store = Program._store

    def passes(stores):
        Program._store = store if stores else lambda self: None
        rng, found = np.random.default_rng(seed), []
        for buffer, start in zip(network.buffers.values(), before, strict=True):
            buffer[...] = start
        network.zero_grad()
        planned = PlannedNetwork(network, keeps=True)
        for _ in range(3):
            planned.rewind()
            y = planned.forward(rng.standard_normal(shape).astype(dtype), training)
            found += [y.copy(), planned.backward(rng.standard_normal(y.shape).astype(dtype))]
            found[-1] = found[-1].copy()
        return found + [parameter.grad.copy() for parameter in network.parameters.values()]

    try:
        for one, other in zip(passes(True), passes(False), strict=True):
            np.testing.assert_array_equal(one, other)
    finally:
        Program._store = store


def square(seed=0):
    network = Sequential(Dense(4, 4, rng=seed), ELU(), Dense(4, 4, rng=seed + 1))
    return network, PlannedNetwork(network, keeps=True)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_pass_over_what_the_last_one_returned_does_not_write_over_it(layers):
    network = Sequential(*square()[0].layers[:layers])
    planned = PlannedNetwork(network, keeps=True)

    def passes(own, x):
        network.zero_grad()
        y = own.forward(x)
        dx = own.backward(own.backward(y))
        return y, [dx.copy(), *(parameter.grad.copy() for parameter in network.parameters.values())]

    x = expected_x = np.random.default_rng(0).standard_normal((5, 4)).astype("f")
    for _ in range(5):
        planned.rewind()
        x, found = passes(planned, x)
        expected_x, expected = passes(network, expected_x)
        for one, other in zip([x, *found], [expected_x, *expected], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_what_goes_in_may_be_at_another_place_each_time():
    network, planned = square()
    rng = np.random.default_rng(0)
    for step in range(6):
        wide = rng.standard_normal((5, 8)).astype("f")
        x = (wide[:, :4], np.asfortranarray(wide[:, 4:]), wide.reshape(10, 4)[3:8])[step % 3]
        dy = rng.standard_normal((4, 5)).astype("f").T if step % 2 else wide.reshape(10, 4)[:5]
        planned.rewind()
        for _ in range(2):
            network.zero_grad()
            expected = network.forward(x)
            expected_dx = network.backward(dy)
            expected_grads = [parameter.grad.copy() for parameter in network.parameters.values()]
            network.zero_grad()
            np.testing.assert_allclose(planned.forward(x), expected, rtol=0, atol=2e-6)
            np.testing.assert_allclose(planned.backward(dy), expected_dx, rtol=0, atol=2e-6)
            for found, grad in zip(network.parameters.values(), expected_grads, strict=True):
                np.testing.assert_allclose(found.grad, grad, rtol=0, atol=2e-5)
