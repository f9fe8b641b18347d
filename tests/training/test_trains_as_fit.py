"""``train`` and ``Trainer.step`` take what ``fit`` takes, and what is refused costs nothing."""

import os
import re
import signal

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, refused, small_parts, small_vae

from scratchvae.errors import InputError
from scratchvae.layers import Dense, Layer, Sigmoid
from scratchvae.models import VAE
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import (
    LossTerms,
    Settings,
    Trainable,
    Trainer,
    train,
)

IMAGES = np.random.default_rng(0).integers(2, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)
SETTINGS = Settings(epochs=1, batch_size=8)

pytestmark = pytest.mark.usefixtures("ctrl_c")


def trained(images, *tests, **options):
    return train(Trainer(small_vae(), SETTINGS), images, *tests, progress=False, **options)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (IMAGES.astype(np.int64), ("int64 from 2 to 255", "use .astype(np.uint8)")),
        (IMAGES.astype(np.float64), ("from 0 to 1", "divide 8-bit pixels by 255")),
        (IMAGES // 255, ("none is above 1",)),
        (np.moveaxis(IMAGES, 2, 1), ("must be of shape",)),
        (IMAGES[..., 0][:, :2], ("must be of shape",)),
        (IMAGES / np.nan, ("finite",)),
    ],
)
def test_images_are_read_as_meant_or_refused_before_the_first_step(wrong, words):
    with refused("images", *words):
        trained(wrong)
    model = small_vae()
    before = model.state()
    with refused("test images", *words):
        train(Trainer(model, SETTINGS), IMAGES, wrong, progress=False)
    assert_same(model.state(), before)


def test_images_of_one_channel_need_not_say_so_and_bits_are_black_and_white():
    bits = IMAGES > 128
    expected = trained(bits * np.uint8(255), IMAGES)
    for images in (bits, bits[..., 0], bits.reshape(20, 15)):
        (metrics,) = trained(images, IMAGES[..., 0])
        assert (metrics.train, metrics.test) == (expected[0].train, expected[0].test)


def test_labels_and_callbacks_are_looked_at_before_the_first_step():
    labels = np.zeros(20, int)
    with refused("not conditioned on classes"):
        trained(IMAGES, labels=labels)
    with refused("not conditioned on classes"):
        trained(IMAGES, IMAGES, test_labels=labels)
    with refused("test_labels are of no use without test_images"):
        trained(IMAGES, test_labels=labels)
    for name in ("on_epoch", "on_batch"):
        with refused(f"{name} must be a function or None, not 'print'"):
            trained(IMAGES, **{name: "print"})


class Stopping(Layer):
    """Notes the sum of each batch in training; at the first one Ctrl-C is pressed, once."""

    def __init__(self):
        super().__init__()
        self.sums, self.presses = [], True

    def forward(self, x, training=False):
        if training:
            self.sums.append(float(x.sum()))
            if self.presses:
                self.presses = False
                os.kill(os.getpid(), signal.SIGINT)
        return x

    def backward(self, dy):
        return dy


def test_a_warm_start_after_a_first_epoch_that_was_stopped_has_another_order():
    model, spy = small_vae(), Stopping()
    model.encoder.layers.insert(0, spy)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES, epochs=1, batch_size=8)
    assert model.history_ == []
    (stopped,) = spy.sums
    spy.sums.clear()
    model.fit(IMAGES, epochs=1, batch_size=8, warm_start=True)
    assert stopped not in spy.sums
    spy.sums.clear()
    model.fit(IMAGES, epochs=1, batch_size=8)
    assert spy.sums[0] == stopped


class Counting(Layer):
    """Counts batches in a buffer, with a new array for each as running means often have."""

    def __init__(self):
        super().__init__(dtype=np.float64)
        self.buffers = {"count": np.zeros(1)}

    def forward(self, x, training=False):
        if training:
            self.buffers["count"] = self.buffers["count"] + 1
        return x

    def backward(self, dy):
        return dy


def test_a_buffer_that_a_layer_puts_anew_is_treated_as_one_that_it_changes():
    model = small_vae(GaussianLikelihood())
    model.encoder.layers.insert(2, Counting())
    model.fit(IMAGES, epochs=1, batch_size=10)
    model.fit(IMAGES, epochs=1, batch_size=10)
    assert model.state()["encoder.2.count"] == 2  # from 0 again
    trainer = Trainer(model)
    trainer.step(IMAGES)
    with refused("the loss became"):
        trainer.step(np.full((4, *IMAGE_SHAPE), 1e200))
    assert model.state()["encoder.2.count"] == 3
    with refused("the loss became"):
        model.fit(np.full((4, *IMAGE_SHAPE), 1e200), epochs=1, warm_start=True)
    assert model.state()["encoder.2.count"] == 3


