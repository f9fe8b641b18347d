"""Bugs that people make, planted one by one, each caught, and by which check.

The gradient check catches a backward pass that is not the derivative of the forward pass. What is
differentiated correctly but computes the wrong thing passes it, and is caught by its distribution.
"""

from itertools import product

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, small_parts, small_vae

from scratchvae import kernels
from scratchvae.evaluation import check_kl, check_likelihood, check_reparameterisation
from scratchvae.gradient_check import gradcheck
from scratchvae.layers import ELU, Dense, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.models import vae as vae_module
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)

IMAGES = pixels(4, *IMAGE_SHAPE, seed=7)
LIKELIHOODS = [BernoulliLikelihood(), GaussianLikelihood(0.2)]
each_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
each_seed = pytest.mark.parametrize("seed", range(3))


def failed_rows(report):
    return {row.name for row in report.rows if not row.passed}


def of_part(model, part):
    return {name for name in model.parameters if name.startswith(part)}


# Controls: the right ones pass all the checks below.


@each_seed
@each_likelihood
def test_control_the_right_vae_passes(likelihood, seed):
    vae = small_vae(likelihood, seed=seed, samples=1 + seed, beta=0.5 + seed)
    report = gradcheck(vae, IMAGES, seed=seed)
    assert report.passed, report
    report = check_likelihood(likelihood, seed=seed)
    assert report.passed, report
    assert total_probability(likelihood) == pytest.approx(1)


@each_seed
def test_control_the_right_distributions_pass(seed):
    for check in (check_reparameterisation, check_kl):
        report = check(seed=seed)
        assert report.passed, report


@each_seed
def test_control_the_right_layers_pass(seed):
    for layer in (
        Dense(4, 4, rng=seed, dtype=np.float64),
        ELU(0.7, dtype=np.float64),
        Sequential(Dense(4, 4, rng=seed, dtype=np.float64), ELU(dtype=np.float64)),
    ):
        report = gradcheck(layer, normal(3, 4, seed=seed), seed=seed)
        assert report.passed, report


# The reparameterisation.


def by_the_variance(mean, log_variance, eps):
    return mean + np.exp(log_variance) * eps


def by_the_variance_backward(dz, log_variance, eps):
    right = reparameterise_backward(dz, log_variance, eps)
    return right._replace(log_variance=np.exp(log_variance) * (dz * eps).sum(axis=0))


def test_noise_times_variance_is_invisible_to_the_gradient_check_and_caught_by_its_moments(
    monkeypatch,
):
    monkeypatch.setattr(vae_module, "reparameterise", by_the_variance)
    vae = small_vae()
    assert not gradcheck(vae, IMAGES).passed  # with the right backward pass it would be seen
    monkeypatch.setattr(vae_module, "reparameterise_backward", by_the_variance_backward)
    report = gradcheck(vae, IMAGES)
    assert report.passed, report
    report = check_reparameterisation(by_the_variance)
    assert {row.name for row in report.rows if not row.passed} == {
        f"variance of z[{j}]" for j in range(4)
    }


class FreshNoise(VAE):
    """Draws the noise again for the backward pass."""

    def backward(self):
        mean, log_variance, eps, decoded, targets = self._pass
        again = normal(*eps.shape, seed=99)
        self._pass = mean, log_variance, again, decoded, targets
        super().backward()


@each_likelihood
def test_fresh_noise_in_the_backward_pass_is_caught_by_the_gradient_check(likelihood):
    vae = small_vae(likelihood, model=FreshNoise)
    # The decoder does not see the difference: z itself was kept.
    assert failed_rows(gradcheck(vae, IMAGES)) == of_part(vae, "encoder")


def half_missing_backward(dz, log_variance, eps):
    right = reparameterise_backward(dz, log_variance, eps)
    return right._replace(log_variance=2 * right.log_variance)


def test_missing_half_in_the_reparameterisation_is_caught_by_the_gradient_check(monkeypatch):
    monkeypatch.setattr(vae_module, "reparameterise_backward", half_missing_backward)
    vae = small_vae()
    assert failed_rows(gradcheck(vae, IMAGES)) == of_part(vae, "encoder")


# The KL.


def scaled_kl(factor):
    return lambda mean, log_variance: factor * kl_to_standard(mean, log_variance)


def scaled_kl_gradients(factor):
    def gradients(mean, log_variance):
        right = kl_to_standard_gradients(mean, log_variance)
        return right._replace(mean=factor * right.mean, log_variance=factor * right.log_variance)

    return gradients


def without_half(mean, log_variance):
    right = kl_to_standard_gradients(mean, log_variance)
    return right._replace(log_variance=2 * right.log_variance)


