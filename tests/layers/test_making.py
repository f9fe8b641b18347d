"""How layers are made, shown and copied: their sizes, first values, and what a copy leaves out."""

import copy
import functools
import pickle
from inspect import signature
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from helpers import each_dtype, normal, refused
from layer_cases import ACTIVATIONS, network

from scratchvae import layers
from scratchvae.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LogSoftplus,
    MaskedDense,
    MaxPool2D,
    Parameter,
    ReLU,
    Reshape,
    Sequential,
    VectorQuantiser,
)
from scratchvae.layers import parameter as parameter_module


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (Dense(3, 2), "Dense(3, 2)"),
        (Conv2D(2, 3, 5), "Conv2D(2, 3, 5, stride=1, padding=0)"),
        (Conv2D(2, 3, 5, 4, 1), "Conv2D(2, 3, 5, stride=4, padding=1)"),
        (ConvTranspose2D(2, 3, 5), "ConvTranspose2D(2, 3, 5, stride=1, padding=0)"),
        (
            ConvTranspose2D(2, 3, 5, 4, 1, 3),
            "ConvTranspose2D(2, 3, 5, stride=4, padding=1, output_padding=3)",
        ),
        (BatchNorm(4), "BatchNorm(4)"),
        (MaskedDense(np.tri(3, 2)), "MaskedDense(3, 2, 5 connections)"),
        (VectorQuantiser(5, 3), "VectorQuantiser(5, 3)"),
        (ReLU(), "ReLU()"),
        (ELU(), "ELU(alpha=1.0)"),
        (LogSoftplus(), "LogSoftplus(floor=1e-08)"),
        (Flatten(), "Flatten()"),
        (Reshape((2, 3)), "Reshape((2, 3))"),
        (Sequential(ReLU(), Flatten()), "Sequential(\n  ReLU()\n  Flatten()\n)"),
        (Parameter(np.zeros((3, 2))), "Parameter(shape=(3, 2), dtype=float64)"),
    ],
    ids=repr,
)
def test_what_is_shown_of_a_layer_is_how_it_is_made(layer, shown):
    assert repr(layer) == shown


def test_a_layer_keeps_the_sizes_that_it_was_made_with():
    dense = Dense(3, 2)
    assert (dense.in_features, dense.out_features) == (3, 2)
    for make, more in ((Conv2D, ()), (ConvTranspose2D, (3,))):
        layer = make(2, 3, 5, 4, 1, *more)
        assert (layer.in_channels, layer.out_channels, layer.kernel_size) == (2, 3, 5)
        assert (layer.stride, layer.padding) == (4, 1)
    assert layer.output_padding == 3
    for layer in (Conv2D(2, 3, 5), ConvTranspose2D(2, 3, 5)):
        assert (layer.stride, layer.padding) == (1, 0)
    norm = BatchNorm(4, 0.25, 0.01)
    assert (norm.channels, norm.momentum, norm.epsilon) == (4, 0.25, 0.01)
    assert (ELU(0.5).alpha, LogSoftplus(0.25).floor) == (0.5, 0.25)
    assert Reshape([2, 3]).shape == (2, 3)


MAKERS = {
    **{name: make for name, (make, _, _) in ACTIVATIONS.items()},
    "dense": lambda **options: Dense(3, 2, **options),
    "convolution": lambda **options: Conv2D(2, 3, 3, **options),
    "transposed convolution": lambda **options: ConvTranspose2D(2, 3, 3, **options),
    "batch norm": lambda **options: BatchNorm(3, **options),
    "masked": lambda **options: MaskedDense(np.tri(7, 5), **options),
    "quantiser": lambda **options: VectorQuantiser(5, 3, **options),
    "layer norm": lambda **options: LayerNorm((4, 3), **options),
    "dropout": lambda **options: Dropout(0.3, **options),
    "max pooling": lambda **options: MaxPool2D(2, **options),
    "average pooling": lambda **options: AveragePool2D(2, **options),
    "flatten": Flatten,
    "reshape": lambda **options: Reshape((2, 3), **options),
}


@each_dtype
@pytest.mark.parametrize("name", MAKERS)
def test_a_layer_has_the_dtype_that_was_asked_for_and_float32_otherwise(name, dtype):
    assert MAKERS[name](dtype=dtype).dtype == dtype
    assert MAKERS[name]().dtype == np.float32


def test_every_layer_is_made_here():
    made = {type(make()) for make in MAKERS.values()}
    every = {kind for kind in vars(layers).values() if isinstance(kind, type)}
    assert {kind for kind in every if issubclass(kind, Layer)} == {*made, Layer, Sequential}


