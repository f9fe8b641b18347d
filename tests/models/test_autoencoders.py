"""Sparse and denoising autoencoders, the learned variance, and a loss without one of its terms."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, refused, small_parts, small_vae

from scratchvae.checks.gradients import gradcheck
from scratchvae.models import DenoisingAutoencoder, SparseAutoencoder, build
from scratchvae.probability import GaussianLikelihood, LearnedVarianceLikelihood

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
OPTIONS = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}


def small(model, **options):
    return model(*small_parts(outputs=1), GaussianLikelihood(0.3), **OPTIONS, **options)


def no_noise(model, images=IMAGES):
    return model.draw_noise(len(images), np.random.default_rng(0))


# The sparse autoencoder.


def test_sparse_autoencoder_pays_for_the_absolute_sum_of_its_code():
    model = small(SparseAutoencoder, sparsity=0.7)
    terms = model.forward(IMAGES, no_noise(model))
    code = np.abs(model.encode(IMAGES)).sum(axis=1).mean()
    assert terms.loss == pytest.approx(terms.reconstruction + 0.7 * code)
    assert terms.kl == 0
    error = ((IMAGES - model.reconstruct(IMAGES)) ** 2).sum(axis=(1, 2, 3)).mean()
    assert terms.reconstruction == pytest.approx(error / 0.6)


@pytest.mark.parametrize("sparsity", [0.0, 0.7])
def test_gradient_of_the_sparse_autoencoder_is_right(sparsity):
    report = gradcheck(small(SparseAutoencoder, sparsity=sparsity), IMAGES)
    assert report.passed, report


class PenaltyOfTheValue(SparseAutoencoder):
    """Takes z itself for its sign."""

    def backward(self):
        x, z, decoded = self._pass
        d_decoded = self.likelihood.gradient(x, decoded) / len(x)
        dz = self.decoder.backward(d_decoded) + self.sparsity / len(x) * z
        self.encoder.backward_parameters(dz)


def test_a_wrong_slope_of_the_sparsity_penalty_is_caught():
    report = gradcheck(small(PenaltyOfTheValue, sparsity=0.7), IMAGES)
    failed = {row.name.split(".")[0] for row in report.rows if not row.passed}
    assert failed == {"encoder"}


class SparseDenoising(SparseAutoencoder, DenoisingAutoencoder):
    """Adds noise to its input and pays for its code."""


def test_a_model_with_two_parents_checks_the_options_of_both():
    model = small(SparseDenoising, sparsity=0.7, noise_std=0.5)
    for option in ("sparsity", "noise_std"):
        with refused(option, "-1"):
            setattr(model, option, -1)
    assert (model.sparsity, model.noise_std) == (0.7, 0.5)


def test_sparsity_makes_codes_sparse():
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    shares = []
    for sparsity in (0.0, 5.0):
        model = build("sparse-autoencoder", latent_dim=60, sparsity=sparsity)
        model.fit(images, epochs=20, batch_size=20, progress=False)
        shares.append((model.encode(images) > 0).mean())
    assert shares[1] < 0.5 * shares[0]
    with refused("sparsity", "-1"):
        build("sparse-autoencoder", sparsity=-1)


# The denoising autoencoder.


def test_denoising_autoencoder_has_the_clean_image_as_its_target():
    model = small(DenoisingAutoencoder, noise_std=0.4)
    eps = normal(*IMAGES.shape, seed=2)
    rebuilt = model.reconstruct(IMAGES + 0.4 * eps)
    error = ((IMAGES - rebuilt) ** 2).sum(axis=(1, 2, 3)).mean() / 0.6
    terms = model.forward(IMAGES, eps)
    assert terms.loss == terms.reconstruction == pytest.approx(error)
    assert gradcheck(model, IMAGES).passed
    assert no_noise(model).shape == IMAGES.shape


class NoisyTarget(DenoisingAutoencoder):
    """Compares with its noisy input: an autoencoder of noise."""

    def forward(self, x, eps, training=False):
        return super().forward(x + self.noise_std * eps, np.zeros_like(eps), training)


def test_a_noisy_denoising_target_is_seen_in_the_loss_and_not_by_gradcheck():
    wrong, right = (small(kind, noise_std=0.4) for kind in (NoisyTarget, DenoisingAutoencoder))
    assert gradcheck(wrong, IMAGES).passed
    eps = normal(*IMAGES.shape, seed=2)
    assert wrong.forward(IMAGES, eps).loss > right.forward(IMAGES, eps).loss + 1


def test_corrupt_adds_the_noise_of_a_seed():
    model = small(DenoisingAutoencoder, noise_std=0.4)
    images = np.full((500, *IMAGE_SHAPE), 0.5)
    corrupted = model.corrupt(images, seed=1)
    np.testing.assert_array_equal(corrupted, model.corrupt(images, seed=1))
    assert (corrupted != model.corrupt(images, seed=2)).all()
    assert corrupted.std() == pytest.approx(0.4, rel=0.03)
    assert corrupted.mean() == pytest.approx(0.5, abs=0.02)
    with refused("noise_std", "nan"):
        small(DenoisingAutoencoder, noise_std=np.nan)


# Variances that are decoded, and weights.


def test_a_gaussian_decoder_reads_grey_pixels():
    bernoulli, gaussian = (build("kingma-welling", likelihood=n) for n in ("bernoulli", "gaussian"))
    assert (bernoulli.settings.pixels, gaussian.settings.pixels) == ("binarised", "grey")
    assert isinstance(gaussian.likelihood, LearnedVarianceLikelihood)
    assert gaussian.decode(normal(3, 20)).shape == (3, 28, 28, 1)
    with refused("bernoulli or gaussian", "'poisson'"):
        build("kingma-welling", likelihood="poisson")


def test_learned_variance_draws_grain_and_a_fixed_one_does_not():
    learned, fixed = build("learned-variance"), build("learned-variance", variance=1.0)
    for model, grainy in ((learned, True), (fixed, False)):
        clean, noisy = (model.sample(4, pixel_noise=noise) for noise in (False, True))
        assert clean.shape == noisy.shape == (4, 28, 28, 1)
        assert np.abs(noisy - clean).mean() > 0.05
        assert isinstance(model.likelihood, LearnedVarianceLikelihood) == grainy
    assert fixed.likelihood.variance == 1.0


def test_reconstruction_weight_and_beta_leave_out_one_term_of_the_loss():
    eps = normal(1, 6, 2, seed=3)
    whole = small_vae().forward(IMAGES, eps)
    only_kl = small_vae(reconstruction_weight=0.0)
    terms = only_kl.forward(IMAGES, eps)
    assert terms.loss == terms.kl == whole.kl
    assert terms.reconstruction == whole.reconstruction
    only_kl.zero_grad()
    only_kl.backward()
    assert all(not p.grad.any() for n, p in only_kl.parameters.items() if n.startswith("decoder"))
    for options in ({"reconstruction_weight": 0.0}, {"reconstruction_weight": 0.3, "beta": 0.0}):
        assert gradcheck(small_vae(**options), IMAGES).passed
    weighted = small_vae(reconstruction_weight=0.3, beta=2.0).forward(IMAGES, eps)
    assert weighted.loss == pytest.approx(0.3 * whole.reconstruction + 2 * whole.kl)
    bounds = [small_vae(reconstruction_weight=w).elbo(IMAGES) for w in (0.3, 1.0)]
    np.testing.assert_array_equal(*bounds)  # the bound is the bound
    with refused("reconstruction_weight", "-1"):
        small_vae(reconstruction_weight=-1)
