"""The equations of lesson 8, "The Gaussian KL", each against numbers got another way."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.gradients import check_gradients
from scratchvae.course.exercises.lesson_08 import (
    closest_diagonal,
    gaussian_entropy,
    kl_cholesky,
    kl_prior_gradients,
    kl_softplus_gradient,
)
from scratchvae.probability import (
    gaussian_log_density,
    kl_diagonal,
    kl_diagonal_gradients,
    kl_full,
    kl_full_gradients,
    kl_to_standard,
    kl_to_standard_gradients,
    multivariate_gaussian_log_density,
    standard_normal_log_density,
)

DRAWS = 40_000


def covariance(size, seed):
    root = normal(size, size, seed=seed)
    return root @ root.T + 0.5 * np.eye(size)


def within_five_errors(terms, expected, largest_error=0.05):
    """Whether a Monte Carlo mean agrees, and is sharp enough for that to say something."""
    error = terms.std(axis=0) / np.sqrt(len(terms))
    assert (error < largest_error * np.abs(expected)).all()
    return (np.abs(terms.mean(axis=0) - expected) < 5 * error).all()


def test_the_density_integrates_to_one_with_its_mean_and_covariance():
    """eq. 8.1: by the trapezoid rule in the plane."""
    mean, full = np.array([0.5, -1.0]), np.array([[1.0, 0.6], [0.6, 0.8]])
    axis = np.linspace(-9, 9, 361)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    weights = (
        np.exp(multivariate_gaussian_log_density(points, mean, full)) * (axis[1] - axis[0]) ** 2
    )
    assert weights.sum() == pytest.approx(1, abs=1e-10)
    np.testing.assert_allclose(weights @ points, mean, atol=1e-10)
    centred = points - mean
    np.testing.assert_allclose((centred * weights[:, None]).T @ centred, full, atol=1e-10)


def test_the_mean_of_a_quadratic_form_needs_no_gaussian():
    """eq. 8.2: for Gaussian draws, and for a few equally likely points, where it is exact."""
    points, matrix, offset = normal(7, 3), normal(3, 3, seed=1), normal(3, seed=2)

    def forms(z):
        return (((z - offset) @ matrix) * (z - offset)).sum(axis=1)

    def closed(mean, full):
        return np.trace(matrix @ full) + (mean - offset) @ matrix @ (mean - offset)

    mean = points.mean(axis=0)
    exact = closed(mean, np.cov(points.T, bias=True))
    assert forms(points).mean() == pytest.approx(exact, rel=1e-12)
    root = normal(3, 3, seed=3)
    draws = mean + normal(DRAWS, 3, seed=4) @ root.T
    assert within_five_errors(forms(draws), closed(mean, root @ root.T))


def test_the_entropy_is_the_mean_of_the_negative_log_density():
    """eq. 8.1 and eq. 8.2 together."""
    full = covariance(3, seed=1)
    draws = normal(DRAWS, 3) @ np.linalg.cholesky(full).T
    terms = -multivariate_gaussian_log_density(draws, np.zeros(3), full)
    assert within_five_errors(terms, gaussian_entropy(full))


def test_the_full_kl_is_the_mean_log_ratio_and_not_with_determinants_exchanged():
    """eq. 8.3: by draws from the first, which refuse the misprint."""
    mean_1, mean_2 = normal(2, 3)
    full_1, full_2 = covariance(3, seed=1), covariance(3, seed=2)
    draws = mean_1 + normal(DRAWS, 3, seed=5) @ np.linalg.cholesky(full_1).T
    terms = multivariate_gaussian_log_density(draws, mean_1, full_1)
    terms -= multivariate_gaussian_log_density(draws, mean_2, full_2)
    exact = kl_full(mean_1, full_1, mean_2, full_2)
    assert within_five_errors(terms, exact)
    log_ratio = np.linalg.slogdet(full_2)[1] - np.linalg.slogdet(full_1)[1]
    assert not within_five_errors(terms, exact - log_ratio)
    factor = np.linalg.cholesky(full_1)
    standard = kl_full(mean_1, full_1, np.zeros(3), np.eye(3))
    assert kl_cholesky(mean_1, factor) == pytest.approx(standard)


def test_the_changes_of_a_log_determinant_and_of_an_inverse():
    """eq. 8.5 and eq. 8.6: against central differences, whose error is the step squared, 1e-10."""
    full, change, step = covariance(4, seed=1), covariance(4, seed=2), 1e-5
    inverse = np.linalg.inv(full)

    def slope(function):
        return (function(full + step * change) - function(full - step * change)) / (2 * step)

    logarithm = slope(lambda c: np.linalg.slogdet(c)[1])
    assert logarithm == pytest.approx(np.trace(inverse @ change), rel=1e-6)
    expected = -inverse @ change @ inverse
    np.testing.assert_allclose(slope(np.linalg.inv), expected, rtol=1e-5, atol=1e-7)


def test_the_gradients_of_the_full_kl():
    """eq. 8.4 and eq. 8.7: by finite differences of symmetric covariances."""
    arrays = {
        "mean_1": normal(3, seed=1),
        "covariance_1": covariance(3, seed=2),
        "mean_2": normal(3, seed=3),
        "covariance_2": covariance(3, seed=4),
    }
    gradients = kl_full_gradients(**arrays)
    report = check_gradients(
        "kl_full",
        lambda: kl_full(**{name: 0.5 * (array + array.T) for name, array in arrays.items()}),
        arrays,
        dict(zip(arrays, gradients, strict=True)),
        rng=np.random.default_rng(0),
    )
    assert report.passed, report


def test_the_closest_diagonals_are_where_the_gradients_vanish():
    """eq. 8.7: the diagonal of either gradient is zero there, and nearby the KL is larger."""
    full, mean = covariance(3, seed=1), np.zeros(3)
    narrow, wide = closest_diagonal(full)
    first = kl_full_gradients(mean, np.diag(narrow), mean, full).covariance_1
    second = kl_full_gradients(mean, full, mean, np.diag(wide)).covariance_2
    np.testing.assert_allclose(np.diag(first), 0, atol=1e-12)
    np.testing.assert_allclose(np.diag(second), 0, atol=1e-12)
    least_first = kl_full(mean, np.diag(narrow), mean, full)
    least_second = kl_full(mean, full, mean, np.diag(wide))
    for seed in range(10):
        factor = np.exp(0.1 * normal(3, seed=seed))
        assert kl_full(mean, np.diag(factor * narrow), mean, full) > least_first
        assert kl_full(mean, full, mean, np.diag(factor * wide)) > least_second


def test_the_diagonal_kl_is_the_mean_log_ratio():
    """eq. 8.8: by draws, and as a case of the full form."""
    mean_1, log_variance_1, mean_2, log_variance_2 = normal(4, 5, 2)
    z = mean_1 + np.exp(0.5 * log_variance_1) * normal(DRAWS, 5, 2, seed=6)
    terms = gaussian_log_density(z, mean_1, log_variance_1)
    terms -= gaussian_log_density(z, mean_2, log_variance_2)
    exact = kl_diagonal(mean_1, log_variance_1, mean_2, log_variance_2)
    assert within_five_errors(terms, exact)
    for n in range(5):
        covariances = np.diag(np.exp(log_variance_1[n])), np.diag(np.exp(log_variance_2[n]))
        full = kl_full(mean_1[n], covariances[0], mean_2[n], covariances[1])
        assert exact[n] == pytest.approx(full)


def test_the_gradients_of_the_diagonal_kl():
    """eq. 8.9: by finite differences, with the second distribution's."""
    names = "mean_1", "log_variance_1", "mean_2", "log_variance_2"
    arrays = dict(zip(names, normal(4, 3, 2), strict=True))
    gradients = kl_diagonal_gradients(**arrays)
    report = check_gradients(
        "kl_diagonal",
        lambda: float(kl_diagonal(**arrays).sum()),
        arrays,
        dict(zip(names, gradients, strict=True)),
        rng=np.random.default_rng(0),
    )
    assert report.passed, report
    for found, expected in zip(kl_prior_gradients(**arrays), gradients[2:], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_kl_to_the_standard_normal_is_the_mean_log_ratio():
    """eq. 8.10: by draws."""
    mean, log_variance = normal(2, 5, 3)
    z = mean + np.exp(0.5 * log_variance) * normal(DRAWS, 5, 3, seed=7)
    terms = gaussian_log_density(z, mean, log_variance) - standard_normal_log_density(z)
    assert within_five_errors(terms, kl_to_standard(mean, log_variance))


def test_the_gradients_of_the_kl_to_the_standard_normal():
    """eq. 8.11: by finite differences, and through a softplus by the chain rule."""
    mean, log_variance = normal(2, 4, 3)
    arrays = {"mean": mean, "log_variance": log_variance}
    gradients = kl_to_standard_gradients(mean, log_variance)
    report = check_gradients(
        "kl_to_standard",
        lambda: float(kl_to_standard(mean, log_variance).sum()),
        arrays,
        dict(zip(arrays, gradients, strict=True)),
        rng=np.random.default_rng(0),
    )
    assert report.passed, report
    h = {"h": normal(4, 3, seed=8)}
    zeros = np.zeros((4, 3))
    report = check_gradients(
        "softplus",
        lambda: float(kl_to_standard(zeros, np.log(np.logaddexp(0, h["h"]))).sum()),
        h,
        {"h": kl_softplus_gradient(h["h"])},
        rng=np.random.default_rng(0),
    )
    assert report.passed, report


@pytest.mark.parametrize("size", [1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("sign", [-1, 1])
def test_near_the_standard_normal_the_kl_is_a_squared_distance(size, sign):
    """eq. 8.12: what it leaves out is l³/12, up to the next term, smaller by l/4."""
    mean, log_variance = np.array([[0.7 * size]]), np.array([[sign * size]])
    left_out = kl_to_standard(mean, log_variance)[0] - 0.5 * mean[0, 0] ** 2 - 0.25 * size**2
    assert left_out == pytest.approx(sign * size**3 / 12, rel=0.3 * size)
