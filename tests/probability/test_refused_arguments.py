"""Every array that a function of probability takes is checked, and called by its name."""

import re

import numpy as np
import pytest
from helpers import covariance, normal, refused

from scratchvae import probability
from scratchvae.errors import InputError
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
    gaussian_log_density,
    kl_full,
    kl_full_gradients,
    kl_to_standard_gradients,
    multivariate_gaussian_log_density,
    reparameterised_gradients,
    score_function_gradients,
    standard_normal_log_density,
)

TWO = {"mean": (3, 2), "log_variance": (3, 2)}
FOUR = {f"{name}_{which}": (3, 2) for which in (1, 2) for name in TWO}
DRAWS = {"log_variance": (3, 2), "eps": (4, 3, 2)}
ARGUMENTS = {
    "standard_normal_log_density": {"x": (3, 2)},
    "bernoulli_log_density": {"x": (3, 2), "logits": (3, 2)},
    "kl_to_standard": TWO,
    "kl_to_standard_gradients": TWO,
    "kl_diagonal": FOUR,
    "kl_diagonal_gradients": FOUR,
    "gaussian_product": FOUR,
    "gaussian_product_backward": {"d_mean": (3, 2), "d_log_variance": (3, 2)} | FOUR,
    "reparameterise": TWO | DRAWS,
    "reparameterise_backward": {"dz": (4, 3, 2)} | DRAWS,
    "reparameterised_gradients": {"df": (4, 3, 2)} | DRAWS,
    "score_function_gradients": {"f": (4, 3)} | DRAWS,
}
each_argument = pytest.mark.parametrize(
    ("function", "odd"),
    [(function, name) for function, arguments in ARGUMENTS.items() for name in arguments],
)


def refusal(function, odd, change):
    """Return what is said when one argument is changed, and the names of all."""
    arguments = ARGUMENTS[function]
    arrays = {name: normal(*shape) for name, shape in arguments.items()}
    call = getattr(probability, function)
    call(**arrays)
    with pytest.raises(InputError) as error:
        call(**(arrays | {odd: change(arrays[odd])}))
    return str(error.value), "|".join(arguments)


@each_argument
def test_an_argument_that_is_no_array_is_refused_by_its_name(function, odd):
    said, _ = refusal(function, odd, lambda array: array.tolist())
    assert said == f"{odd} must be a NumPy array, not list"
    said, _ = refusal(function, odd, lambda array: array.astype(int))
    assert said.startswith(f"{odd} must hold float32 or float64, not int64: ")


@each_argument
def test_an_argument_of_another_dtype_is_refused_by_its_name_or_the_next_ones(function, odd):
    if len(ARGUMENTS[function]) == 1:
        pytest.skip("a single argument may be of either")
    said, names = refusal(function, odd, lambda array: array.astype(np.float32))
    assert re.match(rf"({names}) is float(32 where float64|64 where float32) is expected: ", said)
    # What the others are held to is not called wrong itself.
    assert said.startswith(f"{odd} is float32 where float64") or "is float64 where" in said


@each_argument
def test_an_argument_of_another_shape_is_refused_by_its_name(function, odd):
    if len(ARGUMENTS[function]) == 1:
        pytest.skip("a single argument may be of any")
    said, names = refusal(function, odd, lambda array: array[..., :1])
    pair = re.match(rf"({names}) and ({names}) must have one shape, not ", said)
    if pair is None:  # a block of noise is held to the log-variance, and a value to the noise
        assert re.match(r"(eps|f) must be of shape \(", said)
        assert odd in ("eps", "log_variance", "f")
    else:
        assert odd in pair.groups()


def test_one_number_is_no_batch():
    with refused("x must be an array with an axis or more, not one number"):
        standard_normal_log_density(np.array(1.0))
    with refused("f must be of shape (4, 3), one per draw, not ()"):
        score_function_gradients(np.array(1.0), normal(3, 2), normal(4, 3, 2))


def test_noise_is_a_block_for_each_sample():
    for eps in (normal(3, 2), normal(4, 2, 3), normal(4, 3, 2, 1)):
        with refused(
            f"eps must be of shape (L, 3, 2), one block of noise per sample, not {eps.shape}"
        ):
            probability.reparameterise(normal(3, 2), normal(3, 2), eps)


