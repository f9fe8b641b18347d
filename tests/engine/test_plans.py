"""Plans: what the engine runs is what the layers say, fused or not, known or not."""

import numpy as np
import pytest
from hypothesis import given
from stack_cases import stacks

from scratchvae.engine.network import PlannedNetwork
from scratchvae.engine.stages import Activation, Linear, Normalised, Shape, grouped
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    ReLU,
    Sequential,
    Tanh,
)

FLOAT64 = {"dtype": np.float64}


def stack(dtype):
    options = {"dtype": dtype}
    return [
        Conv2D(2, 3, 3, rng=1, **options),
        ReLU(),
        ConvTranspose2D(3, 2, 3, stride=2, rng=2, **options),
        BatchNorm(2, **options),
        ELU(0.7),
        Flatten(),
        Dense(98, 5, rng=3, **options),
        ELU(),
        ReLU(),
        Dense(5, 4, rng=4, **options),
        BatchNorm(4, **options),
        Tanh(),
    ]


def assert_same_passes(layers, x, dy, training, close):
    """Hold the plans of a network to its layers, one after the other, twice over.

    Both have the same values, and the running statistics move from the same start.
    """
    network = Sequential(*layers)
    planned = PlannedNetwork(network, keeps=True)
    state = [buffer.copy() for buffer in network.buffers.values()]

    def outcome(network_or_plan):
        for buffer, start in zip(network.buffers.values(), state, strict=True):
            buffer[...] = start
        network.zero_grad()
        y = network_or_plan.forward(x, training).copy()
        dx = network_or_plan.backward(dy(y)).copy()
        network_or_plan.backward_parameters(dy(y))  # gradients add up
        grads = {name: p.grad.copy() for name, p in network.parameters.items()}
        return {"y": y, "dx": dx} | grads | {n: b.copy() for n, b in network.buffers.items()}

    expected = outcome(network)
    for _ in range(2):
        planned.rewind()
        found = outcome(planned)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, err_msg=name, **close)
            assert found[name].dtype == array.dtype


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plan_of_a_stack_is_its_layers_one_after_the_other(dtype, training):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 5, 5, 2)).astype(dtype)
    dy = rng.standard_normal((3, 4)).astype(dtype)
    # Numbers of order 1 to 10 through a dozen layers, and biases that are added to another term.
    close = {"rtol": 0, "atol": 400 * np.finfo(dtype).eps}
    assert_same_passes(stack(dtype), x, lambda y: dy, training, close)


@given(stacks())
def test_plans_of_drawn_stacks_are_their_layers(drawn):
    layers, shape, dtype, training, seed = drawn
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(dtype)

    def dy(y):
        return np.random.default_rng(seed).standard_normal(y.shape).astype(dtype)

    # The order of a sum differs; up to seven layers and hundreds of terms of order 1.
    close = {"rtol": 0, "atol": 2e4 * np.finfo(dtype).eps}
    assert_same_passes(layers, x, dy, training, close)


def test_grouped_joins_a_linear_map_its_norm_and_its_activation():
    layers = stack(np.float64)
    assert grouped(layers) == [
        (Linear, layers[0:2]),
        (Normalised, layers[2:5]),
        (Shape, layers[5:6]),
        (Linear, layers[6:8]),
        (Activation, layers[8:9]),
        (Normalised, layers[9:12]),
    ]


def test_planned_network_runs_passes_of_ones_own():
    class Mine(Dense):
        def backward(self, dy):
            self.called = True
            return super().backward(dy)

    class MyReLU(ReLU):
        def backward(self, dy):
            self.called = True
            return super().backward(dy)

    class MyNorm(BatchNorm):
        def backward(self, dy):
            self.called = True
            return super().backward(dy)

    mine, my_relu = Mine(3, 3, rng=0, **FLOAT64), MyReLU()
    mine_too, my_norm = Mine(2, 2, rng=2, **FLOAT64), MyNorm(2, **FLOAT64)
    on_instance = Dense(2, 2, rng=5, **FLOAT64)
    on_instance.backward = lambda dy: Dense.backward(on_instance, 0 * dy)
    layers = Sequential(
        *(on_instance, mine_too, BatchNorm(2, **FLOAT64)),
        *(Dense(2, 3, rng=1, **FLOAT64), mine, ReLU()),
        *(Dense(3, 2, rng=3, **FLOAT64), my_relu),
        *(Dense(2, 2, rng=4, **FLOAT64), my_norm, ELU()),
    )
    planned = PlannedNetwork(layers, keeps=True)
    dx = planned.backward(planned.forward(np.ones((4, 2))))
    assert all(layer.called for layer in (mine, my_relu, mine_too, my_norm))
    assert not dx.any()


def at_kink(activation):
    """Return layers that leave 0 as it is and then take an activation along, in three ways."""
    dense, other = (Dense(1, 1, rng=0, **FLOAT64) for _ in range(2))
    for layer in (dense, other):
        layer.parameters["weight"].value[...] = 1
        layer.parameters["bias"].value[...] = 0
    return {
        "dense": [dense, activation],
        "batch norm": [BatchNorm(1, **FLOAT64), activation],
        "both": [other, BatchNorm(1, **FLOAT64), activation],
    }


@pytest.mark.parametrize("way", ["dense", "batch norm", "both"])
@pytest.mark.parametrize(("kind", "alpha", "slope"), [(ReLU, (), 0.0), (ELU, (0.5,), 0.5)])
def test_fused_stage_keeps_nan_and_the_slope_at_the_kink(way, kind, alpha, slope):
    layers = Sequential(*at_kink(kind(*alpha))[way])
    assert len(grouped(layers.layers)) == 1
    planned = PlannedNetwork(layers, keeps=True)
    y = planned.forward(np.array([[np.nan], [1.0]]))
    assert np.isnan(y[0, 0])
    assert np.isfinite(y[1, 0])
    assert planned.forward(np.array([[0.0], [1.0]]))[0, 0] == 0
    at_zero, above = planned.backward(np.ones((2, 1)))[:, 0]
    assert at_zero == slope * above
    assert above > 0


def test_backward_parameters_goes_no_further_than_it_must():
    class NothingToLearn(Tanh):
        def backward(self, dy):
            raise AssertionError("below the first layer that learns nobody needs a gradient")

    model = Sequential(NothingToLearn(), Dense(4, 3, rng=0), Tanh(), ReLU())
    planned = PlannedNetwork(model, keeps=True)
    planned.backward_parameters(np.ones_like(planned.forward(np.ones((2, 4), "f"))))
    assert model.parameters["1.weight"].grad.any()
    nothing = PlannedNetwork(Sequential(NothingToLearn()), keeps=True)
    nothing.backward_parameters(nothing.forward(np.ones((2, 4), "f")))
