"""Only one training of a model at a time: another, in whatever thread, is refused."""

import numpy as np
import pytest
from helpers import assert_same, pixels, refused, small_vae
from meanwhile import in_another_thread, meanwhile

import scratchvae
from scratchvae.layers import BatchNorm
from scratchvae.training import train

IMAGES = pixels(11, 3, 5, 1)
FIT = {"epochs": 2, "batch_size": 5, "progress": False}


def training_in_every_way(model):
    return {
        "fit": lambda: model.fit(IMAGES, **FIT),
        "step": lambda: scratchvae.Trainer(model).step(IMAGES),
        "train": lambda: train(scratchvae.Trainer(model), IMAGES, progress=False),
    }


@pytest.mark.parametrize("first", ["fit", "step", "train"])
@pytest.mark.parametrize("second", ["fit", "step", "train"])
def test_a_second_training_at_once_is_refused(first, second, monkeypatch):
    model = small_vae()
    ways, refusals = training_in_every_way(model), []

    def try_second():
        for call in (lambda work: work(), in_another_thread):
            with refused("VAE is being trained already", "copy.deepcopy(model)"):
                call(ways[second])
            refusals.append(1)

    with monkeypatch.context() as patch:
        meanwhile(patch, try_second)
        ways[first]()
    assert refusals
    alone = small_vae()
    training_in_every_way(alone)[first]()
    assert_same(model.state(), alone.state())
    assert len(model.history_) == len(alone.history_)
    ways[second]()  # and afterwards it may


@pytest.mark.parametrize("second", ["fit", "train"])
def test_a_second_training_moves_no_statistics_before_it_is_refused(second, monkeypatch):
    model = small_vae()
    model.encoder.layers.insert(2, BatchNorm(3, dtype=np.float64))
    trainer, refusals = scratchvae.Trainer(model, batch_size=5), []
    ways = training_in_every_way(model)  # the last of batches of 5 would be one image
    ways["train"] = lambda: train(trainer, IMAGES, progress=False)

    def try_second():
        before = model.state()
        with refused("VAE is being trained already"):
            in_another_thread(ways[second])
        assert_same(model.state(), before)
        refusals.append(1)

    with monkeypatch.context() as patch:
        meanwhile(patch, try_second)
        model.fit(IMAGES[:10], **FIT)
    assert refusals


def test_a_training_that_fails_gives_the_model_free(monkeypatch):
    model = small_vae()
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.fit(IMAGES, **FIT)
    in_another_thread(lambda: model.fit(IMAGES, **FIT))


def test_one_trainer_in_two_threads_at_once_is_refused(monkeypatch):
    trainer = scratchvae.Trainer(small_vae())

    def try_again():
        with refused("being trained already"):
            in_another_thread(lambda: trainer.step(IMAGES))

    with monkeypatch.context() as patch:
        meanwhile(patch, try_again)
        trainer.step(IMAGES)
    assert trainer.optimiser.steps == 1
    in_another_thread(lambda: trainer.step(IMAGES))
    assert trainer.optimiser.steps == 2
