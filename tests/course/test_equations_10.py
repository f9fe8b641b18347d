"""The equations of lesson 10, each against something that does not use it."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from scratchvae.checks.distributions import check_reparameterisation
from scratchvae.checks.gradients import gradcheck_functions
from scratchvae.course import program
from scratchvae.course.exercises.lesson_10 import (
    best_baseline,
    exponential_backward,
    gaussian_score,
    leave_one_out,
    loss_estimates,
    path_kl_gradients,
    softplus_backward,
)
from scratchvae.course.program import kl_gradients, sampled_kl_gradients
from scratchvae.evaluation import LinearGaussian
from scratchvae.probability import (
    kl_to_standard,
    reparameterise,
    reparameterise_backward,
    reparameterised_gradients,
    score_function_gradients,
)

M, L = 0.7, -0.8  # mean and log-variance of the one-dimensional cases
SIGMA = float(np.exp(L / 2))
SE = 5.0  # standard errors: a right figure fails once in two million draws


def expectation(g, m=M, l=L):  # noqa: E741
    """Return E[g(z)] under N(m, e^l) by quadrature, to about 1e-12."""
    density = stats.norm(m, np.exp(l / 2)).pdf
    reach = 12 * np.exp(l / 2)
    return integrate.quad(lambda z: g(z) * density(z), m - reach, m + reach, epsabs=1e-13)[0]


def slopes(g, h=1e-4):
    """Return ∂E[g]/∂m and ∂E[g]/∂l by central differences of the quadrature."""
    by_mean = (expectation(g, M + h) - expectation(g, M - h)) / (2 * h)
    by_log_variance = (expectation(g, M, L + h) - expectation(g, M, L - h)) / (2 * h)
    return by_mean, by_log_variance


def draws_of(count, dimension=1, seed=0):
    eps = np.random.default_rng(seed).standard_normal((count, 1, dimension))
    log_variance = np.full((1, dimension), L)
    return eps, log_variance, reparameterise(np.full((1, dimension), M), log_variance, eps)


def test_an_expectation_is_an_integral_and_its_draws_average_to_it():
    """eq. 10.1: F = ∫ f q dz is what draws of q average to."""
    _, _, z = draws_of(100_000)
    values = np.sin(3 * z).ravel()
    found = expectation(lambda t: np.sin(3 * t))
    assert abs(values.mean() - found) < SE * values.std() / np.sqrt(len(values))


def test_the_quadratic_and_its_gradients():
    """eq. 10.2: a + ½ (m² + σ²), m and ½ σ²."""
    assert expectation(lambda z: 3 + z * z / 2) == pytest.approx(3 + (M**2 + SIGMA**2) / 2)
    # A central difference with h = 1e-4 is off by about 1e-8.
    np.testing.assert_allclose(slopes(lambda z: z * z / 2), [M, SIGMA**2 / 2], rtol=1e-6)


@pytest.mark.parametrize("h", [0.1, 0.01])
def test_fresh_noise_drowns_a_difference_quotient(h):
    """eq. 10.3: its variance is Var[f] / (2 L h²)."""
    repeats, samples = 4000, 30
    noise = np.random.default_rng(1).standard_normal((2, repeats, samples))
    up, down = (0.5 * (M + s * h + SIGMA * e) ** 2 for s, e in zip((1, -1), noise, strict=True))
    quotients = (up.mean(axis=1) - down.mean(axis=1)) / (2 * h)
    variance = M**2 * SIGMA**2 + SIGMA**4 / 2
    # A sample variance of nearly Gaussian numbers has the relative error √(2/repeats); h² beside
    # m² adds at most 1 %.
    expected = variance / (2 * samples * h**2)
    np.testing.assert_allclose(quotients.var(), expected, rtol=SE * np.sqrt(2 / repeats) + 0.01)


@pytest.mark.parametrize("g", [np.sin, np.exp, lambda z: float(z > 0)])
def test_the_score_function_is_the_gradient(g):
    """eq. 10.4: E[f ∂ log q/∂φ] is the derivative of E[f], for a step as well."""
    by_mean = expectation(lambda z: g(z) * (z - M) / SIGMA**2)
    by_log_variance = expectation(lambda z: g(z) * 0.5 * ((z - M) ** 2 / SIGMA**2 - 1))
    # 1e-4: quadrature across the step; for the smooth ones the differences' h² is smaller.
    np.testing.assert_allclose((by_mean, by_log_variance), slopes(g), rtol=1e-4, atol=1e-6)


def test_the_scores_of_a_gaussian():
    """eq. 10.5: ε/σ and ½ (ε² − 1), by differences of SciPy's log-density."""
    z, h = np.linspace(-2, 3, 11), 1e-5
    log_density = stats.norm.logpdf
    by_mean = (log_density(z, M + h, SIGMA) - log_density(z, M - h, SIGMA)) / (2 * h)
    up, down = np.exp((L + h) / 2), np.exp((L - h) / 2)
    by_log_variance = (log_density(z, M, up) - log_density(z, M, down)) / (2 * h)
    found = gaussian_score(z, np.full(11, M), np.full(11, L))
    # Central differences with h = 1e-5: rounding of 1e-16/1e-5.
    np.testing.assert_allclose(found, (by_mean, by_log_variance), atol=1e-9)
    eps = ((z - M) / SIGMA).reshape(-1, 1, 1)
    unit = score_function_gradients(np.ones((11, 1)), np.full((1, 1), L), eps)
    np.testing.assert_allclose(unit.mean.ravel(), found[0], rtol=1e-12)
    np.testing.assert_allclose(unit.log_variance.ravel(), found[1], rtol=1e-12)


