"""What a training asks of its model and shows of itself, call by call, on a model that records."""

from dataclasses import astuple

import numpy as np
import pytest
from helpers import refused
from recorder import Recorder

from scratchvae.data.batches import epoch_batches
from scratchvae.errors import InputError
from scratchvae.training import SGD, EpochMetrics, LossTerms, Settings, Trainer, train
from scratchvae.training import loop as loop_module

# The pixels of image i are all i / 8, exact in binary, and its label is i.
IMAGES = np.arange(10.0).reshape(10, 1, 1, 1) / 8 + np.zeros((10, 2, 2, 1))
LABELS = np.arange(10)
SETTINGS = Settings(optimiser="sgd", learning_rate=0.25, batch_size=4, epochs=2)


def of_each(images):
    """Return the number of each image that a pass has seen."""
    return images[:, 0, 0, 0] * 8


def trained(images=IMAGES, test_images=None, *, seed=3, settings=SETTINGS, **options):
    model = Recorder()
    trainer = Trainer(model, settings, seed=seed)
    history = train(trainer, images, test_images, progress=False, **options)
    return model, trainer, history


def test_each_epoch_shows_every_image_once_with_its_label_in_an_order_of_its_own():
    model, trainer, _ = trained(labels=LABELS)
    assert [len(shown) for shown, _, _ in model.passes] == [4, 4, 2] * 2
    assert [len(noise) for noise in model.noise] == [4, 4, 2] * 2
    for shown, labels, training in model.passes:
        np.testing.assert_array_equal(of_each(shown), labels)
        assert training is True
    first, second = (
        np.concatenate([of_each(shown) for shown, _, _ in model.passes[start : start + 3]])
        for start in (0, 3)
    )
    assert sorted(first) == sorted(second) == LABELS.tolist()
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, LABELS)
    assert (trainer.epoch, trainer.batch, trainer.optimiser.steps) == (2, 0, 6)
    without, _, _ = trained()
    assert [labels for _, labels, _ in without.passes] == [None] * 6
    for (shown, _, _), (again, _, _) in zip(model.passes, without.passes, strict=True):
        np.testing.assert_array_equal(shown, again)
    other, _, _ = trained(seed=4)
    assert any((a[0] != b[0]).any() for a, b in zip(model.passes, other.passes, strict=True))


def test_the_steps_and_the_means_of_an_epoch_are_those_of_its_batches():
    model, trainer, history = trained()
    w = 3.0
    for row, start in zip(history, (0, 3), strict=True):
        losses, sizes = [], []
        for shown, _, _ in model.passes[start : start + 3]:
            losses.append(w * shown.mean())
            sizes.append(len(shown))
            w -= 0.25 * shown.mean()
        loss, size = np.average(losses, weights=sizes), np.average(sizes, weights=sizes)
        assert astuple(row.train) == pytest.approx((loss, loss - size, size))
        assert row.test is None
    assert model.parameters["w"].value[0] == pytest.approx(w)
    assert type(trainer.optimiser) is SGD


def test_a_model_is_begun_once_before_the_first_step_and_not_where_a_training_goes_on():
    model, trainer, history = trained()
    assert model.begun == [(10, 0)]
    assert [row.epoch for row in history] == [1, 2]
    trainer.settings = trainer.settings.changed(epochs=3)
    (more,) = train(trainer, IMAGES, progress=False)
    assert (more.epoch, model.begun) == (3, [(10, 0)])
    assert train(trainer, IMAGES, progress=False) == []
    # Nor after a single step.
    one = Trainer(Recorder(), SETTINGS)
    one.step_on_floats(IMAGES[:4])
    train(one, IMAGES, progress=False)
    assert one.model.begun == []


def test_the_test_images_are_evaluated_with_their_labels_and_the_seed_after_each_epoch():
    tests, labels = IMAGES[:3], LABELS[:3]
    model, _, history = trained(test_images=tests, labels=LABELS, test_labels=labels, seed=5)
    assert [row.test for row in history] == [LossTerms(7.0, 5.0, 2.0)] * 2
    assert [(seed, passes) for _, _, seed, passes in model.tested] == [(5, 3), (5, 6)]
    assert all(images is tests and given is labels for images, given, _, _ in model.tested)
    model, _, history = trained(test_images=tests[:0])
    assert (model.tested, [row.test for row in history]) == ([], [None, None])


def test_callers_are_told_of_each_batch_and_each_epoch():
    told = []
    _, _, history = trained(on_batch=told.append, on_epoch=told.append)
    assert told == [4, 4, 2, history[0], 4, 4, 2, history[1]]


def test_batches_that_are_lent_hold_the_same_numbers_in_the_same_memory():
    # The last batch is smaller than the memory that it is written to.
    options = {"batch_size": 4, "seed": 3, "epoch": 1, "dtype": np.dtype(np.float64)}
    own = list(epoch_batches(IMAGES, **options))
    places = set()
    lent = loop_module._drawn_in_turn(zip(epoch_batches(IMAGES, **options), "abc", strict=True))
    for (x, label), expected, letter in zip(lent, own, "abc", strict=True):
        np.testing.assert_array_equal(x, expected)
        assert label == letter
        places.add(x.ctypes.data)
        # What is made between two batches is nobody else's.
        between = next(epoch_batches(IMAGES, **options))
        assert not np.may_share_memory(between, x)
    assert len(places) == 1


