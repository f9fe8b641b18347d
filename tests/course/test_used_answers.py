"""What is said of answers whose results, or what they leave behind, are wrong in a usual way."""

import numpy as np
import pytest

from scratchvae.course.clinic import decoder, encoder
from scratchvae.course.exercises.catalogue import EXERCISES
from scratchvae.course.exercises.judging import judge


def test_a_named_mistake_is_found_behind_a_small_constant():
    """A division that is kept from 0 by 1e-12 makes no other mistake than one without."""

    def best(corrupted, images, sigma):
        squares = ((corrupted[:, None] - images) ** 2).sum(axis=2)
        weights = np.exp(-squares / (2 * sigma**2))
        return weights / (weights.sum(axis=1, keepdims=True) + 1e-12) @ images

    found = judge(EXERCISES["best-denoiser"], best)
    assert found.sentence.startswith("where every exponential is 0 you give 0")


def test_an_answer_in_bits_is_called_that():
    right = EXERCISES["gaussian-entropy"].answer
    found = judge(EXERCISES["gaussian-entropy"], lambda c: right(c) / np.log(2))
    assert "bits, in place of nats" in found.sentence


def test_a_factor_that_is_an_argument_is_named():
    gaussian = EXERCISES["gaussian"].answer

    class Twice(gaussian):
        def nats(self, x, y):
            return super().nats(x, y) / self.variance

    found = judge(EXERCISES["gaussian"], Twice)
    assert "nats: it is what it should be, divided by variance" in found.sentence


@pytest.mark.filterwarnings("error")
def test_an_empty_answer_warns_of_nothing():
    assert judge(EXERCISES["dense-weight-gradient"], lambda x, dy: []).cause == "shape"


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("batches", lambda n, size, rng: [rng.integers(0, n, size)] * 3, "come twice in an epoch"),
        (
            "batches",
            lambda n, size, rng: np.split(np.random.default_rng(1).permutation(n), [size]),
            "a second epoch has the same order",
        ),
        (
            "append-labels",
            lambda values, labels, k: np.concatenate([values, np.eye(k)[labels]], axis=1),
            "must be float32, not float64",
        ),
        ("save-parameters", lambda file, vae: np.savez(file, vae.parameters), "under its own name"),
        ("save-parameters", lambda file, vae: vae.parameters and None, ""),
        (
            "train-vae",
            lambda vae, o, x, *, epochs, size, rng, prepare=None: [1.0] * epochs,
            "the parameters are as before",
        ),
    ],
)
def test_what_shows_only_in_use_has_words_of_its_own(name, answer, words):
    assert words in judge(EXERCISES[name], answer).sentence


@pytest.mark.parametrize("at_the_draw", [True, False])
def test_a_bound_may_take_its_kl_in_closed_form_or_at_the_draw(at_the_draw):
    def elbo(p, x, eps):
        _, mean, log_variance = encoder(p, x)
        z = mean + np.exp(log_variance / 2) * eps
        _, y = decoder(p, z)
        kl = mean**2 + np.exp(log_variance) - 1 - log_variance
        if at_the_draw:
            kl = z**2 - eps**2 - log_variance
        return (x * y - np.logaddexp(0, y)).sum(axis=1) - 0.5 * kl.sum(axis=1)

    assert judge(EXERCISES["patient-11"], elbo) is None


def test_names_of_a_networks_arrays_are_compared():
    sequential = EXERCISES["sequential"].answer

    class FromOne(sequential):
        @property
        def parameters(self):
            return {
                f"{place}.{name}": array
                for place, layer in enumerate(self.layers, start=1)
                for name, array in layer.parameters.items()
            }

    found = judge(EXERCISES["sequential"], FromOne)
    assert 'parameters lacks "0.factor"' in found.sentence
    assert "yours are 1.factor" in found.sentence

    class Hidden(sequential):
        def __init__(self, *layers):
            self._layers = layers

        layers = property(lambda self: [])
        forward = backward = lambda self, x: x

    assert "self.layers" in judge(EXERCISES["sequential"], Hidden).sentence


