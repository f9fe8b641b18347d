"""Layers in a row."""

import numpy as np
from helpers import normal, refused
from layer_cases import network

from scratchvae.layers import ELU, Dense, Flatten, ReLU, Sequential, Tanh


def test_sequential_shares_its_layers_parameters_by_place():
    model = network(np.float64, Flatten())
    assert list(model.parameters) == [
        "1.weight",
        "1.bias",
        "3.0.weight",
        "3.0.bias",
        "4.weight",
        "4.bias",
    ]
    assert model.parameters["1.bias"] is model.layers[1].parameters["bias"]
    assert model.parameters["3.0.weight"] is model.layers[3].layers[0].parameters["weight"]


def test_sequential_has_the_dtype_of_what_it_learns():
    assert network(np.float64).dtype == np.float64
    assert network(np.float64, Flatten()).dtype == np.float64


def test_sequential_is_its_layers_one_after_another():
    model = network(np.float64)
    x = normal(4, 6)
    y = x
    for layer in model.layers:
        y = layer.forward(y)
    np.testing.assert_array_equal(model.forward(x), y)


def test_empty_sequential_is_the_identity():
    model = Sequential()
    x, dy = normal(3, 2), normal(3, 2, seed=1)
    assert model.forward(x) is x
    assert model.backward(dy) is dy
    assert model.backward_parameters(dy) is None
    assert model.parameters == {}


def test_a_layer_in_two_places_is_refused():
    dense, activation = Dense(3, 3, rng=0), ReLU()
    inner = Sequential(Dense(3, 3, rng=1), activation)
    for name, layers in {
        "Dense": (dense, Tanh(), dense),
        "ReLU": (inner, activation),
        "Sequential": (inner, Tanh(), inner),
    }.items():
        with refused(f"got one {name} twice", "make two"):
            Sequential(*layers)
    with refused("got one ReLU twice"):
        Sequential(Sequential(inner), Dense(3, 3), Sequential(activation))
    assert len(Sequential(dense, inner, ReLU(), Dense(3, 3, rng=0)).layers) == 4


class NoInputGradient(Dense):
    def backward(self, dy):
        raise AssertionError("nobody needs this layer's input gradient")


class NothingToLearn(Tanh):
    def backward(self, dy):
        raise AssertionError("below the first layer that learns there is no need of a gradient")


def test_backward_parameters_goes_no_further_than_it_must():
    model = Sequential(
        NothingToLearn(), NoInputGradient(4, 3, rng=0, dtype=np.float64), Tanh(), ReLU()
    )
    y = model.forward(normal(2, 4))
    model.backward_parameters(np.ones_like(y))
    assert model.parameters["1.weight"].grad.any()
    Sequential(NothingToLearn()).backward_parameters(y)


def test_training_reaches_every_layer():
    seen = []

    class Spy(Tanh):
        def forward(self, x, training=False):
            seen.append(training)
            return super().forward(x, training)

    model = Sequential(Spy(), Sequential(Spy()))
    model.forward(normal(2, 3), training=True)
    model.forward(normal(2, 3))
    assert seen == [True, True, False, False]


def test_names_are_told():
    assert repr(Dense(3, 2)) == "Dense(3, 2)"
    assert "ELU(alpha=0.5)" in repr(Sequential(Flatten(), ELU(0.5)))
    assert "shape=(3, 2)" in repr(Dense(3, 2).parameters["weight"])
