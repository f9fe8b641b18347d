"""Likelihoods against SciPy's distributions, and at the ends of their range."""

import numpy as np
import pytest
from helpers import DTYPES, each_dtype, normal, pixels, refused
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, xlogy

from scratchvae.checks.gradients import check_gradients
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
)

LIKELIHOODS = [
    BernoulliLikelihood(),
    GaussianLikelihood(),
    GaussianLikelihood(variance=0.05),
    GaussianLikelihood(variance=0.3, include_constant=True),
    LearnedVarianceLikelihood(),
    LearnedVarianceLikelihood(minimum_log_variance=-np.inf),
]
each_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
image_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


def images(likelihood, count, shape, dtype=np.float64, seed=0):
    """Return images, black and white or grey, and decoded parameters for them."""
    x = pixels(count, *shape, seed=seed, dtype=dtype)
    if likelihood.name == "bernoulli":
        x = np.round(x)
    last = shape[-1] * likelihood.channels_per_pixel
    return x, normal(count, *shape[:-1], last, seed=seed + 1, dtype=dtype, scale=2)


def distribution(likelihood, decoded):
    """Return SciPy's distribution of every pixel."""
    decoded = decoded.astype(np.float64)
    if likelihood.name == "bernoulli":
        return stats.bernoulli(expit(decoded))
    if likelihood.name == "gaussian":
        return stats.norm(decoded, np.sqrt(likelihood.variance))
    mean, raw = np.split(decoded, 2, axis=-1)
    floor = np.exp(likelihood.minimum_log_variance)
    # e^(min + softplus(raw − min)) = e^min + e^raw: the bound is a variance that is added.
    return stats.norm(mean, np.sqrt(floor + np.exp(raw)))


def log_probability(likelihood, x, decoded):
    of_pixels = distribution(likelihood, decoded)
    log = of_pixels.logpmf if likelihood.name == "bernoulli" else of_pixels.logpdf
    return log(x.astype(np.float64)).reshape(len(x), -1).sum(axis=1)


@each_likelihood
@given(
    count=st.integers(1, 3),
    shape=image_shapes,
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 100),
)
def test_negative_log_likelihood_and_omitted_constant_are_the_log_probability(
    likelihood, count, shape, dtype, seed
):
    x, decoded = images(likelihood, count, shape, dtype, seed)
    nll = likelihood.negative_log_likelihood(x, decoded)
    assert nll.shape == (count,)
    assert nll.dtype == dtype
    found = nll.astype(np.float64) + likelihood.omitted_constant(int(np.prod(shape)))
    rtol = 1e-4 if dtype == np.float32 else 1e-10
    expected = -log_probability(likelihood, x, decoded)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=100 * rtol)


@each_likelihood
def test_likelihoods_of_an_empty_batch_are_empty(likelihood):
    x, decoded = images(likelihood, 0, (3, 5, 1))
    assert likelihood.negative_log_likelihood(x, decoded).shape == (0,)
    assert likelihood.gradient(x, decoded).shape == decoded.shape
    assert likelihood.mean(decoded).shape == x.shape
    assert likelihood.sample(decoded, np.random.default_rng(0)).shape == x.shape


@each_likelihood
@pytest.mark.parametrize("shape", [(3, 5, 1), (2, 2, 3), (7,)])
def test_gradient_is_the_slope_of_the_negative_log_likelihood(likelihood, shape):
    x, decoded = images(likelihood, 2, shape)
    rng = np.random.default_rng(0)
    upstream = rng.standard_normal(2)
    gradient = likelihood.gradient(x, decoded)
    report = check_gradients(
        repr(likelihood),
        lambda: float((likelihood.negative_log_likelihood(x, decoded) * upstream).sum()),
        {"decoded": decoded},
        {"decoded": gradient * upstream.reshape(2, *[1] * len(shape))},
        rng=rng,
    )
    assert report.passed, report


@each_dtype
@each_likelihood
def test_dtype_and_shape_in_are_dtype_and_shape_out(likelihood, dtype):
    x, decoded = images(likelihood, 4, (3, 5, 2), dtype)
    kept = x.copy(), decoded.copy()
    gradient = likelihood.gradient(x, decoded)
    assert gradient.dtype == dtype
    assert gradient.shape == decoded.shape
    for image in (likelihood.mean(decoded), likelihood.sample(decoded, np.random.default_rng(0))):
        assert image.dtype == dtype
        assert image.shape == x.shape
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(decoded, kept[1])
    assert isinstance(likelihood.omitted_constant(30), float)


