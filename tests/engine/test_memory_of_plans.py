"""What a plan writes over: its own memory, and nothing that layers or callers keep."""

import numpy as np
import pytest
from stack_cases import Stranger

from scratchvae.engine.network import PlannedNetwork
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    ReLU,
    Reshape,
    Sequential,
)


def test_planned_network_leaves_what_a_strangers_layer_keeps_as_it_was():
    first, second = Stranger(), Stranger()
    network = Sequential(first, Dense(3, 4, rng=0), ELU(), second, Dense(4, 2, rng=1))
    planned = PlannedNetwork(network, keeps=True)
    for seed in range(3):
        planned.rewind()
        x = np.random.default_rng(seed).standard_normal((5, 3)).astype("f")
        y = planned.forward(x, training=True)
        planned.backward(np.ones_like(y))
        x[...] = np.nan  # what is given may be written over as well
    for layer in (first, second):
        assert len(layer.kept) == 6
        for kept, copy in zip(layer.kept, layer.copies, strict=True):
            np.testing.assert_array_equal(kept, copy)


def test_two_forward_passes_of_one_round_do_not_share_memory():
    planned = PlannedNetwork(Sequential(Dense(3, 4, rng=0), ReLU()), keeps=True)
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("f")
    first = planned.forward(x)
    kept = first.copy()
    assert not np.shares_memory(first, planned.forward(2 * x))
    np.testing.assert_array_equal(first, kept)
    planned.rewind()
    assert np.shares_memory(first, planned.forward(x))


@pytest.mark.parametrize("keeps", [True, False])
def test_what_leaves_a_planned_network_is_not_written_over_within_a_round(keeps):
    layers = [Flatten(), *(Dense(4, 4, rng=n) for n in range(5)), Reshape((2, 2))]
    planned = PlannedNetwork(Sequential(*layers), keeps=keeps)
    x = np.random.default_rng(0).standard_normal((5, 2, 2)).astype("f")
    y = planned.forward(x)
    kept = y.copy()
    planned.forward(2 * x)
    np.testing.assert_array_equal(y, kept)
    if keeps:
        dx = planned.backward(np.ones_like(y))
        kept = dx.copy()
        planned.backward_parameters(3 * np.ones_like(y))
        np.testing.assert_array_equal(dx, kept)


def test_looking_leaves_what_a_strangers_layer_remembers():
    stranger = Stranger()
    network = Sequential(stranger, Dense(3, 2, rng=0))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("f")
    network.forward(x)
    PlannedNetwork(network, keeps=False).forward(2 * x)
    np.testing.assert_array_equal(stranger.x, x)


@pytest.mark.parametrize("wants_dx", [False, True])
def test_after_zero_grad_a_backward_pass_writes_and_the_next_one_adds(wants_dx):
    layers = Conv2D(2, 4, 3, rng=0), BatchNorm(4), ELU(), Flatten(), Dense(16, 3, rng=1)
    network, x = Sequential(*layers), np.random.default_rng(2).random((5, 4, 4, 2), np.float32)
    dy = np.random.default_rng(3).random((5, 3), np.float32)
    planned = PlannedNetwork(network, keeps=True)

    def gradients(passes):
        planned.rewind()
        planned.forward(x, training=True)
        for _ in range(passes):
            (planned.backward if wants_dx else planned.backward_parameters)(dy)
        return {name: parameter.grad.copy() for name, parameter in network.parameters.items()}

    network.zero_grad()
    once = gradients(1)
    for parameter in network.parameters.values():
        parameter.grad[...] = np.nan
    planned.zero_grad()
    for count in (1, 2, 3):
        for name, grad in gradients(1).items():
            np.testing.assert_allclose(grad, count * once[name], rtol=1e-6, atol=1e-6)
    planned.zero_grad()
    planned.settle()  # no pass came
    assert not any(parameter.grad.any() for parameter in network.parameters.values())
    assert all((grad == once[name]).all() for name, grad in gradients(1).items())
    planned.settle()  # a pass has come: its gradients stay
    assert all(p.grad.any() for name, p in network.parameters.items() if once[name].any())


def test_zero_grad_clears_at_once_where_a_layer_is_not_known():
    network = Sequential(Dense(4, 4, rng=0), Stranger(), Dense(4, 2, rng=1))
    planned = PlannedNetwork(network, keeps=True)
    for parameter in network.parameters.values():
        parameter.grad[...] = 1
    planned.zero_grad()
    assert not any(parameter.grad.any() for parameter in network.parameters.values())
