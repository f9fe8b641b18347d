"""Dropout: what it leaves out, and that its masks belong to the state of a training."""

import copy

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, each_dtype, normal, refused, small_parts

from scratchvae.checks.gradients import gradcheck
from scratchvae.errors import InputError
from scratchvae.layers import Dropout, Sequential
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.training import Trainer, load_checkpoint, save_checkpoint

IMAGES = np.random.default_rng(0).random((8, *IMAGE_SHAPE))


def model_with_dropout(seed=3):
    encoder, decoder = small_parts()
    for network in (encoder, decoder):
        network.layers.insert(-1, Dropout(0.4, rng=seed))
    likelihood = BernoulliLikelihood()
    return VAE(encoder, decoder, likelihood, image_shape=IMAGE_SHAPE, latent_dim=2)


@each_dtype
def test_a_share_of_the_numbers_is_left_out_and_the_rest_makes_up_for_it(dtype):
    layer, x = Dropout(0.25, rng=1, dtype=dtype), np.ones((200, 500), dtype)
    y = layer.forward(x, training=True)
    assert y.dtype == dtype
    values, counts = np.unique(y, return_counts=True)
    np.testing.assert_allclose(values, [0, 4 / 3], rtol=1e-6)
    # The standard error of a share of 100,000 is 0.0014.
    assert abs(counts[0] / y.size - 0.25) < 5 * 0.0014
    dy = normal(*x.shape, dtype=dtype)
    np.testing.assert_array_equal(layer.backward(dy), dy * y)
    other = layer.forward(x, training=True)
    assert 0.3 < (other != y).mean() < 0.45  # 2 · ¼ · ¾ = 0.375 of independent masks


def test_outside_training_nothing_is_left_out_and_nothing_drawn():
    layer, x = Dropout(0.5, rng=1), normal(3, 4)
    before = layer.buffers["noise"].copy()
    y = layer.forward(x)
    np.testing.assert_array_equal(y, x)
    assert y is not x
    np.testing.assert_array_equal(layer.backward(x), x)
    np.testing.assert_array_equal(layer.buffers["noise"], before)
    every = Dropout(0.0, rng=1)
    np.testing.assert_array_equal(every.forward(x, training=True), x)


def test_a_seed_fixes_the_masks_in_both_dtypes_and_layers_of_one_generator_differ():
    x = np.ones((4, 50))
    first, again = Dropout(rng=5), Dropout(rng=5)
    single = again.forward(x.astype(np.float32), training=True)
    np.testing.assert_array_equal(first.forward(x, training=True), single)
    rng = np.random.default_rng(0)
    one, two = (Dropout(rng=rng).forward(x, training=True) for _ in range(2))
    assert (one != two).any()


@pytest.mark.parametrize("training", [False, True])
def test_a_gradient_check_holds_the_mask(training):
    layer, x = Dropout(0.4, rng=1, dtype=np.float64), normal(5, 6)
    assert gradcheck(layer, x, training=training).passed
    assert layer.buffers["noise"][1] == 0
    model = model_with_dropout()
    assert gradcheck(model, IMAGES[:3], training=training).passed


def test_a_backward_pass_that_forgets_the_mask_is_caught():
    class Forgetful(Dropout):
        def backward(self, dy):
            return dy.copy()

    assert not gradcheck(Forgetful(0.4, rng=1, dtype=np.float64), normal(5, 6)).passed


def test_a_refused_step_draws_no_mask():
    model, twin = model_with_dropout(), model_with_dropout()
    trainers = [Trainer(one, seed=1) for one in (model, twin)]
    with pytest.raises(InputError, match="the loss became"):
        trainers[0].step_on_floats(np.full((2, *IMAGE_SHAPE), np.nan))
    for trainer in trainers:
        for _ in range(2):
            trainer.step(IMAGES[:4])
    assert_same(model.state(), twin.state())
    assert model.buffers["encoder.3.noise"][1] == 2


def test_a_training_that_is_resumed_goes_on_with_the_same_masks(tmp_path):
    straight, resumed = Trainer(model_with_dropout(), seed=1), Trainer(model_with_dropout(), seed=1)
    for _ in range(2):
        straight.step(IMAGES)
        resumed.step(IMAGES)
    save_checkpoint(tmp_path / "checkpoint.npz", resumed, {})
    other = Trainer(model_with_dropout(seed=9), seed=1)
    load_checkpoint(tmp_path / "checkpoint.npz", other)
    for trainer in (straight, other):
        for _ in range(2):
            trainer.step(IMAGES)
    assert_same(straight.model.state(), other.model.state())


def test_a_fit_that_begins_again_draws_the_masks_again():
    model = model_with_dropout()
    first = model.fit(IMAGES, epochs=2, batch_size=4, progress=False).state()
    assert first["encoder.3.noise"][1] == 4
    assert_same(model.fit(IMAGES, epochs=2, batch_size=4, progress=False).state(), first)
    model.elbo(IMAGES)  # whoever looks draws none
    assert_same(model.state(), first)


def test_with_and_without_plans_the_masks_are_the_same(monkeypatch):
    states = []
    for engine in ("on", "off"):
        monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
        trainer = Trainer(model_with_dropout(), seed=1)
        for _ in range(3):
            trainer.step(IMAGES)
        states.append(trainer.model.state())
    for name, value in states[0].items():
        np.testing.assert_allclose(value, states[1][name], rtol=1e-9, atol=1e-12)


def test_a_copy_goes_on_with_the_masks_and_keeps_none():
    layer, x = Dropout(rng=1), np.ones((100, 100))
    layer.forward(x, training=True)
    other = copy.deepcopy(layer)
    assert "mask" not in vars(other)
    np.testing.assert_array_equal(layer.forward(x, True), other.forward(x, True))


def test_a_rate_or_noise_that_says_nothing_is_refused():
    for wrong in (1, -0.1, 1.5, "0.5", None, np.nan):
        with refused("rate must be at least 0 and below 1"):
            Dropout(wrong)
    layer, x = Dropout(rng=0), np.ones((2, 2))
    for wrong in ([-1.0, 0], [0.5, 0], [1, np.nan], [2.0**60, 0]):
        layer.buffers["noise"] = np.array(wrong)
        with refused("a seed and a count", "make the layer anew"):
            layer.forward(x, training=True)
    del layer.buffers["noise"]
    with refused("the noise of this Dropout"):
        layer.forward(x, training=True)
    with refused("backward needs a forward pass"):
        Sequential(Dropout()).backward(x)