# Covariances.


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (normal(2, 3), "must be a square matrix, not of shape (2, 3)"),
        (normal(2), "must be a square matrix, not of shape (2,)"),
        (normal(2, 2, 2), "must be a square matrix, not of shape (2, 2, 2)"),
        (np.diag([1.0, np.inf]), "must be finite numbers, and some are infinite or NaN"),
        (np.diag([1.0, np.nan]), "must be finite numbers, and some are infinite or NaN"),
        (
            np.array([[4.0, 1.0], [1.001, 4.0]]),
            "must be symmetric: use (A + A.T) / 2 if it is symmetric up to rounding",
        ),
        (np.zeros((2, 2)), "must be positive definite; its smallest eigenvalue is 0"),
        (
            np.array([[1.0, 2.0], [2.0, 1.0]]),
            "must be positive definite; its smallest eigenvalue is -1",
        ),
        ([[1.0, 0.0], [0.0, 1.0]], "must be a NumPy array, not list"),
    ],
)
def test_what_is_no_covariance_is_refused_by_its_name(wrong, words):
    mean, right = normal(2), np.eye(2)
    with refused(f"covariance {words}"):
        multivariate_gaussian_log_density(normal(3, 2), mean, wrong)
    for function in (kl_full, kl_full_gradients):
        with refused(f"covariance_1 {words}"):
            function(mean, wrong, mean, right)
        with refused(f"covariance_2 {words}"):
            function(mean, right, mean, wrong)


def test_rounding_does_not_make_a_covariance_asymmetric():
    full = covariance(3)
    full[0, 1] += 0.9e-6 * np.abs(full).max()
    assert kl_full(normal(3), full, normal(3), full) == pytest.approx(0, abs=1e-5)
    empty = np.zeros(0), np.zeros((0, 0))
    assert kl_full(*empty, *empty) == 0


def test_means_and_covariances_of_different_sizes_are_refused_by_their_names():
    with refused("mean_2 (2,) and covariance_2 (3, 3) do not fit: they must be (D,) and (D, D)"):
        kl_full(normal(2), np.eye(2), normal(2), np.eye(3))
    with refused("mean_1 (2,) and covariance_1 (3, 3) do not fit: they must be (D,) and (D, D)"):
        kl_full_gradients(normal(2), np.eye(3), normal(2), np.eye(2))
    with refused("mean_1 and mean_2 must have one shape, not (2,) and (3,)"):
        kl_full(normal(2), np.eye(2), normal(3), np.eye(2))
    for x, mean in ((normal(4, 3), normal(2)), (normal(4, 2), normal(3))):
        with refused(
            f"x {x.shape}, mean {mean.shape} and covariance (2, 2) do not fit: they must be "
            "(..., D), (D,) and (D, D)"
        ):
            multivariate_gaussian_log_density(x, mean, np.eye(2))


def test_a_log_variance_or_a_baseline_that_is_no_number_is_refused():
    x = normal(3, 2)
    with refused("log_variance must be an array of real numbers, not 'wide'"):
        gaussian_log_density(x, x, "wide")
    with refused("the shapes of x (3, 2), mean (3, 2), log_variance (3,) do not fit together"):
        gaussian_log_density(x, x, normal(3))
    draws = normal(4, 3), x, normal(4, 3, 2)
    with refused("baseline must be an array of real numbers, not 'none'"):
        score_function_gradients(*draws, "none")
    with refused("the shapes of f (4, 3), baseline (2,) do not fit together"):
        score_function_gradients(*draws, normal(2))


# Likelihoods.


def test_a_likelihood_of_ones_own_says_which_of_its_methods_is_missing():
    class Bare(Likelihood):
        name = "bare"

    for name, arguments in {
        "negative_log_likelihood": (None, None),
        "gradient": (None, None),
        "mean": (None,),
        "sample": (None, None),
    }.items():
        with refused(f"Bare does not define {name}: write a {name} in class Bare"):
            getattr(Bare(), name)(*arguments)
    assert Bare().omitted_constant(3) == 0
    assert (Bare.channels_per_pixel, Bare.unit_interval) == (1, False)


