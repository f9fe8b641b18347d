"""The definitions in NumPy, held to sums written out and to finite differences.

The compiled kernels are held to these functions, so these need something else to be held to.
"""

import numpy as np
import pytest

from scratchvae.kernels import reference

DTYPES = (np.float32, np.float64)


def draw(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def slopes(function, x, dy, step=1e-6):
    """Return ∂(Σ dy · function(x))/∂x by central differences."""
    found = np.empty_like(x)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += step
        below[place] -= step
        found[place] = (dy * (function(above) - function(below))).sum() / (2 * step)
    return found


def assert_slopes(found, function, x, dy):
    np.testing.assert_allclose(found, slopes(function, x, dy), rtol=1e-6, atol=1e-8)


def test_matmul_and_its_transposed_forms():
    a, b = draw(0, 3, 5), draw(1, 5, 4)
    expected = [[sum(a[m, k] * b[k, n] for k in range(5)) for n in range(4)] for m in range(3)]
    np.testing.assert_allclose(reference.matmul(a, b), expected)
    np.testing.assert_allclose(reference.matmul_transposed_left(a.T, b), expected)
    np.testing.assert_allclose(reference.matmul_transposed_right(a, b.T), expected)


def test_sum_rows():
    x = draw(0, 2, 3, 4)
    np.testing.assert_allclose(reference.sum_rows(x), [x[..., c].sum() for c in range(4)])
    many = np.full((100_000, 1), 0.1, np.float32)  # added up in float32 it would be 3e-4 too large
    assert reference.sum_rows(many)[0] == pytest.approx(1e5 * float(np.float32(0.1)), rel=1e-7)


GEOMETRIES = [((5, 6), (3, 2), 1, 0), ((6, 5), (3, 3), 2, 1), ((5, 5), (2, 2), 3, 0)]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), GEOMETRIES)
def test_convolution_forward_is_the_sum_in_its_docstring(size, kernel, stride, padding):
    x, w = draw(0, 2, *size, 2), draw(1, *kernel, 2, 3)
    y = reference.convolution_forward(x, w, stride, padding)
    assert y.shape[1:3] == tuple((size[a] + 2 * padding - kernel[a]) // stride + 1 for a in (0, 1))
    for n, h, v, o in np.ndindex(y.shape):
        total = 0
        for i, j, c in np.ndindex(w.shape[:3]):
            row, column = h * stride + i - padding, v * stride + j - padding
            if 0 <= row < size[0] and 0 <= column < size[1]:
                total += x[n, row, column, c] * w[i, j, c, o]
        assert y[n, h, v, o] == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), GEOMETRIES)
def test_convolution_gradients_are_the_slopes(size, kernel, stride, padding):
    x, w = draw(0, 2, *size, 2), draw(1, *kernel, 2, 3)
    dy = draw(2, *reference.convolution_forward(x, w, stride, padding).shape)
    dx = reference.convolution_input_gradient(dy, w, size, stride, padding)
    assert_slopes(dx, lambda x: reference.convolution_forward(x, w, stride, padding), x, dy)
    dw = reference.convolution_weight_gradient(x, dy, kernel, stride, padding)
    assert_slopes(dw, lambda w: reference.convolution_forward(x, w, stride, padding), w, dy)


@pytest.mark.parametrize(("stride", "padding", "output_padding"), [(1, 0, 0), (2, 1, 0), (3, 0, 2)])
def test_transposed_convolution_is_the_adjoint_with_the_slopes(stride, padding, output_padding):
    x, w = draw(0, 2, 3, 4, 2), draw(1, 3, 3, 3, 2)
    geometry = (stride, padding)

    def forward(x, w):
        return reference.convolution_input_gradient(x, w, size, *geometry)

    size = [(n - 1) * stride - 2 * padding + 3 + output_padding for n in (3, 4)]
    y = forward(x, w)
    assert y.shape == (2, *size, 3)
    dy = draw(2, *y.shape)
    convolved = reference.convolution_forward(dy, w, *geometry)
    assert (convolved * x).sum() == pytest.approx((dy * y).sum())
    dx = convolved
    assert_slopes(dx, lambda x: forward(x, w), x, dy)
    dw = reference.convolution_weight_gradient(dy, x, (3, 3), *geometry)
    assert_slopes(dw, lambda w: forward(x, w), w, dy)


