"""The equations of lesson 19, "Disentanglement", each against numbers got another way."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from scratchvae.course.exercises.lesson_19 import chance_information, gaussian_total_correlation
from scratchvae.course.program import (
    Bernoulli,
    BetaVAE,
    Dense,
    Sequential,
    kl_to_standard,
    mutual_information_gap,
    slopes,
    split_kl,
    traverse,
)
from scratchvae.evaluation import FactorInformation, factor_information

BETA = 3.5


def test_weighted_loss():
    """eq. 19.1: the gradients are the slopes of the reconstruction plus β times the KL."""
    rng = np.random.default_rng(0)
    networks = Sequential(Dense(5, 4, rng)), Sequential(Dense(2, 5, rng))
    vae = BetaVAE(*networks, Bernoulli(), 2, BETA)
    x, eps = (rng.random((3, 5)) < 0.5).astype(float), rng.standard_normal((3, 2))

    def loss():
        reconstruction, kl = vae.forward(x, eps)
        return (reconstruction + BETA * kl).mean()

    loss()
    vae.backward()
    gradients = dict(vae.gradients)
    for name, array in vae.parameters.items():
        # Slopes with a step of 1e-5 in float64 are good to about 1e-9.
        np.testing.assert_allclose(slopes(loss, array), gradients[name], atol=1e-8)


def test_parts_of_the_kl():
    """eq. 19.2: for a Gaussian aggregate each part is known, and they add up to the mean KL."""
    rng = np.random.default_rng(1)
    count, variance = 4000, 0.4
    root = np.array([[1.3, 0.0], [1.1, 0.6]])
    mean = rng.standard_normal((count, 2)) @ root.T
    log_variance = np.full_like(mean, np.log(variance))
    z = mean + np.sqrt(variance) * rng.standard_normal(mean.shape)
    aggregate = root @ root.T + variance * np.eye(2)
    information = 0.5 * (np.linalg.slogdet(aggregate)[1] - 2 * np.log(variance))
    own = np.diag(aggregate)
    exact = (
        information,
        gaussian_total_correlation(aggregate),
        0.5 * (own - 1 - np.log(own)).sum(),
    )
    found = split_kl(z, mean, log_variance)
    # Five standard errors of a mean over 4,000 draws of logarithms that spread by about 1, and of
    # what the images' own mean and covariance are off.
    np.testing.assert_allclose(found, exact, atol=0.08)
    assert sum(found) == pytest.approx(kl_to_standard(mean, log_variance).mean(), abs=0.08)
    assert min(exact) > 0.08  # each part could fail


def test_total_correlation_of_a_gaussian():
    """eq. 19.3: the mean of log q(z) − Σ log q(zⱼ) over many draws."""
    covariance = np.array([[2.0, 0.9, 0.3], [0.9, 1.0, -0.2], [0.3, -0.2, 0.5]])
    z = np.random.default_rng(2).multivariate_normal(np.zeros(3), covariance, 200_000)
    logs = multivariate_normal(np.zeros(3), covariance).logpdf(z)
    logs -= norm.logpdf(z, scale=np.sqrt(np.diag(covariance))).sum(axis=1)
    error = logs.std() / np.sqrt(len(z))
    assert abs(gaussian_total_correlation(covariance) - logs.mean()) < 4 * error
    assert error < 0.01 * logs.mean()  # the comparison could fail


def test_a_rotated_code_has_the_same_density_of_images():
    """eq. 19.4: p(x) by quadrature over a plane of latents, before and after a rotation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    weight = np.outer(weights, weights).ravel() / weights.sum() ** 2
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def density(codes):
        decoded = np.tanh(codes @ np.array([1.0, 0.4])) + 0.3 * codes[:, 0] ** 2
        return weight @ norm.pdf(0.6, decoded, 0.8)

    # 60 nodes integrate these smooth functions to six digits.
    assert density(z @ turn) == pytest.approx(density(z), rel=1e-5)
    squeezed = z @ np.diag([2.0, 0.5])  # not a rotation
    assert abs(density(squeezed) / density(z) - 1) > 0.01


def test_gap_is_the_package_s():
    """eq. 19.5: the package's score, and 1 for a latent that is the factor."""
    rng = np.random.default_rng(3)
    information, entropies = rng.random((4, 5)), rng.uniform(1, 2, 4)
    ours = FactorInformation(tuple("abcd"), information, entropies, np.zeros(5)).score
    assert mutual_information_gap(information, entropies) == pytest.approx(ours, rel=1e-12)
    assert mutual_information_gap(np.diag([1.0, 2.0]), np.array([1.0, 2.0])) == 1


def test_information_by_chance():
    """eq. 19.6: what points that know nothing seem to know, on average over many of them."""
    count, latents, bins, classes = 4000, 60, 20, 8
    rng = np.random.default_rng(4)
    mean, factor = rng.standard_normal((count, latents)), rng.standard_normal(count)
    found = factor_information(
        mean, np.full_like(mean, -np.inf), {"none": factor}, bins=bins, classes=classes
    ).information
    # 2N · I is χ² with (B − 1)(V − 1) degrees of freedom, and a variance of twice their number.
    freedom = (bins - 1) * (classes - 1)
    error = np.sqrt(2 * freedom / latents) / (2 * count)
    expected = chance_information(count, bins, classes)
    assert abs(found.mean() - expected) < 4 * error
    assert error < 0.05 * expected  # the comparison could fail


def test_a_traversal_moves_one_latent_at_a_time():
    code, values = np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0])
    codes = traverse(lambda z: z.copy(), code, values)
    np.testing.assert_array_equal(codes[1], [[5, 1, 7], [5, 2, 7]])
    assert codes.shape == (3, 2, 3)
