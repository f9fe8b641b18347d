"""The equations of lesson 11, each against something that does not use it."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, PIXELS, pixels, small_vae
from scipy import integrate, optimize, stats
from scipy.special import expit

from scratchvae.checks.mutants.distributions import AveragedBernoulli, AveragedGaussian
from scratchvae.course.exercises.lesson_11 import (
    best_variance,
    cross_entropy_floor,
    logistic_loss,
    shared_variance_gradients,
    water_filling,
)
from scratchvae.kernels import reference
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    bernoulli_log_density,
)

RANDOM = np.random.default_rng(0)
LOGITS = 3 * RANDOM.standard_normal((4, 7))
BINARY = (RANDOM.random((4, 7)) < 0.5).astype(float)
GREY = RANDOM.random((4, 7))
SE = 5.0  # standard errors: a right figure fails once in two million draws


def loss_and_gradients(likelihood, beta=1.0):
    """Return the loss of a small VAE and all its gradients."""
    model = small_vae(likelihood, beta=beta)
    x = pixels(6, *IMAGE_SHAPE)
    model.zero_grad()
    loss = model.forward(x, np.random.default_rng(1).standard_normal((1, 6, 2))).loss
    model.backward()
    return loss, np.concatenate([p.grad.ravel() for p in model.parameters.values()])


def test_the_bernoulli_in_logits():
    """eq. 11.1: Σ log(1 + e^a) − x a is SciPy's −log probability."""
    expected = -stats.bernoulli(expit(LOGITS)).logpmf(BINARY).sum(axis=1)
    found = BernoulliLikelihood().negative_log_likelihood(BINARY, LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(logistic_loss(2 * BINARY - 1, LOGITS), expected, rtol=1e-10)


@pytest.mark.parametrize("a", [-800.0, -30.0, 0.0, 30.0, 800.0])
def test_the_stable_softplus(a):
    """eq. 11.2: at x = 0 the loss is log(1 + e^a), to all digits and without overflow."""
    logit = np.array([[a]])
    expected = [np.logaddexp(0, a)]
    for found in (
        reference.bernoulli_cross_entropy(np.zeros((1, 1)), logit)[0],
        BernoulliLikelihood().negative_log_likelihood(np.zeros((1, 1)), logit),
        logistic_loss(-np.ones((1, 1)), logit),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_bernoullis_gradient():
    """eq. 11.3: sigmoid(a) − x is the slope, by central differences."""
    h, likelihood = 1e-5, BernoulliLikelihood()
    columns = []
    for i in range(7):
        move = h * np.eye(7)[i]
        up, down = (likelihood.negative_log_likelihood(BINARY, LOGITS + s * move) for s in (1, -1))
        columns.append((up - down) / (2 * h))
    # Rounding of 1e-15 over h.
    found = likelihood.gradient(BINARY, LOGITS)
    np.testing.assert_allclose(found, np.stack(columns, axis=1), atol=1e-8)
    np.testing.assert_allclose(found, expit(LOGITS) - BINARY, atol=1e-14)


def test_grey_pixels_are_the_mean_over_tosses_and_have_a_floor():
    """eq. 11.4: the loss of grey pixels, and the least that any logits reach."""
    likelihood, draws = BernoulliLikelihood(), 50_000
    tosses = (RANDOM.random((draws, 7)) < GREY[0]).astype(float)
    losses = likelihood.negative_log_likelihood(tosses, np.tile(LOGITS[0], (draws, 1)))
    exact = likelihood.negative_log_likelihood(GREY[:1], LOGITS[:1])[0]
    assert abs(losses.mean() - exact) < SE * losses.std() / np.sqrt(draws)
    least = optimize.minimize(
        lambda a: likelihood.negative_log_likelihood(GREY[:1], a[None])[0],
        np.zeros(7),
        jac=lambda a: likelihood.gradient(GREY[:1], a[None])[0],
        tol=1e-12,
    )
    np.testing.assert_allclose(cross_entropy_floor(GREY[:1])[0], least.fun, rtol=1e-8)
    assert (likelihood.negative_log_likelihood(GREY, LOGITS) > cross_entropy_floor(GREY)).all()
    assert cross_entropy_floor(BINARY).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("a", [-7.0, -0.3, 1.0, 12.0])
def test_grey_pixels_have_no_density(a):
    """eq. 11.5: the total over x from 0 to 1 is tanh(a/2)/a, at most a half."""

    def density(x):
        return np.exp(bernoulli_log_density(np.array([x]), np.array([a])))

    total = integrate.quad(density, 0, 1)[0]
    assert total == pytest.approx(np.tanh(a / 2) / a)
    assert total < 0.5


def test_the_gaussian_and_its_gradient():
    """eq. 11.6: SciPy's −log density, the constant counted apart, and (m − x)/c."""
    likelihood = GaussianLikelihood(0.3)
    expected = -stats.norm(LOGITS, np.sqrt(0.3)).logpdf(GREY).sum(axis=1)
    found = likelihood.negative_log_likelihood(GREY, LOGITS) + likelihood.omitted_constant(7)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(likelihood.gradient(GREY, LOGITS), (LOGITS - GREY) / 0.3)


def test_only_the_product_of_c_and_beta_matters():
    """eq. 11.7: loss and gradients with (c, β) are β times those with (βc, 1)."""
    loss, gradients = loss_and_gradients(GaussianLikelihood(0.2), beta=3.0)
    other_loss, other_gradients = loss_and_gradients(GaussianLikelihood(0.6))
    assert loss == pytest.approx(3 * other_loss)
    np.testing.assert_allclose(gradients, 3 * other_gradients, rtol=1e-10, atol=1e-12)
    # And it is no matter of the rest: the same c with another β has other gradients.
    assert np.abs(gradients - 3 * loss_and_gradients(GaussianLikelihood(0.2))[1]).max() > 0.1


def test_the_best_variance_is_the_mean_squared_error():
    """eq. 11.8: a search over c finds S/P."""
    decoded = RANDOM.random((3, 4, 7))

    def nats(log_c):
        likelihood = GaussianLikelihood(float(np.exp(log_c)), include_constant=True)
        return sum(likelihood.negative_log_likelihood(GREY, d).mean() for d in decoded)

    found = optimize.minimize_scalar(nats, bounds=(-8, 3), options={"xatol": 1e-9})
    # A search by values finds a minimum to the root of rounding.
    assert best_variance(GREY, decoded) == pytest.approx(np.exp(found.x), rel=1e-6)


@pytest.mark.parametrize("spread", [5.0, 0.7, 0.5, 0.1])
def test_the_best_linear_vae_fills_up_to_the_level(spread):
    """eq. 11.9: min(λ, βc) and ½ log(λ/βc), by a search over encoder and decoder."""
    c, beta = 0.3, 2.0

    def terms(parameters):
        alpha, log_s2, w = parameters
        error = (1 - w * alpha) ** 2 * spread + w**2 * np.exp(log_s2)
        return error, 0.5 * (np.exp(log_s2) + alpha**2 * spread - 1 - log_s2)

    def loss(parameters):
        error, kl = terms(parameters)
        return error / (2 * c) + beta * kl

    found = optimize.minimize(loss, [0.5, 0.0, 0.5], tol=1e-12).x
    # A search by differences; where nothing is encoded the minimum is flat and it ends a bit early.
    np.testing.assert_allclose(
        terms(found), water_filling(np.array([spread]), c, beta), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("summed", "averaged"),
    [
        (GaussianLikelihood(0.2), AveragedGaussian(0.2)),
        (BernoulliLikelihood(), AveragedBernoulli()),
    ],
)
def test_a_mean_over_pixels_is_a_heavier_kl(summed, averaged):
    """eq. 11.10: R/P + KL is 1/P of the loss with β = P."""
    loss, gradients = loss_and_gradients(averaged)
    heavy_loss, heavy_gradients = loss_and_gradients(summed, beta=PIXELS)
    assert PIXELS * loss == pytest.approx(heavy_loss)
    np.testing.assert_allclose(PIXELS * gradients, heavy_gradients, rtol=1e-10, atol=1e-12)


def test_a_variance_per_pixel_and_its_gradients():
    """eq. 11.11: SciPy's −log density and its slopes; with one l per image they add up."""
    raw, least = RANDOM.normal(-1, 1, (4, 7)), -2.0
    likelihood = LearnedVarianceLikelihood(least)
    decoded = np.concatenate([LOGITS, raw], axis=1)
    deviation = np.sqrt(np.exp(least) + np.exp(raw))  # the bound is a variance that is added
    expected = -stats.norm(LOGITS, deviation).logpdf(GREY).sum(axis=1)
    np.testing.assert_allclose(likelihood.negative_log_likelihood(GREY, decoded), expected)
    free, l = LearnedVarianceLikelihood(-np.inf), np.array([-1.0, 0.3, 2.0, -0.2])  # noqa: E741
    tiled = np.concatenate([LOGITS, np.tile(l[:, None], (1, 7))], axis=1)
    d_mean, d_log_variance = shared_variance_gradients(GREY, LOGITS, l)
    d_pixels = free.gradient(GREY, tiled)
    np.testing.assert_allclose(d_mean, d_pixels[:, :7])
    np.testing.assert_allclose(d_log_variance, d_pixels[:, 7:].sum(axis=1))
    h = 1e-5
    up, down = (-stats.norm(LOGITS, np.exp((l[:, None] + s * h) / 2)).logpdf(GREY) for s in (1, -1))
    # A central difference: rounding of 1e-14 over h, and h² of its own.
    np.testing.assert_allclose(
        d_log_variance, ((up - down) / (2 * h)).sum(axis=1), rtol=1e-7, atol=1e-7
    )


def test_a_density_has_a_unit():
    """eq. 11.12: in units k times as small, log p is less by P log k; a probability has none."""
    k = 255.0
    here, there = (GaussianLikelihood(c, include_constant=True) for c in (0.1, 0.1 * k**2))
    nats = here.negative_log_likelihood(GREY, LOGITS)
    scaled = there.negative_log_likelihood(k * GREY, k * LOGITS)
    np.testing.assert_allclose(scaled, nats + 7 * np.log(k))