def test_a_baseline_does_not_change_the_mean_unless_it_contains_the_draw():
    """eq. 10.6: a score is 0 on average; a mean over all draws loses 1/L, the others' nothing."""
    assert expectation(lambda z: (z - M) / SIGMA**2) == pytest.approx(0, abs=1e-10)
    assert expectation(lambda z: (z - M) ** 2 / SIGMA**2 - 1) == pytest.approx(0, abs=1e-10)
    random = np.random.default_rng(2)
    f, scores = random.standard_normal(6) + 50, random.standard_normal((6, 3))
    with_own = ((f - f.mean())[:, None] * scores).mean(axis=0)
    np.testing.assert_allclose(with_own, (1 - 1 / 6) * leave_one_out(f, scores), rtol=1e-12)
    eps, log_variance, z = draws_of(200_000)
    found = score_function_gradients(40 + z[..., 0] ** 2 / 2, log_variance, eps, 40.0)
    for draws, exact in zip(found, (M, SIGMA**2 / 2), strict=True):
        assert abs(draws.mean() - exact) < SE * draws.std() / np.sqrt(len(draws))


def test_a_draw_is_mean_plus_standard_deviation_times_noise():
    """eq. 10.7: SciPy agrees that the draws are of N(m, e^l); and so do their moments."""
    _, _, z = draws_of(20_000)
    assert stats.kstest(z.ravel(), stats.norm(M, SIGMA).cdf).pvalue > 1e-4
    assert check_reparameterisation(reparameterise, draws=20_000).passed


@pytest.mark.parametrize(("g", "slope"), [(np.sin, np.cos), (np.exp, np.exp)])
def test_the_reparameterised_gradient_is_the_gradient(g, slope):
    """eq. 10.8: E[f'(z)] and E[f'(z) ½ σ ε]."""
    by_log_variance = expectation(lambda z: slope(z) * (z - M) / 2)
    np.testing.assert_allclose((expectation(slope), by_log_variance), slopes(g), rtol=1e-6)
    eps, log_variance, z = draws_of(5)
    found = reparameterised_gradients(slope(z), log_variance, eps)
    np.testing.assert_allclose(found.mean, slope(z))
    np.testing.assert_allclose(found.log_variance, slope(z) * (z - M) / 2)


