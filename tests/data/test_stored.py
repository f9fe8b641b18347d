"""Images that stay in a file give the same data sets, trainings and answers as arrays."""

import numpy as np
import pytest
from helpers import assert_same, refused

from scratchvae.data import arrays, load, stored
from scratchvae.models import build


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.integers(0, 256, (60, 6, 5, 3), dtype=np.uint8))
    return tmp_path / "a.npy"


@pytest.fixture
def small_files_stay(monkeypatch):
    monkeypatch.setattr(arrays, "MAPPED_FROM", 1)
    monkeypatch.setattr(stored, "MAPPED_FROM", 1)
    monkeypatch.setattr(stored, "CHUNK_BYTES", 500)


def trained(images, tests):
    model = build("zhao-mlp", image_shape=images.shape[1:])
    return model.fit(images, test_images=tests, epochs=2, batch_size=16, progress=False)


def test_a_large_array_stays_in_its_file_and_gives_the_same_bits(path, small_files_stay):
    data = load(path, validation=0.2)
    assert isinstance(data.train_images, stored.StoredImages)
    whole = np.load(path)
    everything = [data.train_images, data.validation_images, data.test_images]
    order = np.lexsort(whole.reshape(60, -1).T)
    again = np.concatenate([np.asarray(part) for part in everything])
    np.testing.assert_array_equal(again[np.lexsort(again.reshape(60, -1).T)], whole[order])
    in_memory = trained(np.asarray(data.train_images), np.asarray(data.test_images))
    in_file = trained(data.train_images, data.test_images)
    assert_same(in_memory.state(), in_file.state())
    np.testing.assert_array_equal(
        in_memory.encode(np.asarray(data.test_images)), in_file.encode(data.test_images)
    )
    assert [h.test for h in in_memory.history_] == [h.test for h in in_file.history_]


def test_a_fingerprint_does_not_depend_on_where_images_are(path, small_files_stay, monkeypatch):
    in_file = load(path).fingerprint
    monkeypatch.setattr(arrays, "MAPPED_FROM", 1 << 30)
    assert load(path).fingerprint == in_file


def test_an_array_that_the_user_maps_stays_in_its_file(path, small_files_stay):
    mapped = np.load(path, mmap_mode="r")
    model = build("zhao-mlp", image_shape=(6, 5, 3))
    assert isinstance(model.as_images(mapped), stored.StoredImages)
    assert_same(
        trained(mapped[:50], mapped[50:]).state(), trained(*np.split(np.load(path), [50])).state()
    )


def test_stored_images_are_as_an_array_of_them(path, small_files_stay):
    images, whole = load(path, test=0).train_images, np.load(path)
    assert images.shape == whole.shape
    assert images.ndim == 4
    assert len(images) == 60
    assert (images.size, images.nbytes, images.dtype) == (whole.size, whole.nbytes, whole.dtype)
    np.testing.assert_array_equal(images[3], whole[3])
    np.testing.assert_array_equal(images[[7, 2]], whole[[7, 2]])
    np.testing.assert_array_equal(images.subset(slice(5, 9))[1:], whole[6:9])
    assert repr(images) == "StoredImages of shape (60, 6, 5, 3) and uint8"
    assert images.limits == stored.limits_of(whole)


def test_first_images_are_not_read(path, small_files_stay):
    data = load(path).first(5, 2)
    assert isinstance(data.train_images, stored.StoredImages)
    assert (len(data.train_images), len(data.test_images)) == (5, 2)


def test_floats_and_axes_are_converted_as_they_are_read(tmp_path, small_files_stay):
    rng = np.random.default_rng(0)
    for array, options in (
        (rng.random((20, 6, 5)) * 255, {"scale": 255}),
        (rng.random((20, 3, 6, 5)), {"axes": "channels-first", "pad": "8x8"}),
        (rng.normal(size=(20, 30)), {"scale": "features"}),
    ):
        np.save(tmp_path / "b.npy", array)
        in_file = load(tmp_path / "b.npy", test=0, **options).train_images
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrays, "MAPPED_FROM", 1 << 30)
            in_memory = load(tmp_path / "b.npy", test=0, **options).train_images
        assert isinstance(in_memory, np.ndarray)
        assert not isinstance(in_file, np.ndarray)
        np.testing.assert_array_equal(in_file[:], in_memory, strict=True)


def test_nan_in_a_mapped_file_is_refused(tmp_path, small_files_stay):
    array = np.zeros((20, 6, 5, 3), np.float32)
    array[13, 2, 2, 2] = np.nan
    np.save(tmp_path / "b.npy", array)
    with refused("NaN"):
        load(tmp_path / "b.npy")
    with refused("finite"):
        trained(np.load(tmp_path / "b.npy", mmap_mode="r"), None)


@pytest.mark.parametrize("recipe", ["diffusion", "vq-vae", "iwae", "denoising-autoencoder"])
def test_every_kind_of_model_begins_with_stored_images(tmp_path, small_files_stay, recipe):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "b.npy", rng.integers(0, 256, (30, 28, 28, 1), dtype=np.uint8))
    images = np.load(tmp_path / "b.npy", mmap_mode="r")
    states = [
        build(recipe).fit(each, epochs=1, progress=False).state()
        for each in (images, np.array(images))
    ]
    assert_same(*states)
