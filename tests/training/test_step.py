"""The training step: what it returns, changes and refuses."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, each_dtype, normal, pixels, refused, small_vae, values

from scratchvae.probability import GaussianLikelihood
from scratchvae.randomness import StreamsInTurn, stream
from scratchvae.training import LossTerms, Settings, Trainer

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
EIGHT_BIT = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(learning_rate=0.02),
        Settings(optimiser="sgd", learning_rate=0.02, momentum=0.9),
        Settings(optimiser="sgd", learning_rate=0.05),
    ],
    ids=["adam", "momentum", "sgd"],
)
@each_dtype
def test_steps_on_a_fixed_batch_decrease_its_loss(settings, dtype):
    vae = small_vae(GaussianLikelihood(0.2), dtype=dtype)
    trainer = Trainer(vae, settings)
    before = vae.evaluate(IMAGES)
    parts = [trainer.step(IMAGES) for _ in range(50)]
    assert all(isinstance(part, LossTerms) for part in parts)
    assert vae.evaluate(IMAGES).loss < before.loss - 0.5
    losses = [part.loss for part in parts]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    assert trainer.optimiser.steps == 50


def test_a_step_returns_the_loss_before_it_and_fixes_its_noise_by_the_seed():
    first, again, other = (Trainer(small_vae(), seed=seed) for seed in (1, 1, 2))
    for trainer in (first, again, other):
        trainer.losses = [trainer.step(IMAGES) for _ in range(3)]
    assert first.losses == again.losses
    assert first.losses != other.losses
    assert_same(values(first.model), values(again.model))
    vae = small_vae()
    parts = Trainer(vae, learning_rate=1e-12).step(IMAGES)
    assert parts.loss == pytest.approx(vae.evaluate(IMAGES).loss, rel=0.1)


def test_a_step_understands_eight_bits():
    first, second = Trainer(small_vae()), Trainer(small_vae())
    assert first.step(EIGHT_BIT).loss == pytest.approx(second.step(EIGHT_BIT / 255).loss)


def test_a_loss_that_is_not_finite_stops_before_the_parameters_change():
    for bad in (np.nan, np.inf):
        vae = small_vae()
        trainer = Trainer(vae, learning_rate=0.1)
        trainer.step(IMAGES)
        vae.parameters["decoder.2.bias"].value[3] = bad
        before = values(vae)
        state = {name: array.copy() for name, array in trainer.optimiser.state.items()}
        with (
            np.errstate(invalid="ignore"),  # inf − inf in the loss
            refused("the loss became", "in step 2", "learning rate below 0.1"),
        ):
            trainer.step(IMAGES)
        assert_same(values(vae), before)
        assert_same(trainer.optimiser.state, state)
        assert trainer.optimiser.steps == 1


def test_a_batch_that_does_not_fit_is_refused():
    trainer = Trainer(small_vae())
    with refused("at least one image"):
        trainer.step(IMAGES[:0])
    with refused("must be of shape"):
        trainer.step(normal(3, 4))
    with refused("nan"):
        trainer.step(np.full((1, *IMAGE_SHAPE), np.nan))


def test_noise_of_a_number_is_the_same_when_it_is_asked_for_again():
    streams = StreamsInTurn("noise")
    for number in (0, 1, 1, 5, 40, 3, 3):
        for _ in range(2):
            drawn = streams.take(7, number).random(4)
            np.testing.assert_array_equal(drawn, stream(7, "noise", number).random(4))
