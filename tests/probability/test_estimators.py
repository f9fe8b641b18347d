"""The score function and the reparameterisation: one gradient, two variances; and active units."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, refused, small_vae
from hierarchical_cases import small

from scratchvae.evaluation import active_units, compare_gradient_estimators, layer_activity
from scratchvae.evaluation import gradient_variance as module
from scratchvae.probability import (
    GaussianLikelihood,
    GradientDraws,
    reparameterised_gradients,
    score_function_gradients,
)

IMAGES = pixels(3, *IMAGE_SHAPE, seed=7)


def quadratic(draws=200_000, seed=0):
    """Return f(z) = ½ Σ a z² at draws, its slope, its exact gradients, and the noise."""
    mean, log_variance, a = normal(1, 2), 0.3 * normal(1, 2, seed=1), np.array([2.0, -0.5])
    eps = normal(draws, 1, 2, seed=seed)
    z = mean + np.exp(log_variance / 2) * eps
    exact = (a * mean, 0.5 * a * np.exp(log_variance))  # E f = ½ Σ a (mean² + e^l)
    return 0.5 * (a * z * z).sum(axis=2), a * z, exact, log_variance, eps


@pytest.mark.parametrize("baseline", [0.0, 1.7])
def test_both_have_the_exact_gradient_as_their_mean(baseline):
    f, df, exact, log_variance, eps = quadratic()
    for draws in (
        score_function_gradients(f, log_variance, eps, baseline),
        reparameterised_gradients(df, log_variance, eps),
    ):
        for found, wanted in zip(draws, exact, strict=True):
            error = found.std(axis=0) / np.sqrt(len(found))
            assert (np.abs(found.mean(axis=0) - wanted) < 5 * error).all()


def test_what_does_not_depend_on_the_draw_changes_the_variance_alone():
    f, _, _, log_variance, eps = quadratic()
    near, far = (score_function_gradients(f + c, log_variance, eps) for c in (0.0, 100.0))
    assert (far.mean.var(axis=0) > 100 * near.mean.var(axis=0)).all()
    mended = score_function_gradients(f + 100, log_variance, eps, 100.0)
    np.testing.assert_allclose(mended.mean, near.mean, atol=1e-10)


@pytest.mark.parametrize("likelihood", [None, GaussianLikelihood(0.2)])
def test_they_agree_on_a_model_within_the_error_of_10000_draws(likelihood):
    found = compare_gradient_estimators(small_vae(likelihood), IMAGES, draws=10_000)
    assert found.score_function.draws == found.reparameterised.draws == 10_000
    assert found.score_function.mean.shape == (2, 3, 2)
    assert found.largest_disagreement < 4
    assert found.variance_ratio > 20
    assert found.variance_ratio > found.variance_ratio_with_baseline > 1


@pytest.mark.parametrize("part", ["mean", "log_variance"])
def test_a_wrong_score_is_seen(monkeypatch, part):
    def wrong(f, log_variance, eps, baseline=0.0):
        right = score_function_gradients(f, log_variance, eps, baseline)
        return right._replace(**{part: -1 * getattr(right, part)})

    monkeypatch.setattr(module, "score_function_gradients", wrong)
    # Of a few bright pixels: the gradient is then large beside its error.
    model = small_vae(GaussianLikelihood(0.02))
    for parameter in model.decoder.parameters.values():
        parameter.value *= 2
    assert compare_gradient_estimators(model, IMAGES, draws=40_000).largest_disagreement > 6


def test_the_reparameterised_mean_is_the_gradient_of_the_backward_pass():
    model, draws = small_vae(), 500
    eps = np.random.default_rng(0).standard_normal((draws, 3, 2))
    model.zero_grad()
    found = []
    model.encoder.backward_parameters = lambda d: found.append(d.copy())
    model.beta = 0.0
    model.forward(IMAGES, eps)
    model.backward()
    mean, log_variance = (np.array(part) for part in model.encode_distribution(IMAGES))
    z = (mean + np.exp(log_variance / 2) * eps).reshape(-1, 2)
    targets = np.concatenate([IMAGES] * draws)
    d_decoded = model.likelihood.gradient(targets, model.decoder.forward(z))
    df = model.decoder.backward(d_decoded).reshape(eps.shape)
    estimate = reparameterised_gradients(df, log_variance, eps)
    together = np.concatenate([part.mean(axis=0) for part in estimate], axis=1)
    np.testing.assert_allclose(together / len(IMAGES), found[0], rtol=1e-9)


def test_what_does_not_fit_is_refused():
    f, log_variance, eps = normal(4, 3), normal(3, 2), normal(4, 3, 2)
    with refused("(4, 3)", "(3, 4)"):
        score_function_gradients(f.T, log_variance, eps)
    with refused("eps", "(L, 3, 2)"):
        score_function_gradients(f, log_variance, eps[0])
    with refused("df and eps"):
        reparameterised_gradients(eps[:2], log_variance, eps)
    with refused("draws", "1"):
        compare_gradient_estimators(small_vae(), IMAGES, draws=1)
    assert issubclass(GradientDraws, tuple)


# Active units.


def test_a_unit_is_active_where_its_mean_varies():
    means = normal(1000, 4) * np.sqrt([1.0, 0.02, 0.005, 0.0])
    found = active_units(means)
    assert found.active == 2
    np.testing.assert_allclose(found.variances, means.var(axis=0, ddof=1))
    assert str(found) == "2 of 4 latents active"
    assert active_units(means, threshold=0.001).active == 3
    # Which constant it is around makes no difference, in float32 as well.
    assert active_units((means + 100).astype(np.float32)).active == 2
    for bad in (means[:1], means[0]):
        with refused("(N, D)"):
            active_units(bad)


def test_a_model_has_an_activity_per_layer():
    vae = small_vae()
    (found,) = layer_activity(vae, IMAGES)
    np.testing.assert_allclose(found.variances, vae.encode(IMAGES).var(axis=0, ddof=1))
    images = pixels(600, *IMAGE_SHAPE)
    for kind in ("bottom-up", "ladder"):
        model = small(kind, scale=2.0)
        lower, upper = layer_activity(model, images)
        expected = model.layer_means(images)
        np.testing.assert_allclose(lower.variances, expected[0].var(axis=0, ddof=1))
        np.testing.assert_allclose(upper.variances, expected[1].var(axis=0, ddof=1))
    with refused("two images"):
        layer_activity(model, images[:0])
