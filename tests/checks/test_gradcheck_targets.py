"""What a gradient check runs: layers, models and functions, on a batch and on another one."""

import numpy as np
import pytest
from calls_of_models import conditional
from gradient_cases import Stranger, affine, affine_backward, dense
from helpers import normal, pixels, small_autoencoder, small_vae

from scratchvae.checks.gradients.function_target import FunctionTarget
from scratchvae.checks.gradients.layer_target import is_smooth, target_of
from scratchvae.checks.gradients.passes import run_passes
from scratchvae.layers import BatchNorm, Dense, Parameter, ReLU, Tanh

X = normal(4, 5)
IMAGES = pixels(3, 3, 5, 1)
# A library's products may round otherwise where its arrays lie otherwise in memory.
ROUNDING = 1e-12


def target(owner, x=X, training=True, noise=None, labels=None):
    rng = np.random.default_rng(0)
    return target_of(owner, (x,), training, rng, noise=noise, labels=labels)


def test_a_layer_is_run_on_a_copy_of_its_input_or_on_another_batch():
    layer = dense()
    own = target(layer)
    assert list(own.arrays) == ["x", "weight", "bias"]
    assert own.arrays["weight"] is layer.parameters["weight"].value
    assert not np.may_share_memory(own.arrays["x"], X)
    np.testing.assert_allclose(own.forward(), layer.forward(X), rtol=ROUNDING)
    np.testing.assert_allclose(own.forward(other=True), layer.forward(0.9 * X[::-1]), rtol=ROUNDING)
    assert (own.title, own.counts, own.loss_terms, own.smooth) == ("Dense", None, None, True)
    assert own.calls == {"forward": "Dense.forward", "backward": "Dense.backward"}
    assert not target(ReLU(dtype=np.float64)).smooth
    assert target(Stranger(), normal(4, 3)).smooth


def test_a_layer_is_told_of_training_if_it_takes_it():
    seen = []

    class Spy(Tanh):
        def forward(self, x, training=False):
            seen.append(training)
            return super().forward(x)

    for training in (True, False):
        target(Spy(dtype=np.float64), training=training).forward()
    assert seen == [True, False]
    assert target(Stranger(), normal(4, 3)).forward().shape == (4, 2)


def test_a_model_is_run_with_its_noise_frozen_or_on_other_images_with_the_opposite_noise():
    vae, noise = small_vae(samples=2), normal(2, 3, 2)
    own = target(vae, IMAGES, noise=noise)
    assert list(own.arrays) == list(vae.parameters)
    terms = vae.forward(IMAGES, noise, training=True)
    assert own.forward() == pytest.approx(terms.loss, rel=ROUNDING)
    split = [terms.reconstruction, terms.loss - terms.reconstruction]
    np.testing.assert_allclose(own.loss_terms, split, rtol=ROUNDING)
    other = vae.forward(IMAGES[::-1].copy(), -noise, training=True).loss
    assert own.forward(other=True) == pytest.approx(other, rel=ROUNDING)
    assert own.counts == {
        "the number of images": 3,
        "the number of pixels": 15,
        "the number of latents": 2,
        "the number of samples": 2,
    }
    plain = target(small_autoencoder(), IMAGES)
    plain.forward()
    assert plain.loss_terms is None


def test_the_noise_and_the_labels_of_a_model_are_drawn_where_none_are_given():
    model = conditional()
    assert model.dtype == np.float64
    rng = np.random.default_rng(0)
    noise = model.draw_noise(3, rng)
    labels = rng.integers(model.classes, size=3)
    drawn = target(model, IMAGES)
    given = target(model, IMAGES, noise=noise, labels=labels)
    assert drawn.forward() == pytest.approx(given.forward(), rel=ROUNDING)
    other = target(model, IMAGES, noise=noise, labels=(labels + 1) % model.classes)
    assert abs(drawn.forward() - other.forward()) > 1e-3