def test_a_vae_must_keep_what_its_backward_pass_and_later_cells_need():
    right = EXERCISES["vae-forward"].answer

    class Forgetful(right):
        def forward(self, x, eps):
            terms = super().forward(x, eps)
            self.kept = self.kept[::-1][:3]
            return terms

    assert "self.kept = x, eps, mean" in judge(EXERCISES["vae-forward"], Forgetful).sentence

    class Mixed(right):
        def forward(self, x, eps):
            terms = super().forward(x, eps)
            x, eps, mean, log_variance, y = self.kept
            self.kept = x, eps, log_variance, mean, y
            return terms

    assert "that is kept" in judge(EXERCISES["vae-forward"], Mixed).sentence


def test_a_sum_cut_by_the_threads_has_the_bug_in_whatever_order_its_pieces_are_added():
    def backwards(x, threads):
        return sum(float(piece.sum()) for piece in reversed(np.array_split(x, threads)))

    assert judge(EXERCISES["same-bits"], backwards).sentence == "The bug is still in it."
    assert judge(EXERCISES["same-bits"], lambda x, threads: round(x.sum(), 6)) is not None
    assert judge(EXERCISES["same-bits"], lambda x, threads: x.sum()) is None


def test_a_switch_for_networks_alone_is_refused_as_the_lesson_switches_a_layer():
    def switch(network, training):
        for layer in network.layers:
            if hasattr(layer, "layers"):
                switch(layer, training)
            elif hasattr(layer, "training"):
                layer.training = training

    assert "no attribute 'layers'" in judge(EXERCISES["set-training"], switch).sentence


def test_a_vae_that_returns_one_array_hears_how_many_are_asked_for():
    right = EXERCISES["vae-forward"].answer

    class Added(right):
        def forward(self, x, eps):
            return sum(super().forward(x, eps))

    class Whole(right):
        def encode(self, x):
            return self.encoder.forward(x)

    found = judge(EXERCISES["vae-forward"], Added)
    assert "let forward return two arrays, each image's reconstruction and KL" in found.sentence
    assert "let encode return two arrays" in judge(EXERCISES["vae-forward"], Whole).sentence


@pytest.mark.parametrize(("name", "variance"), [("bernoulli", ()), ("gaussian", (0.3,))])
def test_nats_must_be_summed_over_the_last_axis(name, variance):
    """Lesson 22 has several draws of each image, and an axis for them in front."""
    right = EXERCISES[name].answer

    class SecondAxis(right):
        def nats(self, x, y):
            if y.ndim == 2:
                return super().nats(x, y)
            return np.stack([super(SecondAxis, self).nats(x, row) for row in y], axis=-1)

    images = np.zeros((2, 3))
    assert SecondAxis(*variance).nats(images, images).shape == (2,)
    assert "axis=-1" in judge(EXERCISES[name], SecondAxis).sentence


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        (
            "toss",
            lambda grey, rng: rng.random(grey.shape, dtype=grey.dtype) < grey,
            "must be float32 here, and yours are bool",
        ),
        (
            "noise",
            lambda rng, count, latents, dtype: rng.standard_normal((count, latents)),
            "must be float32 here, and yours are float64",
        ),
    ],
)
def test_what_a_training_step_would_trip_over_is_refused(name, answer, words):
    """Noise takes its type from the images, and there is no noise of truth values."""
    assert words in judge(EXERCISES[name], answer).sentence


def test_results_that_are_right_are_not_said_to_be_exchanged():
    """The mean comes back twice, from encode and as it is kept: each could stand for the other."""
    right = EXERCISES["vae-forward"].answer

    class Doubled(right):
        def forward(self, x, eps):
            reconstruction, kl = super().forward(x, eps)
            return reconstruction + 1, kl

    assert "the reconstruction: " in judge(EXERCISES["vae-forward"], Doubled).sentence


def test_slopes_that_move_a_copy_of_a_slice_are_refused():
    """Lesson 12 takes slopes along means, which are one half of what the encoder gives."""

    def flat(loss, array, step=1e-5):
        entries, found = array.reshape(-1), []
        for place, start in enumerate(entries.copy()):
            entries[place] = start + step
            right = loss()
            entries[place] = start - step
            found.append((right - loss()) / (2 * step))
            entries[place] = start
        return np.reshape(found, array.shape)

    assert "np.ndindex" in judge(EXERCISES["slopes"], flat).sentence