@pytest.mark.parametrize(
    "wrong",
    [without_half, scaled_kl_gradients(2.0), scaled_kl_gradients(-1.0)],
    ids=["missing half of the log-variance's", "missing half", "sign"],
)
def test_a_wrong_gradient_of_the_kl_is_caught_by_the_gradient_check(wrong, monkeypatch):
    monkeypatch.setattr(vae_module, "kl_to_standard_gradients", wrong)
    vae = small_vae()
    assert failed_rows(gradcheck(vae, IMAGES)) == of_part(vae, "encoder")


@pytest.mark.parametrize("factor", [2.0, -1.0], ids=["missing half", "sign"])
def test_a_kl_wrong_in_value_and_gradient_is_caught_by_its_value_alone(factor, monkeypatch):
    monkeypatch.setattr(vae_module, "kl_to_standard", scaled_kl(factor))
    vae = small_vae()
    assert not gradcheck(vae, IMAGES).passed  # with the right gradient it would be seen
    monkeypatch.setattr(vae_module, "kl_to_standard_gradients", scaled_kl_gradients(factor))
    report = gradcheck(vae, IMAGES)
    assert report.passed, report
    report = check_kl(scaled_kl(factor))
    assert [row.name for row in report.rows if row.passed] == ["equal to the prior"]


# The likelihood: a sum over pixels, not their mean.


def averaging(likelihood_class, value, gradient):
    """Return a likelihood with the mean over pixels in the value, the gradient or both."""

    class Averaging(likelihood_class):
        def negative_log_likelihood(self, x, decoded):
            nats = super().negative_log_likelihood(x, decoded)
            return nats / x[0].size if value else nats

        def gradient(self, x, decoded):
            slope = super().gradient(x, decoded)
            return slope / x[0].size if gradient else slope

    return Averaging()


def total_probability(likelihood, count=3):
    """Return the integral (or sum) of exp(−nats) over all images of ``count`` pixels."""
    if likelihood.name == "bernoulli":
        values, width = [0.0, 1.0], 1.0
    else:
        values, width = np.linspace(-6, 6, 61), 0.2
    x = np.array(list(product(values, repeat=count)))
    decoded = np.tile(normal(count, scale=0.5), (len(x), 1))
    nats = likelihood.negative_log_likelihood(x, decoded) + likelihood.omitted(count)
    return np.exp(-nats).sum() * width**count


classes = pytest.mark.parametrize("likelihood_class", [BernoulliLikelihood, GaussianLikelihood])


@classes
def test_mean_over_pixels_in_the_gradient_alone_is_caught_by_the_gradient_check(likelihood_class):
    vae = small_vae(averaging(likelihood_class, value=False, gradient=True))
    assert failed_rows(gradcheck(vae, IMAGES)) == set(vae.parameters)


@classes
def test_mean_over_pixels_in_the_value_alone_is_caught_by_the_gradient_check(likelihood_class):
    vae = small_vae(averaging(likelihood_class, value=True, gradient=False))
    assert failed_rows(gradcheck(vae, IMAGES)) == set(vae.parameters)


@classes
def test_mean_over_pixels_throughout_is_caught_by_the_total_probability(likelihood_class):
    likelihood = averaging(likelihood_class, value=True, gradient=True)
    report = gradcheck(small_vae(likelihood), IMAGES)
    assert report.passed, report
    assert total_probability(likelihood) > 1.5
    assert total_probability(likelihood_class()) == pytest.approx(1)


# Layers.


class TransposedWeight(Dense):
    """Multiplies by W where Wᵀ is meant, which only fits a square weight."""

    def backward(self, dy):
        self.backward_parameters(dy)
        return kernels.matmul(dy, self.parameters["weight"].value)


class NoBiasGradient(Dense):
    """Leaves the bias out."""

    def backward_parameters(self, dy):
        before = self.parameters["bias"].grad.copy()
        super().backward_parameters(dy)
        self.parameters["bias"].grad[...] = before


class UnsummedBias(Dense):
    """Takes the first example's gradient for the sum over examples."""

    def backward_parameters(self, dy):
        before = self.parameters["bias"].grad.copy()
        super().backward_parameters(dy)
        self.parameters["bias"].grad[...] = before + dy[0]


class MeanBias(Dense):
    """Averages over examples, as the loss has done already."""

    def backward_parameters(self, dy):
        before = self.parameters["bias"].grad.copy()
        super().backward_parameters(dy)
        self.parameters["bias"].grad[...] = before + dy.mean(axis=0)


class Overwriting(Dense):
    """Assigns its gradients instead of adding to them."""

    def backward_parameters(self, dy):
        self.zero_grad()
        super().backward_parameters(dy)