def test_channel_moments():
    x = 3 + draw(0, 4, 5, 2)
    mean, variance = reference.channel_moments(x)
    for c in range(2):
        assert mean[c] == pytest.approx(np.mean(x[..., c]))
        assert variance[c] == pytest.approx(np.mean((x[..., c] - np.mean(x[..., c])) ** 2))


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_backward_gives_the_slopes(training):
    x, dy, scale, shift = draw(0, 6, 2), draw(1, 6, 2), draw(2, 2), draw(3, 2)
    fixed = reference.channel_moments(x)

    def forward(x, scale, shift):
        mean, variance = reference.channel_moments(x) if training else fixed
        inverse_std = 1 / np.sqrt(variance + 0.1)
        return reference.batch_norm_forward(x, mean, inverse_std, scale, shift)

    mean, inverse_std = fixed[0], 1 / np.sqrt(fixed[1] + 0.1)
    np.testing.assert_allclose(
        forward(x, scale, shift), scale * (x - mean) / np.sqrt(fixed[1] + 0.1) + shift
    )
    dx, d_scale, d_shift = reference.batch_norm_backward(dy, x, mean, inverse_std, scale, training)
    assert_slopes(dx, lambda x: forward(x, scale, shift), x, dy)
    assert_slopes(d_scale, lambda scale: forward(x, scale, shift), scale, dy)
    assert_slopes(d_shift, lambda shift: forward(x, scale, shift), shift, dy)