class Bar:
    """A progress bar that takes down what it is told."""

    def __init__(self, wanted, **options):
        self.wanted, self.options, self.said = wanted, options, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.said.append("closed")

    def set_description_str(self, text, refresh=True):
        self.said.append((text, refresh))

    def update(self, count):
        self.said.append(count)

    def clear(self):
        self.said.append("cleared")


@pytest.fixture
def bars(monkeypatch):
    made = []

    def bar(wanted, **options):
        made.append(Bar(wanted, **options))
        return made[-1]

    monkeypatch.setattr(loop_module, "progress_bar", bar)
    return made


def test_the_bar_counts_images_and_says_the_means_at_the_start_and_the_end_of_an_epoch(bars):
    # 23 batches of ones with w = 3 in the first, and a rate that changes nothing.
    images = np.ones((45, 2, 2, 1))
    settings = SETTINGS.changed(batch_size=2, epochs=2, learning_rate=1e-300)
    trained(images, settings=settings, on_epoch=lambda row: bars[0].said.append("told"))
    (bar,) = bars
    assert bar.wanted is False
    assert bar.options == {
        "total": 90,
        "initial": 0,
        "unit": " images",
        "unit_scale": True,
        "desc": "epoch 1/2",
        "bar_format": "{desc} |{bar}| {rate_fmt}  {remaining} left",
    }

    def epoch(number):
        def says(reconstruction, kl):
            text = f"epoch {number}/2  loss 3.0  rec. {reconstruction}  KL {kl}"
            return (text, False)  # refreshed with the count, not by itself

        start = [says("1.0", "2.0"), *[2] * 20, says("1.0", "2.0"), 2, 2]
        return [*start, says("1.0", "2.0"), 1, "cleared", "told"]

    assert bar.said == [*epoch(1), *epoch(2), "closed"]


@pytest.mark.parametrize(
    ("epoch", "batch", "initial", "total"), [(0, 2, 8, 20), (1, 0, 10, 20), (1, 3, 22, 22)]
)
def test_the_bar_begins_where_the_training_stands(bars, epoch, batch, initial, total):
    trainer = Trainer(Recorder(), SETTINGS)
    trainer.epoch, trainer.batch = epoch, batch
    trainer.running.images = min(4 * batch, 10)
    train(trainer, IMAGES)
    (bar,) = bars
    assert bar.wanted is True
    assert (bar.options["initial"], bar.options["total"]) == (initial, total)


def test_a_line_of_metrics_has_its_numbers_in_columns():
    row = EpochMetrics(7, LossTerms(123.456, 100.0, 23.456), LossTerms(98.7654, 1.0, 2.0), 4.56)
    assert str(row) == ("epoch  7  loss  123.46  rec.  100.00  KL 23.46  test loss   98.77   4.6 s")
    without = EpochMetrics(12, LossTerms(1.0, 2.0, 3.0), None, 100.0)
    assert str(without) == ("epoch 12  loss    1.00  rec.    2.00  KL  3.00 100.0 s")
    assert len(row.line("validation")) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"trainer": None}, "trainer must be a Trainer, such as Trainer(model), not None"),
        ({"progress": "yes"}, "progress must be True or False, not 'yes'"),
        ({"images": IMAGES.tolist()}, "images must be a ndarray, not [[["),
        ({"images": None}, "images must be a ndarray, not None"),
        ({"labels": LABELS.tolist()}, "labels must be a ndarray, not [0, 1"),
        ({"images": IMAGES[:0]}, "training expects at least one image, and there is none"),
        ({"images": np.ones(4)}, "training expects at least one image, and there is none"),
        ({"labels": LABELS[:3]}, "expected a label for each of 10 images, not 3"),
        ({"labels": np.array(3)}, "expected a label for each of 10 images, not 1"),
    ],
)
def test_a_training_of_something_else_is_refused_before_it_begins(arguments, words):
    trainer = Trainer(Recorder(), SETTINGS)
    with pytest.raises(InputError) as refusal:
        train(**({"trainer": trainer, "images": IMAGES} | arguments))
    assert str(refusal.value).startswith(words)
    assert (trainer.model.begun, trainer.model.passes) == ([], [])


def test_images_of_two_axes_are_enough():
    trainer = Trainer(Recorder(), SETTINGS.changed(epochs=1, batch_size=4))
    trainer.model.forward = lambda x, noise, training: LossTerms(1.0, 1.0, 0.0)
    trainer.model.backward = lambda: None
    (row,) = train(trainer, np.ones((1, 5)), progress=False)
    assert row.train == LossTerms(1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("batch", "images", "fits"),
    [
        (0, 0, True),
        (1, 4, True),
        (2, 8, True),
        (3, 10, True),
        (3, 12, False),
        (2, 7, False),
        (4, 10, False),
        (1, 0, False),
    ],
)
def test_a_trainer_can_stand_only_after_whole_batches_of_an_epoch(batch, images, fits):
    trainer = Trainer(Recorder(), SETTINGS)
    trainer.batch, trainer.running.images = batch, images
    if fits:
        assert len(train(trainer, IMAGES, progress=False)) == 2
        return
    with refused(
        f"the trainer stands after batch {batch} and {images} images of an epoch, which cannot be "
        "with 10 images in batches of 4: train on the same images as before"
    ):
        train(trainer, IMAGES, progress=False)


def test_no_trainer_stands_after_a_batch_that_would_be_empty():
    trainer = Trainer(Recorder(), SETTINGS.changed(batch_size=5))
    trainer.batch, trainer.running.images = 3, 10
    with refused("stands after batch 3 and 10 images of an epoch, which cannot be with 10 images"):
        train(trainer, IMAGES, progress=False)