def test_a_state_is_loaded_whole_or_not_at_all():
    model, other = small_vae(dtype=np.float32), small_vae(seed=1, dtype=np.float32)
    before, last = model.state(), list(model.state())[-1]
    too_large = other.state() | {last: other.state()[last].astype(np.float64) * 1e300}
    with refused(last, "float32 cannot hold"):
        model.load_state(too_large)
    assert_same(model.state(), before)
    model.parameters[last].value.flags.writeable = False
    with refused(last, "read-only"):
        model.load_state(other.state())
    assert_same(model.state(), before)
    model.parameters[last].value.flags.writeable = True
    model.load_state(other.state())
    assert_same(model.state(), other.state())


class Mean(Trainable):
    """A model of one number."""

    def __init__(self):
        self.parameters, self.dtype = {}, np.dtype(np.float64)
        self.returns = LossTerms(1.0, 1.0, 0.0)

    def draw_noise(self, count, rng):
        return np.empty(0)

    def forward(self, x, noise, training=False):
        return self.returns

    def backward(self):
        pass


@pytest.mark.parametrize("wrong", [None, 1.0, (1.0, 1.0, 0.0), LossTerms(np.ones(2), 1.0, 0.0)])
def test_a_forward_of_ones_own_must_return_the_terms_of_a_loss(wrong):
    model = Mean()
    trainer = Trainer(model)
    trainer.step(IMAGES)
    model.returns = wrong
    with refused("Mean.forward must return LossTerms"):
        trainer.step(IMAGES)
    assert trainer.optimiser.steps == 1

    class Odd(VAE):
        def forward(self, x, eps, training=False):
            return wrong

    parts = small_parts()
    odd = Odd(*parts, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
    for call in (odd.fit, odd.evaluate):
        with refused("Odd.forward must return LossTerms"):
            call(IMAGES)


def test_a_model_of_ones_own_that_lacks_something_is_named():
    for name in ("parameters", "dtype"):
        model = Mean()
        delattr(model, name)
        with refused(f"Mean has no {name}: set it in Mean.__init__"):
            Trainer(model)
    model = Mean()
    for wrong in (np.int32, "half", None):
        model.dtype = wrong
        with refused("dtype must be float32", "or float64"):
            Trainer(model)


def test_an_error_of_a_layers_own_passes_through_and_costs_nothing():
    class Failing(Counting):
        def forward(self, x, training=False):
            if training and self.buffers["count"] >= 1:
                raise RuntimeError("mine")
            return super().forward(x, training)

    model = small_vae()
    before = model.state()
    model.encoder.layers.insert(2, Failing())
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(IMAGES, epochs=1, batch_size=8)
    assert model.state()["encoder.2.count"] == 0
    model.encoder.layers.pop(2)
    assert_same(model.state(), before)
    with pytest.raises(InputError):
        model.fit(IMAGES[:, :2])


class Block(Layer):
    """Runs layers of its own, and may forget that they learn."""

    def __init__(self, learns, held):
        super().__init__(dtype=np.float64)
        dense = Dense(3, 3, rng=0, dtype=np.float64)
        self.inner = {"layer": dense, "list": [dense], "dictionary": {"a": dense}}[held]
        self.dense = lambda: dense
        if learns:
            self.parameters = dict(dense.parameters)

    def forward(self, x, training=False):
        return self.dense().forward(x, training)

    def backward(self, dy):
        return self.dense().backward(dy)


PLACES = {"layer": "inner", "list": "inner[0]", "dictionary": "inner['a']"}


@pytest.mark.parametrize("held", PLACES)
def test_a_layer_that_no_optimiser_knows_of_is_said_to_be_untrained(held):
    model = small_vae()
    model.encoder.layers.insert(3, Block(False, held))
    what = re.escape(f"encoder, layer 4.{PLACES[held]}, a Dense, is not trained")
    with pytest.warns(UserWarning, match=what):
        Trainer(model)
    model.encoder.layers[3] = Block(True, held)
    Trainer(model)
    model.encoder.layers[3].tied = model.encoder.layers[1]  # which is trained where it is
    Trainer(model)


def test_layers_in_a_list_of_a_model_of_ones_own_are_said_to_be_untrained():
    class Heads(VAE):
        def __init__(self, *parts, **options):
            super().__init__(*parts, **options)
            self.heads = [Dense(2, 2, rng=0), Sigmoid()]

    options = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}
    with pytest.warns(UserWarning, match=r"Heads\.heads\[0\], a Dense, is not trained"):
        Heads(*small_parts(), GaussianLikelihood(), **options).fit(IMAGES, epochs=1)

    class Forgetful(Mean):
        def __init__(self):
            super().__init__()
            self.network = Dense(2, 2)

    with pytest.warns(UserWarning, match=r"Forgetful\.network, a Dense, is not trained"):
        Trainer(Forgetful())
