"""What is refused or stopped costs nothing, and says where it went wrong and what to do."""

from dataclasses import asdict, fields

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, pixels, refused, small_parts, small_vae

from scratchvae.errors import InputError
from scratchvae.layers import BatchNorm, Dense, Flatten, Layer, Reshape, Sequential, Tanh
from scratchvae.models import VAE, build
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import SGD, LossTerms, Settings, Trainer, train

IMAGES = pixels(20, *IMAGE_SHAPE, seed=7)
TEXT = {"learning_rate": "0.1", "momentum": "0.5", "epsilon": "1e-7", "epochs": "2"}


def state(model):
    return {name: array.copy() for name, array in model.state().items()}


def normed(seed=0):
    encoder, decoder = small_parts(seed=seed)
    encoder.layers.insert(2, BatchNorm(3, dtype=np.float64))
    return VAE(encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_setting_of_another_type_is_refused_when_settings_are_made(name):
    valid = getattr(Settings(), name)
    bad = [None, [valid], {}, np.ones(2), object()]
    bad += [7, b"adam"] if isinstance(valid, str) else [str(valid or 1), True, 1j]
    for wrong in bad:
        with refused(name, "not "):
            Settings(**{name: wrong})


def test_numbers_of_numpy_become_plain_ones():
    settings = Settings(learning_rate=np.float32(0.5), epochs=np.int64(3), warm_up=np.float64(2))
    assert [type(asdict(settings)[n]) for n in ("learning_rate", "epochs", "warm_up")] == [
        float,
        int,
        float,
    ]


def test_what_only_another_optimiser_has_is_refused_and_forgotten_with_it():
    with refused(
        "momentum=0.5 would do nothing, since the optimiser is adam: leave it out, or use "
        '`optimiser="sgd"`'
    ):
        Settings(momentum=0.5)
    with refused("epsilon=0.1 would do nothing, since the optimiser is sgd: leave it out"):
        Settings(optimiser="sgd", epsilon=0.1)
    stored = Settings(optimiser="sgd", momentum=0.5)
    assert stored.changed(optimiser="adam").momentum == 0
    assert stored.changed(learning_rate=0.3).momentum == 0.5
    assert build("iwae").settings.changed(optimiser="sgd").epsilon == Settings.epsilon
    with refused("momentum"):
        stored.changed(optimiser="adam", momentum=0.1)


@pytest.mark.parametrize(
    "given",
    [
        *({name: value} for name, value in TEXT.items()),
        {"warm_up": "2"},
        {"momentum": 0.5},
        {"warm_start": "yes"},
        {"progress": np.ones(2)},
        {"test_labels": [1]},
        {"test_images": IMAGES[:, :2]},
        {"seed": -1},
        {"pixels": "binarised"},
    ],
    ids=repr,
)
def test_a_fit_that_is_refused_leaves_the_trained_model(given):
    model = normed().fit(IMAGES, epochs=1, batch_size=10)
    before, history = state(model), model.history_
    with refused(""):
        model.fit(IMAGES, **given)
    assert_same(state(model), before)
    assert model.history_ is history


@pytest.mark.parametrize(("images", "size"), [(33, 32), (1, 8), (5, 1)])
def test_a_last_batch_of_one_image_is_found_before_the_first_step(images, size):
    model = build("hierarchical-vae", latent_dim=2, upper_dim=2, batch_norm=True)
    x, before = pixels(images, 784), state(model)
    with refused(f"an epoch's last batch would hold one image of {images}, and BatchNorm"):
        model.fit(x, batch_size=size, epochs=1)
    assert_same(state(model), before)
    # Convolutions have many values per channel in one image.
    build("zhao-cnn").fit(x[:1], epochs=1)


class Fuse(Layer):
    """Passes everything on, until it is told otherwise."""

    def __init__(self):
        super().__init__()
        self.factor = 1.0

    def forward(self, x, training=False):
        return x * x.dtype.type(self.factor)

    def backward(self, dy):
        return dy


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_diverged_fit_leaves_its_last_complete_epoch(epoch):
    fuse = Fuse()
    encoder, decoder = small_parts()
    decoder.layers.insert(3, fuse)
    model = VAE(encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
    model.fit(IMAGES, epochs=1)
    kept, history = [state(model)], list(model.history_)

    def evaluate(images, **options):
        fuse.factor = np.inf if len(kept) == epoch - 1 else 1.0
        kept.append(state(model))
        return None

    model.evaluate = evaluate
    fuse.factor = np.inf if epoch == 1 else 1.0
    with refused("the loss became", f"in step {2 * (epoch - 1) + 1}", "decoder.3 (Fuse)"):
        model.fit(IMAGES, epochs=9, batch_size=10, test_images=IMAGES, learning_rate=0.1)
    assert_same(state(model), kept[epoch - 1])
    if epoch == 1:
        assert model.history_ == history
    else:
        assert [row.epoch for row in model.history_] == [1, 2]


def test_a_last_step_that_ruins_the_parameters_is_no_success():
    model = small_vae(GaussianLikelihood(), dtype=np.float32)
    before = state(model)
    steep = 1e30 * np.ones_like(IMAGES)
    with refused(
        "encoder.3.weight became infinite or NaN by step 1: use a learning rate below 1e+38"
    ):
        model.fit(steep / 1e15, epochs=1, optimiser="sgd", learning_rate=1e38)
    assert_same(state(model), before)
    assert model.history_ == []


@pytest.mark.parametrize(
    ("place", "value", "where"),
    [
        ("encoder.1.weight", np.nan, "encoder.1 (Dense)"),
        ("encoder.3.bias", 2000.0, "what goes into decoder.0 (Dense)"),
        ("decoder.2.bias", np.nan, "decoder.2 (Dense)"),
        (
            "decoder.2.bias",
            1e200,
            "the loss itself (of all layers' outputs, the largest is 1e+200 in decoder.2 (Dense))",
        ),
    ],
)
def test_the_layer_where_a_loss_stops_being_finite_is_named(place, value, where):
    model = small_vae(GaussianLikelihood())
    trainer = Trainer(model, learning_rate=0.1)
    trainer.step(IMAGES)
    model.parameters[place].value[...] = value
    with refused("in step 2, first in " + where, "use a learning rate below 0.1"):
        trainer.step(IMAGES)


def test_rounds_of_warm_start_do_not_repeat_an_order_and_its_noise():
    def first_batches(rounds, **options):
        seen = []

        class Watched(VAE):
            def forward(self, x, eps, training=False):
                if training:
                    seen.append((x.sum(), eps.sum()))
                return super().forward(x, eps, training)

        encoder, decoder = small_parts()
        model = Watched(
            encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2
        )
        for number in range(rounds):
            model.fit(IMAGES, epochs=1, batch_size=20 - 5, warm_start=number > 0, **options)
        return seen[::2]

    drawn = first_batches(4)
    assert len({order for order, _ in drawn}) == len({noise for _, noise in drawn}) == 4
    assert first_batches(4) == drawn  # and are the same each time
    assert first_batches(2, seed=1) != drawn[:2]


def test_a_step_does_not_leave_out_a_warm_up_without_a_word():
    for settings in ({"warm_up": 2.0}, {"schedule": "cosine"}, {"schedule": "stages"}):
        trainer = Trainer(small_vae(), **settings)
        with refused(next(iter(settings)), "`trainer.schedule(progress)`"):
            trainer.step(IMAGES)
        trainer.schedule(0.0)
        terms = trainer.step(IMAGES)
        if "warm_up" in settings:
            assert terms.loss == pytest.approx(terms.reconstruction)
    for bad in (-0.1, 1.5, "0.5", None):
        with refused("progress"):
            trainer.schedule(bad)


def test_a_trainers_settings_are_followed_or_refused():
    trainer = Trainer(small_vae(), learning_rate=0.1)
    trainer.settings = trainer.settings.changed(learning_rate=0.2)
    assert trainer.optimiser.learning_rate == 0.2
    with refused("another optimiser", "new Trainer"):
        trainer.settings = trainer.settings.changed(optimiser="sgd")
    with refused("settings"):
        trainer.settings = {"epochs": 2}


def test_an_optimiser_refuses_a_parameter_that_became_another():
    network = Sequential(Flatten(), Dense(15, 2, dtype=np.float64), Tanh(), Reshape((2, 1)))
    optimiser = SGD(network.parameters, 0.1)
    network.layers[1].parameters["weight"].value = np.ones((15, 3))
    with refused("velocity/1.weight", "(15, 2)", "(15, 3)", "new optimiser"):
        optimiser.step()


RECIPES = ("zhao-mlp", "zhao-cnn", "kingma-welling", "learned-variance", "hierarchical-vae", "iwae")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("rate", [1.0, 1e3])
def test_extreme_rates_end_finite_or_with_the_last_finite_model(recipe, rate):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), dtype=np.uint8)
    small = {"latent_dim": 2} | ({"upper_dim": 2} if recipe == "hierarchical-vae" else {})
    for some in (images, images * 0, images * 0 + 255, images[:1]):
        model = build(recipe, **small)
        said = ""
        try:
            model.fit(some, epochs=2, batch_size=3, learning_rate=rate)
        except InputError as error:
            said = str(error)
        assert not said or ("step" in said and "learning rate below" in said)
        assert all(np.isfinite(array).all() for array in model.state().values())


def test_labels_of_test_images_are_checked_before_the_first_step():
    model = build("conditional-vae")
    images, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
    trainer = Trainer(model, epochs=1)
    for wrong, said in ((None, "needs the class"), (labels[:3], "4 whole numbers, one per image")):
        with refused(said):
            train(trainer, images, images, labels=labels, test_labels=wrong, progress=False)
    assert trainer.optimiser.steps == 0


def test_a_test_loss_of_a_model_of_ones_own_that_is_not_finite_ends_its_training():
    class Endless(VAE):
        def evaluate(self, images, *, labels=None, seed=0):
            return LossTerms(np.inf, 1.0, 2.0)

    trainer = Trainer(small_vae(model=Endless), epochs=2, batch_size=10)
    seen = []
    with refused("the test loss became inf after epoch 1, which ended with step 2"):
        train(trainer, IMAGES, IMAGES, progress=False, on_epoch=seen.append)
    assert seen == []
