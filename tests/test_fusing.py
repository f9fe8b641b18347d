"""A layer that takes its activation along does what the two would have done in turn."""

import numpy as np
import pytest

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
        ReLU(**options),
        ConvTranspose2D(3, 2, 3, stride=2, rng=2, **options),
        BatchNorm(2, **options),
        ELU(0.7, **options),
        Flatten(**options),
        Dense(98, 5, rng=3, **options),
        ELU(**options),
        ReLU(**options),
        Dense(5, 4, rng=4, **options),
        Tanh(**options),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_is_one_after_the_other(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 5, 5, 2)).astype(dtype)
    dy = rng.standard_normal((3, 4)).astype(dtype)
    together, apart = Sequential(*stack(dtype)), stack(dtype)
    y, expected = together.forward(x, training=True), x
    for layer in apart:
        expected = layer.forward(expected, training=True)
    # The same operations in the same order, but for a fused multiply-add here and there.
    close = {"rtol": 0, "atol": 100 * np.finfo(dtype).eps}
    np.testing.assert_allclose(y, expected, **close)
    dx, expected = together.backward(dy), dy
    for layer in reversed(apart):
        expected = layer.backward(expected)
    np.testing.assert_allclose(dx, expected, **close)
    for place, layer in enumerate(apart):
        for name, parameter in layer.parameters.items():
            found = together.parameters[f"{place}.{name}"].grad
            np.testing.assert_allclose(found, parameter.grad, **close)


def test_which_layers_are_fused():
    layers = stack(np.float64)
    fused = [layer for layer, then in Sequential(*layers)._stages if then is not None]
    assert fused == [layers[0], layers[3], layers[6]]


def test_passes_of_ones_own_are_not_gone_around():
    class Mine(Dense):
        def backward(self, dy):
            self.called = True
            return super().backward(dy)

    class MyReLU(ReLU):
        def backward(self, dy):
            self.called = True
            return super().backward(dy)

    mine, my_relu = Mine(3, 3, rng=0, **FLOAT64), MyReLU(**FLOAT64)
    layers = Sequential(mine, ReLU(**FLOAT64), Dense(3, 2, rng=1, **FLOAT64), my_relu)
    layers.backward(layers.forward(np.ones((4, 3))))
    assert mine.called
    assert my_relu.called
