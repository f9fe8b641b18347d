"""Arrays that do not belong together are refused by name; what belongs together keeps its dtype."""

import numpy as np
import pytest
from helpers import each_dtype, normal, refused

from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    gaussian_log_density,
    kl_diagonal,
    kl_diagonal_gradients,
    multivariate_gaussian_log_density,
    reparameterise,
    score_function_gradients,
)


def f32(*shape):
    return normal(*shape, dtype=np.float32)


FOUR = ("mean_1", "log_variance_1", "mean_2", "log_variance_2")


@pytest.mark.parametrize("function", [kl_diagonal, kl_diagonal_gradients])
@pytest.mark.parametrize("odd", FOUR)
def test_a_kl_names_the_argument_of_another_dtype_or_shape(function, odd):
    arrays = {name: normal(3, 2, seed=place) for place, name in enumerate(FOUR)}
    assert function(**arrays) is not None
    for wrong in (f32(3, 2), normal(3, 3), None):
        # What does not fit the first is named, or else what the first does not fit.
        fits_not = odd != "mean_1" or wrong is None
        with refused(odd if fits_not else "mean_2" if function is kl_diagonal_gradients else ""):
            function(**(arrays | {odd: wrong}))


@pytest.mark.parametrize("odd", ["x", "mean", "log_variance"])
def test_a_density_names_the_argument_of_another_dtype(odd):
    arrays = {"x": normal(3, 2), "mean": normal(3, 2), "log_variance": normal(3, 2)}
    gaussian_log_density(**arrays)
    for wrong in (f32(3, 2), [1.0]) if odd != "log_variance" else (f32(3, 2),):
        # With x alone in float32 it is the first of the others that does not fit it.
        named = "mean" if odd == "x" and isinstance(wrong, np.ndarray) else odd
        with refused(named):
            gaussian_log_density(**(arrays | {odd: wrong}))


@pytest.mark.parametrize("odd", ["x", "mean", "covariance"])
def test_a_full_density_names_the_argument_of_another_dtype(odd):
    arrays = {"x": normal(3, 2), "mean": normal(2), "covariance": np.eye(2)}
    multivariate_gaussian_log_density(**arrays)
    for wrong in (arrays[odd].astype(np.float32), None):
        named = "mean" if odd == "x" and wrong is not None else odd
        with refused(named, "float32" if wrong is not None else "NoneType"):
            multivariate_gaussian_log_density(**(arrays | {odd: wrong}))


def test_a_full_density_of_a_small_and_of_many_vectors_is_the_same():
    x, covariance = 1e-4 * normal(2, 5, 3), 1e-8 * (np.eye(3) + 0.3)
    together = multivariate_gaussian_log_density(x, np.zeros(3), covariance)
    alone = [[multivariate_gaussian_log_density(v, np.zeros(3), covariance) for v in r] for r in x]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    uneven = covariance.copy()
    uneven[0, 1] *= 1.01  # a hundredth of a small entry is not symmetric, and is seen
    with refused("symmetric"):
        multivariate_gaussian_log_density(x, np.zeros(3), uneven)


@pytest.mark.parametrize("odd", ["mean", "log_variance"])
def test_draws_name_the_argument_that_does_not_fit(odd):
    arrays = {"mean": normal(3, 2), "log_variance": normal(3, 2)}
    reparameterise(**arrays, eps=normal(4, 3, 2))
    for wrong in (f32(3, 2), normal(3, 3)):
        with refused("log_variance"):  # the first is the one to fit
            reparameterise(**(arrays | {odd: wrong}), eps=normal(4, 3, 2))


def test_the_score_function_is_the_slope_of_the_log_density_times_what_is_above_the_baseline():
    f, log_variance, eps = normal(4, 3), normal(3, 2, seed=1), normal(4, 3, 2, seed=2)
    found = score_function_gradients(f, log_variance, eps, 0.7)
    above = (f - 0.7)[..., None]
    sigma = np.exp(0.5 * log_variance)
    np.testing.assert_allclose(found.mean, above * eps / sigma)
    np.testing.assert_allclose(found.log_variance, above * 0.5 * (eps**2 - 1))
    with refused("f is float32"):
        score_function_gradients(f32(4, 3), log_variance, eps)
    with refused("f must be a NumPy array"):
        score_function_gradients(f.tolist(), log_variance, eps)
    single = score_function_gradients(f32(4, 3), f32(3, 2), f32(4, 3, 2), np.float64(0.7))
    assert {part.dtype for part in single} == {np.dtype(np.float32)}


@each_dtype
@pytest.mark.parametrize(
    "likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.3), LearnedVarianceLikelihood()]
)
def test_a_sample_keeps_the_dtype_and_draws_its_noise_in_it(likelihood, dtype):
    decoded = normal(5, 4, 3 * likelihood.channels_per_pixel, dtype=dtype)
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    sample = likelihood.sample(decoded, rng)
    assert sample.dtype == dtype
    draw = twin.random if likelihood.name == "bernoulli" else twin.standard_normal
    draw(sample.shape, dtype=dtype)
    assert rng.bit_generator.state == twin.bit_generator.state


def test_a_likelihood_shows_how_it_is_made_and_names_what_it_refuses():
    assert repr(BernoulliLikelihood()) == "BernoulliLikelihood()"
    with refused("variance must be"):
        GaussianLikelihood(0)
    assert GaussianLikelihood().include_constant is False
