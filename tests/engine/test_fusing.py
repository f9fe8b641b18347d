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
def test_what_is_taken_along_keeps_not_a_number_and_its_slope_at_the_kink(way, kind, alpha, slope):
    layers = Sequential(*at_kink(kind(*alpha, **FLOAT64))[way])
    assert len(layers._stages) == 1
    y = layers.forward(np.array([[np.nan], [1.0]]))
    assert np.isnan(y[0, 0])
    assert np.isfinite(y[1, 0])
    assert layers.forward(np.array([[0.0], [1.0]]))[0, 0] == 0
    at_zero, above = layers.backward(np.ones((2, 1)))[:, 0]
    assert at_zero == slope * above
    assert above > 0


SMALL = {
    "dense, activation": lambda: [Dense(3, 3, rng=0, **FLOAT64), ELU(0.7, **FLOAT64)],
    "batch norm, activation": lambda: [BatchNorm(3, **FLOAT64), ELU(0.7, **FLOAT64)],
    "dense, batch norm, two activations": lambda: [
        Dense(3, 3, rng=0, **FLOAT64),
        BatchNorm(3, **FLOAT64),
        ELU(0.7, **FLOAT64),
        ELU(1.3, **FLOAT64),
    ],
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("training", [True, False])
def test_each_way_of_fusing_alone_leaves_every_layer_as_if_it_had_run_by_itself(name, training):
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((2, 6, 3))
    apart = SMALL[name]()
    together = Sequential(*SMALL[name]())
    assert len(together._stages) < len(apart)
    close = {"rtol": 0, "atol": 1e-13}  # numbers of order 1 to 10, summed in another order
    expected = x
    for layer in apart:
        expected = layer.forward(expected, training=training)
    np.testing.assert_allclose(together.forward(x, training=training), expected, **close)
    for own, layer in zip(together.layers, apart, strict=True):
        if isinstance(layer, ELU):
            np.testing.assert_allclose(own.y, layer.y, **close)
    expected = dy
    for layer in reversed(apart):
        expected = layer.backward(expected)

    def assert_same_gradients():
        for place, layer in enumerate(apart):
            for name, parameter in layer.parameters.items():
                found = together.parameters[f"{place}.{name}"].grad
                np.testing.assert_allclose(found, parameter.grad, **close)

    np.testing.assert_allclose(together.backward(dy), expected, **close)
    assert_same_gradients()
    together.zero_grad()
    together.backward_parameters(dy)
    assert_same_gradients()
