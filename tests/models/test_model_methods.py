"""What a model's public methods return: shapes, types, the same images in every form, seeds."""

import numpy as np
import pytest
from helpers import (
    DTYPES,
    IMAGE_SHAPE,
    PIXELS,
    assert_same,
    each_dtype,
    normal,
    pixels,
    refused,
    small_autoencoder,
    small_vae,
    values,
)
from scipy.special import expit

from scratchvae.models import RECIPES, build
from scratchvae.probability import GaussianLikelihood, LearnedVarianceLikelihood
from scratchvae.training import LossTerms

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
EIGHT_BIT = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)


@pytest.fixture(params=["kingma-welling", "zhao-mlp", "linear-autoencoder"])
def recipe(request):
    return request.param


@pytest.mark.parametrize("layout", [(28, 28, 1), (28, 28), (784,)])
def test_every_layout_of_images_is_understood(recipe, layout):
    model = build(recipe, latent_dim=3)
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), dtype=np.uint8)
    given = images.reshape(5, *layout)
    assert model.encode(given).shape == (5, 3)
    np.testing.assert_array_equal(model.encode(given), model.encode(images))
    assert model.reconstruct(given).shape == given.shape
    np.testing.assert_array_equal(
        model.reconstruct(given).reshape(images.shape), model.reconstruct(images)
    )
    assert model.evaluate(given) == model.evaluate(images)
    assert model.fit(given, epochs=1, progress=False) is model


def test_what_the_methods_return():
    vae = small_vae(dtype=np.float32)
    for images in (IMAGES, IMAGES.astype(np.float32)):
        for found, shape in (
            (vae.encode(images), (6, 2)),
            (vae.transform(images), (6, 2)),
            (vae.decode(normal(4, 2)), (4, *IMAGE_SHAPE)),
            (vae.inverse_transform(normal(4, 2)), (4, *IMAGE_SHAPE)),
            (vae.reconstruct(images), (6, *IMAGE_SHAPE)),
            (vae.sample(3), (3, *IMAGE_SHAPE)),
            (vae.sample(3, pixel_noise=True), (3, *IMAGE_SHAPE)),
            (vae.sample(), (1, *IMAGE_SHAPE)),
            (vae.elbo(images), (6,)),
            (vae.transform(images, np.zeros(6, int)), (6, 2)),  # ignored, as in fit
            (vae.fit_transform(images, epochs=1, progress=False), (6, 2)),
        ):
            assert found.shape == shape
            assert found.dtype == np.float32
            assert np.isfinite(found).all()
        assert isinstance(vae.score(images), float)
        assert isinstance(vae.evaluate(images), LossTerms)


def test_the_methods_say_the_same_thing():
    vae = small_vae()
    mean, log_variance = vae.encode_distribution(IMAGES)
    assert log_variance.shape == (6, 2)
    np.testing.assert_array_equal(vae.encode(IMAGES), mean)
    np.testing.assert_array_equal(vae.transform(IMAGES), mean)
    np.testing.assert_array_equal(vae.reconstruct(IMAGES), vae.decode(mean))
    np.testing.assert_array_equal(vae.inverse_transform(mean), vae.decode(mean))
    decoded = vae.decoder.forward(mean)
    np.testing.assert_allclose(vae.decode(mean), expit(decoded))
    assert vae.score(IMAGES) == pytest.approx(vae.elbo(IMAGES).mean())
    model = small_autoencoder()
    assert model.score(IMAGES) == -model.evaluate(IMAGES).loss


@pytest.mark.parametrize(
    "model",
    [
        small_vae(),
        small_vae(GaussianLikelihood(0.1)),
        small_vae(LearnedVarianceLikelihood()),
        small_autoencoder(),
    ],
    ids=["bernoulli", "gaussian", "learned variance", "autoencoder"],
)
def test_eight_bits_and_floats_are_the_same_images(model):
    floats = EIGHT_BIT / 255
    np.testing.assert_allclose(model.encode(EIGHT_BIT), model.encode(floats), rtol=1e-12)
    np.testing.assert_allclose(model.reconstruct(EIGHT_BIT), model.reconstruct(floats), rtol=1e-12)
    assert model.evaluate(EIGHT_BIT).loss == pytest.approx(model.evaluate(floats).loss)
    assert model.score(EIGHT_BIT) == pytest.approx(model.score(floats))
    bits = EIGHT_BIT > 127
    np.testing.assert_array_equal(model.encode(bits), model.encode(bits.astype(np.float64)))


