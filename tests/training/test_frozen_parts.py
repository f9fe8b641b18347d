"""Frozen layers: what training leaves as it is, with plans and without, and what still works."""

import copy
import pickle

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, normal, refused

from scratchvae.checks.gradients import gradcheck
from scratchvae.engine.network import PlannedNetwork
from scratchvae.layers import BatchNorm, Dense, Flatten, Parameter, Reshape, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.runs.run import Run
from scratchvae.training import Trainer, load_checkpoint, save_checkpoint

IMAGES = np.random.default_rng(0).random((12, *IMAGE_SHAPE))


def normed_model():
    rng = np.random.default_rng(0)
    options = {"rng": rng, "dtype": np.float64}
    norm = BatchNorm(3, dtype=np.float64)
    encoder = Sequential(Flatten(), Dense(15, 3, **options), norm, Tanh(), Dense(3, 4, **options))
    decoder = Sequential(Dense(2, 15, **options), Reshape(IMAGE_SHAPE))
    likelihood = BernoulliLikelihood()
    return VAE(encoder, decoder, likelihood, image_shape=IMAGE_SHAPE, latent_dim=2)


def stays(before, after):
    """Return the names of what is the same to the bit."""
    return {name for name in before if np.array_equal(before[name], after[name])}


@pytest.mark.parametrize("engine", ["on", "off"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_what_is_frozen_stays_and_all_else_moves(engine, optimiser, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    model = normed_model()
    assert model.encoder.freeze() is model.encoder
    trainer = Trainer(model, optimiser=optimiser, learning_rate=0.01)
    before = model.state()
    for _ in range(3):
        trainer.step(IMAGES)
    frozen = {name for name in before if name.startswith("encoder.")}
    assert stays(before, model.state()) == frozen
    assert "encoder.2.running_mean" in frozen
    model.encoder.unfreeze()
    trainer.step(IMAGES)
    # In front of a batch norm a bias moves nothing: its gradient is 0 but for rounding.
    assert stays(before, model.state()) <= {"encoder.1.bias"}


def test_a_layer_or_a_single_parameter_may_be_frozen_as_well():
    model = normed_model()
    model.encoder.layers[1].freeze()
    model.decoder.parameters["0.bias"].trainable = False
    trainer, before = Trainer(model, learning_rate=0.01), model.state()
    trainer.step(IMAGES)
    frozen = {"encoder.1.weight", "encoder.1.bias", "decoder.0.bias"}
    assert stays(before, model.state()) == frozen
    assert "frozen" in repr(model.decoder.parameters["0.bias"])
    for wrong in (0, "no", None):
        with refused("trainable must be True or False"):
            model.decoder.parameters["0.bias"].trainable = wrong


def test_what_is_not_frozen_learns_as_with_gradients_that_pass_through():
    frozen, free = normed_model(), normed_model()
    frozen.encoder.layers[4].freeze()
    for model in (frozen, free):
        Trainer(model, learning_rate=0.01).step(IMAGES)
    first, second = frozen.state(), free.state()
    assert stays(first, second) == first.keys() - {"encoder.4.weight", "encoder.4.bias"}


@pytest.mark.parametrize("planned", [False, True])
def test_a_frozen_batch_norm_normalises_in_training_as_in_evaluation(planned):
    network = Sequential(Dense(4, 3, rng=0, dtype=np.float64), BatchNorm(3, dtype=np.float64))
    norm, x, dy = network.layers[1], normal(6, 4), normal(6, 3, seed=1)
    one = PlannedNetwork(network, keeps=True) if planned else network
    one.forward(x, True)
    norm.freeze()
    before = {name: buffer.copy() for name, buffer in norm.buffers.items()}
    passes = []
    for training in (True, False):
        network.zero_grad()
        y = one.forward(x, training).copy()
        passes.append(
            [y, one.backward(dy).copy(), network.layers[0].parameters["bias"].grad.copy()]
        )
    for first, second in zip(*passes, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-14)
    assert_same(norm.buffers, before)
    one.forward(x[:1], True)  # a single image has enough for statistics that stand
    norm.unfreeze()
    one.forward(x, True)
    assert (norm.buffers["running_mean"] != before["running_mean"]).any()


def test_a_batch_norm_with_one_parameter_that_learns_is_not_frozen():
    norm = BatchNorm(3, dtype=np.float64)
    norm.parameters["scale"].trainable = False
    norm.forward(normal(5, 3), True)
    assert norm.buffers["running_mean"].any()


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_what_is_frozen_are_still_checked(training):
    model = normed_model()
    model.encoder.freeze()
    report = gradcheck(model, IMAGES[:4], training=training)
    assert report.passed
    assert {row.name for row in report.rows} >= {"encoder.1.weight", "encoder.2.scale"}

    class Doubled(Dense):
        def backward(self, dy):
            self.parameters["weight"].grad += self.x.T @ dy
            return super().backward(dy)

    assert not gradcheck(Doubled(3, 2, rng=0, dtype=np.float64).freeze(), normal(4, 3)).passed


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_with_frozen_parts_is_resumed_to_the_same_bytes(tmp_path, optimiser):
    def trainer():
        model = normed_model()
        model.encoder.freeze()
        return Trainer(model, optimiser=optimiser, learning_rate=0.01, seed=1)

    straight, resumed, other = trainer(), trainer(), trainer()
    for one in (straight, resumed):
        one.step(IMAGES)
    assert not any(moment.any() for n, moment in straight.optimiser.state.items() if "encoder" in n)
    save_checkpoint(tmp_path / "checkpoint.npz", resumed, {})
    load_checkpoint(tmp_path / "checkpoint.npz", other)
    for one in (straight, other):
        one.step(IMAGES)
    assert_same(straight.model.state(), other.model.state())
    assert_same(straight.optimiser.state, other.optimiser.state)
    free = Trainer(normed_model(), optimiser=optimiser, learning_rate=0.01, seed=1)
    load_checkpoint(tmp_path / "checkpoint.npz", free)  # what is frozen is the model's to say
    free.step(IMAGES)
    assert "encoder.4.weight" not in stays(straight.model.state(), free.model.state())


def test_a_fit_begins_with_the_values_of_what_is_frozen():
    model = normed_model().fit(IMAGES, epochs=2, batch_size=4, progress=False)
    trained = model.state()
    model.encoder.freeze()
    model.fit(IMAGES, epochs=2, batch_size=4, progress=False)
    same = stays(trained, model.state())
    assert same == {name for name in trained if name.startswith("encoder.")}
    clone = model.__sklearn_clone__()
    assert stays(model.state(), clone.state()) == same
    model.encoder.unfreeze()
    assert_same(model.fit(IMAGES, epochs=2, batch_size=4, progress=False).state(), trained)


def test_copies_and_pickles_are_frozen_likewise():
    model = normed_model()
    model.encoder.freeze()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        flags = [parameter.trainable for parameter in other.parameters.values()]
        assert flags == [parameter.trainable for parameter in model.parameters.values()]
        assert not all(flags)
    bare = object.__new__(Parameter)
    assert bare.trainable  # as one that was pickled before there were any others


def test_a_run_does_not_lose_what_is_frozen_without_a_word(tmp_path):
    run = Run.begin("linear-autoencoder", tmp_path / "run", data="synthetic", latent_dim=2)
    run.model.encoder.freeze()
    with refused("encoder.1.weight, which is frozen", "train it with its `fit`"):
        run.save()


def test_a_model_that_is_frozen_whole_stays_as_it_is():
    model = normed_model()
    model.encoder.freeze()
    model.decoder.freeze()
    trainer, before = Trainer(model), model.state()
    for _ in range(2):
        trainer.step(IMAGES)
    assert_same(model.state(), before)
