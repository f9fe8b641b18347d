"""Batches that the user makes: functions, sequences and generators of them."""

import numpy as np
import pytest
from helpers import assert_same, refused

from scratchvae.models import build

IMAGES = np.random.default_rng(0).integers(0, 256, (48, 5, 4, 1), dtype=np.uint8)
LABELS = np.arange(48) % 3


class Batches:
    def __init__(self, size=16, labels=False):
        self.size, self.labels, self.asked = size, labels, 0

    def __len__(self):
        return -(-48 // self.size)

    def __getitem__(self, place):
        self.asked += 1
        where = slice(place * self.size, (place + 1) * self.size)
        return (IMAGES[where], LABELS[where]) if self.labels else IMAGES[where]


def generator():
    batches = Batches()
    for place in range(len(batches)):
        yield batches[place]


def new(name="zhao-mlp", **options):
    return build(name, image_shape=(5, 4, 1), **options)


def test_functions_sequences_and_loops_train_alike():
    class Loop:
        def __iter__(self):
            return generator()

    states = [
        new().fit(given, epochs=2, progress=False).state()
        for given in (Batches(), generator, Loop())
    ]
    assert_same(states[0], states[1])
    assert_same(states[0], states[2])


def test_a_sequence_is_one_epoch_and_every_image_counts():
    model = new().fit(Batches(size=20), epochs=3, test_images=IMAGES, progress=False)
    assert [metrics.epoch for metrics in model.history_] == [1, 2, 3]
    assert all(np.isfinite(metrics.test.loss) for metrics in model.history_)
    batches = Batches(size=20)
    new().fit(batches, epochs=2, progress=False)
    assert batches.asked == 1 + 2 * 3  # the first is looked at before the training


def test_a_generator_is_one_epoch_and_no_more():
    one = new().fit(generator(), epochs=1, progress=False)
    assert_same(one.state(), new().fit(generator, epochs=1, progress=False).state())
    model = new()
    before = model.state()
    with refused("exhausted after one epoch, and 2 are wanted", "the function that makes it"):
        model.fit(generator(), epochs=2, progress=False)
    assert_same(model.state(), before)


def test_labels_come_with_the_batches():
    model = new("conditional-vae", classes=3)
    model.fit(Batches(labels=True), epochs=1, progress=False)
    new().fit(Batches(labels=True), epochs=1, progress=False)  # which has no use for them
    with refused("labels come with the batches"):
        new().fit(Batches(), LABELS, progress=False)
    with refused("this model needs the class"):
        new("conditional-vae", classes=3).fit(Batches(), epochs=1, progress=False)


@pytest.mark.parametrize("recipe", ["vq-vae", "iwae", "diffusion", "kingma-welling"])
def test_every_kind_of_model_trains_on_batches(recipe):
    model = new(recipe).fit(Batches(), epochs=1, progress=False)
    assert np.isfinite(model.history_[0].train.loss)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: 3, "must return them, not 3"),
        (list, "at least one batch"),
        (lambda: [IMAGES[0]], "(5, 4, 1)"),
        (lambda: [IMAGES[:, :3]], "(48, 3, 4, 1)"),
        (lambda: [(IMAGES, LABELS, LABELS)], "not a tuple of 3"),
        (lambda: [IMAGES, IMAGES[:0]], "no images"),
        (lambda: [IMAGES, "text"], "batch 1"),
    ],
)
def test_what_are_no_batches_is_refused_and_the_model_stays(given, words):
    model = new()
    before = model.state()
    with refused(words):
        model.fit(given, epochs=1, progress=False)
    assert_same(model.state(), before)


def test_a_batch_size_is_refused_since_batches_have_their_own():
    with refused("`batch_size`"):
        new().fit(Batches(), batch_size=3, progress=False)


def test_a_function_that_runs_dry_is_told_apart_from_an_epoch():
    left = [generator(), generator(), iter(())]
    with refused("epoch 2 has no batches"):
        new().fit(lambda: left.pop(0), epochs=2, progress=False)


def test_a_loader_of_pytorch_gives_batches_and_single_images_are_refused():
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    pixels, classes = torch.from_numpy(IMAGES / np.float32(255)), torch.from_numpy(LABELS)
    pairs = data.TensorDataset(pixels.permute(0, 3, 1, 2), classes)
    loaded = data.DataLoader(pairs, batch_size=16)
    chosen = {"epochs": 2, "progress": False}

    def numpy():
        for place in (0, 16, 32):
            yield pixels.numpy()[place : place + 16], LABELS[place : place + 16]

    for name in ("zhao-mlp", "conditional-vae"):
        assert_same(new(name).fit(loaded, **chosen).state(), new(name).fit(numpy, **chosen).state())
    alone = data.DataLoader(data.TensorDataset(pairs.tensors[0]), batch_size=16)
    assert_same(new().fit(alone, **chosen).state(), new().fit(numpy, **chosen).state())
    for single in (pairs, data.DataLoader(pairs, batch_size=None)):
        with refused("one by one", "DataLoader(dataset, batch_size=128"):
            new().fit(single, **chosen)
