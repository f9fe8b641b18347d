"""Log-densities against SciPy, and at the ends of their range."""

import numpy as np
import pytest
from helpers import DTYPES, covariance, each_dtype, normal, refused
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scratchvae.probability import (
    bernoulli_log_density,
    gaussian_log_density,
    multivariate_gaussian_log_density,
    standard_normal_log_density,
)

seeds = st.integers(0, 1000)


@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    dtype=st.sampled_from(DTYPES),
    seed=seeds,
)
def test_gaussian_log_densities_are_scipys(shape, dtype, seed):
    x, mean, log_variance = (normal(*shape, seed=seed + i, dtype=dtype) for i in range(3))
    rtol = 100 * np.finfo(dtype).eps
    for found, expected in (
        (standard_normal_log_density(x), stats.norm.logpdf(x.astype(np.float64))),
        (
            gaussian_log_density(x, mean, log_variance),
            stats.norm.logpdf(
                x.astype(np.float64),
                mean.astype(np.float64),
                np.exp(0.5 * log_variance.astype(np.float64)),
            ),
        ),
    ):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected.sum(axis=-1), rtol=rtol, atol=rtol)


def test_gaussian_log_density_broadcasts():
    x, mean, log_variance = normal(4, 3), normal(3, seed=1), normal(3, seed=2)
    expected = stats.norm.logpdf(x, mean, np.exp(0.5 * log_variance)).sum(axis=-1)
    np.testing.assert_allclose(gaussian_log_density(x, mean, log_variance), expected)
    expected = stats.norm.logpdf(x, mean, np.exp(0.25)).sum(axis=-1)
    np.testing.assert_allclose(gaussian_log_density(x, mean, 0.5), expected)


@pytest.mark.parametrize("log_variance", [0.5, np.log(0.5), 0])
def test_one_log_variance_for_all_leaves_the_dtype(log_variance):
    x = normal(4, 3, dtype=np.float32)
    assert gaussian_log_density(x, x, log_variance).dtype == np.float32


@given(size=st.integers(1, 5), seed=seeds)
def test_multivariate_log_density_is_scipys(size, seed):
    x, mean, full = normal(2, 3, size, seed=seed), normal(size, seed=seed), covariance(size, seed)
    expected = stats.multivariate_normal.logpdf(x.reshape(6, size), mean, full).reshape(2, 3)
    found = multivariate_gaussian_log_density(x, mean, full)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    diagonal = np.exp(normal(size, seed=seed))
    np.testing.assert_allclose(
        multivariate_gaussian_log_density(x, mean, np.diag(diagonal)),
        gaussian_log_density(x, mean, np.log(diagonal)),
        rtol=1e-9,
    )


def test_multivariate_log_density_takes_one_point_and_float32():
    x, mean, full = (a.astype(np.float32) for a in (normal(3), normal(3, seed=1), covariance(3)))
    found = multivariate_gaussian_log_density(x, mean, full)
    assert found.shape == ()
    assert found.dtype == np.float32
    expected = stats.multivariate_normal.logpdf(x, mean, full)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_multivariate_log_density_refuses_sizes_that_do_not_fit():
    with refused("(4, 3)", "(2, 2)"):
        multivariate_gaussian_log_density(normal(4, 3), normal(3), covariance(2))
    with refused("(2,)"):
        multivariate_gaussian_log_density(normal(4, 3), normal(2), covariance(3))


@each_dtype
def test_bernoulli_log_density_is_scipys(dtype):
    logits = normal(40, 7, dtype=dtype, scale=3)
    x = (normal(40, 7, seed=1) > 0).astype(dtype)
    found = bernoulli_log_density(x, logits)
    assert found.dtype == dtype
    expected = stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits.astype(np.float64)))).sum(axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float32 else 1e-12)


@each_dtype
@pytest.mark.parametrize("size", [50.0, 1e4])
def test_bernoulli_log_density_is_exact_at_huge_logits(dtype, size):
    x, logits = (
        np.array(v, dtype=dtype)[:, None] for v in ([0, 0, 1, 1], [-size, size, -size, size])
    )
    tail = -np.log1p(np.exp(-size))
    expected = [tail, -size, -size, tail]
    np.testing.assert_allclose(bernoulli_log_density(x, logits), expected, rtol=1e-6)


def test_log_densities_refuse_what_does_not_fit():
    x = normal(2, 3)
    with refused("x must hold float32 or float64"):
        standard_normal_log_density(np.ones((2, 3), int))
    with refused("mean is float32 where float64"):
        gaussian_log_density(x, x.astype(np.float32), 0.0)
    with refused("(2, 3)", "(2, 1)"):
        bernoulli_log_density(x, x[:, :1])


def test_a_matrix_is_refused_since_its_square_is_a_product():
    x = normal(3, 3).view(np.matrix)
    with refused("x must be a NumPy array, not matrix"):
        standard_normal_log_density(x)
    assert standard_normal_log_density(np.asarray(x)).shape == (3,)
