"""Layers in a row."""

import numpy as np
import pytest
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
        with refused(f"same {name} appears twice", "create two"):
            Sequential(*layers)
    with refused("same ReLU appears twice"):
        Sequential(Sequential(inner), Dense(3, 3), Sequential(activation))
    assert len(Sequential(dense, inner, ReLU(), Dense(3, 3, rng=0)).layers) == 4


def test_sequential_follows_its_list_of_layers():
    model = network(np.float64)
    x = normal(4, 6)
    model.layers.append(Tanh())
    model.layers[0] = Dense(6, 4, rng=9, dtype=np.float64)
    del model.layers[1]
    y = x
    for layer in model.layers:
        y = layer.forward(y)
    np.testing.assert_array_equal(model.forward(x), y)
    assert model.parameters["0.weight"] is model.layers[0].parameters["weight"]
    with pytest.raises(TypeError):
        model.parameters["0.weight"] = model.parameters["0.bias"]
    model.layers.append(model.layers[0])
    with refused("same Dense appears twice"):
        model.forward(x)
    model.layers[-1] = np.tanh
    with refused("scratchvae.layers.Layer", "tanh"):
        model.forward(x)


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


def test_repr_of_a_layer_has_its_sizes():
    assert repr(Dense(3, 2)) == "Dense(3, 2)"
    assert "ELU(alpha=0.5)" in repr(Sequential(Flatten(), ELU(0.5)))
    assert "shape=(3, 2)" in repr(Dense(3, 2).parameters["weight"])