def test_the_reparameterised_variances():
    """eq. 10.9: σ² and ¼ σ² (m² + 2 σ²) for the quadratic, by quadrature."""
    second = expectation(lambda z: (z * (z - M) / 2) ** 2)
    first = expectation(lambda z: z * (z - M) / 2)
    assert second - first**2 == pytest.approx(SIGMA**2 * (M**2 + 2 * SIGMA**2) / 4)
    eps, log_variance, z = draws_of(100_000, dimension=3)
    found = reparameterised_gradients(z, log_variance, eps)
    # 2 %: the error of a sample variance of 100,000 draws with heavier tails than a Gaussian's.
    np.testing.assert_allclose(found.mean.var(axis=0), SIGMA**2, rtol=0.02)
    expected = SIGMA**2 * (M**2 + 2 * SIGMA**2) / 4
    np.testing.assert_allclose(found.log_variance.var(axis=0), expected, rtol=0.04)


@pytest.mark.parametrize("dimension", [1, 4, 20])
@pytest.mark.parametrize("a_less_b", [0.0, -3.0])
def test_the_score_functions_variance(dimension, a_less_b):
    """eq. 10.10: of ∂F/∂m, one latent of D."""
    v = M**2 * SIGMA**2 + SIGMA**4 / 2
    r = a_less_b + (dimension - 1) * (M**2 + SIGMA**2) / 2
    own = (M**4 + 18 * M**2 * SIGMA**2 + 15 * SIGMA**4) / 4
    total = (dimension - 1) * v + r**2 + r * (M**2 + 3 * SIGMA**2) + own
    eps, log_variance, z = draws_of(200_000, dimension, seed=dimension)
    f = a_less_b + (z * z).sum(axis=-1) / 2
    found = score_function_gradients(f, log_variance, eps).mean[:, 0, 0]
    centred = found - found.mean()
    error = np.sqrt(((centred**4).mean() - (centred**2).mean() ** 2) / len(found))
    assert abs(found.var() - (total / SIGMA**2 - M**2)) < SE * error


def test_the_best_baseline_has_the_least_variance():
    """eq. 10.10: its least value in b is where Σ (f − b)² s² is least."""
    random = np.random.default_rng(3)
    f, score = random.normal(4, 2, 50), random.standard_normal(50)
    found = optimize.minimize_scalar(lambda b: (((f - b) * score) ** 2).sum())
    # A search by values finds a minimum to the root of rounding.
    assert best_baseline(f, score) == pytest.approx(found.x, rel=1e-6)


def test_the_backward_passes():
    """eq. 10.11: gradients add up over the samples, with the noise of the forward pass."""
    random = np.random.default_rng(4)
    mean, log_variance = random.standard_normal((2, 3, 4))
    eps = random.standard_normal((5, 3, 4))
    u = random.uniform(0.1, 0.9, (5, 3, 4))
    pairs = (
        (
            lambda m, lv: (reparameterise(m, lv, eps), lv),
            lambda dz, lv: reparameterise_backward(dz, lv, eps),
            (mean, log_variance),
        ),
        (
            lambda h: (np.sqrt(np.logaddexp(0, h)) * eps, h),
            lambda dz, h: (softplus_backward(dz, h, eps),),
            (log_variance,),
        ),
        (
            lambda rate: (-np.log(u) / rate, rate),
            lambda dz, rate: (exponential_backward(dz, rate, u),),
            (np.exp(mean),),
        ),
    )
    for forward, backward, arrays in pairs:
        assert gradcheck_functions(forward, backward, *arrays).passed