ACTIVATIONS = {
    "relu": lambda x: x if x > 0 else 0,
    "elu": lambda x: x if x > 0 else np.exp(x) - 1,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_backward(name):
    forward, backward = getattr(reference, name), getattr(reference, f"{name}_backward")
    x, dy = draw(0, 3, 4), draw(1, 3, 4)
    y = forward(x)
    np.testing.assert_allclose(y, np.vectorize(ACTIVATIONS[name])(x))
    assert_slopes(backward(dy, y), forward, x, dy)


def test_elu_of_another_alpha():
    x, dy = draw(0, 3, 4), draw(1, 3, 4)
    y = reference.elu(x, 0.5)
    np.testing.assert_allclose(y[x < 0], 0.5 * (np.exp(x[x < 0]) - 1))
    assert_slopes(reference.elu_backward(dy, y, 0.5), lambda x: reference.elu(x, 0.5), x, dy)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_activations_neither_overflow_nor_hide_nan(name, dtype):
    ends = getattr(reference, name)(np.array([-1e4, 1e4], dtype))
    assert np.isfinite(ends).all()
    assert np.isnan(getattr(reference, name)(np.array([np.nan], dtype))).all()


def test_bernoulli():
    x, logits = np.random.default_rng(0).random((3, 4)), draw(1, 3, 4)
    p = 1 / (1 + np.exp(-logits))
    expected = -x * np.log(p) - (1 - x) * np.log(1 - p)
    np.testing.assert_allclose(reference.bernoulli_cross_entropy(x, logits), expected)
    found = reference.bernoulli_gradient(x, logits)
    assert_slopes(found, lambda a: reference.bernoulli_cross_entropy(x, a), logits, 1.0)


def test_bernoulli_sums_over_each_images_pixels():
    x, logits = np.random.default_rng(0).random((3, 2, 2)), draw(1, 3, 2, 2)
    found = reference.bernoulli_cross_entropy_sum(x, logits)
    each = [reference.bernoulli_cross_entropy(x[n], logits[n]).sum() for n in range(3)]
    np.testing.assert_allclose(found, each)
    found = reference.bernoulli_gradient(x, logits, 0.3)
    assert_slopes(found, lambda a: 0.3 * reference.bernoulli_cross_entropy(x, a), logits, 1.0)


@pytest.mark.parametrize("floor", [None, 0.2])
def test_latents(floor):
    hidden, eps, dz = draw(0, 4, 6), draw(1, 4, 3), draw(2, 4, 3)
    log_variance, z, kl = reference.latents_forward(hidden, eps, floor)
    mean, raw = hidden[:, :3], hidden[:, 3:]
    variance = np.exp(raw) if floor is None else np.log1p(np.exp(raw)) + floor
    np.testing.assert_allclose(np.exp(log_variance), variance)
    np.testing.assert_allclose(z, mean + np.sqrt(variance) * eps)
    terms = variance + mean**2 - 1 - np.log(variance)
    np.testing.assert_allclose(kl, 0.5 * terms.sum(axis=1))

    def loss(hidden):
        _, z, kl = reference.latents_forward(hidden, eps, floor)
        return (dz * z).sum() + 0.7 * kl.sum()

    found = reference.latents_backward(dz, hidden, log_variance, eps, 0.7, floor)
    for place in np.ndindex(hidden.shape):
        step = np.zeros_like(hidden)
        step[place] = 1e-6
        slope = (loss(hidden + step) - loss(hidden - step)) / 2e-6
        assert found[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_squared_distances_and_gaussian_gradient():
    x, mean = draw(0, 3, 2, 2), draw(1, 3, 2, 2)
    distances = reference.squared_distances(x, mean)
    np.testing.assert_allclose(distances, [np.sum((x[n] - mean[n]) ** 2) for n in range(3)])
    found = reference.gaussian_gradient(x, mean, 0.3)
    assert_slopes(found, lambda m: reference.squared_distances(x, m) / (2 * 0.3), mean, dy=1.0)


def test_adam_step():
    value, grad = np.array([1.0]), np.array([0.5])
    first, second = np.array([0.2]), np.array([0.3])
    settings = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}
    reference.adam_step(value, grad, first, second, step=3, **settings)
    m, v = 0.9 * 0.2 + 0.1 * 0.5, 0.99 * 0.3 + 0.01 * 0.25
    expected = 1 - 0.01 * (m / (1 - 0.9**3)) / (np.sqrt(v / (1 - 0.99**3)) + 1e-8)
    np.testing.assert_allclose((first[0], second[0], value[0]), (m, v, expected))


def every_call(dtype, images):
    """Return a call of each definition, as name, arrays, and other arguments."""
    x, y = draw(0, images, 3), draw(1, images, 3)
    picture, features = draw(2, images, 5, 5, 2), draw(3, images, 3, 3, 4)
    weight = draw(4, 3, 3, 2, 4)
    channel, scale, hidden = draw(5, 3), draw(6, 3), draw(12, images, 6)
    wide = np.float64(0.5)  # a number of NumPy's own would widen float32 where it is not cast
    settings = {"step": 2, "learning_rate": wide, "beta_1": wide, "beta_2": wide, "epsilon": wide}
    calls = [
        ("matmul", (x, draw(7, 3, 4)), (), {}),
        ("matmul_transposed_left", (x, y), (), {}),
        ("matmul_transposed_right", (x, draw(8, 4, 3)), (), {}),
        ("sum_rows", (picture,), (), {}),
        ("convolution_forward", (picture, weight), (2, 1), {}),
        ("convolution_input_gradient", (features, weight), ((5, 5), 2, 1), {}),
        ("convolution_weight_gradient", (picture, features), ((3, 3), 2, 1), {}),
        ("channel_moments", (picture,), (), {}),
        ("batch_norm_forward", (x, channel, scale**2, channel, scale), (), {}),
        ("batch_norm_backward", (y, x, channel, scale**2, scale), (True,), {}),
        ("elu", (x,), (wide,), {}),
        ("elu_backward", (x, y), (wide,), {}),
        *((name, (x,), (), {}) for name in ("relu", "tanh", "sigmoid", "softplus")),
        *((f"{name}_backward", (x, y), (), {}) for name in ("relu", "tanh", "sigmoid", "softplus")),
        ("bernoulli_cross_entropy", (x, y), (), {}),
        ("bernoulli_cross_entropy_sum", (x, y), (), {}),
        ("bernoulli_gradient", (x, y), (wide,), {}),
        ("squared_distances", (x, y), (), {}),
        ("gaussian_gradient", (x, y), (wide,), {}),
        ("latents_forward", (hidden, x), (wide,), {}),
        ("latents_backward", (y, hidden, draw(11, *x.shape), x), (wide, wide), {}),
        ("adam_step", (x, y, draw(9, *x.shape), draw(10, *x.shape) ** 2), (), settings),
    ]
    assert {name for name, *_ in calls} == set(reference.__all__)
    return [
        (name, [array.astype(dtype) for array in arrays], rest, named)
        for name, arrays, rest, named in calls
    ]


def results_of(name, arrays, rest, named):
    """Return what a definition returns, or changes, as a list."""
    results = getattr(reference, name)(*arrays, *rest, **named)
    results = arrays if results is None else results
    return list(results) if isinstance(results, tuple | list) else [results]


@pytest.mark.parametrize("images", [0, 1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_definition_keeps_the_dtype_and_changes_no_input(dtype, images):
    for name, arrays, rest, named in every_call(dtype, images):
        before = [array.copy() for array in arrays]
        changes = {0, 2, 3} if name == "adam_step" else set()
        for i, array in enumerate(arrays):
            array.flags.writeable = i in changes
        for result in results_of(name, arrays, rest, named):
            assert result.dtype == dtype, name
            assert np.isfinite(result).all(), name
            assert changes or not any(np.shares_memory(result, array) for array in arrays), name
        for i in set(range(len(arrays))) - changes:
            np.testing.assert_array_equal(arrays[i], before[i], err_msg=name)


def test_every_definition_takes_any_strides():
    for (name, arrays, rest, named), (_, scattered, _, _) in zip(
        every_call(np.float64, 3), every_call(np.float64, 3), strict=True
    ):
        scattered = [np.repeat(array, 2, axis=-1)[..., ::2] for array in scattered]
        assert not any(array.flags.c_contiguous for array in scattered)
        expected, found = (results_of(name, each, rest, named) for each in (arrays, scattered))
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14, err_msg=name)
