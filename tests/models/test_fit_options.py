"""What `fit` is asked for: schedules, callbacks, and names that other packages have."""

import numpy as np
import pytest
from data_sets import refusal

import scratchvae
from scratchvae.data import load
from scratchvae.errors import InputError
from scratchvae.training import SGD, Adam

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 4, 5, 1), np.uint8)


def fitted(**options):
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1), seed=0)
    return model.fit(IMAGES, **({"epochs": 2, "batch_size": 8, "progress": False} | options))


def test_a_schedule_may_be_a_function_of_what_is_done():
    seen = []

    def half(progress):
        seen.append(progress)
        return 0.5

    rate = scratchvae.build("zhao-mlp").settings.learning_rate
    alike = fitted(schedule=half), fitted(learning_rate=rate / 2)
    for name, value in alike[0].state().items():
        np.testing.assert_array_equal(value, alike[1].state()[name])
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] < 1


@pytest.mark.parametrize("wrong", [lambda progress: -1.0, lambda progress: None])
def test_a_schedule_that_gives_no_rate_is_refused(wrong):
    with pytest.raises(InputError, match=r"schedule\(0\.0\)"):
        fitted(schedule=wrong)


def test_on_epoch_is_called_with_each_epoch_when_the_history_has_it():
    rows = []
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1), seed=0)
    model.fit(
        IMAGES,
        epochs=3,
        progress=False,
        on_epoch=lambda row: rows.append(model.history_[-1] is row),
    )
    assert rows == [True] * 3
    assert "on_epoch" in refusal(fitted, on_epoch=3)


def test_a_function_that_could_not_be_called_is_refused_before_the_first_step():
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1), seed=0)
    before = model.state()
    for wrong in (
        {"on_epoch": lambda epoch, logs: None},
        {"schedule": lambda epoch, rate: rate},
        {"optimiser": lambda parameters: Adam(parameters)},
        {"optimiser": lambda parameters, rate: None},
        {"optimiser": lambda parameters, rate: Adam(model.encoder.parameters, rate)},
        {"optimiser": Adam(model.parameters)},
        {"test_images": IMAGES[:0]},
    ):
        assert next(iter(wrong)) in refusal(model.fit, IMAGES, progress=False, **wrong)
    for name, value in model.state().items():
        np.testing.assert_array_equal(value, before[name])


class Decaying(SGD):
    """Gradient descent whose weights also shrink by a hundredth of the rate in each step."""

    def step(self):
        for parameter in self.parameters.values():
            parameter.value *= 1 - 0.01 * self.learning_rate
        super().step()


def test_an_optimiser_of_ones_own_takes_the_steps_at_the_scheduled_rate():
    plain = fitted(optimiser="sgd", schedule="cosine", learning_rate=1e-4)
    same = fitted(optimiser=SGD, schedule="cosine", learning_rate=1e-4)
    decayed = fitted(optimiser=Decaying, learning_rate=1e-4, epochs=1, batch_size=24)
    undecayed = fitted(optimiser=SGD, learning_rate=1e-4, epochs=1, batch_size=24)
    start = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1), seed=0).state()
    for name, value in plain.state().items():
        np.testing.assert_array_equal(same.state()[name], value)
        # One step from the same gradient: they differ by what the weights shrank, to the rounding
        # of single precision.
        np.testing.assert_allclose(
            decayed.state()[name] - undecayed.state()[name], -1e-6 * start[name], atol=2e-7
        )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("lr", "learning_rate"),
        ("verbose", "progress"),
        ("validation_data", "test_images"),
        ("callbacks", "on_epoch"),
        ("beta", "model.beta"),
    ],
)
def test_other_packages_names_of_settings_are_answered_with_ours(name, remedy):
    assert remedy in refusal(fitted, **{name: 1})


@pytest.mark.parametrize(
    ("images", "remedy"),
    [
        ((IMAGES, np.zeros(24)), "two arguments"),
        ({"x": IMAGES}, "one of its arrays"),
        ("digits", "load('digits')"),
        (np.float64(IMAGES / 255 * 2 - 1), "(images + 1) / 2"),
        (np.moveaxis(IMAGES[..., 0], 0, -1), "moveaxis"),
    ],
)
def test_what_is_no_array_of_images_is_refused_with_the_way_out(images, remedy):
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1), seed=0)
    assert remedy in refusal(model.fit, images, epochs=1)


def test_a_data_set_in_the_place_of_images_is_told_from_them(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1))
    assert "train_images" in refusal(model.fit, load(tmp_path / "a.npy"))


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        (np.arange(24.0) % 3, "astype(int)"),
        (["cat", "dog", "cow"] * 8, "np.unique"),
        (np.eye(3)[np.arange(24) % 3], "argmax"),
        ((np.arange(24) % 3)[:, None], "labels[:, 0]"),
        (np.arange(24) % 3 + 1, "labels - 1"),
        (1, "[1] * 24"),
    ],
)
def test_labels_that_are_no_classes_are_refused_with_the_way_out(labels, remedy):
    model = scratchvae.build("conditional-vae", image_shape=(4, 5, 1), classes=3)
    assert remedy in refusal(model.fit, IMAGES, labels, epochs=1)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_an_image_shape_with_the_channels_first_is_refused(shape):
    assert "channels first" in refusal(scratchvae.build, "zhao-cnn", image_shape=shape)


def test_a_file_of_a_model_is_named_as_one_and_found_without_its_suffix(tmp_path):
    model = scratchvae.build("zhao-mlp", image_shape=(4, 5, 1))
    assert "name a file" in refusal(model.save, f"{tmp_path}/new/")
    assert "make it first" in refusal(model.save, tmp_path / "new" / "model.npz")
    model.save(tmp_path / "model.npz")
    assert "did you mean" in refusal(scratchvae.load, tmp_path / "model")
