import io
import signal
import sys
import threading

import numpy as np
import pytest
from helpers import pixels, refused, small_vae
from small_runs import interrupt_in_step

from scratchvae.errors import InputError
from scratchvae.training import Interrupted, LossTerms, Trainer, train

pytestmark = pytest.mark.usefixtures("ctrl_c")

IMAGES = np.random.default_rng(0).integers(0, 256, (22, 3, 5, 1), dtype=np.uint8)
TESTS = IMAGES[:7]
EPOCHS, STEPS = 3, 6  # of batches of 4: the last of an epoch holds 2


def make_trainer(**changes):
    return Trainer(small_vae(), seed=3, **({"epochs": EPOCHS, "batch_size": 4} | changes))


def numbers(trainer):
    """Return all numbers that training changes, in one array."""
    arrays = [p.value for p in trainer.model.parameters.values()]
    arrays += trainer.optimiser.state.values()
    return np.concatenate([array.ravel() for array in arrays])


def losses(history):
    return [(row.epoch, row.train, row.test) for row in history]


@pytest.fixture(scope="module")
def through():
    """Return the trainer and the history of a training that nothing interrupted."""
    trainer = make_trainer()
    return trainer, train(trainer, IMAGES, TESTS)


def test_training_lowers_the_loss():
    history = train(make_trainer(epochs=30, learning_rate=5e-2), IMAGES, TESTS)
    assert history[-1].train.loss < history[0].train.loss - 0.2
    assert [row.epoch for row in history] == list(range(1, 31))


def test_metrics_are_means_over_images_and_tests_come_after_the_epoch(through):
    trainer, history = through
    assert trainer.epoch == EPOCHS
    assert trainer.optimiser.steps == EPOCHS * STEPS
    assert history[-1].test == trainer.model.evaluate(TESTS, seed=3)
    # With a learning rate that changes nothing, the epoch's mean is that of its batches by size.
    still, seen = make_trainer(epochs=1, learning_rate=1e-300), []
    step = still.step_on_floats

    def watched(x):
        seen.append((step(x).loss, len(x)))
        return LossTerms(seen[-1][0], 0.0, 0.0)

    still.step_on_floats = watched
    (row,) = train(still, IMAGES)
    assert [size for _, size in seen] == [4] * 5 + [2]
    assert row.train.loss == pytest.approx(sum(loss * size for loss, size in seen) / 22)
    assert row.test is None


def test_the_same_seed_gives_the_same_bits_and_another_does_not(through):
    again = make_trainer()
    assert losses(train(again, IMAGES, TESTS)) == losses(through[1])
    np.testing.assert_array_equal(numbers(again), numbers(through[0]))
    other = Trainer(small_vae(), seed=4, epochs=EPOCHS, batch_size=4)
    train(other, IMAGES, TESTS)
    assert (numbers(other) != numbers(through[0])).any()


@pytest.mark.parametrize("changes", [{}, {"pixels": "binarised", "schedule": "cosine"}])
@pytest.mark.parametrize("step", [1, 2, 6, 7, 9, 18])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(monkeypatch, step, changes):
    whole = make_trainer(**changes)
    expected = train(whole, IMAGES, TESTS)
    interrupt_in_step(monkeypatch, step)
    trainer, history = make_trainer(**changes), []
    with pytest.raises(Interrupted):
        train(trainer, IMAGES, TESTS, on_epoch=history.append)
    assert trainer.optimiser.steps == step  # the step under way was finished, none was begun
    assert (trainer.epoch, trainer.batch) == divmod(step, STEPS)
    monkeypatch.undo()
    train(trainer, IMAGES, TESTS, on_epoch=history.append)
    assert losses(history) == losses(expected)
    np.testing.assert_array_equal(numbers(trainer), numbers(whole))


def test_ctrl_c_in_the_evaluation_waits_for_its_end(monkeypatch, through):
    trainer, history = make_trainer(), []
    evaluate = trainer.model.evaluate

    def interrupted(images, **options):
        if trainer.epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return evaluate(images, **options)

    monkeypatch.setattr(trainer.model, "evaluate", interrupted)
    with pytest.raises(Interrupted):
        train(trainer, IMAGES, TESTS, on_epoch=history.append)
    assert losses(history) == losses(through[1])[:2]
    assert (trainer.epoch, trainer.batch) == (2, 0)


def test_a_second_ctrl_c_stops_at_once_and_says_that_it_did(monkeypatch):
    interrupt_in_step(monkeypatch, 3, times=2)
    trainer = make_trainer()
    with pytest.raises(KeyboardInterrupt) as stop:
        train(trainer, IMAGES)
    assert not isinstance(stop.value, Interrupted)
    assert trainer.optimiser.steps == 2


@pytest.mark.parametrize("times", [0, 1, 2])
def test_the_handler_of_ctrl_c_is_put_back(monkeypatch, times):
    interrupt_in_step(monkeypatch, 2, times)
    try:
        train(make_trainer(), IMAGES)
    except KeyboardInterrupt:
        assert times
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_background_job_that_ignores_ctrl_c_goes_on_ignoring_it(monkeypatch):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_in_step(monkeypatch, 2, times=2)
    assert len(train(make_trainer(), IMAGES)) == EPOCHS


def test_training_works_in_another_thread(through):
    results = []
    worker = threading.Thread(target=lambda: results.append(train(make_trainer(), IMAGES, TESTS)))
    worker.start()
    worker.join()
    assert losses(results[0]) == losses(through[1])


