"""The VQ-VAE: its loss, its gradients with the codes held, its prior and its draws."""

import itertools

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, pixels, refused
from vqvae_cases import IMAGES, D, K, P, small_vqvae

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.straight_through import held_quantisation
from scratchvae.layers import Dense, Sequential
from scratchvae.models import VQVAE, build
from scratchvae.plots import draw_interpolation, draw_latent, draw_manifold
from scratchvae.plots.captions import draws_from, kl_meaning
from scratchvae.runs.pictures import usual_pictures

NO_NOISE = np.empty((0, len(IMAGES), P))


def failing(report):
    return {row.name.split(".")[0] for row in report.rows if not row.passed}


def test_the_loss_is_the_bound_and_two_distances():
    """eq. 24.2, eq. 24.5: minus log p(x | k), minus log p(k), and (1 + β) ‖z − e‖²."""
    model = small_vqvae(commitment=0.7)
    terms = model.forward(IMAGES, NO_NOISE)
    z = model.encoder.forward(IMAGES).reshape(-1, P, D)
    codebook = model.quantiser.parameters["codebook"].value
    distances = ((z[:, :, None] - codebook) ** 2).sum(axis=-1)  # (N, P, K)
    codes = distances.argmin(axis=-1)
    np.testing.assert_array_equal(model.encode(IMAGES), codes)
    decoded = model.decoder.forward(codebook[codes].reshape(len(IMAGES), -1))
    reconstruction = (np.logaddexp(0, decoded) - IMAGES * decoded).sum(axis=(1, 2, 3)).mean()
    assert terms.reconstruction == pytest.approx(reconstruction)
    logits = model.code_logits(codes)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shares, codes[..., None], axis=-1)
    assert terms.kl == pytest.approx(-np.log(chosen).sum(axis=(1, 2)).mean())
    error = distances.min(axis=-1).sum(axis=1).mean()
    assert terms.loss == pytest.approx(terms.reconstruction + terms.kl + 1.7 * error)
    bound = model.elbo(IMAGES).mean()
    assert bound == pytest.approx(-terms.reconstruction - terms.kl)


@pytest.mark.parametrize("commitment", [0.0, 0.7])
def test_with_codes_held_the_gradient_is_the_slope(commitment):
    model = small_vqvae(commitment=commitment)
    report = gradcheck(held_quantisation(model, IMAGES), IMAGES)
    assert report.passed, report
    assert {row.name.split(".")[0] for row in report.rows} == set(VQVAE.layered)


def test_the_held_loss_is_the_loss_and_has_its_gradients():
    model = small_vqvae()
    held = held_quantisation(model, IMAGES)
    found = []
    for one in (model, held):
        loss = one.forward(IMAGES, NO_NOISE, True).loss
        one.zero_grad()
        one.backward()
        found.append((loss, {name: p.grad.copy() for name, p in one.parameters.items()}))
    assert found[0][0] == pytest.approx(found[1][0])
    for name, gradient in found[0][1].items():
        # z + (e − z) differs from e by rounding.
        np.testing.assert_allclose(gradient, found[1][1][name], rtol=1e-9, atol=1e-12)


def test_a_gradient_check_of_the_model_itself_fails_where_gradients_are_stopped_and_only_there():
    """What is straight through is no slope; decoder and prior have slopes (eq. 24.3)."""
    assert failing(gradcheck(small_vqvae(), IMAGES)) == {"encoder", "quantiser"}


class ForgetsCommitment(VQVAE):
    """Leaves the commitment out of the gradient."""

    def backward(self):
        commitment, self.commitment = self.commitment, 0.0
        super().backward()
        self.commitment = commitment


class PullsTheWrongWay(VQVAE):
    """Moves codes away from their vectors."""

    def backward(self):
        before = self.quantiser.parameters["codebook"].grad.copy()
        super().backward()
        grad = self.quantiser.parameters["codebook"].grad
        grad[...] = 2 * before - grad


class TeachesTheCodebookTwice(VQVAE):
    """Also lets the reconstruction move the codes, past the stop."""

    def backward(self):
        super().backward()
        x, _, quantised, decoded, _ = self._last_pass()
        grads = {name: p.grad.copy() for name, p in self.decoder.parameters.items()}
        through = self.decoder.backward(self.likelihood.gradient(x, decoded) / len(x))
        for name, parameter in self.decoder.parameters.items():
            parameter.grad[...] = grads[name]  # the decoder went back twice
        self.quantiser.pull(quantised.codes, through)


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        (ForgetsCommitment, "encoder"),
        (PullsTheWrongWay, "quantiser"),
        (TeachesTheCodebookTwice, "quantiser"),
    ],
)
def test_wrong_gradients_are_caught_with_codes_held(kind, network):
    held = held_quantisation(small_vqvae(), IMAGES)
    mixed = type("Mixed", (kind, type(held)), {})
    held.__class__ = mixed
    assert failing(gradcheck(held, IMAGES)) == {network}


