"""IDX files of any rows, columns and labels, found by their path as they lie."""

import numpy as np
from data_sets import DIGITS, contains, refusal, write

from scratchvae.data import load


def letters(rows=7, columns=5, first=1, count=26):
    rng = np.random.default_rng(0)
    return {
        "emnist-letters-train-images-idx3-ubyte": rng.integers(
            0, 256, (count, rows, columns), np.uint8
        ),
        "emnist-letters-train-labels-idx1-ubyte": np.arange(first, first + count).astype(np.uint8),
        "emnist-letters-test-images-idx3-ubyte": rng.integers(0, 256, (4, rows, columns), np.uint8),
        "emnist-letters-test-labels-idx1-ubyte": np.array([26, 1, 2, 3], np.uint8),
    }


def test_letters_have_classes_from_nought_and_keep_their_numbers_as_names(tmp_path):
    arrays = letters()
    write(tmp_path / "EMNIST" / "raw", arrays)
    for path in (tmp_path, tmp_path / "EMNIST" / "raw", tmp_path / "EMNIST" / "raw/emnist-letters"):
        data = load(path)
        assert data.image_shape == (7, 5, 1)
        np.testing.assert_array_equal(data.train_images[..., 0], next(iter(arrays.values())))
        np.testing.assert_array_equal(data.train_labels, np.arange(26))
        np.testing.assert_array_equal(data.test_labels, [25, 0, 1, 2])
        assert data.class_names == tuple(map(str, range(1, 27)))


def test_one_of_several_sets_is_named_by_its_path(tmp_path):
    write(tmp_path, letters())
    write(tmp_path, DIGITS)
    text = refusal(load, tmp_path)
    assert "several data sets" in text
    assert "emnist-letters" in text
    assert load(tmp_path / "emnist-letters").classes == 26


def test_plain_files_of_mnists_names_are_read_by_their_folder(tmp_path):
    write(tmp_path, DIGITS, compress=False, dotted=True)
    assert contains(load(tmp_path), DIGITS)


def test_labels_and_test_images_may_be_missing(tmp_path):
    name, *_ = letters()
    write(tmp_path, {name: letters()[name]})
    data = load(tmp_path)
    assert data.train_labels is None
    assert (len(data.train_images), len(data.test_images)) == (23, 3)


def test_small_images_are_not_taken_for_channels_first(tmp_path):
    write(tmp_path, {"train-images-idx3-ubyte": np.full((9, 3, 6), 99, np.uint8)})
    assert load(tmp_path).image_shape == (3, 6, 1)


def test_files_that_do_not_go_together_are_refused(tmp_path):
    arrays = letters()
    write(tmp_path, arrays | {list(arrays)[1]: np.zeros(3, np.uint8)})
    assert "a label for each of the 26 images" in refusal(load, tmp_path)
    write(tmp_path, arrays | {list(arrays)[2]: np.zeros((4, 7, 6), np.uint8)})
    assert "differ" in refusal(load, tmp_path)
    (tmp_path / "emnist-letters-train-images-idx3-ubyte.gz").unlink()
    assert "no training images" in refusal(load, tmp_path)
