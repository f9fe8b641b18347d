"""A plan follows what is changed in its network, and refuses what the layers refuse."""

import numpy as np
import pytest
from helpers import refused

from scratchvae.engine.network import PlannedNetwork
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Dense,
    Sequential,
    Tanh,
)

CHANGES = {
    "append": lambda net: net.layers.append(Tanh()),
    "pop": lambda net: net.layers.pop(),
    "put in place": lambda net: net.layers.__setitem__(0, Dense(3, 4, rng=7)),
    "new list": lambda net: setattr(net, "layers", [Dense(3, 4, rng=8)]),
    "in an inner one": lambda net: net.layers[2].layers.append(Tanh()),
    "a parameter": lambda net: net.layers[0].parameters.update(
        weight=type(net.layers[0].parameters["weight"])(np.full((3, 4), 0.1, "f"))
    ),
    "a value": lambda net: setattr(
        net.layers[0].parameters["weight"], "value", np.full((3, 4), 0.2, "f")
    ),
    "a gradient": lambda net: setattr(
        net.layers[0].parameters["weight"], "grad", np.zeros((3, 4), "f")
    ),
    "alpha": lambda net: setattr(net.layers[1], "alpha", 0.3),
    "running statistics": lambda net: net.layers[3].buffers.update(
        running_mean=np.full(4, 0.3, "f")
    ),
    "a forward of its own": lambda net: setattr(
        net.layers[1], "forward", lambda x, training: ELU.forward(net.layers[1], 2 * x)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_planned_network_follows_its_network(change):
    network = Sequential(Dense(3, 4, rng=0), ELU(), Sequential(Dense(4, 4, rng=1)), BatchNorm(4))
    network.layers[3].buffers["running_variance"] *= 4
    planned = PlannedNetwork(network, keeps=True)
    x = np.random.default_rng(0).standard_normal((5, 3)).astype("f")
    before = planned.forward(x).copy()
    CHANGES[change](network)
    planned.rewind()
    after = planned.forward(x)
    # One unit in the last place of numbers of order 1, for sums in another order.
    np.testing.assert_allclose(after, network.forward(x), rtol=0, atol=1e-6)
    if change != "a gradient":
        assert not np.allclose(before, after)
    network.zero_grad()
    planned.backward(np.ones_like(after))
    assert all(parameter.grad.any() for parameter in network.parameters.values())


def test_planned_network_refuses_what_its_layers_refuse():
    network = Sequential(Dense(3, 4, rng=0), ELU())
    planned = PlannedNetwork(network, keeps=True)
    with refused("Dense: x", "(N, 3)", "(5, 2)"):
        planned.forward(np.ones((5, 2), "f"))
    with refused("float64", "float32"):
        planned.forward(np.ones((5, 3)))
    with refused("forward pass first"):
        planned.backward(np.ones((5, 4), "f"))
    planned.forward(np.ones((5, 3), "f"))
    with refused("dy", "(5, 4)"):
        planned.backward(np.ones((4, 4), "f"))
    network.layers.append(network.layers[0])
    for _ in range(2):  # the second time as well: nothing is run that was refused
        with refused("twice"):
            planned.forward(np.ones((5, 3), "f"))
    network.layers.pop()
    weight = network.layers[0].parameters["weight"]
    weight.grad = np.zeros((4, 3), "f")
    for _ in range(2):
        with refused("gradient of Dense's weight", "(3, 4)", "(4, 3)"):
            planned.forward(np.ones((5, 3), "f"))
    weight.grad = np.zeros((3, 4), "f")
    assert planned.forward(np.ones((5, 3), "f")).shape == (5, 4)
