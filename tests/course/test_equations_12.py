"""The equations of lesson 12, "Your VAE", each against numbers got another way."""

import numpy as np
import pytest
from helpers import normal, small_vae

from scratchvae.checks.gradients import check_gradients, gradcheck
from scratchvae.course.exercises.lesson_12 import (
    linear_vae_gradients,
    logits_gradient,
    two_paths,
    walk_speed,
)
from scratchvae.probability import (
    BernoulliLikelihood,
    gaussian_log_density,
    kl_to_standard,
    reparameterise,
    standard_normal_log_density,
)

IMAGES, PIXELS, LATENTS = 4, 15, 2


@pytest.fixture
def model():
    return small_vae(hidden=3)


@pytest.fixture
def x():
    coins = np.random.default_rng(5).random((IMAGES, 3, 5, 1))
    return (coins < 0.4).astype(np.float64)


@pytest.fixture
def eps():
    return normal(1, IMAGES, LATENTS, seed=6)


def arrays_of(model):
    return [parameter.value for parameter in model.parameters.values()]


def by_hand(model, x, eps):
    """Return every station of the forward pass, in the lesson's names."""
    w1, b1, w2, b2, w3, b3, w4, b4 = arrays_of(model)
    x = x.reshape(len(x), -1)
    h = np.tanh(x @ w1 + b1)
    mean, log_variance = np.split(h @ w2 + b2, 2, axis=1)
    z = mean + np.exp(log_variance / 2) * eps[0]
    g = np.tanh(z @ w3 + b3)
    return x, h, mean, log_variance, z, g, g @ w4 + b4


def gradients_by_hand(model, x, eps):
    """Return the gradients of the eight arrays, in the lesson's order and notation."""
    _, _, w2, _, w3, _, w4, _ = arrays_of(model)
    x, h, mean, log_variance, z, g, y = by_hand(model, x, eps)
    count = len(x)
    dy = (1 / (1 + np.exp(-y)) - x) / count
    du = (dy @ w4.T) * (1 - g**2)
    dz = du @ w3.T
    d_mean = dz + mean / count
    d_log_variance = 0.5 * dz * (z - mean) + (np.exp(log_variance) - 1) / (2 * count)
    do = np.concatenate([d_mean, d_log_variance], axis=1)
    da = (do @ w2.T) * (1 - h**2)
    pairs = ((x, da), (h, do), (z, du), (g, dy))
    return [array for left, d in pairs for array in (left.T @ d, d.sum(axis=0))]


def test_the_forward_pass_and_the_loss(model, x, eps):
    """eq. 12.1, eq. 12.2: the model's loss is the one written out pixel by pixel."""
    flat, _, mean, log_variance, _, _, y = by_hand(model, x, eps)
    total = 0.0
    for n in range(IMAGES):
        for i in range(PIXELS):
            probability = 1 / (1 + np.exp(-y[n, i]))
            total -= np.log(probability if flat[n, i] else 1 - probability)
        for j in range(LATENTS):
            variance = np.exp(log_variance[n, j])
            total += 0.5 * (mean[n, j] ** 2 + variance - 1 - np.log(variance))
    assert model.forward(x, eps).loss == pytest.approx(total / IMAGES, rel=1e-12)


def _plane():
    """Return points of the plane, and the prior's probability of each one's cell."""
    axis = np.linspace(-8, 8, 81)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, LATENTS)
    return z, np.exp(standard_normal_log_density(z)) * (axis[1] - axis[0]) ** 2


def test_the_mean_loss_is_the_negative_bound_and_its_gradient_is_the_mean_gradient(model, x):
    """eq. 12.3: over draws, against integrals over the plane."""
    z, prior = _plane()

    def nats():
        logits = model.decoder.forward(z).reshape(len(z), -1)
        flat = x.reshape(IMAGES, -1)
        return np.logaddexp(0, logits).sum(axis=1) - flat @ logits.T  # (images, points)

    def expected_loss():
        mean, log_variance = (array.copy() for array in model.encode_distribution(x))
        cell = (z[1, 0] - z[0, 0]) ** 2
        density = [
            np.exp(gaussian_log_density(z, m, v)) for m, v in zip(mean, log_variance, strict=True)
        ]
        reconstruction = (np.array(density) * cell * nats()).sum(axis=1)
        return (reconstruction + kl_to_standard(mean, log_variance)).mean()

    draws = 2_000
    losses, gradients = [], []
    for seed in range(draws):
        losses.append(model.forward(x, normal(1, IMAGES, LATENTS, seed=seed)).loss)
        model.zero_grad()
        model.backward()
        gradients.append(np.concatenate([p.grad.ravel() for p in model.parameters.values()]))
    losses, gradients = np.array(losses), np.array(gradients)
    exact = expected_loss()
    assert abs(losses.mean() - exact) < 5 * losses.std() / np.sqrt(draws)

    evidence = (np.exp(-nats()) * prior).sum(axis=1)
    assert exact > -np.log(evidence).mean()

    slopes, step = [], 1e-5
    for array in arrays_of(model):
        for place in np.ndindex(array.shape):
            start = array[place]
            array[place] = start + step
            right = expected_loss()
            array[place] = start - step
            slopes.append((right - expected_loss()) / (2 * step))
            array[place] = start
    # Entries whose gradient does not depend on the noise only have an error of rounding.
    error = gradients.std(axis=0) / np.sqrt(draws) + 1e-8
    assert (np.abs(gradients.mean(axis=0) - slopes) < 5 * error).all()
    assert (error < 0.02).all()  # sharp enough to say something: the gradients are of order 0.1


