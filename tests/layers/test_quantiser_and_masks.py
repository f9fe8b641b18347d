"""The vector quantiser by its definition, and masked layers that let no output see too much."""

import numpy as np
import pytest
from helpers import each_dtype, normal, refused

from scratchvae.checks.gradients import gradcheck
from scratchvae.layers import Dense, MaskedDense, Sequential, Tanh, VectorQuantiser
from scratchvae.layers.masked_dense import causal_masks


def quantiser(dtype=np.float64):
    layer = VectorQuantiser(5, 3, rng=0, dtype=dtype)
    layer.parameters["codebook"].value[...] = normal(5, 3, seed=1)
    return layer


@each_dtype
def test_each_vector_is_replaced_by_the_nearest_code(dtype):
    layer, x = quantiser(dtype), normal(4, 6, seed=2, dtype=dtype)
    codebook = layer.parameters["codebook"].value
    y = layer.forward(x)
    assert (y.shape, y.dtype) == (x.shape, dtype)
    for vector, code in zip(x.reshape(-1, 3), y.reshape(-1, 3), strict=True):
        distances = ((codebook - vector) ** 2).sum(axis=1)
        np.testing.assert_array_equal(code, codebook[distances.argmin()])
    np.testing.assert_array_equal(layer.vectors(layer.nearest(x)), y)
    np.testing.assert_array_equal(layer.forward(y), y)  # a code is nearest to itself


def test_the_gradient_passes_straight_through_and_is_no_slope():
    layer, x, dy = quantiser(), normal(4, 6, seed=2), normal(4, 6, seed=3)
    layer.forward(x)
    np.testing.assert_array_equal(layer.backward(dy), dy)
    assert not layer.parameters["codebook"].grad.any()
    report = gradcheck(layer, x)
    assert {row.name for row in report.rows if not row.passed} >= {"x"}


def test_a_codes_gradient_is_the_sum_over_its_places():
    """eq. 24.4, written out place by place."""
    layer = quantiser()
    codes, d_vectors = np.array([[1, 4], [1, 1], [0, 4]]), normal(3, 6)
    expected = np.zeros((5, 3))
    for row, gradients in zip(codes, d_vectors.reshape(3, 2, 3), strict=True):
        for code, gradient in zip(row, gradients, strict=True):
            expected[code] += gradient
    layer.pull(codes, d_vectors)
    np.testing.assert_allclose(layer.parameters["codebook"].grad, expected, rtol=1e-12)
    layer.pull(codes, d_vectors)  # gradients add up
    np.testing.assert_allclose(layer.parameters["codebook"].grad, 2 * expected, rtol=1e-12)


def test_a_masked_layer_is_a_dense_one_with_zeros():
    mask = np.random.default_rng(0).random((6, 4)) < 0.5
    layer = MaskedDense(mask, rng=1, dtype=np.float64)
    layer.parameters["weight"].value[...] = normal(6, 4, seed=2)  # also where nothing is connected
    dense = Dense(6, 4, rng=1, dtype=np.float64)
    dense.parameters["weight"].value[...] = normal(6, 4, seed=2) * mask
    dense.parameters["bias"].value[...] = layer.parameters["bias"].value
    x, dy = normal(5, 6, seed=3), normal(5, 4, seed=4)
    np.testing.assert_allclose(layer.forward(x), dense.forward(x), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(dy), dense.backward(dy), rtol=1e-12)
    grad = layer.parameters["weight"].grad
    assert not grad[~mask].any()
    np.testing.assert_allclose(grad[mask], dense.parameters["weight"].grad[mask], rtol=1e-12)
    assert gradcheck(layer, x).passed


def test_a_masked_layer_begins_as_wide_as_its_connections():
    mask = np.zeros((400, 3), bool)
    mask[:100, 0], mask[:4, 1] = True, True
    weight = MaskedDense(mask, rng=0).parameters["weight"].value
    assert not weight[~mask].any()
    assert 0.09 < np.abs(weight[:100, 0]).max() <= 0.1
    assert np.abs(weight[:4, 1]).max() <= 0.5
    again, other = (MaskedDense(mask, rng=seed).parameters for seed in (0, 1))
    np.testing.assert_array_equal(again["weight"].value, weight)
    for name, parameter in again.items():
        assert (parameter.value != other[name].value).any()
    alone = MaskedDense(np.eye(50), rng=0).parameters["weight"].value
    assert 0.9 < np.abs(alone).max() <= 1
    with refused("mask must be an array of real numbers, not 'mask'"):
        MaskedDense("mask")


