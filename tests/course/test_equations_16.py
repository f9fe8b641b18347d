"""The equations of lesson 16, batch normalisation, each against numbers got another way."""

import numpy as np
import pytest
from scipy import stats

from scratchvae.course import program
from scratchvae.course.exercises import lesson_16 as answers
from scratchvae.layers import BatchNorm

COUNT, CHANNELS, EPSILON = 6, 4, 0.1  # a large ε, so that it matters where it stands


@pytest.fixture
def rng():
    return np.random.default_rng(16)


@pytest.fixture
def case(rng):
    """Return x, dy, a scale and a shift."""
    x, dy = rng.standard_normal((2, COUNT, CHANNELS))
    return 1 + 2 * x, dy, rng.uniform(0.5, 2, CHANNELS), rng.standard_normal(CHANNELS)


def make_layer(kind, scale, shift):
    layer = kind(CHANNELS, epsilon=EPSILON, dtype=np.float64)
    for name, value in (("scale", scale), ("shift", shift)):
        parameter = layer.parameters[name]
        getattr(parameter, "value", parameter)[...] = value
    return layer


def test_forward(case):
    """eq. 16.1: a standard score of each channel, scaled and shifted."""
    x, _, scale, shift = case
    mean, variance = x.mean(axis=0), (x**2).mean(axis=0) - x.mean(axis=0) ** 2
    expected = scale * (x - mean) / np.sqrt(variance + EPSILON) + shift
    own = make_layer(program.BatchNorm, scale, shift)
    np.testing.assert_allclose(own.forward(x), expected, rtol=1e-12)
    package = make_layer(BatchNorm, scale, shift)
    np.testing.assert_allclose(package.forward(x, training=True), expected, rtol=1e-12)


def test_backward_in_steps_and_in_one_line(case):
    """eq. 16.2, eq. 16.3: both are the slopes, and what the package's layer gives."""
    x, dy, scale, shift = case
    dx, d_scale, d_shift = answers.batch_norm_steps(dy, x, scale, EPSILON)
    own = make_layer(program.BatchNorm, scale, shift)

    def loss():
        return float((dy * own.forward(x)).sum())

    for gradient, array in (
        (dx, x),
        (d_scale, own.parameters["scale"]),
        (d_shift, own.parameters["shift"]),
    ):
        # Central differences: truncation of step² = 1e-10, rounding of 1e-16 / 1e-5.
        np.testing.assert_allclose(gradient, program.slopes(loss, array), rtol=1e-6, atol=1e-9)
    own.forward(x)
    line = answers.batch_norm_line(dy, own.x_hat, own.inverse_std, scale)
    np.testing.assert_allclose(line, dx, atol=1e-13)
    package = make_layer(BatchNorm, scale, shift)
    package.forward(x, training=True)
    for found in (package.backward(dy), own.backward(dy)):
        np.testing.assert_allclose(found, dx, atol=1e-13)


def test_what_the_gradient_has_no_part_of(case):
    """eq. 16.4: it sums to 0, and its part along x̂ is a share ε / (σ² + ε) of dy's."""
    x, dy, scale, shift = case
    layer = make_layer(program.BatchNorm, scale, shift)
    layer.forward(x)
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    share = EPSILON / (x.var(axis=0) + EPSILON)
    expected = scale * layer.inverse_std * share * (dy * layer.x_hat).sum(axis=0)
    np.testing.assert_allclose((dx * layer.x_hat).sum(axis=0), expected, atol=1e-13)
    # Of a batch of two nothing is left where ε is 0.
    two = program.BatchNorm(CHANNELS, epsilon=0.0)
    two.forward(x[:2])
    np.testing.assert_allclose(two.backward(dy[:2]), 0, atol=1e-13)


def test_running_statistics(rng):
    """eq. 16.5: after many batches of one kind they are its mean and its unbiased variance."""
    x = rng.standard_normal((7, 3, 2, CHANNELS))
    own, package = program.BatchNorm(CHANNELS), BatchNorm(CHANNELS, dtype=np.float64)
    own.forward(x)
    flat = x.reshape(-1, CHANNELS)
    np.testing.assert_allclose(own.buffers["mean"], 0.1 * flat.mean(axis=0), rtol=1e-12)
    variance = 0.9 + 0.1 * flat.var(axis=0, ddof=1)
    np.testing.assert_allclose(own.buffers["variance"], variance, rtol=1e-12)
    package.forward(x, training=True)
    np.testing.assert_allclose(package.buffers["running_variance"], variance, rtol=1e-12)
    for _ in range(300):  # 0.9³⁰⁰ = 2e-14
        own.forward(x)
    np.testing.assert_allclose(own.buffers["mean"], flat.mean(axis=0), atol=1e-12)


def test_with_running_statistics_it_is_a_straight_line(rng, case):
    """eq. 16.6: y = a x + c, dx = a dy, and a dense layer before it takes it in."""
    x, dy, scale, shift = case
    layer = make_layer(program.BatchNorm, scale, shift)
    layer.forward(3 - x)
    program.set_training(layer, False)
    mean, variance = layer.buffers["mean"], layer.buffers["variance"]
    a = scale / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(layer.forward(x), a * x + shift - a * mean, rtol=1e-12)
    np.testing.assert_allclose(layer.backward(dy), a * dy, rtol=1e-12)
    dense = program.Dense(5, CHANNELS, rng)
    weight, bias = dense.parameters["weight"], dense.parameters["bias"]
    h = rng.standard_normal((3, 5))
    both = layer.forward(dense.forward(h))
    weight, bias = answers.fold(weight, bias, scale, shift, mean, variance, EPSILON)
    np.testing.assert_allclose(h @ weight + bias, both, atol=1e-12)


def test_whose_bound_it_is():
    """eq. 16.7: by quadrature for two images, one latent each, and a decoder that normalises.

    The mean loss of both is above −log p(x₁, x₂), and −log p(x₁, x₂) is not a sum over images.
    """
    grid = np.linspace(-6, 6, 601)
    prior = stats.norm.pdf(grid) * (grid[1] - grid[0])
    first, second = np.meshgrid(grid, grid, indexing="ij")
    pair = np.stack([first, second])  # (2, grid, grid): z₁ and z₂
    decoded = (pair - pair.mean(axis=0)) / np.sqrt(pair.var(axis=0) + EPSILON)

    def log_joint(x):
        """Return log p(x₁, x₂ | z₁, z₂) on the grid."""
        return sum(stats.norm.logpdf(x[n], decoded[n], 0.8) for n in range(2))

    def log_evidence(x):
        return np.log(np.einsum("ab,a,b", np.exp(log_joint(x)), prior, prior))

    x = np.array([0.4, -1.0])
    means, sds = (0.3, -0.6), (0.5, 0.7)  # of q(z | x) for each image
    weights = [
        stats.norm.pdf(grid, m, s) * (grid[1] - grid[0]) for m, s in zip(means, sds, strict=True)
    ]
    reconstruction = -np.einsum("ab,a,b", log_joint(x), *weights)
    kl = sum(0.5 * (m**2 + s**2 - 1) - np.log(s) for m, s in zip(means, sds, strict=True))
    assert reconstruction + kl > -log_evidence(x)
    assert reconstruction + kl < -log_evidence(x) + 3  # and not trivially
    # Were it a product p(x₁) p(x₂), the logarithms of the four corners would cancel.
    corners = [log_evidence(np.array([a, b])) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    assert abs(corners[0] - corners[1] - corners[2] + corners[3]) > 0.5
