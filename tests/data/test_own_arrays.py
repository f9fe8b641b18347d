"""Arrays of the user's own: axes and pixels that could be read in two ways are asked."""

import numpy as np
import pytest
from data_sets import read_or_refused, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.data import load


def saved(tmp_path, array, name="a.npy"):
    np.save(tmp_path / name, array)
    return tmp_path / name


def numbers(*shape, top=255, dtype=np.uint8):
    array = np.random.default_rng(0).integers(0, top, shape, endpoint=True).astype(dtype)
    array.flat[0], array.flat[1] = 0, top
    return array


def train(path, **options):
    return load(path, test=0, **options).train_images


@pytest.mark.parametrize("shape", [(9, 5, 4, 3), (9, 5, 4, 1), (9, 30), (9, 6, 6, 7)], ids=str)
def test_arrays_of_any_shape_are_taken_as_they_lie(tmp_path, shape):
    array = numbers(*shape)
    data = load(saved(tmp_path, array), test=0)
    np.testing.assert_array_equal(data.train_images, array)
    assert data.image_shape == shape[1:]
    assert data.train_labels is None
    assert data.name == "a"
    assert data.train_images.dtype == np.uint8


def test_grey_images_may_lack_the_axis_of_channels(tmp_path):
    assert train(saved(tmp_path, numbers(9, 5, 4))).shape == (9, 5, 4, 1)


def test_channels_first_are_asked_and_moved(tmp_path):
    for shape in ((9, 3, 6, 5), (9, 1, 6, 5), (3, 6, 5), (1, 6, 5)):
        array = numbers(*shape)
        path = saved(tmp_path, array)
        text = refusal(load, path)
        assert 'axes="channels-first"' in text
        assert 'axes="channels-last"' in text
        first = train(path, axes="channels-first")
        np.testing.assert_array_equal(first, np.moveaxis(array.reshape(-1, *shape[-3:]), 1, -1))
        np.testing.assert_array_equal(train(path, axes="channels-last").reshape(shape), array)


@pytest.mark.parametrize(
    ("array", "words", "scale", "wanted"),
    [
        (numbers(9, 4, 4, top=1), "`scale`: 1 or 255", 1, 1),
        (numbers(9, 4, 4, top=16), "`scale`: 16 or 255", 16, 16),
        (numbers(9, 4, 4, dtype=np.float32), "`scale`: 255", 255, 255),
        (numbers(9, 4, 4, top=4095, dtype=np.uint16), "`scale`: 4095 or 65535", 4095, 4095),
        (numbers(9, 4, 4, top=900, dtype=np.int64), '"features"', 900, 900),
    ],
    ids=["black and white", "few bits", "floats", "twelve bits", "whole numbers"],
)
def test_what_stands_for_white_is_asked_where_it_is_not_plain(
    tmp_path, array, words, scale, wanted
):
    path = saved(tmp_path, array)
    assert words in refusal(load, path)
    found = train(path, scale=scale)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0], array / wanted, atol=1e-6)
    np.testing.assert_array_equal(train(path, scale=str(scale)), found)


def test_bytes_in_wider_numbers_become_bytes(tmp_path):
    array = numbers(9, 4, 4)
    found = train(saved(tmp_path, array.astype(np.int64)), scale=255)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 0], array)
    assert (train(saved(tmp_path, array > 99)) == (array > 99)[..., None] * 255).all()


def test_a_rounding_beyond_a_limit_is_clipped_and_more_is_refused(tmp_path):
    array = np.linspace(0, 1, 60).reshape(5, 4, 3)
    array[0, 0, 0], array[-1, -1, -1] = -1e-9, 1 + 1e-7
    found = train(saved(tmp_path, array))
    assert (found.min(), found.max()) == (0, 1)
    array[0, 0, 0] = -0.01
    path = saved(tmp_path, array)
    assert "-0.01" in refusal(load, path)
    assert "cannot be divided" in refusal(load, path, scale=1)
    assert train(path, scale="none").min() == np.float64(-0.01)


