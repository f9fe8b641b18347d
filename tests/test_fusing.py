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
from scratchvae.layers.sequential import Activated, Normalised

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
        BatchNorm(4, **options),
        Tanh(**options),
    ]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_is_one_after_the_other(dtype, training):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 5, 5, 2)).astype(dtype)
    dy = rng.standard_normal((3, 4)).astype(dtype)
    together, apart = Sequential(*stack(dtype)), stack(dtype)
    y, expected = together.forward(x, training=training), x
    for layer in apart:
        expected = layer.forward(expected, training=training)
    # Numbers of order 1 through a dozen layers, and biases that are added to another term.
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
        for name, buffer in layer.buffers.items():
            np.testing.assert_allclose(together.buffers[f"{place}.{name}"], buffer, **close)


def test_which_layers_are_fused():
    layers = stack(np.float64)
    found = Sequential(*layers)._stages
    expected = [
        (Activated, layers[0:2]),
        (Normalised, layers[2:5]),
        (Flatten, [layers[5]]),
        (Activated, layers[6:8]),
        (ReLU, [layers[8]]),
        (Normalised, layers[9:11]),
        (Tanh, [layers[11]]),
    ]
    assert [type(stage) for stage in found] == [kind for kind, _ in expected]
    for stage, (kind, own) in zip(found, expected, strict=True):
        if kind is Activated:
            assert [stage.layer, stage.then] == own
        elif kind is Normalised:
            assert [part for part in (stage.affine, stage.norm, stage.then) if part] == own
        else:
            assert [stage] == own


def test_passes_of_ones_own_are_not_gone_around():
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

    mine, my_relu = Mine(3, 3, rng=0, **FLOAT64), MyReLU(**FLOAT64)
    mine_too, my_norm = Mine(2, 2, rng=2, **FLOAT64), MyNorm(2, **FLOAT64)
    layers = Sequential(
        *(mine, ReLU(**FLOAT64)),
        *(Dense(3, 2, rng=1, **FLOAT64), my_relu),
        *(mine_too, BatchNorm(2, **FLOAT64)),
        *(Dense(2, 2, rng=3, **FLOAT64), my_norm, ELU(**FLOAT64)),
    )
    layers.backward(layers.forward(np.ones((4, 3))))
    assert all(layer.called for layer in (mine, my_relu, mine_too, my_norm))
