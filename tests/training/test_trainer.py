"""A trainer: what it is made of, what a single step is given, and what is in force when."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, refused, small_vae
from hierarchical_cases import small
from recorder import Recorder

from scratchvae.data.batches import read_pixels
from scratchvae.layers import Parameter
from scratchvae.randomness import stream
from scratchvae.training import SGD, Adam, LossTerms, Settings, Trainable, Trainer
from scratchvae.training.protocol import LossMean

IMAGES = np.arange(6.0).reshape(6, 1, 1, 1) / 8 + np.zeros((6, 2, 2, 1))
EIGHT_BIT = np.random.default_rng(1).integers(0, 256, (6, 2, 2, 1), dtype=np.uint8)


def test_a_trainer_begins_with_nothing_done():
    trainer = Trainer(Recorder(), seed=7)
    assert (trainer.seed, trainer.epoch, trainer.batch, trainer.kl_weight) == (7, 0, 0, 1.0)
    assert (trainer.running, trainer.running_seconds) == (LossMean(), 0.0)
    assert (trainer.free_bits, trainer.optimiser.steps) == (0.0, 0)
    adam = Trainer(Recorder(), learning_rate=0.25, epsilon=0.125).optimiser
    assert type(adam) is Adam
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (
        0.25, 0.9, 0.999, 0.125,
    )  # fmt: skip
    sgd = Trainer(Recorder(), optimiser="sgd", learning_rate=0.25, momentum=0.5).optimiser
    assert type(sgd) is SGD
    assert (sgd.learning_rate, sgd.momentum) == (0.25, 0.5)
    free = Trainer(small("bottom-up"), Settings(free_bits=0.5, free_bits_epochs=2))
    assert free.free_bits == 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Trainer(3),
            "the model must be a scratchvae.training.Trainable, not int: derive it from that "
            "class, which says what a model needs to be trained",
        ),
        (
            lambda: Trainer(Recorder(), {"epochs": 3}),
            "settings must be a Settings, such as Settings(epochs=3), not {'epochs': 3}",
        ),
        (
            lambda: Trainer(Recorder(), free_bits=0.5, free_bits_epochs=2.0),
            "Recorder has no free bits: leave free_bits and free_bits_epochs out",
        ),
        (
            lambda: Trainer(Recorder(), warm_up=2.0),
            "Recorder has no KL whose weight could grow: leave warm_up out",
        ),
        (lambda: Trainer(Recorder(), seed=-1), "seed must be a whole number of at least 0, not -1"),
        (lambda: Trainer(Recorder(), epoch=2), "there is no setting 'epoch'; did you mean 'epochs"),
    ],
)
def test_a_trainer_that_could_not_train_is_not_made(make, words):
    with refused(words):
        make()


def test_settings_that_are_assigned_later_keep_the_optimiser():
    trainer = Trainer(Recorder(), optimiser="sgd", momentum=0.5, learning_rate=0.25)
    trainer.optimiser.learning_rate = 0.125  # as a schedule sets it
    trainer.settings = trainer.settings.changed(epochs=3)
    assert (trainer.settings.epochs, trainer.optimiser.learning_rate) == (3, 0.125)
    trainer.settings = trainer.settings.changed(learning_rate=0.5)
    assert trainer.optimiser.learning_rate == 0.5
    other = {"momentum": 0.75}, {"optimiser": "adam"}
    for changes, name in zip(other, ("momentum", "optimiser"), strict=True):
        with refused(f"this trainer's optimiser was made with another {name}: make a new Trainer"):
            trainer.settings = trainer.settings.changed(**changes)
    adam = Trainer(Recorder())
    with refused("made with another epsilon"):
        adam.settings = adam.settings.changed(epsilon=0.5)
    with refused("settings must be a Settings, such as trainer.settings.changed(epochs=3), not 3"):
        trainer.settings = 3


# A step.


def test_a_step_gives_the_model_the_noise_of_its_number_and_the_labels():
    trainer = Trainer(Recorder(), seed=5)
    labels = np.arange(6)
    for number in range(3):
        trainer.step(IMAGES, labels)
        expected = stream(5, "noise", number).standard_normal(6)
        np.testing.assert_array_equal(trainer.model.noise[number], expected)
    for x, given, training in trainer.model.passes:
        np.testing.assert_array_equal(x, IMAGES)
        np.testing.assert_array_equal(given, labels)
        assert training is True
    trainer.step_on_floats(IMAGES)
    assert trainer.model.passes[-1][1] is None
    assert trainer.optimiser.steps == 4


def test_a_step_reads_eight_bits_as_the_settings_say_and_as_its_epoch_and_number_draw_them():
    grey = Trainer(Recorder())
    grey.step(EIGHT_BIT)
    np.testing.assert_array_equal(grey.model.passes[0][0], EIGHT_BIT * (1 / 255))
    trainer = Trainer(Recorder(), seed=5, pixels="binarised")
    for epoch in (0, 2):
        trainer.epoch = epoch
        number = trainer.optimiser.steps
        trainer.step(EIGHT_BIT)
        rng = stream(5, "pixels", epoch, number)
        expected = read_pixels(EIGHT_BIT, np.float64, "binarised", rng)
        np.testing.assert_array_equal(trainer.model.passes[-1][0], expected)
    trainer.step(IMAGES)
    np.testing.assert_array_equal(trainer.model.passes[-1][0], IMAGES)


def test_a_step_moves_by_the_gradient_of_its_own_batch_and_returns_the_loss_before_it():
    trainer = Trainer(Recorder(), optimiser="sgd", learning_rate=0.25)
    w = 3.0
    for batch in (IMAGES[:2], IMAGES[2:5], IMAGES):
        assert trainer.step(batch) == LossTerms(
            w * batch.mean(), w * batch.mean() - len(batch), len(batch)
        )
        w -= 0.25 * batch.mean()
        assert trainer.model.parameters["w"].value[0] == w


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            lambda trainer: trainer.step(IMAGES[:0]),
            "a batch must hold at least one image: there is no mean over none",
        ),
        (
            lambda trainer: trainer.step_on_floats(IMAGES.astype(np.float32)),
            "x is float32 where float64 is expected",
        ),
        (
            lambda trainer: trainer.step_on_floats(np.array(1.0)),
            "x must hold images (N, ...), not one number",
        ),
        (lambda trainer: trainer.step_on_floats([1.0]), "x must be a NumPy array, not list"),
        (lambda trainer: trainer.step("images"), "images must be an array of"),
        (lambda trainer: trainer.step(IMAGES, "labels"), "labels must be an array of"),
    ],
)
def test_a_batch_that_is_none_is_refused(step, words):
    trainer = Trainer(Recorder())
    with refused(words):
        step(trainer)
    assert (trainer.model.passes, trainer.optimiser.steps) == ([], 0)


class Diverging(Recorder):
    """Moves a buffer in each pass, and then has a loss that is not finite."""

    def __init__(self):
        super().__init__()
        self.buffers = {"seen": np.zeros(2)}
        self.factor = 1.0

    def forward(self, x, noise, /, training=False, labels=None):
        self.buffers["seen"] += 1
        terms = super().forward(x, noise, training, labels)
        return LossTerms(terms.loss * self.factor, terms.reconstruction, terms.kl)


def test_a_loss_that_is_not_finite_leaves_everything_and_says_what_to_do():
    for factor in (np.inf, -np.inf, np.nan):
        trainer = Trainer(Diverging(), learning_rate=0.25)
        trainer.model.factor = factor
        with refused(
            f"the loss became {factor} in step 1, first in the loss itself: look for extreme "
            "values in the images, the initial weights and the model's options"
        ):
            trainer.step(IMAGES)
        trainer.model.factor = 1.0
        trainer.step(IMAGES)
        before = trainer.model.parameters["w"].value.copy()
        trainer.model.factor = factor
        with refused(
            f"the loss became {factor} in step 2, first in the loss itself: use a learning rate "
            "below 0.25, or look for extreme values in the images"
        ):
            trainer.step(IMAGES)
        assert trainer.model.parameters["w"].value == before
        assert trainer.optimiser.steps == 1
        assert trainer.model.buffers["seen"].tolist() == [1, 1]


def test_parameters_that_were_replaced_are_refused():
    trainer = Trainer(Recorder())
    trainer.model.parameters["w"] = Parameter(np.array([3.0]))
    with refused(
        "the model's layers or parameters were replaced after this Trainer was made: make a new "
        "Trainer, whose optimiser has the new ones"
    ):
        trainer.step(IMAGES)


# Schedules.


@pytest.mark.parametrize(
    ("schedule", "progress", "share"),
    [
        ("constant", 0.5, 1),
        ("cosine", 0, 1),
        ("cosine", 1 / 3, 0.75),
        ("cosine", 0.5, 0.5),
        ("cosine", 1, 1e-3),
    ],
)
def test_a_schedule_sets_the_rate_of_the_steps_that_follow(schedule, progress, share):
    trainer = Trainer(Recorder(), schedule=schedule, learning_rate=0.25)
    for _ in range(2):  # from the settings' rate each time, not from the last
        trainer.schedule(progress)
        assert trainer.optimiser.learning_rate == pytest.approx(0.25 * share)
    assert trainer.kl_weight == 1


def test_the_weight_of_the_kl_grows_and_the_free_bits_sink_with_the_epochs():
    settings = Settings(epochs=8, warm_up=2, free_bits=0.5, free_bits_epochs=4)
    trainer = Trainer(small("bottom-up"), settings)
    for progress, weight, free in ((0, 0, 0.5), (0.125, 0.5, 0.375), (0.25, 1, 0.25), (1, 1, 0)):
        trainer.schedule(progress)
        assert (trainer.kl_weight, trainer.free_bits) == (weight, free)
    with refused("progress must be a number from 0 to 1, not 2"):
        trainer.schedule(2)


@pytest.mark.parametrize(
    ("make", "waiting"),
    [
        (lambda: Trainer(small_vae(), warm_up=2.0), "warm_up"),
        (lambda: Trainer(small_vae(), schedule="cosine"), "schedule"),
        (lambda: Trainer(small_vae(), schedule="cosine", warm_up=2.0), "warm_up"),
        (
            lambda: Trainer(small("bottom-up"), Settings(free_bits=0.5, free_bits_epochs=2)),
            "free_bits",
        ),
    ],
)
def test_what_only_a_schedule_puts_in_force_is_asked_for_before_the_first_step(make, waiting):
    with refused(
        f"the settings have a {waiting}, which no step puts in force by itself: call "
        "`trainer.schedule(progress)` before each step, with the part of the training that is "
        "done, from 0 to 1"
    ):
        make().step(np.zeros((2, *IMAGE_SHAPE)))


def test_the_schedule_of_the_models_own_settings_may_be_left_out():
    model = Recorder()
    model.settings = Settings(schedule="cosine", learning_rate=0.25)
    trainer = Trainer(model)
    trainer.step(IMAGES)
    assert (trainer.optimiser.steps, trainer.optimiser.learning_rate) == (1, 0.25)


# What a model needs.


def test_a_model_of_ones_own_says_which_of_its_methods_is_missing_and_has_the_others():
    class Bare(Trainable):
        parameters, dtype = {"w": Parameter(np.ones(2))}, np.dtype(np.float64)

    model = Bare()
    for name, call in {
        "draw_noise": lambda: model.draw_noise(2, None),
        "forward": lambda: model.forward(IMAGES, None),
        "backward": model.backward,
    }.items():
        with refused(f"Bare does not define {name}: write a {name} in class Bare"):
            call()
    assert (model.evaluate(IMAGES), model.begin(IMAGES), model.networks) == (None, None, {})
    assert model.as_labels(None, 2) is None
    assert model.as_labels([1, 2], 2).tolist() == [1, 2]
    assert model.as_images(EIGHT_BIT) is EIGHT_BIT
    model.parameters["w"].grad += 1
    model.zero_grad()
    assert not model.parameters["w"].grad.any()


def test_a_mean_over_no_images_is_zero():
    assert LossMean().terms() == LossTerms(0.0, 0.0, 0.0)