@pytest.mark.parametrize("name", MAKERS)
def test_a_layer_begins_with_the_same_numbers_in_both_dtypes_up_to_rounding(name):
    make = MAKERS[name]
    drawn = {"rng": 3} if "rng" in signature(type(make()).__init__).parameters else {}
    single, double = (make(dtype=dtype, **drawn) for dtype in (np.float32, np.float64))
    first, second = (
        {key: parameter.value for key, parameter in layer.parameters.items()} | layer.buffers
        for layer in (single, double)
    )
    assert first.keys() == second.keys()
    for key, value in second.items():
        kept = first[key].dtype if key == "noise" else np.float32  # counts, as whole as they are
        np.testing.assert_array_equal(first[key], value.astype(kept), strict=True)


@each_dtype
@pytest.mark.parametrize(
    ("make", "shapes", "terms"),
    [
        (lambda **options: Dense(100, 40, **options), ((100, 40), (40,)), 100),
        (lambda **options: Conv2D(4, 60, 5, **options), ((5, 5, 4, 60), (60,)), 5 * 5 * 4),
        (
            lambda **options: ConvTranspose2D(60, 40, 5, **options),
            ((5, 5, 40, 60), (40,)),
            5 * 5 * 40,
        ),
    ],
    ids=["dense", "convolution", "transposed convolution"],
)
def test_weights_and_biases_fill_the_range_that_is_documented(make, shapes, terms, dtype):
    parameters = make(rng=1, dtype=dtype).parameters
    assert list(parameters) == ["weight", "bias"]
    bound = 1 / np.sqrt(terms)
    for parameter, shape in zip(parameters.values(), shapes, strict=True):
        assert (parameter.value.shape, parameter.value.dtype) == (shape, dtype)
        # The largest and the smallest of 40 draws or more miss their end by a fifth of the range
        # with a chance of 0.9^40, or 1 in 70; the seed is a usual one.
        for end in (parameter.value.max(), -parameter.value.min()):
            assert 0.8 * bound < end <= bound * (1 + np.finfo(dtype).eps)


def test_a_layer_without_a_seed_differs_from_the_next():
    first, second = (Dense(3, 2).parameters["weight"].value for _ in range(2))
    assert (first != second).all()


def test_a_weight_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(parameter_module, "_MOST_WEIGHTS", 1200)
    assert Dense(40, 30).parameters["weight"].value.size == 1200
    with refused(
        "a weight of shape (1201, 1) would hold 1,201 numbers, and a layer may have 1,200: give "
        "smaller sizes"
    ):
        Dense(1201, 1)
    with refused("a weight of shape (3, 3, 12, 12) would hold 1,296 numbers"):
        Conv2D(12, 12, 3)


def test_a_copy_has_what_is_learned_and_not_what_the_last_pass_left():
    model = network(np.float64, BatchNorm(6, dtype=np.float64))
    x, dy = normal(4, 6), normal(4, 5, seed=1)
    y = model.forward(x, training=True)
    model.backward(dy)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for layer in again.layers:
            assert not {"x", "y"} & vars(layer).keys(), layer
        with refused("backward needs a forward pass first"):
            again.backward(dy)
        assert list(again.parameters) == list(model.parameters)
        for name, parameter in again.parameters.items():
            np.testing.assert_array_equal(parameter.value, model.parameters[name].value)
            np.testing.assert_array_equal(parameter.grad, model.parameters[name].grad)
            assert parameter.value is not model.parameters[name].value
        for name, buffer in again.buffers.items():
            np.testing.assert_array_equal(buffer, model.buffers[name])
        # A library's products may round otherwise where its arrays lie otherwise in memory.
        np.testing.assert_allclose(again.forward(x, training=True), y, rtol=1e-12)
    for layer in (Flatten(), Conv2D(1, 1, 1)):
        layer.forward(np.ones((2, 3, 3, 1), np.float32))
        assert vars(copy.copy(layer)).keys() == vars(layer).keys() - {"x", "y"}


def test_a_copy_of_a_layer_with_a_decorated_pass_has_not_what_the_pass_left_either():
    def decorated(forward):
        @functools.wraps(forward)
        def called(self, x, training=False):
            return forward(self, x, training)

        return called

    class Decorated(ReLU):
        @decorated
        def forward(self, x, training=False):
            self.x = x
            return super().forward(x)

    layer = Decorated()
    layer.forward(normal(2, 3))
    assert not {"x", "y"} & vars(copy.copy(layer)).keys()


def test_what_is_kept_of_a_read_only_mapping_is_a_dict_that_can_be_pickled():
    owner = SimpleNamespace(parameters=MappingProxyType({"weight": 1}), other=2)
    assert parameter_module.kept(owner) == {"parameters": {"weight": 1}, "other": 2}
    assert type(parameter_module.kept(owner)["parameters"]) is dict


def test_a_layer_that_defines_no_pass_says_which():
    class Empty(Layer):
        pass

    with refused("Empty does not define forward: write a forward in class Empty"):
        Empty().forward(normal(2, 3))
    with refused("Empty does not define backward: write a backward in class Empty"):
        Empty().backward(normal(2, 3))
    assert (Empty().parameters, Empty().buffers) == ({}, {})
