"""What is kept stays what it was: arrays that were handed out, and copies and pickles."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from helpers import assert_same, pixels, small_autoencoder, small_vae
from hierarchical_cases import small

import scratchvae
from scratchvae.engine import Engine
from scratchvae.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Layer,
    LogSoftplus,
    ReLU,
    Sequential,
    Sigmoid,
)
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import SGD, Adam, Trainable, Trainer

IMAGES = pixels(20, 3, 5, 1, dtype=np.float64)
FIT = {"epochs": 2, "batch_size": 6, "progress": False}


@pytest.fixture(params=["on", "off"])
def engine(request, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", request.param)


class Notes:
    """Arrays that somebody keeps, and what was in them then."""

    def __init__(self):
        self.kept, self.copies = [], []

    def take(self, *arrays):
        self.kept += arrays
        self.copies += [array.copy() for array in arrays]

    def assert_unchanged(self, least):
        assert len(self.kept) >= least
        for array, before in zip(self.kept, self.copies, strict=True):
            np.testing.assert_array_equal(array, before)


class Diary(Layer):
    """The identity, which keeps all that passes."""

    def __init__(self, notes):
        super().__init__(dtype=np.float64)
        self.notes = notes

    def forward(self, x, training=False):
        if training:
            self.notes.take(x)
        return x

    def backward(self, dy):
        self.notes.take(dy)
        return dy


@pytest.mark.parametrize("network", ["encoder", "decoder"])
@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_what_a_layer_keeps_is_not_written_over(network, place, engine):
    model, notes = small_vae(), Notes()
    getattr(model, network).layers.insert(place, Diary(notes))
    model.fit(IMAGES, **FIT)
    notes.assert_unchanged(8)


def test_what_a_likelihood_keeps_is_not_written_over(engine):
    notes = Notes()

    class Noting(GaussianLikelihood):
        def negative_log_likelihood(self, x, decoded):
            notes.take(x, decoded)
            return super().negative_log_likelihood(x, decoded)

    small_vae(Noting()).fit(IMAGES, test_images=IMAGES, **FIT)
    notes.assert_unchanged(16)


def test_what_a_likelihood_keeps_that_comes_between_two_steps_is_not_written_over(engine):
    notes = Notes()

    class Noting(GaussianLikelihood):
        def gradient(self, x, decoded):
            notes.take(x, decoded)
            return super().gradient(x, decoded)

    trainer = Trainer(small_vae(GaussianLikelihood()))
    for likelihood in (trainer.model.likelihood, Noting()):
        trainer.model.likelihood = likelihood
        for _ in range(3):
            trainer.step(IMAGES)
    notes.assert_unchanged(6)


def test_what_a_model_keeps_of_its_batches_is_not_written_over(engine):
    notes = Notes()

    class Noting(scratchvae.VAE):
        def forward(self, x, eps, training=False):
            notes.take(x, eps)
            return super().forward(x, eps, training)

    small_vae(model=Noting).fit(IMAGES, test_images=IMAGES, **FIT)
    notes.assert_unchanged(16)


@pytest.mark.parametrize(
    "make", [small_vae, small_autoencoder, lambda: small("ladder"), lambda: small("bottom-up")]
)
def test_a_models_terms_and_state_stay_those_of_their_step(make, engine):
    model, notes = make(), Notes()
    trainer = Trainer(model)
    for _ in range(4):
        trainer.step(IMAGES[:6])
        notes.take(*model.terms, *getattr(model, "layer_kls", ()), *model.state().values())
    notes.assert_unchanged(4 * 8)
    before = model.state()
    before["decoder.0.weight"][...] = 0  # one's own, too
    assert model.parameters["decoder.0.weight"].value.any()


def layers():
    x = pixels(400, 6, 6, 2, dtype=np.float32)
    rows = pixels(4000, 5, dtype=np.float32)
    inner = Sequential(Dense(5, 4, rng=0), ReLU())
    return [
        (Dense(5, 4, rng=0), rows),
        (Conv2D(2, 3, 3, rng=0), x),
        (ConvTranspose2D(2, 3, 3, rng=0), x),
        (BatchNorm(2), x),
        *((activation, rows) for activation in (ReLU(), Sigmoid(), LogSoftplus())),
        (Sequential(inner, Dense(4, 3, rng=1), Sigmoid()), rows),
    ]


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())


@pytest.mark.parametrize("place", range(len(layers())))
@copies
def test_a_copy_of_a_layer_is_of_the_size_of_its_parameters(place, copied):
    layer, x = layers()[place]
    new = len(pickle.dumps(layer))
    y = layer.forward(x, training=True)
    layer.backward(np.ones_like(y))
    other = copied(layer)
    assert len(pickle.dumps(layer)) <= new + 500
    assert len(pickle.dumps(vars(other))) <= new + 500
    assert_same(dict(other.buffers), dict(layer.buffers))
    np.testing.assert_array_equal(other.forward(x), layer.forward(x))


def test_a_copy_has_what_a_layer_says_that_it_does_not_only_remember():
    class Shifted(Layer):
        remembers = ("seen",)

        def __init__(self):
            super().__init__()
            self.x = np.ones(3)

        def forward(self, x, training=False):
            self.seen = x
            return x + self.x

    layer = Shifted()
    layer.forward(np.zeros((2, 3)))
    other = copy.deepcopy(layer)
    assert not hasattr(other, "seen")
    np.testing.assert_array_equal(other.x, layer.x)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@copies
def test_a_copy_of_a_trainer_is_small_and_goes_on_to_the_same_bits(copied, optimiser, engine):
    options = {"rng": 0, "dtype": np.float64}
    model = small_vae()
    model.encoder.layers.insert(2, BatchNorm(3, dtype=np.float64))
    model.decoder.layers.insert(1, Sequential(Dense(3, 3, **options), LogSoftplus()))
    momentum = {"momentum": 0.5} if optimiser == "sgd" else {}
    trainer, x = Trainer(model, optimiser=optimiser, **momentum), pixels(500, 3, 5, 1)
    new = [len(pickle.dumps(each)) for each in (trainer, trainer.optimiser)]
    for _ in range(3):
        trainer.step(x)
    model.forward(x, np.zeros((1, 500, 2)))  # and layers remember this
    other = copied(trainer)
    # Each image's terms of the loss, two numbers of eight bytes, are part of the model.
    assert len(pickle.dumps(trainer)) < new[0] + 16 * len(x) + 1000 < x.nbytes
    assert len(pickle.dumps(trainer.optimiser)) < new[1] + 100
    losses = [[one.step(x).loss for _ in range(3)] for one in (trainer, other)]
    assert losses[0] == losses[1]
    assert_same(trainer.model.state(), other.model.state())


@copies
def test_a_trainable_of_ones_own_and_an_engine_can_be_copied(copied):
    class Own(Trainable):
        def __init__(self):
            self.network = Sequential(Dense(2, 1, rng=0))
            self.parameters = self.network.parameters

    globals()["Own"] = Own  # where pickle looks
    Own.__qualname__ = "Own"
    own = copied(Own())
    assert own.parameters["0.weight"] is own.network.parameters["0.weight"]
    assert isinstance(copied(Engine(keeps=True)), Engine)
    for optimiser in (Adam, SGD):
        made = optimiser(own.parameters, 0.1)
        assert list(copied(made).parameters) == list(own.parameters)


GOING_ON = """
import pickle, sys
if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        trainer, x = pickle.load(file)
    loss = [trainer.step(x).loss for _ in range(3)]
    with open(sys.argv[1], "wb") as file:
        pickle.dump((loss, trainer.model.state()), file)
"""


def test_a_trainer_goes_on_in_another_process(tmp_path):
    trainer = Trainer(small_vae())
    for _ in range(3):
        trainer.step(IMAGES)
    file = tmp_path / "trainer"
    file.write_bytes(pickle.dumps((trainer, IMAGES)))
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(scratchvae.__file__))}
    subprocess.run([sys.executable, "-c", GOING_ON, file], check=True, env=environment)
    losses, state = pickle.loads(file.read_bytes())
    assert losses == [trainer.step(IMAGES).loss for _ in range(3)]
    assert_same(trainer.model.state(), state)
