"""The stages of a learning rate, means over batches, and what a trainer starts with."""

from dataclasses import astuple

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, pixels, refused, small_vae

from scratchvae.training import LossTerms, Settings, Trainer
from scratchvae.training.optimisers import SGD, Adam
from scratchvae.training.protocol import LossMean
from scratchvae.training.settings import epochs_through_stage, stage_of

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)


def test_stages_have_a_power_of_three_of_epochs():
    assert [epochs_through_stage(last) for last in range(8)] == [
        1, 4, 13, 40, 121, 364, 1093, 3280,
    ]  # fmt: skip
    assert all(type(epochs_through_stage(last)) is int for last in range(8))
    assert [stage_of(epoch) for epoch in (0, 1, 3, 4, 12, 13, 1092, 1093, 3279, 9999)] == [
        0, 1, 1, 2, 2, 3, 6, 7, 7, 7,
    ]  # fmt: skip
    with refused("the stages are 0 to 7; there is no stage 8"):
        epochs_through_stage(8)
    for wrong in (-1, 1.5):
        with refused(f"the last stage must be a whole number of at least 0, not {wrong}"):
            epochs_through_stage(wrong)


@pytest.mark.parametrize(("epoch", "stage"), [(0, 0), (1, 1), (3, 1), (4, 2), (13, 3)])
def test_the_rate_falls_by_a_tenth_over_seven_stages(epoch, stage):
    settings = Settings(learning_rate=0.02, schedule="stages", epochs=20, batch_size=6)
    trainer = Trainer(small_vae(), settings)
    trainer.epoch = epoch
    trainer.schedule(1)
    assert trainer.optimiser.learning_rate == pytest.approx(0.02 * 10 ** (-stage / 7))
    constant = Trainer(small_vae(), learning_rate=0.02)
    constant.epoch = epoch
    constant.schedule(1)
    assert constant.optimiser.learning_rate == 0.02


def test_a_loop_of_ones_own_goes_through_the_stages_by_its_progress():
    trainer = Trainer(small_vae(), learning_rate=1.0, schedule="stages", epochs=20)
    rates = []
    for step in range(20):
        trainer.schedule(step / 20)
        rates.append(trainer.optimiser.learning_rate)
        trainer.step(IMAGES)
    stages = [0] + [1] * 3 + [2] * 9 + [3] * 7
    np.testing.assert_allclose(rates, [10 ** (-stage / 7) for stage in stages])


def test_rounding_does_not_keep_a_loop_of_ones_own_in_the_stage_before():
    assert 1 / 49 * 49 < 1
    trainer = Trainer(small_vae(), learning_rate=1.0, schedule="stages", epochs=49)
    trainer.schedule(0)
    trainer.step(IMAGES)
    trainer.schedule(1 / 49)
    assert trainer.optimiser.learning_rate == pytest.approx(10 ** (-1 / 7))


def test_a_mean_over_batches_weighs_them_by_their_images():
    mean = LossMean()
    mean.add(LossTerms(10.0, 8.0, 2.0), 3)
    mean.add(LossTerms(2.0, 1.5, 0.5), 1)
    assert astuple(mean.terms()) == pytest.approx((8.0, 6.375, 1.625))
    one = LossMean()
    one.add(LossTerms(10.0, 8.0, 2.0), 1)
    assert astuple(one.terms()) == (10.0, 8.0, 2.0)


def test_a_trainer_takes_the_settings_given_the_models_or_the_usual_ones():
    assert Trainer(small_vae()).settings == Settings()
    vae = small_vae()
    vae.settings = Settings(learning_rate=0.5)
    assert Trainer(vae).settings.learning_rate == 0.5
    assert Trainer(vae, Settings(learning_rate=0.25)).settings.learning_rate == 0.25
    trainer = Trainer(vae, batch_size=7)
    assert (trainer.settings.learning_rate, trainer.settings.batch_size) == (0.5, 7)
    assert (trainer.seed, trainer.epoch, trainer.batch, trainer.kl_weight) == (0, 0, 0, 1)


def test_a_trainer_makes_the_optimiser_that_was_asked_for():
    sgd = Trainer(small_vae(), optimiser="sgd", momentum=0.9, learning_rate=0.1).optimiser
    assert type(sgd) is SGD
    assert (sgd.momentum, sgd.learning_rate) == (0.9, 0.1)
    adam = Trainer(small_vae(), epsilon=1e-4).optimiser
    assert type(adam) is Adam
    assert adam.epsilon == 1e-4


def test_a_step_shows_its_images_and_moves_all_parameters():
    vae = small_vae()
    before = {name: p.value.copy() for name, p in vae.parameters.items()}
    Trainer(vae, learning_rate=0.01).step(IMAGES)
    for name, parameter in vae.parameters.items():
        assert (parameter.value != before[name]).any(), name


def test_an_unknown_setting_is_refused_with_the_nearest():
    with refused("there is no setting 'batchsize'", "'batch_size'"):
        Trainer(small_vae(), batchsize=3)
    with refused("no setting 'first'"):
        Settings().changed(first=1, second=2)
    assert Settings(epochs=3).changed(epochs=None, batch_size=5) == Settings(epochs=3, batch_size=5)


def test_binarised_pixels_are_drawn_anew_in_each_epoch_and_step():
    images = np.full((2, *IMAGE_SHAPE), 128, np.uint8)

    def losses(epochs):
        trainer = Trainer(small_vae(), pixels="binarised", learning_rate=1e-9)
        found = []
        for epoch in epochs:
            trainer.epoch = epoch
            found.append(trainer.step(images).loss)
        return found

    assert losses([0, 0]) == losses([0, 0])
    # With the same noise in both, only the pixels can differ.
    assert len({round(loss, 3) for loss in [*losses([0]), *losses([1]), *losses([2])]}) == 3
