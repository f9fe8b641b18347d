"""The equations of lesson 21, "Collapse and hierarchy", each against numbers got another way."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from scratchvae.course.exercises.lesson_21 import nats_upstairs
from scratchvae.course.program import (
    component_gain,
    free_bits,
    gaussian_mismatch,
    kl_to_standard,
    layer_kls,
)
from scratchvae.layers import Dense, Reshape, Sequential
from scratchvae.models import HierarchicalVAE
from scratchvae.probability import BernoulliLikelihood

RNG = np.random.default_rng(0)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
PLANE = np.array(list(product(NODES, NODES)))
WEIGHTS_OF_PLANE = np.outer(WEIGHTS, WEIGHTS).ravel()
C = 0.9


def ratio(x, points):
    """Return N(x; point, CI) / N(x; 0, CI), (points, x), from the densities themselves."""
    identity = C * np.eye(2)
    constant = multivariate_normal(np.zeros(2), identity).logpdf(x)
    logs = [multivariate_normal(point, identity).logpdf(x) - constant for point in points]
    return np.exp(np.array(logs))


def test_mean_ratio_of_a_decoded_point():
    """eq. 21.1: quadrature over the data gives the mean of the ratio of the densities."""
    spread = np.array([0.5, 1.4])
    points = RNG.standard_normal((5, 2))
    means = ratio(PLANE * np.sqrt(spread), points) @ WEIGHTS_OF_PLANE
    # 40 nodes integrate the exponential of a few times x to about 1e-10.
    np.testing.assert_allclose(component_gain(points, spread, C), np.log(means), atol=1e-8)


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
def test_no_decoder_gains_below_the_threshold(size):
    """eq. 21.2: a decoder's gain is at most its bound, which is below 0 if no variance is above c.

    The decoder has eight codes, equally likely, and any points for them.
    """
    points = size * RNG.standard_normal((8, 2))
    for spread in (np.array([0.5, 0.89]), np.array([0.5, 2.0])):
        of_the_mixture = np.log(ratio(PLANE * np.sqrt(spread), points).mean(axis=0))
        bound = np.log(np.exp(component_gain(points, spread, C)).mean())
        assert of_the_mixture @ WEIGHTS_OF_PLANE < bound
        assert bound < 0 or spread.max() > C


def test_a_decoder_gains_above_the_threshold():
    """eq. 21.2: the condition is needed, since two points along the wider axis do gain."""
    spread, points = np.array([0.5, 2.0]), np.array([[0, 1.0], [0, -1.0]])
    of_the_mixture = np.log(ratio(PLANE * np.sqrt(spread), points).mean(axis=0))
    assert of_the_mixture @ WEIGHTS_OF_PLANE > 0.1


# A tower of one latent in each layer: x = u z₁ + √c ε, z₁ = w z₂ + t ε, and exact encoders.
U, W, T = 1.3, 0.8, 0.6
VARIANCE = W**2 + T**2  # of z₁


def tower(x, slope=W / VARIANCE, variance=T**2 / VARIANCE):
    """Return the nats of x's reconstruction and of both layers, each a mean over all noise.

    ``slope`` and ``variance`` are those of q(z₂ | z₁), by default the exact ones.
    """
    precision = 1 / VARIANCE + U**2 / C
    x, eps_1, eps_2 = np.meshgrid(x, NODES[15:25], NODES[15:25], indexing="ij")
    # Ten inner nodes with weights that integrate what is needed, polynomials of degree 2, exactly.
    powers = np.stack([NODES[15:25] ** n for n in range(3)])
    weights = np.linalg.lstsq(powers, np.array([1.0, 0.0, 1.0]), rcond=None)[0]
    lower = (U * x / C / precision)[..., None], np.full((*x.shape, 1), -np.log(precision))
    z_1 = lower[0] + np.exp(lower[1] / 2) * eps_1[..., None]
    upper = slope * z_1, np.full_like(z_1, np.log(variance))
    z_2 = upper[0] + np.exp(upper[1] / 2) * eps_2[..., None]
    prior = W * z_2, np.full_like(z_1, np.log(T**2))
    terms = (-norm(U * z_1[..., 0], np.sqrt(C)).logpdf(x), *layer_kls(z_1, lower, prior, upper))
    return [term @ weights @ weights for term in terms]


def test_bound_of_two_layers():
    """eq. 21.3: with exact encoders the loss is −log p(x), with a worse one it is above that."""
    x = np.array([-1.0, 0.2, 2.5])
    exact = -norm(0, np.sqrt(U**2 * VARIANCE + C)).logpdf(x)
    np.testing.assert_allclose(sum(tower(x)), exact, rtol=1e-10)  # rounding of float64
    assert (sum(tower(x, slope=0.0)) > exact).all()


def test_what_two_layers_cost():
    """eq. 21.4: information, mismatch and the upper encoder's error add up to both layers."""
    deviation = 1.7  # of data that the model does not describe: x is N(0, 1.7²)
    slope, variance = 0.3, 0.5
    _, lower, upper = tower(deviation * NODES, slope, variance)
    precision = 1 / VARIANCE + U**2 / C
    aggregate = (U / C / precision * deviation) ** 2 + 1 / precision  # the variance of q(z₁)
    information = 0.5 * np.log(aggregate * precision)
    mismatch = 0.5 * (aggregate / VARIANCE - 1 - np.log(aggregate / VARIANCE))
    posterior = T**2 / VARIANCE
    square = (slope - W / VARIANCE) ** 2 * aggregate
    error = 0.5 * ((variance + square) / posterior - 1 - np.log(variance / posterior))
    assert WEIGHTS @ (lower + upper) == pytest.approx(information + mismatch + error, rel=1e-9)