@each_likelihood
def test_samples_have_the_moments_of_the_distribution(likelihood):
    draws = 40_000
    _, decoded = images(likelihood, 1, (4, 1), seed=5)
    found = likelihood.sample(np.repeat(decoded, draws, axis=0), np.random.default_rng(0))
    exact = distribution(likelihood, decoded)
    variance = exact.var()[0]
    np.testing.assert_allclose(likelihood.mean(decoded), exact.mean(), rtol=1e-12)
    deviations = np.abs(found.mean(axis=0) - exact.mean()[0]) / np.sqrt(variance / draws)
    assert deviations.max() < 5
    fourth = ((found - exact.mean()) ** 4).mean(axis=0)
    errors = np.sqrt((fourth - variance**2) / draws)
    assert (np.abs(found.var(axis=0) - variance) < 5 * errors).all()
    if likelihood.name == "bernoulli":
        assert set(np.unique(found)) == {0.0, 1.0}


@each_likelihood
def test_a_seed_fixes_the_samples(likelihood):
    _, decoded = images(likelihood, 3, (3, 5, 1))
    first, again, other = (
        likelihood.sample(decoded, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@each_dtype
def test_bernoulli_is_exact_at_huge_logits(dtype):
    x = np.array([[0, 0, 1, 1, 0.25, 0.25]], dtype=dtype).T
    decoded = np.array([[-1e4, 1e4, -1e4, 1e4, 1e4, -1e4]], dtype=dtype).T
    likelihood = BernoulliLikelihood()
    nll = likelihood.negative_log_likelihood(x, decoded)
    assert nll.tolist() == [0, 1e4, 1e4, 0, 7500, 2500]
    assert likelihood.gradient(x, decoded)[:, 0].tolist() == [0, 1, -1, 0, 0.75, -0.25]
    assert likelihood.mean(decoded)[:, 0].tolist() == [0, 1, 0, 1, 1, 0]


def test_bernoulli_of_grey_pixels_is_the_cross_entropy():
    x, decoded = pixels(3, 2, 5, 1), normal(3, 2, 5, 1)
    p = expit(decoded)
    expected = -(xlogy(x, p) + xlogy(1 - x, 1 - p)).sum(axis=(1, 2, 3))
    found = BernoulliLikelihood().negative_log_likelihood(x, decoded)
    np.testing.assert_allclose(found, expected)


def test_gaussian_is_half_the_squared_error_over_the_variance():
    x, decoded = pixels(3, 28, 28, 1), pixels(3, 28, 28, 1, seed=1)
    squares = ((x - decoded) ** 2).sum(axis=(1, 2, 3))
    constant = 392 * np.log(2 * np.pi * 0.05)
    without = GaussianLikelihood(0.05)
    included = GaussianLikelihood(0.05, include_constant=True)
    np.testing.assert_allclose(without.negative_log_likelihood(x, decoded), 10 * squares)
    np.testing.assert_allclose(
        included.negative_log_likelihood(x, decoded), 10 * squares + constant
    )
    assert without.omitted_constant(784) == pytest.approx(constant)
    assert included.omitted_constant(784) == 0


def test_learned_variance_stays_above_its_minimum():
    likelihood = LearnedVarianceLikelihood(minimum_log_variance=np.log(0.01))
    draws = likelihood.sample(np.tile(np.array([0.5, -1e4]), (20_000, 1)), np.random.default_rng(0))
    assert draws.var() == pytest.approx(0.01, rel=0.05)
    gradient = likelihood.gradient(np.array([[0.5]]), np.array([[0.5, -1e4]]))
    assert gradient.tolist() == [[0, 0]]


def test_learned_variance_splits_the_last_axis_into_means_and_log_variances():
    likelihood = LearnedVarianceLikelihood(-np.inf)
    x = np.zeros((1, 1, 2))
    decoded = np.array([[[1.0, 2.0, 0.0, np.log(4.0)]]])
    expected = 0.5 * (1 + 0 + 4 / 4 + np.log(4)) + np.log(2 * np.pi)
    assert likelihood.negative_log_likelihood(x, decoded)[0] == pytest.approx(expected)
    np.testing.assert_allclose(likelihood.gradient(x, decoded), [[[1, 0.5, 0, 0]]])
    assert likelihood.mean(decoded).tolist() == [[[1, 2]]]


@each_likelihood
def test_what_does_not_fit_is_refused(likelihood):
    x, decoded = images(likelihood, 2, (3, 5, 1))
    for function in (likelihood.negative_log_likelihood, likelihood.gradient):
        with refused(str(decoded.shape), str(decoded[:1].shape)):
            function(x, decoded[:1])
        with refused("decoded"):
            function(x, decoded[..., 0])
        with refused("decoded is float32 where float64 is expected"):
            function(x, decoded.astype(np.float32))
        with refused("x must hold float32 or float64, not uint8"):
            function(x.astype(np.uint8), decoded)
        with refused("x must be a NumPy array"):
            function(x.tolist(), decoded)


@pytest.mark.parametrize("bad", [0, -0.1, np.nan, np.inf, "c", None])
def test_a_variance_must_be_above_zero(bad):
    with refused("variance", repr(bad)):
        GaussianLikelihood(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "low", None])
def test_a_minimum_must_be_a_number(bad):
    with refused("minimum_log_variance", repr(bad)):
        LearnedVarianceLikelihood(bad)
