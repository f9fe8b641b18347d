"""Plans of convolutions that pad by themselves, or enlarge to a size that is wanted."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.engine.network import PlannedNetwork
from scratchvae.layers import ELU, BatchNorm, Conv2D, ConvTranspose2D, Sequential

FLOAT64 = {"rng": 1, "dtype": np.float64}


@pytest.mark.parametrize(("k", "s"), [(3, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("training", [False, True])
def test_a_plan_pads_and_enlarges_as_the_layers_do(k, s, training):
    network = Sequential(
        Conv2D(2, 3, k, s, "same", **FLOAT64),
        BatchNorm(3, dtype=np.float64),
        ELU(),
        ConvTranspose2D(3, 2, 3, 2, 1, output_size=4 if s == 2 else 8, **FLOAT64),
    )
    planned, x = PlannedNetwork(network, keeps=True), normal(3, 4, 4, 2)
    passes = []
    for one in (network, planned):
        network.zero_grad()
        y = one.forward(x, training).copy()
        dx = one.backward(normal(*y.shape, seed=5)).copy()
        passes.append([y, dx, *(p.grad.copy() for p in network.parameters.values())])
    for written, fast in zip(*passes, strict=True):
        np.testing.assert_allclose(fast, written, rtol=1e-9, atol=1e-12)
    # Where every size of image gets the same padding on all sides, all of it is one plan.
    assert (planned.plan(x, training) is not None) == ((k, s) == (3, 1))


def test_a_plan_follows_a_size_or_a_padding_that_is_changed():
    layer = ConvTranspose2D(2, 3, 3, 2, 1, output_size=7, **FLOAT64)
    planned, x = PlannedNetwork(layer, keeps=True), normal(1, 4, 4, 2)
    assert planned.forward(x).shape == (1, 7, 7, 3)
    layer.output_size = 8
    assert planned.forward(x).shape == (1, 8, 8, 3)
    convolution = Conv2D(2, 3, 3, **FLOAT64)
    planned = PlannedNetwork(convolution, keeps=True)
    assert planned.forward(x).shape == (1, 2, 2, 3)
    convolution.padding = "same"
    assert planned.forward(x).shape == (1, 4, 4, 3)
    convolution.stride = 2
    assert planned.forward(x).shape == (1, 2, 2, 3)