def test_mismatch_of_two_clumps():
    """eq. 21.5: it is the KL to the Gaussian of the same moments, and 0 for a Gaussian."""
    offset, deviation, count = 1.0, 0.4, 200_000
    z = offset * RNG.choice([-1, 1], count) + deviation * RNG.standard_normal(count)
    grid = np.linspace(-6, 6, 4001)

    def log_q(at):
        return np.log(0.5 * sum(norm(side * offset, deviation).pdf(at) for side in (-1, 1)))

    gaussian = norm(0, np.sqrt(offset**2 + deviation**2))
    integrand = np.exp(log_q(grid)) * (log_q(grid) - gaussian.logpdf(grid))
    expected = integrand.sum() * (grid[1] - grid[0])
    # Five standard errors of a mean of 200,000 logarithms whose deviation is below 1.
    assert gaussian_mismatch(z[:, None], log_q(z)) == pytest.approx(expected, abs=0.01)
    one = RNG.standard_normal((count, 2))
    assert gaussian_mismatch(one, norm.logpdf(one).sum(axis=1)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_nats_move_upstairs_for_nothing(share):
    """eq. 21.6: the upper layer's KL is that of the share, and the sum of both layers is constant.

    z₁ is N(0, 1) over the data, and its q(z₁ | x) has the variance 0.1.
    """
    x, eps_1, eps_2 = RNG.standard_normal((3, 200_000, 1))
    lower = np.sqrt(0.9) * x, np.full_like(x, np.log(0.1))
    z_1 = lower[0] + np.sqrt(0.1) * eps_1
    left = np.full_like(x, np.log(1 - share))
    upper = np.sqrt(share) * z_1, left
    prior = np.sqrt(share) * (upper[0] + np.sqrt(1 - share) * eps_2), left
    nats = [term.mean() for term in layer_kls(z_1, lower, prior, upper)]
    # Five standard errors of means of 200,000 squares of normal draws.
    assert nats[1] == pytest.approx(nats_upstairs(share), abs=0.01)
    assert sum(nats) == pytest.approx(-0.5 * np.log(0.1), abs=0.02)


def test_free_bits_are_those_of_the_package():
    """eq. 21.7: the package's loss has this in place of the upper layer's KL."""
    options = {"rng": RNG, "dtype": np.float64}
    model = HierarchicalVAE(
        Sequential(Reshape((4,)), Dense(4, 4, **options)),
        Dense(2, 6, **options),
        Dense(3, 4, **options),
        Sequential(Dense(2, 4, **options), Reshape((2, 2, 1))),
        BernoulliLikelihood(),
        image_shape=(2, 2, 1),
        latent_dim=2,
        upper_dim=3,
    )
    x, eps = RNG.random((5, 2, 2, 1)), RNG.standard_normal((1, 5, 5))
    mean, log_variance = model.encode_distribution(x)
    z_1 = mean + np.exp(log_variance / 2) * eps[0, :, :2]
    upper_mean, upper_log_variance = np.split(model.upper_encoder.forward(z_1), 2, axis=1)
    each = kl_to_standard(upper_mean[..., None], upper_log_variance[..., None])
    model.free_bits = float(np.median(each.mean(axis=0)))  # one below, one above
    terms = model.forward(x, eps)
    expected = terms.reconstruction + model.layer_kls[0].mean() + free_bits(each, model.free_bits)
    assert terms.loss == pytest.approx(expected, rel=1e-12)
    assert free_bits(each, 0.0) == pytest.approx(model.layer_kls[1].mean(), rel=1e-12)
