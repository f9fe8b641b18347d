"""What of a model with codes, or of a diffusion, is replaced is used or refused in one line."""

import numpy as np
import pytest
from helpers import pixels, refused
from vqvae_cases import IMAGES, D, K, P, small_vqvae

from scratchvae.layers import Dense, Parameter, Sequential, Tanh, VectorQuantiser
from scratchvae.models import Diffusion
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood


def small_diffusion(**options):
    denoiser = Sequential(Dense(24, 16, rng=0, dtype=np.float64))
    return Diffusion(denoiser, steps=4, image_shape=(4, 4, 1), **options)


def test_a_quantiser_is_one():
    model = small_vqvae()
    with refused("quantiser must be a VectorQuantiser", "not Tanh()"):
        model.quantiser = Tanh()
    other = VectorQuantiser(K, D, rng=5, dtype=np.float64)
    model.quantiser = other
    model.fit(IMAGES, epochs=1)
    assert model.quantiser is other


@pytest.mark.parametrize("shape", [(K + 1, D), (K - 1, D), (K, D + 1), (K,)])
def test_a_codebook_of_another_shape_is_refused(shape):
    model = small_vqvae()
    model.quantiser.parameters["codebook"] = Parameter(np.ones(shape))
    for call in (model.encode, model.fit, model.elbo):
        with refused("the codebook of this VectorQuantiser must be of shape (4, 2)", str(shape)):
            call(IMAGES)
    with refused("codebook"):
        model.decode(np.zeros((2, P)))


def test_a_mask_that_is_replaced_is_one_of_the_same_connections():
    model = small_vqvae()
    layer = model.prior.layers[0]
    with refused("mask must be of shape (I, O)"):
        layer.mask = np.ones(layer.out_features)  # which NumPy would spread over all rows
    before = model.elbo(IMAGES)
    layer.mask = np.zeros_like(layer.mask, dtype=int)
    assert layer.mask.dtype == np.bool_
    assert (model.elbo(IMAGES) != before).any()
    layer.mask = layer.mask.T
    with refused("the weight of this MaskedDense must be of shape"):
        model.elbo(IMAGES)


def test_the_encoder_of_a_diffusion_is_not_replaced_by_one_that_never_runs():
    model = small_diffusion()
    with refused("the encoder of a Diffusion is fixed", "change the decoder"):
        model.encoder = Sequential(Dense(16, 16, dtype=np.float64))
    with refused("likelihood must be a GaussianLikelihood"):
        model.likelihood = BernoulliLikelihood()


NAMES = ("lowest_log_snr must be below -log(variance)",)


def test_noise_levels_that_do_not_go_together_are_refused():
    with refused(*NAMES):
        small_diffusion(variance=0.01, lowest_log_snr=5.0)


@pytest.mark.parametrize(
    ("name", "value"), [("lowest_log_snr", 5.0), ("likelihood", GaussianLikelihood(1e4))]
)
def test_so_are_those_of_which_one_was_changed(name, value):
    images, model = pixels(4, 4, 4, 1), small_diffusion()
    model.evaluate(images)
    setattr(model, name, value)
    for call in (model.fit, model.evaluate, model.encode):
        with refused(*NAMES):
            call(images)
