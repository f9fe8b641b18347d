"""What every layer owes: dtypes, gradients that add up, and what it refuses."""

import numpy as np
import pytest
from helpers import assert_same, each_dtype, normal, refused
from layer_cases import ACTIVATIONS, network

from scratchvae.layers import (
    ELU,
    BatchNorm,
    ConvTranspose2D,
    Dense,
    Flatten,
    LogSoftplus,
    MaskedDense,
    Parameter,
    ReLU,
    Reshape,
    Sequential,
    Tanh,
)

LAYERS = {
    "dense": (lambda dtype: Dense(5, 3, rng=1, dtype=dtype), (5,)),
    **{
        name: (lambda dtype, make=make: make(dtype=dtype), (3, 2))
        for name, (make, _, _) in ACTIVATIONS.items()
    },
    "masked": (lambda dtype: MaskedDense(np.tri(5, 3), rng=1, dtype=dtype), (5,)),
    "flatten": (lambda dtype: Flatten(dtype=dtype), (3, 2, 1)),
    "reshape": (lambda dtype: Reshape((2, 3, 1), dtype=dtype), (6,)),
    "sequential": (network, (6,)),
    "sequential, flattening": (
        lambda dtype: network(dtype, Flatten(dtype=dtype), Tanh(dtype=dtype)),
        (2, 3, 1),
    ),
    "sequential, nothing to learn": (
        lambda dtype: Sequential(Flatten(dtype=dtype), Tanh(dtype=dtype), ReLU(dtype=dtype)),
        (2, 3),
    ),
    "sequential, empty": (lambda dtype: Sequential(), (2, 3)),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def made(name, dtype=np.float64, count=4, seed=3):
    """Return a layer after a forward pass, its input, and a gradient to send back."""
    make, shape = LAYERS[name]
    layer = make(dtype)
    x = normal(count, *shape, seed=seed, dtype=dtype)
    dy = normal(*layer.forward(x).shape, seed=seed + 1, dtype=dtype)
    return layer, x, dy


def gradients(layer):
    return {name: p.grad.copy() for name, p in layer.parameters.items()}


@each_dtype
@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_dtype_in_is_dtype_out(name, dtype, training):
    layer, x, dy = made(name, dtype)
    assert layer.forward(x, training).dtype == dtype
    assert layer.backward(dy).dtype == dtype
    assert layer.backward(dy).shape == x.shape
    for parameter in layer.parameters.values():
        assert parameter.value.dtype == parameter.grad.dtype == dtype
        assert parameter.value.shape == parameter.grad.shape


@each_layer
def test_passes_leave_alone_what_they_were_given(name):
    layer, x, dy = made(name)
    before = [array.tobytes() for array in (x, dy)]
    values = {name: p.value.tobytes() for name, p in layer.parameters.items()}
    y = layer.forward(x)
    y_before = y.tobytes()
    layer.backward(dy)
    layer.backward_parameters(dy)
    assert [array.tobytes() for array in (x, dy)] == before
    assert y.tobytes() == y_before
    assert {name: p.value.tobytes() for name, p in layer.parameters.items()} == values


@each_layer
def test_gradients_add_up_over_passes(name):
    layer, _, dy = made(name)
    first_dx = layer.backward(dy)
    first = gradients(layer)
    assert all(np.abs(gradient).max() > 0 for gradient in first.values())
    np.testing.assert_array_equal(layer.backward(dy), first_dx)
    assert_same(gradients(layer), {name: 2 * gradient for name, gradient in first.items()})

    other, _, other_dy = made(name, seed=9)
    other.backward(other_dy)
    layer.zero_grad()
    assert all(not gradient.any() for gradient in gradients(layer).values())
    layer.backward(dy)
    _, other_x, _ = made(name, seed=9)
    layer.forward(other_x)
    layer.backward(other_dy)
    assert_same(gradients(layer), {n: first[n] + g for n, g in gradients(other).items()})


def test_a_cleared_gradient_is_zero_however_one_looks_at_it():
    layer = Dense(3, 2, rng=0)
    x, dy = normal(4, 3, dtype=np.float32), normal(4, 2, seed=1, dtype=np.float32)
    weight = layer.parameters["weight"]
    layer.forward(x)
    weight.grad[...] = np.nan
    weight.zero_grad()
    layer.backward(dy)
    expected = x.T @ dy
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-5, atol=1e-5)  # sums of four
    weight.zero_grad()
    assert not weight.grad.any()
    weight.zero_grad()
    weight.grad += 1
    layer.backward(dy)
    np.testing.assert_allclose(weight.grad, expected + 1, rtol=1e-5, atol=1e-5)
    weight.zero_grad()
    weight.grad = np.ones_like(weight.value)
    assert (weight.grad == 1).all()


def test_a_value_is_in_c_order_and_has_a_gradient_of_its_shape_and_type():
    value = normal(3, 2)
    parameter = Parameter(value)
    assert parameter.value is value
    parameter.grad += 1
    parameter.value = normal(2, 3).T
    np.testing.assert_array_equal(parameter.value, normal(2, 3).T)
    assert parameter.value.flags.c_contiguous
    assert (parameter.grad == 1).all()  # of the same shape: it is the caller's to clear
    for other in (normal(2, 3), normal(2, 3, dtype=np.float32), np.array(1.0)):
        parameter.value = other
        assert (parameter.grad.shape, parameter.grad.dtype) == (other.shape, other.dtype)
        assert not parameter.grad.any()


@each_dtype
@each_layer
def test_backward_parameters_leaves_the_gradients_of_backward(name, dtype):
    layer, x, dy = made(name, dtype)
    layer.backward(dy)
    expected = gradients(layer)
    layer.zero_grad()
    layer.forward(x)
    assert layer.backward_parameters(dy) is None
    assert_same(gradients(layer), expected)


