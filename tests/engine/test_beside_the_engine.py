"""What others see of a model beside the engine: threads' answers, and what a model keeps."""

import threading

import numpy as np
import pytest
from helpers import small_vae, values

import scratchvae
from scratchvae.layers import Dense


def test_what_a_layer_returns_is_the_callers_to_keep():
    layer = Dense(3, 2, rng=0)
    x = np.ones((4, 3), np.float32)
    y = layer.forward(x)
    kept = y.copy()
    layer.forward(2 * x)
    np.testing.assert_array_equal(y, kept)


@pytest.mark.parametrize("engine", ["on", "off"])
def test_looking_at_a_model_while_it_trains_changes_nothing(engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    x = np.random.default_rng(0).random((40, 3, 5, 1))
    settings = {"epochs": 3, "batch_size": 8, "progress": False}
    alone, watched = small_vae().fit(x, **settings), small_vae()
    done, errors = threading.Event(), []

    def look():
        while not done.is_set():
            try:
                answers = (watched.sample(5, pixel_noise=True), watched.encode(x))
                for answer in (*answers, watched.sample(5), watched.elbo(x[:7])):
                    assert len(answer) in (5, 40, 7)
            except Exception as error:  # reported below, in the test's own thread
                errors.append(error)
                return

    viewer = threading.Thread(target=look)
    viewer.start()
    try:
        watched.fit(x, **settings)
    finally:
        done.set()
        viewer.join()
    assert not errors
    for name, value in values(alone).items():
        np.testing.assert_array_equal(values(watched)[name], value, err_msg=name)


@pytest.mark.parametrize("engine", ["on", "off"])
def test_answers_of_several_threads_are_their_own(engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    model = small_vae()
    sets = [np.random.default_rng(n).random((n, 3, 5, 1)) for n in (3, 50, 700)]
    right = [model.elbo(images) for images in sets]
    found = [[] for _ in sets]

    def ask(place):
        for _ in range(20):
            found[place].append(model.elbo(sets[place]))

    askers = [threading.Thread(target=ask, args=(place,)) for place in range(len(sets))]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    for wanted, answers in zip(right, found, strict=True):
        assert len(answers) == 20
        for answer in answers:
            np.testing.assert_array_equal(answer, wanted)


def test_what_a_models_own_forward_leaves_in_it_is_there_after_a_step():
    class Counting(scratchvae.VAE):
        forwards = 0

        def forward(self, *arguments, **options):
            self.forwards += 1
            return super().forward(*arguments, **options)

    model = small_vae(model=Counting)
    trainer = scratchvae.Trainer(model)
    x = np.random.default_rng(0).random((4, 3, 5, 1))
    for _ in range(3):
        trainer.step(x)
    assert model.forwards == 3
    assert all(len(term) == 4 for term in model.terms)


def test_what_somebody_elses_model_keeps_of_its_networks_is_not_written_over():
    class Keeping(scratchvae.VAE):
        kept: tuple = ()

        def forward(self, x, eps, training=False):
            terms = super().forward(x, eps, training)
            mean, *_, decoded, z, nll = self._pass
            self.kept += tuple((a, a.copy()) for a in (mean, decoded, z, nll, *self.terms))
            return terms

    model = small_vae(model=Keeping)
    model.fit(
        np.random.default_rng(0).random((20, 3, 5, 1)), epochs=2, batch_size=5, progress=False
    )
    assert len(model.kept) == 2 * 4 * 6
    for kept, copy in model.kept:
        np.testing.assert_array_equal(kept, copy)


def test_what_is_changed_in_a_model_during_a_step_stays_changed():
    class Changing(scratchvae.VAE):
        def backward(self):
            model.beta = 3.0  # as another thread may do
            super().backward()

    model = small_vae(model=Changing)
    scratchvae.Trainer(model).step(np.random.default_rng(0).random((4, 3, 5, 1)))
    assert model.beta == 3.0
