"""The equations of lesson 23, "Conditional generation", each against numbers got another way."""

import numpy as np
import pytest
from scipy.stats import entropy, multivariate_normal

from scratchvae.course.exercises.lesson_23 import corrected_share, label_information
from scratchvae.course.program import (
    ConditionalVAE,
    Dense,
    Gaussian,
    Sequential,
    append_labels,
)
from scratchvae.layers import Dense as PackageDense
from scratchvae.layers import Reshape
from scratchvae.layers import Sequential as PackageSequential
from scratchvae.models import ConditionalVAE as PackageConditionalVAE
from scratchvae.probability import GaussianLikelihood

RNG = np.random.default_rng(0)
PIXELS, CLASSES, VARIANCE = 4, 3, 0.3


def linear_networks():
    """Return a decoder x = w z + b_y, and the encoder that gives its exact posterior of z."""
    decoder, encoder = Dense(1 + CLASSES, PIXELS, RNG), Dense(PIXELS + CLASSES, 2, RNG)
    decoder.parameters["bias"][...] = 0
    weight = decoder.parameters["weight"]
    direction, means = weight[0], weight[1:]  # (P,), (K, P)
    variance = 1 / (1 + direction @ direction / VARIANCE)
    to_mean = variance * direction / VARIANCE
    encoder.parameters["weight"][:, 0] = np.concatenate([to_mean, -means @ to_mean])
    encoder.parameters["weight"][:, 1] = 0
    encoder.parameters["bias"][...] = 0, np.log(variance)
    return encoder, decoder, direction, means


def test_bound_given_the_label():
    """eq. 23.1: it is log p(x | y) itself where q is the posterior, and below it elsewhere."""
    encoder, decoder, direction, means = linear_networks()
    x, labels = RNG.standard_normal((5, PIXELS)), np.array([0, 2, 1, 1, 0])
    covariance = np.outer(direction, direction) + VARIANCE * np.eye(PIXELS)
    exact = np.array(
        [
            multivariate_normal(means[y], covariance).logpdf(image)
            for image, y in zip(x, labels, strict=True)
        ]
    )
    # Quadrature: with the exact posterior the loss is a quadratic in eps.
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    weights = weights / weights.sum()
    constant = 0.5 * PIXELS * np.log(2 * np.pi * VARIANCE)

    def bound():
        vae = ConditionalVAE(
            Sequential(encoder), Sequential(decoder), Gaussian(VARIANCE), 1, CLASSES
        )
        rows = append_labels(x, labels, CLASSES)
        losses = [np.add(*vae.forward(rows, np.full((5, 1), node))) for node in nodes]
        return -weights @ losses - constant

    np.testing.assert_allclose(bound(), exact, rtol=1e-12)  # rounding of float64
    encoder.parameters["bias"][1] += 0.5
    assert (bound() < exact - 0.01).all()


def test_worth_of_a_label():
    """eq. 23.2: the information is H(x) + H(y) − H(x, y), and at most log K."""
    joint = RNG.random((6, 4))
    joint /= joint.sum()
    expected = entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1)) - entropy(joint.ravel())
    assert label_information(joint) == pytest.approx(expected, rel=1e-12)
    assert label_information(joint) < np.log(4)
    certain = np.full((4, 4), 1e-12) + np.eye(4)
    assert label_information(certain / certain.sum()) == pytest.approx(np.log(4), rel=1e-9)


def test_a_label_is_a_bias_of_its_class():
    """eq. 23.3: a dense layer of appended labels adds a row of its weights."""
    layer = Dense(PIXELS + CLASSES, 5, RNG)
    x, labels = RNG.standard_normal((4, PIXELS)), np.array([2, 0, 0, 1])
    weight, bias = layer.parameters["weight"], layer.parameters["bias"]
    expected = x @ weight[:PIXELS] + bias + weight[PIXELS + labels]
    np.testing.assert_allclose(
        layer.forward(append_labels(x, labels, CLASSES)), expected, rtol=1e-13, atol=1e-13
    )


def test_only_the_latents_gradient_goes_on():
    """eq. 23.4: with equal parameters the package's gradients are the reader's."""
    count, latents, labels = 5, 2, np.array([1, 0, 2, 2, 1])
    ours = [
        PackageDense(PIXELS + CLASSES, 2 * latents, dtype=np.float64, rng=RNG),
        PackageDense(latents + CLASSES, PIXELS, dtype=np.float64, rng=RNG),
    ]
    model = PackageConditionalVAE(
        PackageSequential(ours[0]),
        PackageSequential(ours[1], Reshape((2, 2, 1))),
        GaussianLikelihood(VARIANCE),
        image_shape=(2, 2, 1),
        latent_dim=latents,
        classes=CLASSES,
    )
    own = [Dense(PIXELS + CLASSES, 2 * latents, RNG), Dense(latents + CLASSES, PIXELS, RNG)]
    for layer, theirs in zip(own, ours, strict=True):
        for name, value in layer.parameters.items():
            value[...] = theirs.parameters[name].value
    vae = ConditionalVAE(*map(Sequential, own), Gaussian(VARIANCE), latents, CLASSES)
    x, eps = RNG.random((count, PIXELS)), RNG.standard_normal((count, latents))
    terms = np.add(*vae.forward(append_labels(x, labels, CLASSES), eps))
    vae.backward()

    images = x.reshape(count, 2, 2, 1)
    loss = model.forward(images, eps[None], labels=labels).loss
    model.zero_grad()
    model.backward()
    assert loss == pytest.approx(terms.mean(), rel=1e-12)
    for layer, theirs in zip(own, ours, strict=True):
        for name, gradient in layer.gradients.items():
            np.testing.assert_allclose(
                gradient, theirs.parameters[name].grad, rtol=1e-11, atol=1e-13
            )


@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
def test_a_judge_s_verdict_corrected(share):
    """eq. 23.5: of many simulated verdicts, it gives back the share that was put in."""
    error, luck, count = 0.08, 0.03, 400_000
    rng = np.random.default_rng(1)
    good = rng.random(count) < share
    agrees = np.where(good, rng.random(count) < 1 - error, rng.random(count) < luck)
    # Five standard errors of a share of 400,000, which is at most 0.0008.
    assert corrected_share(agrees.mean(), error, luck) == pytest.approx(share, abs=0.005)
