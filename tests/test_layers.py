import numpy as np
import pytest
from helpers import normal, refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy.special import expit

from scratchvae.layers import (
    ELU,
    Dense,
    Flatten,
    LogSoftplus,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)

DTYPES = [np.float32, np.float64]
dtypes = st.sampled_from(DTYPES)
layouts = st.sampled_from(["contiguous", "columns first", "every second", "reversed"])
seeds = st.integers(0, 1000)


def laid_out(array, layout):
    """Return the same numbers, differently placed in memory."""
    if layout == "columns first":
        return np.asfortranarray(array)
    if layout == "every second":
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    return array


def assert_close(found, expected, dtype, scale=1.0):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    rounding = 30 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=rounding * scale)


def one_by_one(function):
    return lambda x: np.array([function(v) for v in x.ravel().tolist()]).reshape(x.shape)


def softplus(x):
    return np.logaddexp(0, x)


# Each activation with its definition and its derivative, in float64 and by other means.
ACTIVATIONS = {
    "relu": (ReLU, one_by_one(lambda v: max(v, 0.0)), one_by_one(lambda v: float(v > 0))),
    "elu": (
        lambda **options: ELU(0.7, **options),
        one_by_one(lambda v: v if v > 0 else 0.7 * np.expm1(v)),
        one_by_one(lambda v: 1.0 if v > 0 else 0.7 * np.exp(v)),
    ),
    "tanh": (Tanh, lambda x: 2 * expit(2 * x) - 1, lambda x: 4 * expit(2 * x) * expit(-2 * x)),
    "sigmoid": (Sigmoid, expit, lambda x: expit(x) * expit(-x)),
    "softplus": (Softplus, softplus, expit),
    "log-softplus": (
        LogSoftplus,
        lambda x: np.log(softplus(x) + 1e-8),
        lambda x: expit(x) / (softplus(x) + 1e-8),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(
    shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    scale=st.sampled_from([1e-3, 1.0, 10.0, 1e3]),
    layout=layouts,
    dtype=dtypes,
    seed=seeds,
)
def test_activation_and_its_derivative_are_the_defined_ones(
    name, shape, scale, layout, dtype, seed
):
    make, function, derivative = ACTIVATIONS[name]
    x = laid_out(normal(*shape, seed=seed, dtype=dtype, scale=scale), layout)
    dy = laid_out(normal(*shape, seed=seed + 1, dtype=dtype), layout)
    layer = make(dtype=dtype)
    exact = x.astype(np.float64)
    assert_close(layer.forward(x), function(exact), dtype)
    assert_close(layer.backward(dy), dy.astype(np.float64) * derivative(exact), dtype, scale=4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("layer", "values", "slopes"),
    [
        (Sigmoid(), [0.0, 1.0], [0.0, 0.0]),
        (Softplus(), [0.0, 1e4], [0.0, 1.0]),
        (ELU(0.7), [-0.7, 1e4], [0.0, 1.0]),
        (LogSoftplus(), [np.log(1e-8), np.log(1e4 + 1e-8)], [0.0, 1 / (1e4 + 1e-8)]),
        (Tanh(), [-1.0, 1.0], [0.0, 0.0]),
        (ReLU(), [0.0, 1e4], [0.0, 1.0]),
    ],
    ids=repr,
)
def test_extreme_inputs_give_the_limits(layer, values, slopes, dtype):
    x = np.array([-1e4, 1e4], dtype=dtype)
    assert_close(layer.forward(x), np.array(values), dtype)
    assert_close(layer.backward(np.ones_like(x)), np.array(slopes), dtype, scale=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_tails_keep_their_relative_accuracy(dtype):
    x = np.array([-60.0, -30.0, -12.5], dtype=dtype)
    tail = np.exp(x.astype(np.float64))
    rtol = 100 * np.finfo(dtype).eps
    for layer, expected, slope in (
        (Sigmoid(), tail / (1 + tail), tail / (1 + tail) ** 2),
        (Softplus(), np.log1p(tail), tail / (1 + tail)),
    ):
        np.testing.assert_allclose(layer.forward(x), expected, rtol=rtol)
        np.testing.assert_allclose(layer.backward(np.ones_like(x)), slope, rtol=rtol)


def test_derivatives_at_the_kink():
    x = np.zeros((1, 1))
    for layer, slope in ((ReLU(), 0.0), (ELU(1.0), 1.0), (ELU(0.5), 0.5)):
        layer.forward(x)
        assert layer.backward(np.ones((1, 1)))[0, 0] == slope


def test_not_a_number_stays_visible():
    x = np.array([[np.nan, 1.0]])
    for make, _, _ in ACTIVATIONS.values():
        y = make(dtype=np.float64).forward(x)
        assert np.isnan(y[0, 0])
        assert np.isfinite(y[0, 1])


@given(
    count=st.integers(0, 7),
    size_in=st.integers(1, 9),
    size_out=st.integers(1, 9),
    layout=layouts,
    dtype=dtypes,
    seed=seeds,
)
def test_dense_is_the_sum_over_inputs(count, size_in, size_out, layout, dtype, seed):
    layer = Dense(size_in, size_out, rng=seed, dtype=dtype)
    weight, bias = layer.parameters["weight"].value, layer.parameters["bias"].value
    x = laid_out(normal(count, size_in, seed=seed, dtype=dtype), layout)
    dy = laid_out(normal(count, size_out, seed=seed + 1, dtype=dtype), layout)
    y = np.zeros((count, size_out))
    dx = np.zeros((count, size_in))
    d_weight = np.zeros((size_in, size_out))
    d_bias = np.zeros(size_out)
    for n in range(count):
        for o in range(size_out):
            y[n, o] = float(bias[o])
            d_bias[o] += float(dy[n, o])
            for i in range(size_in):
                y[n, o] += float(x[n, i]) * float(weight[i, o])
                dx[n, i] += float(dy[n, o]) * float(weight[i, o])
                d_weight[i, o] += float(x[n, i]) * float(dy[n, o])
    assert_close(layer.forward(x), y, dtype, scale=size_in)
    assert_close(layer.backward(dy), dx, dtype, scale=size_out)
    assert_close(layer.parameters["weight"].grad, d_weight, dtype, scale=count + 1)
    assert_close(layer.parameters["bias"].grad, d_bias, dtype, scale=count + 1)


@given(
    shape=array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4),
    layout=layouts,
    dtype=dtypes,
)
def test_flatten_keeps_the_numbers_in_their_order(shape, layout, dtype):
    x = laid_out(normal(*shape, dtype=dtype), layout)
    layer = Flatten()
    y = layer.forward(x)
    per_example = int(np.prod(shape[1:]))
    assert y.shape == (shape[0], per_example)
    assert y.dtype == dtype
    assert y.ravel().tolist() == [float(v) for v in x.ravel()]
    dx = layer.backward(y)
    np.testing.assert_array_equal(dx, x, strict=True)


@given(count=st.integers(0, 4), layout=layouts, dtype=dtypes)
def test_reshape_keeps_the_numbers_in_their_order(count, layout, dtype):
    x = laid_out(normal(count, 2, 12, dtype=dtype), layout)
    layer = Reshape((4, 3, 2))
    y = layer.forward(x)
    assert y.shape == (count, 4, 3, 2)
    assert y.dtype == dtype
    assert y.ravel().tolist() == [float(v) for v in x.ravel()]
    np.testing.assert_array_equal(layer.backward(y), x, strict=True)


def network(dtype, *before, rng=0):
    rng = np.random.default_rng(rng)
    return Sequential(
        *before,
        Dense(6, 4, rng=rng, dtype=dtype),
        ELU(dtype=dtype),
        Sequential(Dense(4, 3, rng=rng, dtype=dtype), Tanh(dtype=dtype)),
        Dense(3, 5, rng=rng, dtype=dtype),
        Sigmoid(dtype=dtype),
    )


# What every layer owes: how to make it, and the shape of an example.
LAYERS = {
    "dense": (lambda dtype: Dense(5, 3, rng=1, dtype=dtype), (5,)),
    **{
        name: (lambda dtype, make=make: make(dtype=dtype), (3, 2))
        for name, (make, _, _) in ACTIVATIONS.items()
    },
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
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


def made(name, dtype=np.float64, count=4, seed=3):
    """Return a layer after a forward pass, its input, and a gradient to send back."""
    make, shape = LAYERS[name]
    layer = make(dtype)
    x = normal(count, *shape, seed=seed, dtype=dtype)
    dy = normal(*layer.forward(x).shape, seed=seed + 1, dtype=dtype)
    return layer, x, dy


def gradients(layer):
    return {name: p.grad.copy() for name, p in layer.parameters.items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name, strict=True)


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
        with refused("alpha"):
            ELU(bad)
        with refused("floor"):
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
