"""The discretised logistic against SciPy's and PyTorch's, and at the ends of its range."""

import warnings

import numpy as np
import pytest
from helpers import DTYPES, IMAGE_SHAPE, each_dtype, normal, refused, small_vae
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import scratchvae
from scratchvae.checks.gradients import check_gradients, gradcheck
from scratchvae.evaluation import bits_per_dimension
from scratchvae.probability import DiscretisedLogisticLikelihood

LEVELS = np.arange(256) / 255
HALF = 1 / 510


def levels(*shape, seed=0, dtype=np.float64):
    """Return images of 256 levels, with many at both ends."""
    drawn = np.random.default_rng(seed).integers(-60, 316, shape)
    return (np.clip(drawn, 0, 255) / 255).astype(dtype)


def table(mean, scale):
    """Return the probability of each level after SciPy's logistic."""
    cdf = stats.logistic(mean, scale).cdf((LEVELS[:-1] + LEVELS[1:]) / 2)
    return np.diff(cdf, prepend=0, append=1)


def unbounded():
    return DiscretisedLogisticLikelihood(minimum_log_scale=-np.inf)


@given(mean=st.floats(-0.5, 1.5), log_scale=st.floats(-5, 3), dtype=st.sampled_from(DTYPES))
def test_each_level_has_the_probability_of_the_logistic_between_its_edges(mean, log_scale, dtype):
    decoded = np.tile(np.array([mean, log_scale], dtype), (256, 1))
    mean, log_scale = decoded[0].astype(float)
    nll = unbounded().negative_log_likelihood(LEVELS[:, None].astype(dtype), decoded)
    assert nll.dtype == dtype
    expected = table(mean, np.exp(log_scale))
    sound = expected > 1e-9  # of SciPy's difference
    tolerance = 1e-3 if dtype == np.float32 else 1e-6
    np.testing.assert_allclose(nll[sound], -np.log(expected[sound]), rtol=tolerance, atol=1e-4)
    assert np.exp(-nll.astype(float)).sum() == pytest.approx(1, abs=10 * tolerance)