def test_the_probabilities_of_all_codes_add_up_to_one():
    """eq. 24.6: the chain rule over the places gives a distribution."""
    model = small_vqvae()
    codes = np.array([*itertools.product(range(K), repeat=P)])
    logits = model.code_logits(codes)
    log_p = np.take_along_axis(logits, codes[..., None], -1)[..., 0] - np.log(
        np.exp(logits).sum(axis=-1)
    )
    assert np.exp(log_p.sum(axis=1)).sum() == pytest.approx(1)


def test_draws_come_as_often_as_the_prior_says():
    model = small_vqvae()
    for parameter in model.prior.parameters.values():
        parameter.value *= 3  # far from uniform
    codes = np.array([*itertools.product(range(K), repeat=P)])
    logits = model.code_logits(codes)
    log_p = np.take_along_axis(logits, codes[..., None], -1)[..., 0] - np.log(
        np.exp(logits).sum(axis=-1)
    )
    expected = np.exp(log_p.sum(axis=1))
    count = 20_000
    drawn = model.draw_latents(count, np.random.default_rng(0)).astype(int)
    found = np.bincount(drawn @ [K * K, K, 1], minlength=K**P) / count
    # Each of 64 shares within five standard errors of itself.
    assert (np.abs(found - expected) <= 5 * np.sqrt(expected / count) + 1e-9).all()
    assert expected.max() > 3 * expected.min()


def test_codes_begin_where_the_encoder_puts_images_and_only_once():
    model = build("vq-vae", latent_dim=4, codes=8, code_dim=2)
    images = pixels(20, 28, 28, 1, dtype=np.float32)
    codebook = model.quantiser.parameters["codebook"].value
    model.begin(images)
    vectors = model.encoder.forward(images).reshape(-1, 2)
    gaps = np.abs(codebook[:, None] - vectors).max(axis=-1).min(axis=1)
    assert gaps.max() < 1e-6  # another order of sums in a batch of another size
    before = codebook.copy()
    model.begin(images[::-1])
    np.testing.assert_array_equal(codebook, before)


def test_latents_are_whole_numbers_and_nothing_else_is_decoded():
    model = small_vqvae()
    codes = model.encode(IMAGES)
    assert set(np.unique(codes)) <= set(range(K))
    np.testing.assert_array_equal(model.reconstruct(IMAGES), model.decode(codes))
    for wrong in (0.5, K, -1):
        with refused("whole numbers from 0 to 3"):
            model.decode(np.full((2, P), wrong))
    assert model.sample(3).shape == (3, *IMAGE_SHAPE)


def test_parts_that_do_not_fit_are_refused():
    model = small_vqvae()
    model.encoder = Sequential(*model.encoder.layers[:1], Dense(15, 5, dtype=np.float64))
    with refused("what encoder.forward gives", "(6, 6)", "(6, 5)"):
        model.forward(IMAGES, NO_NOISE)
    model = small_vqvae()
    model.prior = Sequential(Dense(P * K, 5, dtype=np.float64))
    with refused("what prior.forward gives", "12"):
        model.forward(IMAGES, NO_NOISE)
    with refused("commitment", "-1"):
        small_vqvae(commitment=-1)
    with refused("VQVAE has no KL"):
        build("vq-vae").fit(pixels(4, 28, 28, 1), warm_up=1.0)


def test_pictures_of_what_lies_between_latents_are_refused():
    model = small_vqvae()
    for draw in (draw_manifold, lambda model: draw_interpolation(model, IMAGES)):
        with refused("between two codes of a VQVAE there is none"):
            draw(model)
    figure = draw_latent(model, IMAGES, np.arange(6))
    assert "principal component" in figure.axes[0].get_xlabel()
    usual = usual_pictures(small_vqvae(places=2))
    assert usual == ("loss", "samples", "reconstructions", "latent")  # two codes are no plane
    assert draws_from(model) == "3 codes drawn one after the other"
    assert "-log p(k)" in kl_meaning(model)


def test_training_lowers_the_loss_and_uses_many_codes():
    images = np.zeros((60, 28, 28, 1), np.uint8)
    for kind in range(8):  # a bar at one of four heights, in the left or the right half
        top, left = 7 * (kind % 4), 14 * (kind // 4)
        images[kind::8, top : top + 7, left : left + 14] = 255
    model = build("vq-vae", latent_dim=4, codes=8, code_dim=2, commitment=50.0)
    model.fit(images, epochs=30, batch_size=20, progress=False)
    losses = [epoch.train.loss for epoch in model.history_]
    assert losses[-1] < 0.7 * losses[0]
    assert len(np.unique(model.encode(images))) >= 4