def test_no_images_give_no_results():
    for model in (small_vae(), small_vae(LearnedVarianceLikelihood()), small_autoencoder()):
        for none in (IMAGES[:0], EIGHT_BIT[:0], np.empty((0, PIXELS))):
            assert model.encode(none).shape == (0, 2)
            assert model.reconstruct(none).shape == none.shape
            with refused("at least one image"):
                model.evaluate(none)
            with refused("at least one image"):
                model.fit(none, progress=False)
        assert model.decode(np.empty((0, 2))).shape == (0, *IMAGE_SHAPE)
        assert model.sample(0).shape == (0, *IMAGE_SHAPE)
        assert model.sample(0, pixel_noise=True).shape == (0, *IMAGE_SHAPE)
    assert small_vae().elbo(IMAGES[:0]).shape == (0,)


def test_the_score_of_no_images_is_refused():
    for model in (small_vae(), small_autoencoder()):
        with refused("at least one image"):
            model.score(IMAGES[:0])


def test_more_images_than_pass_at_once():
    vae = small_vae()
    images = pixels(1203, *IMAGE_SHAPE)
    latents = vae.encode(images)
    assert latents.shape == (1203, 2)
    for n in (0, 499, 500, 1202):
        np.testing.assert_allclose(latents[n], vae.encode(images[n : n + 1])[0], rtol=1e-9)
    decoded = vae.decode(latents)
    np.testing.assert_allclose(decoded[[3, 1202]], vae.decode(latents[[3, 1202]]), rtol=1e-9)
    bounds = vae.elbo(images)
    assert bounds.shape == (1203,)
    assert vae.evaluate(images).loss == pytest.approx(-bounds.mean())


@each_dtype
def test_a_model_keeps_its_dtype_everywhere(recipe, dtype):
    model = build(recipe, latent_dim=2, dtype=dtype)
    assert model.dtype == dtype
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), dtype=np.uint8)
    for given in (images, (images / 255).astype(np.float32), images / 255):
        model.fit(given, epochs=1, progress=False, test_images=given)
        assert model.encode(given).dtype == dtype
        assert model.reconstruct(given).dtype == dtype
        if model.has_prior:
            assert model.elbo(given).dtype == dtype
    for pixel_noise in (False, True):
        assert model.sample(2, pixel_noise=pixel_noise).dtype == dtype
    for parameter in model.parameters.values():
        assert parameter.value.dtype == parameter.grad.dtype == dtype


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_begins_with_the_same_numbers_in_both_dtypes_up_to_rounding(name):
    single, double = (build(name, seed=3, dtype=dtype).state() for dtype in DTYPES)
    assert single.keys() == double.keys()
    # The weights of "iwae" are multiplied by a factor after they were drawn, and rounded again.
    close = 2 * np.finfo(np.float32).eps if name == "iwae" else 0
    for key, value in double.items():
        assert single[key].dtype == np.float32
        np.testing.assert_allclose(single[key], value.astype(np.float32), rtol=close, atol=0)


def test_float64_and_float32_are_the_same_model(recipe):
    single, double = (build(recipe, seed=3, dtype=dtype) for dtype in DTYPES)
    images = pixels(4, 28, 28, 1)
    np.testing.assert_allclose(single.encode(images), double.encode(images), atol=1e-5)
    first, second = (
        # The noise differs in its digits between the dtypes, so none is drawn.
        model.forward(images.astype(model.dtype), np.zeros((1, 4, model.latent_dim), model.dtype))
        for model in (single, double)
    )
    assert first.loss == pytest.approx(second.loss, rel=1e-5)


def test_seeds_fix_every_result():
    vae = small_vae()
    np.testing.assert_array_equal(vae.sample(3, seed=1), vae.sample(3, seed=1))
    assert (vae.sample(3, seed=1) != vae.sample(3, seed=2)).any()
    noisy = [vae.sample(3, seed=seed, pixel_noise=True) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert (noisy[0] != noisy[2]).any()
    np.testing.assert_array_equal(vae.elbo(IMAGES, seed=1), vae.elbo(IMAGES, seed=1))
    assert (vae.elbo(IMAGES, seed=1) != vae.elbo(IMAGES, seed=2)).all()
    assert vae.evaluate(IMAGES, seed=1) == vae.evaluate(IMAGES, seed=1)
    first, again, other = (values(build("zhao-mlp", seed=seed)) for seed in (1, 1, 2))
    assert_same(first, again)
    assert all((first[name] != other[name]).any() for name in first)