def test_the_whole_backward_pass_by_hand(model, x, eps):
    """eq. 12.4, eq. 12.5, eq. 12.6, eq. 12.7, eq. 12.8, eq. 12.9: in the package and by slopes."""
    model.forward(x, eps)
    model.zero_grad()
    model.backward()
    expected = gradients_by_hand(model, x, eps)
    for parameter, gradient in zip(model.parameters.values(), expected, strict=True):
        # Sums in another order, in float64.
        np.testing.assert_allclose(parameter.grad, gradient, rtol=1e-10, atol=1e-13)
    report = gradcheck(model, x, noise=eps)
    assert report.passed, report


def _check(value, arrays, gradients):
    report = check_gradients(
        "by hand",
        value,
        arrays,
        dict(zip(arrays, gradients, strict=True)),
        rng=np.random.default_rng(0),
    )
    assert report.passed, report


def test_the_gradient_at_the_logits_holds_the_mean_over_images_and_draws():
    """eq. 12.4: by finite differences of the mean loss, for one draw of z and for three."""
    x = (np.random.default_rng(0).random((4, 5)) < 0.5).astype(np.float64)
    for draws in (1, 3):
        logits = {"logits": normal(draws, 4, 5, seed=1)}

        def value(logits=logits):
            nats = [BernoulliLikelihood().negative_log_likelihood(x, y) for y in logits["logits"]]
            return float(np.mean(nats))

        _check(value, logits, [logits_gradient(x, logits["logits"])])


def test_the_two_paths_into_the_encoder():
    """eq. 12.7, eq. 12.8: for an encoder of log σ, by finite differences."""
    target, eps, beta = normal(4, 3, seed=1), normal(1, 4, 3, seed=2), 2.5
    arrays = {"mean": normal(4, 3, seed=3), "log_deviation": 0.5 * normal(4, 3, seed=4)}

    def latents():
        return reparameterise(arrays["mean"], 2 * arrays["log_deviation"], eps)[0]

    def value():
        kl = kl_to_standard(arrays["mean"], 2 * arrays["log_deviation"])
        return float((np.sin(latents() - target).sum(axis=1) + beta * kl).mean())

    dz = np.cos(latents() - target) / 4
    _check(value, arrays, two_paths(dz, *arrays.values(), eps[0], beta))


def test_a_linear_vae_has_the_same_gradients_step_by_step():
    """eq. 12.5, eq. 12.7, eq. 12.8, eq. 12.9: without a tanh, by finite differences."""
    x, eps, c = normal(5, 4, seed=1), normal(5, 2, seed=2), 0.3
    arrays = {
        "encoder": 0.5 * normal(4, 2, seed=3),
        "log_variance": normal(2, seed=4),
        "decoder": normal(2, 4, seed=5),
    }

    def value():
        mean, log_variance = x @ arrays["encoder"], arrays["log_variance"]
        decoded = (mean + np.exp(log_variance / 2) * eps) @ arrays["decoder"]
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
        return float((((x - decoded) ** 2).sum(axis=1) / (2 * c) + kl).mean())

    encoder, log_variance, decoder = arrays.values()
    _check(value, arrays, linear_vae_gradients(x, encoder, log_variance, decoder, eps, c))


def test_the_best_that_a_model_can_do_without_the_image_or_with_its_class():
    """eq. 12.10: entropies of mean images, against the likelihood and descent on the logits."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 60)
    x = (random.random((60, 7)) < random.uniform(0.1, 0.9, (3, 7))[labels]).astype(np.float64)

    def entropy(mean):
        return -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)).sum()

    def least(images):
        """Return the smallest mean loss of constant logits, found by descent."""
        logits = np.zeros(7)
        for _ in range(2_000):
            given = np.broadcast_to(logits, images.shape).copy()
            logits = logits - BernoulliLikelihood().gradient(images, given).mean(axis=0)
        given = np.broadcast_to(logits, images.shape).copy()
        return BernoulliLikelihood().negative_log_likelihood(images, given).mean()

    assert least(x) == pytest.approx(entropy(x.mean(axis=0)), rel=1e-9)
    by_digit = sum(
        share * (-np.log(share) + entropy(x[labels == k].mean(axis=0)))
        for k, share in enumerate(np.bincount(labels) / 60)
    )
    by_class = np.array([least(x[labels == k]) for k in range(3)])[labels]
    kl = -np.log((np.bincount(labels) / 60)[labels])
    assert by_digit == pytest.approx(np.mean(by_class + kl), rel=1e-9)


def test_the_speed_of_a_walk_is_the_slope_of_the_decoded_image(model):
    """eq. 12.11: against central differences of the package's decoder."""
    *_, w3, b3, w4, b4 = arrays_of(model)
    z, direction, step = normal(5, LATENTS, seed=1), normal(LATENTS, seed=2), 1e-5
    ahead = model.decode(z + step * direction).reshape(5, -1)
    behind = model.decode(z - step * direction).reshape(5, -1)
    found = walk_speed(z, direction, w3, b3, w4, b4)
    # The step squared is the error of the difference, 1e-10, and its rounding is 1e-11.
    np.testing.assert_allclose(found, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-9)
