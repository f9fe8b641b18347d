"""Fitting a model: where it begins, what it keeps of its epochs, and what it refuses."""

import numpy as np
import pytest
from helpers import (
    IMAGE_SHAPE,
    PIXELS,
    assert_same,
    normal,
    refused,
    small_vae,
    values,
)

from scratchvae.errors import InputError
from scratchvae.probability import GaussianLikelihood

EIGHT_BIT = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)


def test_looking_at_a_model_does_not_change_its_training():
    plain, looked_at = small_vae(), small_vae()
    plain.fit(EIGHT_BIT, epochs=2, batch_size=8, progress=False)
    looked_at.sample(3)
    looked_at.elbo(EIGHT_BIT)
    looked_at.fit(EIGHT_BIT, epochs=2, batch_size=8, progress=False, test_images=EIGHT_BIT)
    assert_same(values(plain), values(looked_at))


def test_fit_begins_again_without_warm_start():
    vae = small_vae()
    initial = values(vae)
    options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    first = values(vae.fit(EIGHT_BIT, **options))
    assert all((first[name] != initial[name]).any() for name in first)
    assert_same(values(vae.fit(EIGHT_BIT, **options)), first)
    other = values(vae.fit(EIGHT_BIT, seed=1, **options))
    assert any((first[name] != other[name]).any() for name in first)

    vae.fit(EIGHT_BIT, **options)
    loss = vae.evaluate(EIGHT_BIT).loss
    further = values(vae.fit(EIGHT_BIT, warm_start=True, **options))
    assert any((first[name] != further[name]).any() for name in first)
    assert vae.evaluate(EIGHT_BIT).loss < loss
    # To continue what was never trained is to begin.
    assert_same(values(small_vae().fit(EIGHT_BIT, warm_start=True, **options)), first)


def test_fit_begins_with_the_values_before_the_first_fit():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    changed, also_changed = small_vae(), small_vae()
    for vae in (changed, also_changed):
        vae.parameters["encoder.1.weight"].value[...] = 0.1
    changed.fit(EIGHT_BIT, **options)
    also_changed.fit(EIGHT_BIT, warm_start=True, **options)
    assert_same(values(changed), values(also_changed))
    assert_same(values(also_changed.fit(EIGHT_BIT, **options)), values(changed))


def test_fit_begins_with_the_present_values_of_what_was_replaced():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    vae, other = small_vae(), small_vae(seed=1)
    vae.fit(EIGHT_BIT, **options)
    vae.encoder = other.encoder
    vae.decoder.layers[2].parameters["bias"].value = np.full(PIXELS, 0.3)
    expected = small_vae()
    expected.encoder = small_vae(seed=1).encoder
    # A parameter is still the same one when its array is another.
    assert_same(values(vae.fit(EIGHT_BIT, **options)), values(expected.fit(EIGHT_BIT, **options)))


def test_load_state_is_where_the_next_fit_begins():
    options = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01, "progress": False}
    source = small_vae(seed=1)
    other = small_vae().fit(EIGHT_BIT, **options)
    other.load_state(source.state())
    assert_same(values(other), values(source))
    assert other.parameters["encoder.1.weight"] is not source.parameters["encoder.1.weight"]
    assert_same(values(other.fit(EIGHT_BIT, **options)), values(source.fit(EIGHT_BIT, **options)))


def test_load_state_refuses_a_state_of_another_model():
    vae, before = small_vae(), values(small_vae())
    state = small_vae(seed=1).state()
    with refused("prior must be absent in the state, not of shape (2,)"):
        vae.load_state(state | {"prior": np.zeros(2)})
    with refused("decoder.0.weight must be of shape (2, 3) in the state, not of shape (2, 4)"):
        vae.load_state(state | {"decoder.0.weight": np.zeros((2, 4))})
    del state["encoder.1.bias"]
    with refused("encoder.1.bias must be of shape (3,) in the state, not absent"):
        vae.load_state(state)
    assert_same(values(vae), before)


@pytest.mark.parametrize(
    ("images", "changes"),
    [
        (np.zeros((3, 5)), {}),
        (EIGHT_BIT[:0], {}),
        (np.full((2, *IMAGE_SHAPE), np.nan), {}),
        (EIGHT_BIT, {"learning_rate": -1}),
        (EIGHT_BIT, {"colour": 1}),
        (EIGHT_BIT, {"free_bits": 1.0, "free_bits_epochs": 1.0}),
        (EIGHT_BIT, {"seed": -1}),
        (EIGHT_BIT, {"test_images": np.zeros((3, 5))}),
        (EIGHT_BIT, {"test_images": EIGHT_BIT, "test_labels": np.zeros(20, int)}),
    ],
)
def test_what_fit_refuses_costs_no_trained_model(images, changes):
    vae = small_vae().fit(EIGHT_BIT, epochs=1, progress=False)
    before, history = values(vae), vae.history_
    with pytest.raises(InputError):
        vae.fit(images, progress=False, **changes)
    assert_same(values(vae), before)
    assert vae.history_ == history


def test_fit_keeps_the_history_of_its_epochs():
    vae = small_vae().fit(
        EIGHT_BIT, test_images=EIGHT_BIT[:5], epochs=3, batch_size=8, progress=False
    )
    assert [metrics.epoch for metrics in vae.history_] == [1, 2, 3]
    assert vae.history_[-1].test == vae.evaluate(EIGHT_BIT[:5])
    assert vae.history_[0].train.loss > vae.history_[-1].train.loss
    assert small_vae().fit(EIGHT_BIT, epochs=1, progress=False).history_[0].test is None


def test_fit_reports_wrong_settings():
    with refused("epoch", "epochs"):
        small_vae().fit(EIGHT_BIT, epoch=3)
    with refused("seed"):
        small_vae().fit(EIGHT_BIT, seed=-1, epochs=1, progress=False)
    with refused("test_images"):
        small_vae().fit(EIGHT_BIT, test_images=normal(2, 3), progress=False)


def test_history_holds_the_complete_epochs_of_a_fit_that_fails():
    vae = small_vae(GaussianLikelihood()).fit(EIGHT_BIT, epochs=1, progress=False)
    before, passes, forward = vae.history_, [], vae.forward

    def overflow(x, eps, training=False):
        passes.append(training)
        return forward(x * 1e200 if len(passes) > 4 else x, eps, training)

    vae.forward = overflow
    with refused("the loss became"):
        vae.fit(EIGHT_BIT, epochs=9, batch_size=10, progress=False)
    assert [row.epoch for row in vae.history_] == [1, 2]
    assert vae.history_[0] is not before[0]
