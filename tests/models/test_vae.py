"""The loss of a VAE, by hand, and what it is made of."""

from dataclasses import astuple

import numpy as np
import pytest
from helpers import (
    DTYPES,
    IMAGE_SHAPE,
    normal,
    pixels,
    refused,
    small_autoencoder,
    small_parts,
    small_vae,
)
from scipy.special import expit

from scratchvae.layers import LogSoftplus
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.5])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("head", [None, LogSoftplus()], ids=["plain", "softplus"])
def test_the_loss_of_a_vae_by_hand(head, samples, beta):
    vae = small_vae(variance_head=head, samples=samples, beta=beta)
    eps = normal(samples, 6, 2, seed=3)
    weights = {name: p.value for name, p in vae.parameters.items()}
    reconstruction = kl = 0.0
    for n in range(6):
        x = IMAGES[n].ravel()
        hidden = np.tanh(x @ weights["encoder.1.weight"] + weights["encoder.1.bias"])
        out = hidden @ weights["encoder.3.weight"] + weights["encoder.3.bias"]
        mean, raw = out[:2], out[2:]
        variance = np.exp(raw) if head is None else np.logaddexp(0, raw) + 1e-8
        kl += 0.5 * (variance + mean**2 - 1 - np.log(variance)).sum()
        for sample in range(samples):
            z = mean + np.sqrt(variance) * eps[sample, n]
            hidden = np.tanh(z @ weights["decoder.0.weight"] + weights["decoder.0.bias"])
            p = expit(hidden @ weights["decoder.2.weight"] + weights["decoder.2.bias"])
            reconstruction -= (x * np.log(p) + (1 - x) * np.log(1 - p)).sum() / samples
    terms = vae.forward(IMAGES, eps)
    assert terms.reconstruction == pytest.approx(reconstruction / 6)
    assert terms.kl == pytest.approx(kl / 6)
    assert terms.loss == pytest.approx(reconstruction / 6 + beta * kl / 6)
    assert [term.shape for term in vae.terms] == [(6,), (6,)]
    assert vae.terms[0].mean() == pytest.approx(reconstruction / 6)


def test_several_samples_are_the_average_of_single_ones():
    vae = small_vae(GaussianLikelihood(0.1))
    eps = normal(4, 6, 2, seed=3)
    together = vae.forward(IMAGES, eps)
    vae.backward()
    gradient = {name: p.grad.copy() for name, p in vae.parameters.items()}
    vae.zero_grad()
    single = []
    for sample in range(4):
        single.append(vae.forward(IMAGES, eps[sample : sample + 1]))
        vae.backward()
    mean = np.mean([astuple(terms) for terms in single], axis=0)
    assert astuple(together) == pytest.approx(tuple(mean))
    for name, parameter in vae.parameters.items():
        np.testing.assert_allclose(parameter.grad / 4, gradient[name], rtol=1e-9, atol=1e-12)


def test_the_loss_of_a_batch_is_the_mean_over_its_images():
    vae = small_vae()
    eps = normal(1, 6, 2, seed=3)
    together = vae.forward(IMAGES, eps)
    each = [vae.forward(IMAGES[n : n + 1], eps[:, n : n + 1]).loss for n in range(6)]
    assert together.loss == pytest.approx(np.mean(each))


def test_the_loss_of_an_autoencoder_is_half_the_squared_error():
    model = small_autoencoder()
    terms = model.forward(IMAGES, model.draw_noise(6, np.random.default_rng(0)))
    error = 0.5 * ((IMAGES - model.reconstruct(IMAGES)) ** 2).sum(axis=(1, 2, 3))
    assert terms.loss == terms.reconstruction == pytest.approx(error.mean())
    assert terms.kl == 0


def test_noise_has_a_block_per_sample():
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        noise = small_vae(samples=3, dtype=dtype).draw_noise(5, rng)
        assert noise.shape == (3, 5, 2)
        assert noise.dtype == dtype


def test_backward_before_forward_is_refused():
    for model in (small_vae(), small_autoencoder()):
        with refused("forward"):
            model.backward()


def test_what_a_vae_is_built_of_must_make_sense():
    for name, bad in (
        ("beta", -1.0),
        ("beta", np.nan),
        ("samples", 0),
        ("samples", 1.5),
    ):
        with refused(name, repr(bad)):
            small_vae(**{name: bad})
    for bad in (BernoulliLikelihood, "bernoulli"):
        with refused("likelihood must be a Likelihood", repr(bad)):
            VAE(*small_parts(), bad, image_shape=IMAGE_SHAPE, latent_dim=2)
    for bad in (15, (), (3, 0, 1)):
        with refused("image_shape"):
            VAE(*small_parts(), BernoulliLikelihood(), image_shape=bad, latent_dim=2)
    for bad in (0, 1.5):
        with refused("latent_dim", repr(bad)):
            VAE(*small_parts(), BernoulliLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=bad)


DRAWN, SCORED = "what goes into decoder.0 (Dense)", "the loss itself"


@pytest.mark.parametrize(
    ("log_variance", "dtype", "where"),
    [
        (90.0, np.float32, SCORED),  # z is of order 1e19, whose square float32 does not hold
        (90.0, np.float64, None),
        (1e3, np.float32, DRAWN),
        (1e3, np.float64, SCORED),
        (-1e3, np.float32, None),
        (-1e3, np.float64, None),
    ],
)
def test_an_evaluation_is_finite_or_names_where_it_ceases_to_be(log_variance, dtype, where):
    vae = small_vae(GaussianLikelihood(), dtype=dtype)
    vae.parameters["encoder.3.bias"].value[2:] = log_variance
    if where is None:
        assert np.isfinite([vae.evaluate(IMAGES).loss, vae.score(IMAGES), *vae.elbo(IMAGES)]).all()
    else:
        for method in (vae.evaluate, vae.elbo, vae.score):
            with refused("the loss of the images is", where, "look for extreme values"):
                method(IMAGES)
    for answer in (vae.encode(IMAGES), vae.reconstruct(IMAGES), vae.sample(2)):
        assert np.isfinite(answer).all()


def test_a_bound_is_finite_whatever_weighs_its_kl_in_the_loss():
    assert np.isfinite(small_vae(beta=1.7e308).elbo(IMAGES)).all()


@pytest.mark.parametrize(
    ("place", "answer", "words"),
    [
        ("encoder.3", lambda vae: vae.encode(IMAGES), "the latents became infinite or NaN"),
        ("encoder.3", lambda vae: vae.reconstruct(IMAGES), "the latents became infinite or NaN"),
        ("decoder.2", lambda vae: vae.decode(np.full((2, 2), 5)), "the decoded images became"),
        ("decoder.2", lambda vae: vae.sample(9), "the decoded images became infinite or NaN"),
        ("decoder.2", lambda vae: vae.sample(9, pixel_noise=True), "the decoded images became"),
    ],
)
def test_an_answer_is_finite_or_names_the_layer_where_it_ceases_to_be(place, answer, words):
    vae = small_vae(GaussianLikelihood(), dtype=np.float32)
    assert np.isfinite(answer(vae)).all()
    before = {"encoder.3": "encoder.1", "decoder.2": "decoder.0"}[place]
    vae.parameters[f"{before}.bias"].value[...] = 100  # so that what comes in is three times 1
    vae.parameters[f"{place}.weight"].value[...] = np.finfo(np.float32).max
    with refused(words, f"first in {place} (Dense)", "look for extreme values in the images"):
        answer(vae)