@each_layer
def test_gradients_of_an_empty_batch_are_zero(name):
    layer, x, dy = made(name, count=0)
    assert layer.backward(dy).shape == x.shape
    assert all(not gradient.any() for gradient in gradients(layer).values())


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "sequential, empty"])
def test_backward_needs_a_forward_pass(name):
    make, shape = LAYERS[name]
    with refused("backward needs a forward pass"):
        make(np.float64).backward(normal(4, *shape))


@each_layer
def test_a_gradient_of_another_shape_is_refused(name):
    if name == "sequential, empty":
        pytest.skip("the identity has nothing to compare with")
    layer, _, dy = made(name)
    for wrong in (dy[:-1], dy[..., np.newaxis], np.array(1.0)):
        with refused(str(wrong.shape)):
            layer.backward(wrong)


@pytest.mark.parametrize("name", ["dense", "flatten", "reshape", "sequential", *ACTIVATIONS])
def test_a_gradient_of_another_dtype_is_refused(name):
    layer, _, dy = made(name, np.float32)
    with refused("dy", "float64", "float32"):
        layer.backward(dy.astype(np.float64))
    with refused("dy", "list"):
        layer.backward(dy.tolist())


@pytest.mark.parametrize("name", ["dense", "flatten", "reshape", "sequential", *ACTIVATIONS])
def test_an_input_that_holds_no_floats_is_refused(name):
    layer, x, _ = made(name)
    for wrong in (x.astype(np.int64), x.astype(np.uint8), x.astype(np.float16), x > 0):
        with refused("x must hold float32 or float64", str(wrong.dtype)):
            layer.forward(wrong)
    with refused("x must be a NumPy array", "list"):
        layer.forward(x.tolist())


def test_dense_refuses_what_does_not_fit():
    layer = Dense(5, 3, rng=0)
    for shape in ((2, 4), (5,), (2, 5, 1), ()):
        with refused("(N, 5)", str(shape)):
            layer.forward(np.zeros(shape, np.float32))
    with refused("x is float64 where float32 is expected"):
        layer.forward(np.zeros((2, 5)))


def test_transposed_convolution_refuses_what_does_not_fit():
    with refused("output_padding must be below the stride of 2, not 2"):
        ConvTranspose2D(2, 3, 3, stride=2, output_padding=2)
    layer = ConvTranspose2D(2, 3, 3, padding=2, rng=0)
    with refused("padding 2 leaves nothing of images of 1 by 1"):
        layer.forward(np.zeros((1, 1, 1, 2), np.float32))
    with refused("(N, H, W, 2)", "(1, 4, 4, 3)", "channels come last"):
        layer.forward(np.zeros((1, 4, 4, 3), np.float32))


def test_batch_norm_tells_of_the_image_that_an_epoch_left_over():
    layer = BatchNorm(3, dtype=np.float64)
    with refused("two values per channel", "not 1", "no single image over for an epoch's last"):
        layer.forward(normal(1, 3), training=True)
    with refused("not 0", "use a larger batch"):
        layer.forward(normal(0, 3), training=True)
    layer.forward(normal(1, 3))
    layer.forward(normal(1, 2, 1, 3), training=True)


def test_reshape_and_flatten_refuse_what_does_not_fit():
    with refused("Reshape to (2, 3) expects 6 numbers"):
        Reshape((2, 3)).forward(np.zeros((4, 5)))
    with refused("a batch"):
        Flatten().forward(np.array(1.0))


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", True, None, np.nan])
def test_sizes_must_be_counts(bad):
    with refused("in_features", repr(bad)):
        Dense(bad, 3)
    with refused("out_features", repr(bad)):
        Dense(3, bad)


def test_settings_of_activations_must_make_sense():
    for bad in (0, -1.0, np.nan, np.inf, "x", None):
        with refused("alpha must be a finite number above 0"):
            ELU(bad)
        with refused("floor must be a finite number above 0"):
            LogSoftplus(bad)


@pytest.mark.parametrize("bad", [np.float16, np.int64, "complex128", object, "no such dtype"])
def test_layers_are_float32_or_float64(bad):
    with refused("dtype must be float32", repr(bad)):
        Dense(2, 2, dtype=bad)


def test_a_seed_fixes_the_weights_in_both_dtypes():
    double, single = (Dense(7, 5, rng=3, dtype=dtype) for dtype in (np.float64, np.float32))
    again, other = Dense(7, 5, rng=3, dtype=np.float64), Dense(7, 5, rng=4, dtype=np.float64)
    generator = Dense(7, 5, rng=np.random.default_rng(3), dtype=np.float64)
    for name in ("weight", "bias"):
        value = double.parameters[name].value
        np.testing.assert_array_equal(value, again.parameters[name].value)
        np.testing.assert_array_equal(value, generator.parameters[name].value)
        np.testing.assert_array_equal(
            value.astype(np.float32), single.parameters[name].value, strict=True
        )
        assert (value != other.parameters[name].value).all()


def test_weights_begin_uniform_within_one_over_the_root_of_the_inputs():
    layer = Dense(400, 300, rng=0, dtype=np.float64)
    bound = 1 / 20
    for parameter, draws in (("weight", 120_000), ("bias", 300)):
        value = layer.parameters[parameter].value
        assert np.abs(value).max() <= bound
        spread = bound / np.sqrt(3)
        assert abs(value.mean()) < 5 * spread / np.sqrt(draws)
        # The variance of a uniform's sample variance is (9/5 − 1) σ⁴ / n.
        assert abs(value.var() - spread**2) < 5 * spread**2 * np.sqrt(0.8 / draws)
        assert not layer.parameters[parameter].grad.any()