@pytest.mark.parametrize(
    ("layer_class", "wrong"),
    [
        (TransposedWeight, {"x"}),
        (NoBiasGradient, {"bias"}),
        (UnsummedBias, {"bias"}),
        (MeanBias, {"bias"}),
        (Overwriting, {"weight", "bias"}),
    ],
)
@each_seed
def test_a_wrong_dense_layer_is_caught_by_the_gradient_check(layer_class, wrong, seed):
    layer = layer_class(4, 4, rng=seed, dtype=np.float64)
    assert failed_rows(gradcheck(layer, normal(3, 4, seed=seed), seed=seed)) == wrong


@pytest.mark.parametrize(
    ("layer_class", "wrong"),
    [
        (TransposedWeight, {"0.weight", "0.bias"}),
        (NoBiasGradient, {"2.bias"}),
        (UnsummedBias, {"2.bias"}),
        (MeanBias, {"2.bias"}),
    ],
)
def test_a_wrong_dense_layer_inside_a_model_is_caught_and_named(layer_class, wrong):
    rng = np.random.default_rng(0)
    encoder, _ = small_parts()
    decoder = Sequential(
        Dense(2, 15, rng=rng, dtype=np.float64),
        Tanh(dtype=np.float64),
        layer_class(15, 15, rng=rng, dtype=np.float64),
    )
    likelihood = BernoulliLikelihood()
    vae = VAE(encoder, decoder, likelihood, image_shape=(15,), latent_dim=2)
    found = failed_rows(gradcheck(vae, IMAGES.reshape(4, 15)))
    named = {f"decoder.{name}" for name in wrong}
    if layer_class is TransposedWeight:  # all that is further back is wrong as well
        named |= of_part(vae, "encoder")
    assert found == named


class SlopeOne(ELU):
    """Has the slope 1 on the negative side too."""

    def backward(self, dy):
        return dy.copy()


class SlopeY(ELU):
    """Forgets that y + α, not y, is α eˣ."""

    def backward(self, dy):
        return dy * np.where(self._y > 0, 1.0, self._y)


class SlopeForAlphaOne(ELU):
    """Takes α to be 1, whatever it is."""

    def backward(self, dy):
        return dy * np.where(self._y > 0, 1.0, self._y + 1)


@pytest.mark.parametrize("layer_class", [SlopeOne, SlopeY, SlopeForAlphaOne])
def test_a_wrong_slope_of_the_elu_is_caught_by_the_gradient_check(layer_class):
    layer = layer_class(0.7, dtype=np.float64)
    assert gradcheck(layer, np.array([[0.5, 2.0]])).passed  # the positive side is right
    report = gradcheck(layer, np.array([[0.5, 2.0, -0.5]]))
    assert not report.passed
    assert report.rows[0].where == "(0, 2)"


# The order of things.


class StaleEncoder(Sequential):
    """Sends back the gradient of the batch before."""

    def backward_parameters(self, dy):
        super().backward_parameters(getattr(self, "stale", dy))
        self.stale = dy.copy()


def test_a_stale_gradient_fed_to_the_encoder_is_caught_by_the_gradient_check():
    encoder, decoder = small_parts()
    stale = StaleEncoder(*encoder.layers)
    vae = VAE(stale, decoder, BernoulliLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
    assert failed_rows(gradcheck(vae, IMAGES)) == of_part(vae, "encoder")


class OneRoadOnly(VAE):
    """Leaves out one of the two roads by which the encoder is reached."""

    left_out = "kl"

    def backward(self):
        mean, log_variance, _, _, _ = self._pass
        if self.left_out == "kl":
            beta, self.beta = self.beta, 0.0
            super().backward()
            self.beta = beta
        else:
            kept = {n: p.grad.copy() for n, p in self.parameters.items() if "encoder" in n}
            super().backward()
            for name, before in kept.items():
                self.parameters[name].grad[...] = before
            through_kl = kl_to_standard_gradients(mean, log_variance)
            self.encoder.backward_parameters(
                self.beta / len(mean) * np.concatenate(through_kl, axis=1)
            )


@pytest.mark.parametrize("left_out", ["kl", "z"])
def test_a_forgotten_road_to_the_encoder_is_caught_by_the_gradient_check(left_out):
    vae = small_vae(model=OneRoadOnly)
    vae.left_out = left_out
    assert failed_rows(gradcheck(vae, IMAGES)) == of_part(vae, "encoder")


def test_the_wrong_ones_above_are_wrong():
    # A control of the controls: the planted functions differ from the right ones.
    mean, log_variance = normal(2, 3, 2)
    eps = normal(1, 3, 2, seed=1)
    right = reparameterise(mean, log_variance, eps)
    assert np.abs(by_the_variance(mean, log_variance, eps) - right).max() > 0.1
    assert (scaled_kl(-1.0)(mean, log_variance) < 0).all()