def test_fit_works_in_another_thread():
    here, there = small_vae(), small_vae()
    here.fit(IMAGES, epochs=2)
    worker = threading.Thread(target=there.fit, args=(IMAGES,), kwargs={"epochs": 2})
    worker.start()
    worker.join()
    np.testing.assert_array_equal(here.encode(IMAGES), there.encode(IMAGES))


def test_ctrl_c_in_fit_is_a_keyboard_interrupt_and_the_model_stays_usable(monkeypatch):
    model = small_vae()
    before = model.encode(IMAGES)
    interrupt_in_step(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES, batch_size=4)
    after = model.encode(IMAGES)
    assert np.isfinite(after).all()
    assert (after != before).any()
    assert len(model.fit(IMAGES, epochs=2, warm_start=True).history_) == 2


def test_no_images_are_refused():
    with refused("at least one image"):
        train(make_trainer(), IMAGES[:0])


def test_a_loss_that_is_not_finite_is_refused_without_warnings():
    trainer, history = make_trainer(learning_rate=1e300), []
    with refused("the loss became", "learning rate below 1e+300"):
        train(trainer, IMAGES, TESTS, on_epoch=history.append)
    assert history == []


def test_an_epoch_whose_test_loss_is_not_finite_is_not_reported():
    # One step an epoch: its loss is measured before the step that spoils the parameters.
    trainer, history = make_trainer(learning_rate=1e300, batch_size=22), []
    words = ("after epoch 1, which ended with step 1, first in what goes into decoder.0 (Dense)",)
    with refused("the test loss became", *words, "learning rate below 1e+300"):
        train(trainer, IMAGES, TESTS, on_epoch=history.append)
    assert history == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_in_the_images_is_refused(value):
    images = pixels(8, 3, 5, 1)
    images[5, 1, 2, 0] = value
    model = small_vae()
    before = model.parameters["encoder.1.weight"].value.copy()
    for call in (model.fit, model.encode, model.elbo, model.evaluate, Trainer(model).step):
        with refused("images", "[5, 1, 2, 0]"):
            call(images)
    np.testing.assert_array_equal(model.parameters["encoder.1.weight"].value, before)


def test_the_cosine_schedule_falls_from_the_learning_rate_to_nearly_nothing():
    trainer, rates = make_trainer(schedule="cosine", learning_rate=0.5), []
    step = trainer.step_on_floats

    def watched(x):
        rates.append(trainer.optimiser.learning_rate)
        return step(x)

    trainer.step_on_floats = watched
    train(trainer, IMAGES)
    expected = 0.25 * (1 + np.cos(np.pi * np.arange(EPOCHS * STEPS) / (EPOCHS * STEPS)))
    np.testing.assert_allclose(rates, expected)


def test_what_the_model_returns_between_two_steps_is_its_callers_to_keep():
    trainer, kept, copies = make_trainer(epochs=1), [], []

    def look(count):
        found = (trainer.model.encode(TESTS), trainer.model.decode(np.zeros((2, 2))))
        found += (trainer.model.encoder.forward(TESTS / 255),)
        kept.append(found)
        copies.append([array.copy() for array in found])

    train(trainer, IMAGES, on_batch=look)
    assert len(kept) == STEPS
    for found, copy in zip(kept, copies, strict=True):
        for array, before in zip(found, copy, strict=True):
            np.testing.assert_array_equal(array, before)


def test_looking_between_the_steps_does_not_change_the_training(through):
    trainer = make_trainer()
    history = train(trainer, IMAGES, TESTS, on_batch=lambda count: trainer.model.evaluate(TESTS))
    assert losses(history) == losses(through[1])


def test_floats_are_taken_as_they_are_in_training_as_in_evaluation():
    def watched(images):
        trainer, seen = make_trainer(epochs=1, pixels="binarised"), set()
        step = trainer.step_on_floats
        trainer.step_on_floats = lambda x: seen.update(np.unique(x)) or step(x)
        train(trainer, images)
        return seen

    assert watched(IMAGES) == {0, 1}
    assert watched(IMAGES / 255) == set(np.unique(IMAGES / 255))


def test_the_seconds_of_an_interrupted_epoch_are_those_of_both_its_parts(monkeypatch):
    interrupt_in_step(monkeypatch, 3)
    trainer = make_trainer(epochs=2)
    with pytest.raises(Interrupted):
        train(trainer, IMAGES)
    assert 0 < trainer.running_seconds < 60
    trainer.running_seconds += 1000
    first, second = train(trainer, IMAGES)
    assert 1000 < first.seconds < 1060
    assert second.seconds < 60
    assert trainer.running_seconds == 0


def test_an_error_in_on_epoch_ends_the_training():
    def fail(metrics):
        raise InputError("the disk is full")

    with refused("the disk is full"):
        train(make_trainer(), IMAGES, on_epoch=fail)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_line_of_metrics_says_what_its_numbers_are(through):
    line = str(through[1][0])
    for word in ("epoch", "loss", "rec.", "KL", "test loss", " s"):
        assert word in line
    assert "\n" not in line


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "progress", "shown"),
    [(Terminal(), True, True), (Terminal(), False, False), (io.StringIO(), True, False)],
)
def test_the_bar_is_shown_on_a_terminal_alone(monkeypatch, stream, progress, shown):
    monkeypatch.setattr(sys, "stderr", stream)
    train(make_trainer(), IMAGES, progress=progress)
    assert bool(stream.getvalue()) == shown
