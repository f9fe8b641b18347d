"""The closed-form KLs and their gradients."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from helpers import DTYPES, covariance, each_dtype, normal, refused
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scratchvae.probability import (
    kl_diagonal,
    kl_diagonal_gradients,
    kl_full,
    kl_full_gradients,
    kl_to_standard,
    kl_to_standard_gradients,
    multivariate_gaussian_log_density,
)

seeds = st.integers(0, 1000)


def monte_carlo_kl(sample, log_q, log_p, draws=100_000, seed=0):
    """Return the mean of log q − log p under q, and its standard error."""
    z = sample(np.random.default_rng(seed), draws)
    terms = log_q(z) - log_p(z)
    return terms.mean(), terms.std() / np.sqrt(draws)


@pytest.mark.parametrize("seed", range(4))
def test_full_kl_is_the_mean_log_ratio(seed):
    first, second = (
        stats.multivariate_normal(normal(3, seed=seed + i), covariance(3, seed + i))
        for i in (0, 10)
    )
    estimate, error = monte_carlo_kl(
        lambda rng, draws: first.rvs(draws, random_state=rng), first.logpdf, second.logpdf
    )
    found = kl_full(first.mean, first.cov, second.mean, second.cov)
    assert isinstance(found, float)
    assert abs(found - estimate) < 5 * error
    assert error < 0.05 * found


@pytest.mark.parametrize("seed", range(4))
def test_diagonal_kl_is_the_mean_log_ratio(seed):
    mean_1, log_variance_1, mean_2, log_variance_2 = normal(4, 1, 3, seed=seed)
    first = stats.norm(mean_1[0], np.exp(0.5 * log_variance_1[0]))
    second = stats.norm(mean_2[0], np.exp(0.5 * log_variance_2[0]))
    estimate, error = monte_carlo_kl(
        lambda rng, draws: first.rvs((draws, 3), random_state=rng),
        lambda z: first.logpdf(z).sum(axis=1),
        lambda z: second.logpdf(z).sum(axis=1),
    )
    found = kl_diagonal(mean_1, log_variance_1, mean_2, log_variance_2)
    assert found.shape == (1,)
    assert abs(found[0] - estimate) < 5 * error
    assert error < 0.05 * found[0]


@given(size=st.integers(1, 5), seed=seeds)
def test_each_kl_is_a_case_of_the_one_before(size, seed):
    mean_1, log_variance_1, mean_2, log_variance_2 = normal(4, 3, size, seed=seed)
    diagonal = kl_diagonal(mean_1, log_variance_1, mean_2, log_variance_2)
    for n in range(3):
        full = kl_full(
            mean_1[n],
            np.diag(np.exp(log_variance_1[n])),
            mean_2[n],
            np.diag(np.exp(log_variance_2[n])),
        )
        np.testing.assert_allclose(diagonal[n], full, rtol=1e-9)
    zeros = np.zeros((3, size))
    np.testing.assert_allclose(
        kl_to_standard(mean_1, log_variance_1),
        kl_diagonal(mean_1, log_variance_1, zeros, zeros),
        rtol=1e-12,
    )


@given(size=st.integers(1, 4), seed=seeds, distance=st.sampled_from([1e-3, 0.1, 1.0, 5.0]))
def test_kl_is_positive_between_different_distributions_and_asymmetric(size, seed, distance):
    mean_1, log_variance_1, shift, change = normal(4, 1, size, seed=seed)
    mean_2, log_variance_2 = mean_1 + distance * shift, log_variance_1 + distance * change
    forth = kl_diagonal(mean_1, log_variance_1, mean_2, log_variance_2)
    back = kl_diagonal(mean_2, log_variance_2, mean_1, log_variance_1)
    assert forth[0] > 0
    assert back[0] > 0
    assert forth[0] != back[0]
    full_1, full_2 = covariance(size, seed), covariance(size, seed + 1)
    assert kl_full(mean_1[0], full_1, mean_2[0], full_2) > 0
    assert kl_to_standard(mean_1, log_variance_1)[0] > 0


@given(size=st.integers(1, 4), seed=seeds)
def test_kl_of_a_distribution_to_itself_is_zero_and_so_are_its_gradients(size, seed):
    mean, log_variance = normal(2, 3, size, seed=seed)
    assert kl_diagonal(mean, log_variance, mean, log_variance).tolist() == [0, 0, 0]
    assert not np.any(kl_diagonal_gradients(mean, log_variance, mean, log_variance))
    zeros = np.zeros((3, size))
    assert kl_to_standard(zeros, zeros).tolist() == [0, 0, 0]
    assert not np.any(kl_to_standard_gradients(zeros, zeros))
    full = covariance(size, seed)
    assert abs(kl_full(mean[0], full, mean[0], full)) < 1e-12
    for gradient in kl_full_gradients(mean[0], full, mean[0], full):
        assert np.abs(gradient).max() < 1e-10


def exact_kl_to_standard(mean, log_variance):
    """Return ½ (e^l − 1 − l + m²) with sixty digits."""
    with localcontext() as context:
        context.prec = 60
        m, log_v = Decimal(float(mean)), Decimal(float(log_variance))
        return (log_v.exp() - 1 - log_v + m * m) / 2


@each_dtype
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("size", [3.0, 0.1, 1e-2, 1e-3, 1e-5, 1e-7])
def test_kl_of_nearly_equal_distributions_keeps_its_digits(size, sign, dtype):
    # e^l − 1 − l is l²/2, the rounding of e^l alone eps: what may be lost is eps·l.
    mean, log_variance = (np.array([[v]], dtype=dtype) for v in (0.7 * size, sign * size))
    zero = np.zeros((1, 1), dtype=dtype)
    expected = exact_kl_to_standard(mean[0, 0], log_variance[0, 0])
    allowed = 4 * np.finfo(dtype).eps * (size if size < 1 else float(expected))
    for found in (
        kl_to_standard(mean, log_variance),
        kl_diagonal(mean, log_variance, zero, zero),
        kl_diagonal(mean + 0, log_variance + zero, zero, zero),
    ):
        assert found.dtype == dtype
        assert abs(Decimal(float(found[0])) - expected) <= Decimal(float(allowed))
        assert found[0] >= 0


def test_kl_is_never_negative_however_small_the_difference():
    sizes = 10.0 ** np.random.default_rng(0).uniform(-20, 0, 20_000)
    log_variance = (sizes * np.where(np.arange(20_000) % 2, 1, -1))[:, None]
    for dtype in DTYPES:
        small = log_variance.astype(dtype)
        assert (kl_to_standard(np.zeros_like(small), small) >= 0).all()


def test_kl_of_extreme_variances_is_finite():
    log_variance = np.array([[-1e4, -700.0, 700.0]])
    found = kl_to_standard(np.zeros((1, 3)), log_variance)
    np.testing.assert_allclose(found, 0.5 * (1e4 - 1 + 699 + np.expm1(700) - 700))
    gradient = kl_to_standard_gradients(np.zeros((1, 3)), log_variance).log_variance
    np.testing.assert_allclose(gradient, [[-0.5, -0.5, 0.5 * np.expm1(700)]])


@each_dtype
def test_kls_keep_the_dtype_and_the_examples_apart(dtype):
    mean_1, log_variance_1, mean_2, log_variance_2 = normal(4, 5, 3, dtype=dtype)
    for function, gradients, arrays in (
        (kl_diagonal, kl_diagonal_gradients, (mean_1, log_variance_1, mean_2, log_variance_2)),
        (kl_to_standard, kl_to_standard_gradients, (mean_1, log_variance_1)),
    ):
        nats = function(*arrays)
        assert nats.shape == (5,)
        assert nats.dtype == dtype
        one = function(*(a[2:3] for a in arrays))
        np.testing.assert_allclose(nats[2:3], one, rtol=1e-6)
        for gradient in gradients(*arrays):
            assert gradient.shape == (5, 3)
            assert gradient.dtype == dtype
        assert function(*(a[:0] for a in arrays)).shape == (0,)
    full = covariance(3).astype(dtype)
    for gradient in kl_full_gradients(mean_1[0], full, mean_2[0], full):
        assert gradient.dtype == dtype


BAD_COVARIANCES = [
    (np.ones((2, 3)), "square"),
    (np.ones(2), "square"),
    (np.array([[1.0, 0.5], [0.4, 1.0]]), "symmetric"),
    (np.array([[1.0, 2.0], [2.0, 1.0]]), "positive definite; its smallest eigenvalue is -1"),
    (np.zeros((2, 2)), "positive definite; its smallest eigenvalue is 0"),
    (-np.eye(2), "positive definite"),
    (np.array([[np.nan, 0.0], [0.0, 1.0]]), "must be"),
    (np.array([[np.inf, 0.0], [0.0, 1.0]]), "must be"),
    (np.eye(2, dtype=int), "float32 or float64"),
    ([[1.0, 0.0], [0.0, 1.0]], "NumPy array"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_COVARIANCES)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # inf − inf
def test_bad_covariances_are_refused(bad, reason):
    mean, good = np.zeros(2), np.eye(2)
    for function in (kl_full, kl_full_gradients):
        with refused("covariance_1", reason):
            function(mean, bad, mean, good)
        with refused("covariance_2", reason):
            function(mean, good, mean, bad)
    with refused("covariance", reason):
        multivariate_gaussian_log_density(np.zeros((1, 2)), mean, bad)


def test_a_covariance_is_symmetric_up_to_rounding():
    almost = covariance(3)
    almost[0, 1] += 1e-9
    exact = 0.5 * (almost + almost.T)
    assert kl_full(np.zeros(3), almost, np.zeros(3), exact) == pytest.approx(0, abs=1e-8)


def test_kls_refuse_what_does_not_fit():
    a, b = normal(2, 3), normal(2, 4)
    with refused("(2, 3)", "(2, 4)"):
        kl_to_standard(a, b)
    with refused("(2, 3)", "(2, 4)"):
        kl_to_standard_gradients(a, b)
    with refused("mean_1 and mean_2", "(2, 3)", "(2, 4)"):
        kl_diagonal(a, a, b, b)
    with refused("log_variance is float32"):
        kl_to_standard(a, a.astype(np.float32))
    with refused("mean_2"):
        kl_full(np.zeros(2), np.eye(2), np.zeros(3), np.eye(2))
    with refused("mean_1 and mean_2"):
        kl_full(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))