def test_the_loss_with_a_known_best_encoder():
    """eq. 10.12: a search finds m = x / (1 + c) and σ² = c / (1 + c), and so does the posterior."""
    c, x = 0.3, 1.7

    def loss(parameters):
        m, l = parameters  # noqa: E741
        kl = kl_to_standard(np.array([[m]]), np.array([[l]]))[0]
        return ((x - m) ** 2 + np.exp(l)) / (2 * c) + kl

    found = optimize.minimize(loss, [0.0, 0.0], tol=1e-10).x
    expected = [x / (1 + c), np.log(c / (1 + c))]
    # A search by differences of values is good to the root of rounding and a bit.
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    mean, covariance = LinearGaussian(np.eye(1), np.zeros(1), c).posterior(np.array([[x]]))
    assert mean[0, 0] == pytest.approx(expected[0])
    assert covariance[0, 0] == pytest.approx(c / (1 + c))


def _posterior_case(count, seed):
    """Return x, c and a q (count, 2) that is the posterior of x = z + √c noise, and its noise."""
    c = 0.3
    random = np.random.default_rng(seed)
    x = np.tile([1.7, -0.4], (count, 1))
    log_variance = np.full((count, 2), np.log(c / (1 + c)))
    return x, c, x / (1 + c), log_variance, random.standard_normal((count, 2))


def test_both_estimators_of_the_loss_have_its_mean_and_one_is_exact_at_the_posterior():
    """eq. 10.13: A is −log p(x) for every draw from the posterior; B only on average."""
    x, c, mean, log_variance, eps = _posterior_case(50_000, 5)
    z = mean + np.exp(log_variance / 2) * eps
    f = -stats.norm(z, np.sqrt(c)).logpdf(x).sum(axis=1)
    first, second = loss_estimates(f, mean, log_variance, eps)
    exact = -stats.norm(0, np.sqrt(1 + c)).logpdf(x[0]).sum()
    np.testing.assert_allclose(first, exact)
    assert abs(second.mean() - exact) < SE * second.std() / np.sqrt(len(x))
    assert second.std() > 0.5
    # Elsewhere both are noisy, and right on average: within standard errors of each other.
    first, second = loss_estimates(f, mean, 0 * log_variance, eps)
    difference = first - second
    assert abs(difference.mean()) < SE * difference.std() / np.sqrt(len(x))
    assert difference.std() > 0.5


def test_the_gradients_of_a_sampled_kl():
    """eq. 10.14: slopes of log q(z) − log p(z) with the noise held, whose mean is the KL's."""
    random = np.random.default_rng(6)
    mean, log_variance, eps = random.standard_normal((3, 4, 3))

    def log_ratio():
        zero = np.zeros(4)
        return loss_estimates(zero, mean, log_variance, eps)[0].sum()

    # Central differences: truncation of step² = 1e-10.
    for array, found in zip(
        (mean, log_variance), sampled_kl_gradients(mean, log_variance, eps), strict=True
    ):
        np.testing.assert_allclose(found, program.slopes(log_ratio, array), rtol=1e-6, atol=1e-8)
    many = np.random.default_rng(7).standard_normal((100_000, 1))
    one = np.full_like(many, M), np.full_like(many, L)
    for found, exact in zip(sampled_kl_gradients(*one, many), kl_gradients(M, L), strict=True):
        assert abs(found.mean() - exact) < SE * found.std() / np.sqrt(len(many))


def test_without_the_score_the_gradient_is_exact_at_the_posterior():
    """eq. 10.15: the rest has the same mean, and at the posterior cancels the reconstruction's."""
    x, c, mean, log_variance, eps = _posterior_case(20_000, 8)
    z = mean + np.exp(log_variance / 2) * eps
    df = (z - x) / c
    d_mean, d_log_variance = path_kl_gradients(mean, log_variance, eps)
    np.testing.assert_allclose(df + d_mean, 0, atol=1e-12)  # rounding, of numbers of order 10
    half = 0.5 * np.exp(log_variance / 2) * eps
    np.testing.assert_allclose(half * df + d_log_variance, 0, atol=1e-12)
    many = np.random.default_rng(9).standard_normal((100_000, 1))
    one = np.full_like(many, M), np.full_like(many, L)
    for found, exact in zip(path_kl_gradients(*one, many), kl_gradients(M, L), strict=True):
        assert abs(found.mean() - exact) < SE * found.std() / np.sqrt(len(many))
