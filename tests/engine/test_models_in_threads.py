"""One model in several threads: each gets its own answers, and training is not disturbed."""

import copy
import gc
import threading
from weakref import ref

import numpy as np
import pytest
from helpers import assert_same, pixels, small_autoencoder, small_parts, small_vae
from hierarchical_cases import small
from meanwhile import in_another_thread, meanwhile

import scratchvae
from scratchvae import evaluation, plots
from scratchvae.engine import looking_at
from scratchvae.engine.twins import twin
from scratchvae.layers import Dense, Layer, Reshape, Sequential, Tanh
from scratchvae.models import IWAE, ConditionalVAE, DenoisingAutoencoder
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood

IMAGES = pixels(11, 3, 5, 1)
LABELS = np.arange(11) % 3
FIT = {"epochs": 2, "batch_size": 5, "progress": False}


class Residual(Layer):
    """x + a layer's output, with a pass in a dictionary and noise of its own: all can be shared."""

    def __init__(self, inner):
        super().__init__(dtype=inner.dtype)
        self.inner, self.kept, self.noise = inner, {}, np.random.default_rng(0)
        self.parameters = inner.parameters

    def forward(self, x, training=False):
        self.kept["scale"] = 1 + self.noise.random()
        self.kept["x"] = x
        return x + self.kept["scale"] * self.inner.forward(x, training)

    def backward(self, dy):
        return dy + self.inner.backward(self.kept["scale"] * dy)


def with_residual():
    vae = small_vae(latent_dim=2, hidden=3)
    made = {"rng": np.random.default_rng(1), "dtype": np.float64}
    for network in (vae.encoder, vae.decoder):
        inner = Sequential(Dense(3, 3, **made), Tanh(), Dense(3, 3, **made))
        network.layers.insert(-2, Residual(inner))
    return vae


def conditional():
    made = {"rng": np.random.default_rng(0), "dtype": np.float64}
    encoder = Sequential(Dense(18, 4, **made), Tanh(), Dense(4, 4, **made))
    decoder = Sequential(Dense(5, 4, **made), Tanh(), Dense(4, 15, **made), Reshape((3, 5, 1)))
    options = {"image_shape": (3, 5, 1), "latent_dim": 2, "classes": 3}
    return ConditionalVAE(encoder, decoder, BernoulliLikelihood(), **options)


def denoising():
    options = {"image_shape": (3, 5, 1), "latent_dim": 2}
    return DenoisingAutoencoder(*small_parts(outputs=1), GaussianLikelihood(), **options)


MODELS = {
    "VAE": small_vae,
    "a layer of somebody else's": with_residual,
    "IWAE": lambda: small_vae(model=IWAE, samples=3),
    "conditional": conditional,
    "denoising": denoising,
    "autoencoder": small_autoencoder,
    "hierarchical": lambda: small("bottom-up"),
    "ladder": lambda: small("ladder"),
}


def look(model):
    """Use a model in every way that is no training."""
    labels = LABELS if model.classes else None
    answers = [
        model.encode(IMAGES, labels),
        model.reconstruct(IMAGES, labels),
        model.sample(4),
        model.sample(4, pixel_noise=True),
        model.state(),
        model.evaluate(IMAGES, labels=labels),
        evaluation.model_information(model, IMAGES, {"class": LABELS}, labels),
        evaluation.layer_activity(model, IMAGES, labels),
        plots.draw_reconstructions(model, IMAGES, labels),
    ]
    copy.deepcopy(model)
    if model.has_prior:
        answers.append(model.elbo(IMAGES, labels=labels))
    if type(model) in (scratchvae.VAE, IWAE):
        answers.append(evaluation.estimate_log_likelihood(model, IMAGES, 3, progress=False))
        compare = evaluation.compare_gradient_estimators
        answers.append(compare(model, IMAGES[:2].astype(model.dtype), draws=2))
    return answers