def test_functions_are_run_on_copies_of_their_arrays_or_on_smaller_ones_in_another_order():
    x, w, b = normal(4, 3), normal(3, 2), normal(2)
    own = FunctionTarget(affine, affine_backward, (x, w, b), None)
    assert (own.title, list(own.arrays)) == ("affine", ["x", "w", "b"])
    assert not any(
        np.may_share_memory(a, b) for a, b in zip(own.arrays.values(), (x, w, b), strict=True)
    )
    np.testing.assert_allclose(own.forward(), affine(x, w, b)[0], rtol=ROUNDING)
    assert own.counts is None
    assert not own.cache_like_output
    dy = normal(4, 2, seed=1)
    own.backward(dy)
    for found, expected in zip(
        own.input_gradients.values(), affine_backward(dy, (x, w)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=ROUNDING)
    other = [0.9 * array[::-1] for array in (x, w, b)]
    np.testing.assert_allclose(own.forward(other=True), affine(*other)[0], rtol=ROUNDING)


def test_several_outputs_are_one_after_another_and_their_gradients_are_taken_apart():
    given = []

    def backward(first, second, cache):
        given.extend([first, second, cache])
        return first

    own = FunctionTarget(lambda x: (x, x.sum(axis=1), "kept"), backward, (X,), 2)
    y = own.forward()
    np.testing.assert_array_equal(y, [*X.ravel(), *X.sum(axis=1)])
    assert own.counts == {"the number of examples": 4}
    own.backward(np.arange(24.0))
    first, second, cache = given
    np.testing.assert_array_equal(first, np.arange(20.0).reshape(4, 5))
    np.testing.assert_array_equal(second, [20, 21, 22, 23])
    assert cache == "kept"
    number = FunctionTarget(lambda x: (x.sum(), x), lambda a, b: a + b, (X,), 2)
    number.forward()
    assert number.counts == {"the number of examples": len(X)}


def test_gradients_by_name_are_taken_with_or_without_a_d():
    gradients = {"dx": 1, "x": 2, "dw": 3, 0: 4}
    own = FunctionTarget(lambda x, w: x, lambda dy: gradients, (X, X), None)
    own.forward()
    own.backward(X)
    assert own.input_gradients == {"x": 2, "w": 3}


def test_an_array_that_is_kept_could_be_an_output_unless_somebody_said_how_many_there_are():
    for result, outputs, like in (
        ((X, X), None, True),
        ((X, X), 1, False),
        ((X, X.astype(int)), None, False),
        ((X, [X]), None, False),
        (X, None, False),
    ):
        own = FunctionTarget(lambda x, result=result: result, lambda dy, cache: dy, (X,), outputs)
        own.forward()
        assert own.cache_like_output == like


def test_a_target_puts_back_what_its_passes_moved():
    norm = BatchNorm(5, dtype=np.float64)
    norm.parameters["scale"].value[...] = normal(5)
    before = {name: array.copy() for name, array in norm.buffers.items()}
    value = norm.parameters["scale"].value
    kept = value.copy()
    own = target(norm)
    assert own.buffers.keys() == norm.buffers.keys()
    own.forward()
    assert any((norm.buffers[name] != array).any() for name, array in before.items())
    own.arrays["scale"] += 1
    norm.parameters["scale"].value = value * 2
    own.restore()
    assert norm.parameters["scale"].value is value
    np.testing.assert_array_equal(value, kept)
    for name, array in before.items():
        np.testing.assert_array_equal(norm.buffers[name], array)


def test_a_gradient_is_that_of_the_last_forward_pass_alone():
    layer = dense()
    own = target(layer)
    dy = normal(4, 3, seed=1)
    own.forward(other=True)
    own.differentiate(dy)
    own.forward()
    found = own.differentiate(dy)
    np.testing.assert_allclose(found["weight"], X.T @ dy)
    np.testing.assert_allclose(found["x"], dy @ layer.parameters["weight"].value.T)
    own.clear()
    assert not own.gradients()["weight"].any()

    class Owner(Stranger):  # without a zero_grad
        def __init__(self):
            super().__init__()
            self.parameters = {"v": Parameter(normal(2))}

    stranger = Owner()
    stranger.parameters["v"].grad += 1
    target(stranger, normal(4, 3)).clear()
    assert stranger.parameters["v"].grad.tolist() == [0, 0]


# Passes.


def test_passes_give_one_number_that_is_zero_where_nothing_has_moved():
    own = target(dense())
    passes = run_passes(own, np.random.default_rng(0))
    assert passes.dy.shape == (4, 3)
    assert (passes.value(), passes.repeats, passes.loss_terms) == (0, True, None)
    assert passes.gradients.keys() == passes.repeated.keys() == own.arrays.keys()
    for name, gradient in passes.gradients.items():
        np.testing.assert_allclose(passes.repeated[name], gradient, rtol=1e-12)
    own.arrays["bias"][1] += 0.5
    assert passes.value() == pytest.approx(0.5 * passes.dy[:, 1].sum(), rel=1e-12)
    again = run_passes(target(dense()), np.random.default_rng(0), dy=np.ones((4, 3)))
    assert (again.dy == 1).all()
    np.testing.assert_allclose(again.gradients["bias"], [4, 4, 4])


def test_the_passes_of_a_model_have_two_terms_whose_changes_add_up():
    own = target(small_vae(), IMAGES)
    passes = run_passes(own, np.random.default_rng(0))
    assert passes.dy == 1
    np.testing.assert_array_equal(passes.loss_terms(), [0, 0])
    own.arrays["encoder.3.bias"][0] += 0.25
    np.testing.assert_allclose(passes.loss_terms().sum(), passes.value(), rtol=1e-9)
    assert (passes.loss_terms() != 0).all()


def test_a_second_pass_that_adds_nothing_is_seen():
    class Assigning(Dense):
        def backward(self, dy):
            self.zero_grad()
            return super().backward(dy)

    passes = run_passes(target(Assigning(5, 3, rng=0, dtype=np.float64)), np.random.default_rng(0))
    assert not passes.repeated["weight"].any()
    np.testing.assert_allclose(passes.repeated["x"], passes.gradients["x"], rtol=ROUNDING)


def test_a_model_is_smooth_if_all_its_networks_are():
    assert is_smooth(object())
    assert is_smooth(small_vae())
    vae = small_vae()
    vae.encoder.layers.append(ReLU())
    assert not is_smooth(vae)