def test_each_feature_is_brought_to_the_unit_interval(tmp_path):
    array = np.random.default_rng(0).normal(size=(50, 30)) * 7
    array[:, 3] = 5
    found = train(saved(tmp_path, array), scale="features")
    assert found.dtype == np.float32
    low, high = array.min(axis=0), array.max(axis=0)
    wanted = (array - low) / np.where(high > low, high - low, 1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_fourth_channel_of_bytes_is_asked(tmp_path):
    path = saved(tmp_path, numbers(9, 4, 4, 4))
    assert "transparency" in refusal(load, path)
    assert train(path, alpha="keep").shape == (9, 4, 4, 4)


def test_an_archive_has_images_and_labels_or_splits(tmp_path):
    x, y = numbers(9, 5, 4), np.array([3, 7, 7, 9, 3, 3, 9, 7, 3])
    path = tmp_path / "a.npz"
    np.savez(path, images=x, labels=y)
    data = load(path, test=0)
    np.testing.assert_array_equal(data.train_labels, [0, 1, 1, 2, 0, 0, 2, 1, 0])
    assert data.class_names == ("3", "7", "9")
    for names in (
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ):
        np.savez(path, **dict(zip(names, (x[:6], y[:6, None], x[6:], y[6:, None]), strict=True)))
        data = load(path)
        np.testing.assert_array_equal(data.train_images[..., 0], x[:6])
        np.testing.assert_array_equal(data.test_images[..., 0], x[6:])
        np.testing.assert_array_equal(data.test_labels, [2, 1, 0])


def test_archives_that_cannot_be_read_are_refused_in_one_line(tmp_path):
    path, x = tmp_path / "a.npz", numbers(9, 5, 4)
    np.savez(path, pictures=x)
    assert "pictures" in refusal(load, path)
    assert "np.savez" in refusal(load, path)
    np.savez(path, images=np.array([{}, None]))
    assert "Python objects" in refusal(load, path)
    np.savez(path, images=x, labels=np.arange(8))
    assert "9 and their labels 8" in refusal(load, path)
    np.savez(path, images=x, x=x)
    assert "images and x" in refusal(load, path)
    np.savez(path, x_train=x, x_test=x[:, :4])
    assert "differ" in refusal(load, path)
    np.savez(path, images=x, labels=np.linspace(0, 1, 9))
    assert "classes" in refusal(load, path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[0.5, np.nan]]), "NaN"),
        (np.zeros((0, 4, 4)), "shape"),
        (np.zeros(5), "reshape"),
        (np.zeros((2, 2, 2, 2, 2)), "reshape"),
        (np.zeros((4, 4), complex), "complex"),
        (np.array(["a", "b"]), "reshape"),
        (np.zeros(3, [("a", int)]), "fields"),
        (np.array(3.0), "reshape"),
    ],
    ids=str,
)
def test_what_are_no_images_is_refused(tmp_path, array, words):
    assert words in refusal(load, saved(tmp_path, array))


def test_options_that_are_of_no_use_are_refused(tmp_path):
    path = saved(tmp_path, numbers(9, 30))
    for option in ({"pad": "4x4"}, {"axes": "channels-first"}, {"size": "4x4"}, {"labels": "y"}):
        assert f"{next(iter(option))} is of no use" in refusal(load, path, **option)
    assert "larger `pad`" in refusal(load, saved(tmp_path, numbers(9, 8, 8)), pad="4x9")
    for shares in ({"test": 1}, {"validation": -0.1}, {"test": 0.6, "validation": 0.4}):
        assert next(iter(shares)) in refusal(load, path, **shares)
    assert "already" in refusal(load, path, data_dir=tmp_path)


@settings(max_examples=60, deadline=None)
@given(suffix=st.sampled_from(["npy", "npz"]), data=st.data())
def test_damaged_arrays_are_read_or_refused_in_one_line(tmp_path_factory, suffix, data):
    path = tmp_path_factory.mktemp("arrays") / f"a.{suffix}"
    (np.save if suffix == "npy" else np.savez)(path, numbers(6, 5, 4))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert "\n" not in read_or_refused(load, path)


@pytest.mark.parametrize("damage", [b"\0", b"(", b"'", b"\xff"])
def test_each_damage_of_a_header_is_refused_in_one_line(tmp_path, damage):
    # NumPy reads a header as Python's source, so that it may fail in any way that source may.
    path = saved(tmp_path, numbers(6, 5, 4))
    content = path.read_bytes()
    for place in range(8, 70):
        path.write_bytes(content[:place] + damage + content[place + 1 :])
        assert "\n" not in read_or_refused(load, path)