@pytest.mark.parametrize(("places", "width", "hidden"), [(1, 3, 4), (2, 1, 1), (4, 3, 9)])
def test_no_output_sees_its_own_place_or_a_later_one(places, width, hidden):
    """eq. 24.10: by moving every input and looking at every output."""
    below, above = causal_masks(places, width, hidden)
    made = {"dtype": np.float64}
    network = Sequential(
        MaskedDense(below, rng=1, **made), Tanh(**made), MaskedDense(above, rng=2, **made)
    )
    x = normal(1, places * width)
    y = network.forward(x).copy()
    for source in range(places * width):
        moved = x.copy()
        moved[0, source] += 1
        changed = (network.forward(moved) != y).reshape(places, width).any(axis=1)
        assert not changed[: source // width + 1].any()
        if hidden >= places - 1:
            assert changed[source // width + 1 :].all()


def test_what_makes_no_sense_is_refused():
    for mask in (np.full((2, 2), 0.5), np.ones(3), np.ones((0, 2)), "mask"):
        with refused("mask"):
            MaskedDense(mask)
    layer = quantiser()
    with refused("(N, P * 3)", "(4, 5)"):
        layer.forward(normal(4, 5))
    for codes in ([[5]], [[-1]], [[0.5]], [1]):
        with refused("whole numbers from 0 to 4"):
            layer.vectors(codes)
    with refused("d_vectors", "(1, 3)"):
        layer.pull(np.array([[1]]), normal(1, 6))
    with refused("codes", "0"):
        VectorQuantiser(0, 3)
    with refused("places"):
        causal_masks(0, 1, 1)


@each_dtype
def test_codes_begin_uniform_within_one_over_their_number(dtype):
    layer = VectorQuantiser(40, 30, rng=1, dtype=dtype)
    codebook = layer.parameters["codebook"].value
    assert (codebook.shape, codebook.dtype) == ((40, 30), dtype)
    # Of 1,200 draws the largest and the smallest are within a hundredth of the range's ends.
    for end in (codebook.max(), -codebook.min()):
        assert 0.99 / 40 < end <= 1 / 40
    assert VectorQuantiser(1 << 16, 1).codes == 1 << 16
    for sizes, name in (((70_000, 3), "codes"), ((3, 70_000), "code_dim"), ((3, 0), "code_dim")):
        with refused(f"{name} must be a whole number of at least 1"):
            VectorQuantiser(*sizes)


def test_vectors_that_are_no_vectors_are_refused_by_their_names():
    layer = quantiser()
    for x in (normal(4, 5), normal(6), normal(4, 0), normal(2, 3, 3)):
        with refused(
            "VectorQuantiser: x must be of shape (N, P * 3), vectors of 3 numbers one after the "
            f"other, not {x.shape}: change the layer before it"
        ):
            layer.forward(x)
    with refused("VectorQuantiser: x is float32 where float64 is expected"):
        layer.forward(normal(4, 6, dtype=np.float32))
    with refused("d_vectors is float32 where float64 is expected"):
        layer.pull(np.array([[1]]), normal(1, 3, dtype=np.float32))
    with refused("codes must be an array of real numbers, not 'ab'"):
        layer.vectors("ab")
    assert layer.vectors(np.zeros((0, 2), int)).shape == (0, 6)


@pytest.mark.parametrize("name", ["places", "width", "hidden"])
def test_sizes_of_masks_are_counts(name):
    sizes = {"places": 2, "width": 3, "hidden": 4}
    below, above = causal_masks(**sizes)
    assert (below.shape, above.shape) == ((6, 4), (4, 6))
    with refused(f"{name} must be a whole number of at least 1, not 0"):
        causal_masks(**(sizes | {name: 0}))


def test_units_between_take_the_places_in_turn_but_for_the_last():
    below, above = causal_masks(3, 1, 4)
    assert below.tolist() == [[True] * 4, [False, True] * 2, [False] * 4]
    assert above.T.tolist() == [[False] * 4, [True, False] * 2, [True] * 4]
    below, above = causal_masks(2, 1, 3)
    assert below.tolist() == above.T.tolist()[::-1] == [[True] * 3, [False] * 3]
