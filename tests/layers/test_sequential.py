"""Layers in a row."""

import numpy as np
import pytest
from careless_layers import Doubling, Forgetful, LongBackward, ShortForward
from helpers import normal, refused
from layer_cases import network

from scratchvae.layers import ELU, Dense, Flatten, Layer, ReLU, Sequential, Tanh
from scratchvae.layers.sequential import each_layer


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


def test_a_network_has_the_dtype_of_its_first_weights_and_of_its_first_layer_without_any():
    double, single = Dense(3, 3, dtype=np.float64), Dense(3, 3)
    assert Sequential(ReLU(), double, single).dtype == np.float64
    assert Sequential(ReLU(dtype=np.float64), single, double).dtype == np.float32
    assert Sequential(Tanh(dtype=np.float64), ReLU()).dtype == np.float64
    assert Sequential().dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            Forgetful(),
            "Forgetful has no parameters, not even an empty set of them: call super().__init__() "
            "first in Forgetful.__init__",
        ),
        (
            ShortForward(),
            "ShortForward.forward must take (self, x, training=False): give it these arguments",
        ),
        (LongBackward(), "LongBackward.backward must take (self, dy): give it these arguments"),
        (
            Doubling,
            "a layer must be a scratchvae.layers.Layer, not <class",
        ),
    ],
    ids=["no parameters", "forward", "backward", "class"],
)
def test_a_layer_of_ones_own_that_cannot_work_is_refused_with_what_is_missing(layer, words):
    assert Sequential(Doubling()).forward(normal(2, 3)).shape == (2, 3)
    with refused(words):
        Sequential(Tanh(), layer)
    with refused(words):
        Sequential(Sequential(Tanh(), layer) if isinstance(layer, Layer) else layer)


def test_what_a_layer_holds_must_be_parameters_and_arrays_by_name():
    for name, held, words in (
        ("parameters", [1], "Doubling.parameters must be a dictionary by name, not [1]"),
        (
            "parameters",
            {"w": 3},
            "Doubling.parameters['w'] must be a Parameter, not 3: make it one",
        ),
        ("buffers", {"b": 3}, "Doubling.buffers['b'] must be a ndarray, not 3: make it one"),
    ):
        layer = Doubling()
        setattr(layer, name, held)
        with refused(words):
            Sequential(Tanh(), layer)


def test_a_pass_that_gives_no_array_of_floats_is_refused_by_its_name():
    class Odd(Doubling):
        def forward(self, x, training=False):
            return x.tolist()

        def backward(self, dy):
            return dy > 0

    class OddBackward(Odd):
        def forward(self, x, training=False):
            return 2 * x

    x = normal(2, 3)
    with refused("what Odd.forward returns must be a NumPy array, not list"):
        Sequential(Odd(), Doubling()).forward(x)
    model = Sequential(OddBackward(), Doubling())
    model.forward(x)
    with refused("what OddBackward.backward returns must hold float32 or float64, not bool"):
        model.backward(x)


def test_the_layers_of_a_network_are_found_at_any_depth_from_first_to_last():
    leaves = [Tanh(), ReLU(), ELU()]
    inner = Sequential(leaves[1])
    outer = Sequential(leaves[0], inner, leaves[2])
    assert list(each_layer(outer)) == [outer, leaves[0], inner, leaves[1], leaves[2]]
    assert list(each_layer(leaves[0])) == [leaves[0]]
