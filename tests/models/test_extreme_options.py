"""Options beyond all that float32 can hold give finite answers, or one line says what is wrong."""

import warnings

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, pixels, refused, small_vae

from scratchvae.errors import InputError
from scratchvae.kernels import BACKEND
from scratchvae.models import RECIPES, build
from scratchvae.training import Trainer

# Beyond float32, near the end of float64, below float32, and the smallest number there is.
EXTREMES = (1e39, 1.7e308, 1e-46, 5e-324)
CONVOLUTIONAL = ("zhao-cnn", "fleuret-conv", "fleuret-autoencoder")  # with the options of others
CASES = [
    (name, option, value)
    for name, recipe in RECIPES.items()
    for option, usual in recipe.options.items()
    for value in (*EXTREMES, *(-value for value in EXTREMES))
    if isinstance(usual, float) and name not in CONVOLUTIONAL
]


def answers(model, images, labels):
    """Yield what each of a model's methods computes, as a function."""
    given = {"labels": labels} if model.classes else {}
    z = np.zeros((3, model.latent_dim))
    yield lambda: list(vars(model.evaluate(images, **given)).values())
    yield lambda: model.score(images, labels)
    yield lambda: model.encode(images, **given)
    yield lambda: model.decode(z, **given)
    yield lambda: model.sample(2)
    yield lambda: model.sample(2, pixel_noise=True)
    if model.has_prior:
        yield lambda: model.elbo(images, **given)
    trainer = Trainer(model)
    for _ in range(4):
        yield lambda: list(vars(trainer.step(images, **given)).values())


def attempt(work):
    """Return what a function gives, or nothing, and what it was refused with."""
    try:
        return work(), ""
    except InputError as error:
        return [], str(error)


@pytest.mark.parametrize(("name", "option", "value"), CASES)
def test_an_extreme_option_gives_finite_answers_or_one_line(name, option, value):
    model, said = attempt(lambda: build(name, **{option: value}))
    assert "\n" not in said
    if said:
        assert option in said
        return
    images = np.random.default_rng(0).random((3, *model.image_shape), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answer in answers(model, images, np.arange(3)):
            found, said = attempt(answer)
            assert np.isfinite(found).all()
            assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("hierarchical-vae", "beta", 1.7e308),
        ("hierarchical-vae", "free_bits", 1.7e308),
        ("kingma-welling", "reconstruction_weight", 1.7e308),
        ("vq-vae", "commitment", 1e39),
        ("sparse-autoencoder", "sparsity", 1e39),
    ],
)
def test_weights_that_make_a_loss_infinite_are_refused_and_leave_the_bound(name, option, value):
    model = build(name, **{option: value})
    images = np.random.default_rng(0).random((3, 28, 28, 1), dtype=np.float32)
    said = ("loss of the images is inf", "what the model makes of its terms", "its options")
    with refused(*said):
        model.evaluate(images)
    if model.has_prior:  # the bound has no weights
        usual = build(name).elbo(images)
        np.testing.assert_array_equal(model.elbo(images), usual)
    else:
        with refused(*said):
            model.score(images)


def test_an_epoch_whose_losses_have_no_finite_sum_ends_in_one_line():
    # A squared gradient that overflows leaves Adam where it is, so that each step has its loss.
    images, weight = pixels(6, *IMAGE_SHAPE), 3e306
    model = small_vae(reconstruction_weight=weight)
    before = model.state()
    # NumPy's kernels add in another order, and a gradient overflows before the losses' sum does.
    words = ["the mean loss of epoch 1 became inf", "each of its steps was finite"]
    with refused(*words if BACKEND == "numba" else ["became infinite or NaN"]):
        model.fit(images, epochs=2, batch_size=3, progress=False)
    assert model.history_ == []
    for name, array in model.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("changed", "value"), [("lowest_log_snr", -351.0), ("variance", 1e-153), ("variance", 1e153)]
)
def test_layers_of_a_diffusion_that_are_no_numbers_are_refused(changed, value):
    model = build("diffusion")
    setattr(model if changed == "lowest_log_snr" else model.likelihood, changed, value)
    with refused(f"{changed} must give a log signal-to-noise ratio from -350 to 350"):
        model.sample(2)


def test_draws_of_a_diffusion_that_overflow_name_the_layer():
    model = build("diffusion")
    model.lowest_log_snr = -300.0
    with refused("the draws of layer 99 became infinite or NaN"):
        model.sample(2)