@pytest.mark.parametrize("shape", [(3, 2, 3), (4, 1), (5,)])
def test_the_gradient_is_pytorchs_of_the_formula_as_it_is_published(shape):
    torch = pytest.importorskip("torch")
    likelihood, x = DiscretisedLogisticLikelihood(-3.0), levels(2, *shape)
    decoded = normal(2, *shape[:-1], 2 * shape[-1], scale=0.8)
    theirs, pixels = torch.tensor(decoded, requires_grad=True), torch.tensor(x)
    mean, raw = theirs.chunk(2, dim=-1)
    scale = torch.exp(-3.0 + torch.nn.functional.softplus(raw + 3.0))
    up = torch.where(pixels == 1, 1.0, torch.sigmoid((pixels + HALF - mean) / scale))
    down = torch.where(pixels == 0, 0.0, torch.sigmoid((pixels - HALF - mean) / scale))
    nll = -torch.log(up - down).flatten(1).sum(1)
    found = likelihood.negative_log_likelihood(x, decoded)
    np.testing.assert_allclose(found, nll.detach(), rtol=1e-10)
    nll.sum().backward()
    np.testing.assert_allclose(likelihood.gradient(x, decoded), theirs.grad, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("minimum", [-7.7, -1.0, -np.inf])
def test_the_gradient_is_the_slope(minimum):
    likelihood, x = DiscretisedLogisticLikelihood(minimum), levels(3, 4, 2)
    decoded = normal(3, 4, 4, seed=2)
    report = check_gradients(
        "likelihood",
        lambda: float(likelihood.negative_log_likelihood(x, decoded).sum()),
        {"decoded": decoded},
        {"decoded": likelihood.gradient(x, decoded)},
        rng=np.random.default_rng(0),
    )
    assert report.passed


@each_dtype
def test_far_from_the_mean_and_for_any_scale_the_numbers_are_finite_and_right(dtype):
    likelihood = unbounded()
    means, scales = np.meshgrid([-1e4, -30.0, 0.5, 31.0, 1e4], [-12.0, -5.0, 0.0, 30.0, 80.0])
    decoded = np.stack([means.ravel(), scales.ravel()], axis=1).astype(dtype)
    for level in (0.0, 0.2, 1.0):
        x = np.full((len(decoded), 1), level, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nll = likelihood.negative_log_likelihood(x, decoded)
            gradient = likelihood.gradient(x, decoded)
        assert np.isfinite(nll).all()
        assert (nll >= 0).all()
        assert np.isfinite(gradient).all()
        high = likelihood.negative_log_likelihood(x.astype(float), decoded.astype(float))
        np.testing.assert_allclose(nll, high, rtol=1e-4)
    # A level that is a thousand scales away costs a thousand nats, and its gradient is not lost.
    decoded = np.array([[0.0, np.log(1e-3)]], dtype)
    x = np.array([[0.8]], dtype)
    assert likelihood.negative_log_likelihood(x, decoded)[0] == pytest.approx(798, rel=1e-3)
    assert likelihood.gradient(x, decoded)[0, 0] == pytest.approx(-1000, rel=1e-3)


def test_black_has_all_that_is_darker_and_white_all_that_is_lighter():
    likelihood = unbounded()
    for decoded, level in (([-50.0, 0.0], 0.0), ([50.0, 0.0], 1.0)):
        nll = likelihood.negative_log_likelihood(np.array([[level]]), np.array([decoded]))
        assert nll[0] == pytest.approx(0, abs=1e-12)


def test_floats_count_as_the_level_that_is_nearest():
    likelihood, decoded = DiscretisedLogisticLikelihood(), normal(1, 4)
    x = np.array([[100 / 255, 0.0]])
    near = np.array([[100.4 / 255, 0.4 / 255]])
    for method in (likelihood.negative_log_likelihood, likelihood.gradient):
        np.testing.assert_array_equal(method(x, decoded), method(near, decoded))


def test_the_mean_is_within_half_a_level_and_exact_where_a_level_is_narrow():
    likelihood = unbounded()
    for mean in (-0.3, 0.0, 0.1234, 0.5, 0.99, 1.2):
        for log_scale, bound in ((-9.0, HALF), (-4.0, 1e-5), (0.0, 1e-6), (6.0, 1e-6)):
            exact = table(mean, np.exp(log_scale)) @ LEVELS
            found = likelihood.mean(np.array([[mean, log_scale]]))[0, 0]
            assert abs(found - exact) <= bound + 1e-9


def test_draws_are_of_256_levels_and_as_often_as_their_probabilities():
    decoded = np.tile([0.4, -2.0], (50_000, 1))
    drawn = unbounded().sample(decoded, np.random.default_rng(0))[:, 0]
    counts = np.bincount(np.rint(drawn * 255).astype(int), minlength=256)
    np.testing.assert_array_equal(drawn, np.rint(drawn * 255) / 255)
    expected = table(0.4, np.exp(-2.0)) * len(decoded)
    excess = (counts - expected) ** 2 / expected
    assert excess.sum() < 255 + 5 * np.sqrt(2 * 255)  # χ² has a variance of 2 · 255


def test_its_scale_is_bounded_smoothly_from_below():
    bounded, raw = DiscretisedLogisticLikelihood(-3.0), np.array([[0.3, -40.0]])
    floor = np.array([[0.3, -3.0]])
    x = np.array([[0.5]])
    found = bounded.negative_log_likelihood(x, raw)
    np.testing.assert_allclose(found, unbounded().negative_log_likelihood(x, floor))
    assert bounded.gradient(x, raw)[0, 1] == pytest.approx(0, abs=1e-12)


def test_what_does_not_fit_is_refused():
    likelihood = DiscretisedLogisticLikelihood()
    with refused("a mean and a log-scale per number of x", "(2, 6)", "(2, 3)"):
        likelihood.negative_log_likelihood(np.zeros((2, 3)), np.zeros((2, 3)))
    with refused("means and then as many log-scales", "(2, 3)"):
        likelihood.mean(np.zeros((2, 3)))
    with refused("minimum_log_scale must be a finite number or -inf"):
        DiscretisedLogisticLikelihood(np.nan)
    assert likelihood.omitted_constant(784) == 0


@pytest.mark.parametrize("recipe", ["zhao-mlp", "zhao-cnn"])
def test_recipes_of_grey_pixels_have_it_as_an_option(recipe):
    model = scratchvae.build(recipe, likelihood="discretised-logistic", seed=0)
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    assert isinstance(model.likelihood, DiscretisedLogisticLikelihood)
    before = model.elbo(images).mean()
    model.fit(images, epochs=5, batch_size=20, progress=False)
    assert model.elbo(images).mean() > before
    drawn = model.sample(3, pixel_noise=True)
    np.testing.assert_allclose(drawn * 255, np.rint(drawn * 255), atol=1e-4)
    assert 0 <= model.decode(model.encode(images)).min() <= model.reconstruct(images).max() <= 1
    for wrong in ("bernoulli", "", 3):
        with refused("likelihood must be one of gaussian, discretised-logistic"):
            scratchvae.build(recipe, likelihood=wrong)
    with refused("variance=0.1 would do nothing", "leave `variance` out"):
        scratchvae.build(recipe, likelihood="discretised-logistic", variance=0.1)
    with refused("from 0 to 1"):
        model.elbo(images.astype(np.float32))


def test_a_model_of_colour_pixels_is_trained_on_it():
    likelihood = DiscretisedLogisticLikelihood()
    model = small_vae(likelihood)
    assert gradcheck(model, levels(3, *IMAGE_SHAPE)).passed
    with refused("the decoder must give (N, 3, 5, 2)", "discretised-logistic"):
        wrong = small_vae()
        wrong.likelihood = likelihood
        wrong.elbo(levels(2, *IMAGE_SHAPE))


def test_bits_per_dimension_are_nats_over_the_numbers_of_an_image_and_log_2():
    assert bits_per_dimension(3 * 5 * 8 * np.log(2), (3, 5, 1)) == pytest.approx(8)
    decoded, x = np.tile([0.5, 0.5, -2.0, -2.0], (3, 1)), levels(3, 2)
    nats = DiscretisedLogisticLikelihood().negative_log_likelihood(x, decoded)
    np.testing.assert_allclose(2.0 ** (-2 * bits_per_dimension(nats, (2,))), np.exp(-nats))
    for wrong, shape in (("x", (3,)), (None, (3,)), (1.0, 3), (1.0, (0,)), ([1j], (3,))):
        with refused("must"):
            bits_per_dimension(wrong, shape)