@pytest.mark.parametrize("engine", ["on", "off"])
@pytest.mark.parametrize("name", MODELS)
def test_a_look_in_the_middle_of_a_step_changes_nothing(name, engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    alone, watched, looks = MODELS[name](), MODELS[name](), []
    labels = {"y": LABELS} if alone.classes else {}
    alone.fit(IMAGES, **labels, **FIT)
    meanwhile(monkeypatch, lambda: looks.append(in_another_thread(lambda: look(watched))))
    watched.fit(IMAGES, **labels, **FIT)
    assert len(looks) == 6
    assert_same(watched.state(), alone.state())
    assert [row.train for row in watched.history_] == [row.train for row in alone.history_]


@pytest.mark.parametrize("engine", ["on", "off"])
def test_a_look_from_within_a_models_own_forward_changes_nothing(engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    answers = []

    class Curious(scratchvae.VAE):
        def forward(self, x, *arguments, **options):
            terms = super().forward(x, *arguments, **options)
            answers.append((self.encode(x), self.sample(len(x))))
            return terms

    class Derived(scratchvae.VAE):
        """Its passes run as they are written, too, and so to the same bits."""

    curious, plain = small_vae(model=Curious), small_vae(model=Derived)
    for model in (curious, plain):
        model.fit(IMAGES, **FIT)
    assert_same(curious.state(), plain.state())
    answers.clear()
    curious.evaluate(IMAGES)
    np.testing.assert_array_equal(answers[0][0], plain.encode(IMAGES))
    np.testing.assert_array_equal(answers[0][1], plain.sample(11))


@pytest.mark.parametrize("engine", ["on", "off"])
def test_a_look_by_what_trains_has_a_double_of_its_own(engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    curious, plain, answers = small_vae(), small_vae().fit(IMAGES, **FIT), []
    draw_noise = scratchvae.VAE.draw_noise

    def looking(self, count, rng):
        with looking_at(self) as double:  # the passes of what trains are whole programs
            assert double is not self
            if self is not curious:
                assert {name for name in vars(self) if callable(vars(self)[name])} == set()
        answers.append((self.encode(IMAGES), self.decode(np.ones((2, 2)))))
        return draw_noise(self, count, rng)

    monkeypatch.setattr(scratchvae.VAE, "draw_noise", looking)
    curious.fit(IMAGES, **FIT)
    assert len(answers) == 6
    assert_same(curious.state(), plain.state())


@pytest.mark.parametrize("kind", [scratchvae.VAE, IWAE])
def test_a_model_lives_no_longer_than_who_trains_it_or_looks_at_it(kind):
    trainer = scratchvae.Trainer(small_vae(model=kind))
    gc.disable()
    try:
        for _ in range(3):
            trainer.step(IMAGES)
            trainer.model.elbo(IMAGES)
        model = ref(trainer.model)
        del trainer
        assert model() is None
    finally:
        gc.enable()


def test_a_model_with_a_method_of_its_own_is_used_by_one_thread_at_a_time():
    model, alone = small_vae(), small_vae()
    alone.forward = alone.forward
    alone.fit(IMAGES, **FIT)
    first, forward, inside = threading.Event(), model.forward, []

    def slow(*arguments, **options):
        inside.append("in")
        first.set()
        terms = forward(*arguments, **options)
        assert inside.pop() == "in"
        assert not inside
        return terms

    model.forward = slow  # of this one model, and of no double
    with looking_at(model) as itself:
        assert itself is model
        other = threading.Thread(target=model.elbo, args=(IMAGES,))
        other.start()
        assert not first.wait(0.1)
    other.join()
    assert first.is_set()
    bounds = threading.Thread(target=lambda: [model.elbo(IMAGES) for _ in range(20)])
    bounds.start()
    model.fit(IMAGES, **FIT)
    bounds.join()
    assert_same(model.state(), alone.state())


def test_what_a_layer_cannot_have_copied_is_shared_and_the_rest_is_its_own():
    class Locked(Residual):
        def __init__(self, inner):
            super().__init__(inner)
            self.lock, self.itself = threading.Lock(), self

    layer = Locked(Dense(3, 3, rng=0))
    other = twin(layer)
    assert other.lock is layer.lock
    assert other.itself is other
    assert other.parameters == layer.parameters
    x = pixels(2, 3, dtype=np.float32)
    layer.forward(x)
    kept = dict(layer.kept)
    other.forward(2 * x)
    assert layer.kept["x"] is kept["x"]
    assert layer.inner.x is x
    layer.inner.parameters["weight"].value[...] = 0
    layer.inner.parameters["bias"].value[...] = 0
    np.testing.assert_array_equal(other.forward(x), x)


class Crowded(dict):
    """A dictionary that another thread is adding to, at the first of its copies."""

    def __init__(self, **items):
        super().__init__(**items)
        self.copies = 0

    def __deepcopy__(self, memo):
        self.copies += 1
        if self.copies == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return dict(self)


def test_a_twin_is_made_although_another_thread_changes_what_is_copied():
    layer = Residual(Dense(3, 3, rng=0))
    layer.kept = Crowded(x=1)
    assert twin(layer).kept == {"x": 1}
    assert twin(layer).kept is not layer.kept
