"""Models: the loss, the public methods, seeds and training."""

from dataclasses import astuple

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
    small_parts,
    small_vae,
    values,
)
from scipy.special import expit

from scratchvae.errors import InputError
from scratchvae.layers import LogSoftplus
from scratchvae.models import VAE, build
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
)
from scratchvae.training import LossTerms

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
EIGHT_BIT = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)


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


def test_float64_and_float32_are_the_same_model(recipe):
    single, double = (build(recipe, seed=3, dtype=dtype) for dtype in DTYPES)
    for name, parameter in double.parameters.items():
        rounded = parameter.value.astype(np.float32)
        np.testing.assert_array_equal(rounded, single.parameters[name].value, strict=True)
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


def test_looking_at_a_model_does_not_change_its_training():
    plain, looked_at = small_vae(), small_vae()
    plain.fit(EIGHT_BIT, epochs=2, batch_size=8, progress=False)
    looked_at.sample(3)
    looked_at.elbo(EIGHT_BIT)
    looked_at.fit(EIGHT_BIT, epochs=2, batch_size=8, progress=False, test_images=EIGHT_BIT)
    assert_same(values(plain), values(looked_at))


def test_fit_begins_again_without_warm_start():
    vae = small_vae()
    initial = values(vae)
    options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    first = values(vae.fit(EIGHT_BIT, **options))
    assert all((first[name] != initial[name]).any() for name in first)
    assert_same(values(vae.fit(EIGHT_BIT, **options)), first)
    other = values(vae.fit(EIGHT_BIT, seed=1, **options))
    assert any((first[name] != other[name]).any() for name in first)

    vae.fit(EIGHT_BIT, **options)
    loss = vae.evaluate(EIGHT_BIT).loss
    further = values(vae.fit(EIGHT_BIT, warm_start=True, **options))
    assert any((first[name] != further[name]).any() for name in first)
    assert vae.evaluate(EIGHT_BIT).loss < loss
    # To continue what was never trained is to begin.
    assert_same(values(small_vae().fit(EIGHT_BIT, warm_start=True, **options)), first)


def test_fit_begins_with_the_values_before_the_first_fit():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    changed, also_changed = small_vae(), small_vae()
    for vae in (changed, also_changed):
        vae.parameters["encoder.1.weight"].value[...] = 0.1
    changed.fit(EIGHT_BIT, **options)
    also_changed.fit(EIGHT_BIT, warm_start=True, **options)
    assert_same(values(changed), values(also_changed))
    assert_same(values(also_changed.fit(EIGHT_BIT, **options)), values(changed))


def test_fit_begins_with_the_present_values_of_what_was_replaced():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    vae, other = small_vae(), small_vae(seed=1)
    vae.fit(EIGHT_BIT, **options)
    vae.encoder = other.encoder
    vae.decoder.layers[2].parameters["bias"].value = np.full(PIXELS, 0.3)
    expected = small_vae()
    expected.encoder = small_vae(seed=1).encoder
    # A parameter is still the same one when its array is another.
    assert_same(values(vae.fit(EIGHT_BIT, **options)), values(expected.fit(EIGHT_BIT, **options)))


def test_load_state_is_where_the_next_fit_begins():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    source = small_vae(seed=1)
    other = small_vae().fit(EIGHT_BIT, **options)
    other.load_state(source.state())
    assert_same(values(other), values(source))
    assert other.parameters["encoder.1.weight"] is not source.parameters["encoder.1.weight"]
    assert_same(values(other.fit(EIGHT_BIT, **options)), values(source.fit(EIGHT_BIT, **options)))


def test_load_state_refuses_a_state_of_another_model():
    vae, before = small_vae(), values(small_vae())
    state = small_vae(seed=1).state()
    with refused("prior must be absent in the state, not of shape (2,)"):
        vae.load_state(state | {"prior": np.zeros(2)})
    with refused("decoder.0.weight must be of shape (2, 3) in the state, not of shape (2, 4)"):
        vae.load_state(state | {"decoder.0.weight": np.zeros((2, 4))})
    del state["encoder.1.bias"]
    with refused("encoder.1.bias must be of shape (3,) in the state, not absent"):
        vae.load_state(state)
    assert_same(values(vae), before)


@pytest.mark.parametrize(
    ("images", "changes"),
    [
        (np.zeros((3, 5)), {}),
        (EIGHT_BIT[:0], {}),
        (np.full((2, *IMAGE_SHAPE), np.nan), {}),
        (EIGHT_BIT, {"learning_rate": -1}),
        (EIGHT_BIT, {"colour": 1}),
        (EIGHT_BIT, {"free_bits": 1.0, "free_bits_epochs": 1.0}),
        (EIGHT_BIT, {"seed": -1}),
        (EIGHT_BIT, {"test_images": np.zeros((3, 5))}),
        (EIGHT_BIT, {"test_images": EIGHT_BIT, "test_labels": np.zeros(20, int)}),
    ],
)
def test_what_fit_refuses_costs_no_trained_model(images, changes):
    vae = small_vae().fit(EIGHT_BIT, epochs=1, progress=False)
    before, history = values(vae), vae.history_
    with pytest.raises(InputError):
        vae.fit(images, progress=False, **changes)
    assert_same(values(vae), before)
    assert vae.history_ == history


def test_fit_keeps_the_history_of_its_epochs():
    vae = small_vae().fit(
        EIGHT_BIT, test_images=EIGHT_BIT[:5], epochs=3, batch_size=8, progress=False
    )
    assert [metrics.epoch for metrics in vae.history_] == [1, 2, 3]
    assert vae.history_[-1].test == vae.evaluate(EIGHT_BIT[:5])
    assert vae.history_[0].train.loss > vae.history_[-1].train.loss
    assert small_vae().fit(EIGHT_BIT, epochs=1, progress=False).history_[0].test is None


def test_fit_reports_wrong_settings():
    with refused("epoch", "epochs"):
        small_vae().fit(EIGHT_BIT, epoch=3)
    with refused("seed"):
        small_vae().fit(EIGHT_BIT, seed=-1, epochs=1, progress=False)
    with refused("test_images"):
        small_vae().fit(EIGHT_BIT, test_images=normal(2, 3), progress=False)


def test_history_holds_the_complete_epochs_of_a_fit_that_fails():
    vae = small_vae(GaussianLikelihood()).fit(EIGHT_BIT, epochs=1, progress=False)
    before, passes, forward = vae.history_, [], vae.forward

    def overflow(x, eps, training=False):
        passes.append(training)
        return forward(x * 1e200 if len(passes) > 4 else x, eps, training)

    vae.forward = overflow
    with refused("the loss became"):
        vae.fit(EIGHT_BIT, epochs=9, batch_size=10, progress=False)
    assert [row.epoch for row in vae.history_] == [1, 2]
    assert vae.history_[0] is not before[0]