@pytest.mark.parametrize(
    "likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.5), LearnedVarianceLikelihood()]
)
def test_what_a_likelihood_is_given_is_called_by_its_name(likelihood):
    rng = np.random.default_rng(0)
    for call in (likelihood.mean, lambda decoded: likelihood.sample(decoded, rng)):
        with refused("decoded must be a NumPy array, not list"):
            call([[1.0, 2.0]])
    with refused("rng must be", "not 3"):
        likelihood.sample(normal(2, 2), 3)
    x = normal(2, 4)
    decoded = normal(2, 4 * likelihood.channels_per_pixel)
    for call in (likelihood.negative_log_likelihood, likelihood.gradient):
        with refused("x must be a NumPy array, not list"):
            call(x.tolist(), decoded)
        with refused("decoded must be a NumPy array, not list"):
            call(x, decoded.tolist())
        with refused("decoded is float32 where float64 is expected"):
            call(x, decoded.astype(np.float32))


def test_what_a_gaussian_is_made_with_is_called_by_its_name():
    assert repr(GaussianLikelihood(0.5, True)) == "GaussianLikelihood(variance=0.5)"
    assert (GaussianLikelihood().variance, GaussianLikelihood().include_constant) == (1.0, False)
    assert GaussianLikelihood(0.5, True).include_constant is True
    with refused("variance must be a finite number above 0, not 0"):
        GaussianLikelihood(0)
    with refused("include_constant must be True or False, not 'yes'"):
        GaussianLikelihood(1.0, "yes")
    gaussian = GaussianLikelihood(0.5)
    for call in (gaussian.omitted_constant, gaussian.constant):
        assert call(0) == 0
        with refused("pixels must be a whole number of at least 0, not -1"):
            call(-1)


def test_the_constant_of_a_gaussian_is_left_out_or_included():
    x, decoded = np.array([[1.0, 2.0, 0.0]]), np.array([[2.0, 2.0, 2.0]])
    without, included = GaussianLikelihood(0.5), GaussianLikelihood(0.5, include_constant=True)
    constant = 1.5 * np.log(np.pi)  # of three pixels, 2πc = π
    assert without.negative_log_likelihood(x, decoded) == 5
    assert included.negative_log_likelihood(x, decoded) == pytest.approx(5 + constant)
    assert without.constant(3) == included.constant(3) == pytest.approx(constant)
    assert without.omitted_constant(3) == without.constant(3)
    assert included.omitted_constant(3) == 0


def test_a_minimum_of_the_log_variance_may_be_whole_or_endless():
    for minimum in (-3, -3.0, np.float64(-3.0), -np.inf):
        likelihood = LearnedVarianceLikelihood(minimum)
        assert type(likelihood.minimum_log_variance) is float
        assert likelihood.minimum_log_variance == minimum
    assert repr(likelihood) == "LearnedVarianceLikelihood(minimum_log_variance=-inf)"
    assert LearnedVarianceLikelihood().minimum_log_variance == pytest.approx(np.log(1e-3), rel=1e-6)
    for wrong in (np.inf, np.nan, "low"):
        with refused(f"minimum_log_variance must be a finite number or -inf, not {wrong!r}"):
            LearnedVarianceLikelihood(wrong)


def test_decoded_means_and_log_variances_come_in_pairs():
    likelihood = LearnedVarianceLikelihood()
    for decoded in (normal(2, 3), np.array(1.0)):
        with refused(
            f"decoded must hold means and then as many log-variances, not be of {decoded.shape}"
        ):
            likelihood.mean(decoded)
    for decoded in (normal(2, 4), normal(3, 6), normal(2, 6, 1)):
        with refused(
            "decoded must hold a mean and a log-variance per number of x, of shape (2, 6), not "
            f"{decoded.shape}"
        ):
            likelihood.gradient(normal(2, 3), decoded)


# What is handed out is the caller's own.


def test_gradients_share_no_memory_with_what_they_were_made_from():
    mean, log_variance, eps, df = normal(3, 2), normal(3, 2), normal(4, 3, 2), normal(4, 3, 2)
    found = kl_to_standard_gradients(mean, log_variance)
    np.testing.assert_array_equal(found.mean, mean)
    assert not np.may_share_memory(found.mean, mean)
    draws = reparameterised_gradients(df, log_variance, eps)
    np.testing.assert_array_equal(draws.mean, df)
    assert not np.may_share_memory(draws.mean, df)
    half = 0.5 * np.exp(0.5 * log_variance)
    np.testing.assert_allclose(draws.log_variance, half * df * eps)
    without = score_function_gradients(normal(4, 3), log_variance, eps)
    zero = score_function_gradients(normal(4, 3), log_variance, eps, 0.0)
    np.testing.assert_array_equal(without.mean, zero.mean)
