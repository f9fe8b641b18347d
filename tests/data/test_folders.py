"""Data sets in a folder of the user's: under which names they are found, and what is refused."""

import numpy as np
import pytest
from data_sets import CLOTHES, DIGITS, OTHER, contains, refusal, write


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("place", ["mnist", "."])
def test_load_from_a_folder_of_the_user(tmp_path, find, place, compress, dotted):
    write(tmp_path / "data" / place, DIGITS, compress=compress, dotted=dotted)
    found = find("mnist", tmp_path / "data")
    assert contains(found, DIGITS)
    assert found.name == "mnist"
    assert found.origin == f"MNIST from {tmp_path / 'data' / place} (7 + 3 images)"
    for images, count in ((found.train_images, 7), (found.test_images, 3)):
        assert images.shape == (count, 28, 28, 1)
        assert images.dtype == np.uint8
    assert not (tmp_path / "cache").exists()


def test_load_from_a_folder_with_both_data_sets(tmp_path, find):
    write(tmp_path / "mnist", DIGITS)
    write(tmp_path / "fashion-mnist", CLOTHES)
    assert contains(find("mnist", tmp_path), DIGITS)
    assert contains(find("fashion-mnist", tmp_path), CLOTHES)
    assert contains(find("auto", tmp_path), DIGITS)


def test_load_recognises_flat_files_by_content(tmp_path, find):
    write(tmp_path, CLOTHES)
    assert contains(find("fashion-mnist", tmp_path), CLOTHES)
    assert "are FASHION-MNIST" in refusal(find, "mnist", tmp_path)
    write(tmp_path, OTHER)
    assert "are of another data set" in refusal(find, "mnist", tmp_path)
    assert "are of another data set" in refusal(find, "fashion-mnist", tmp_path)


def test_load_notices_one_file_of_another_data_set(tmp_path, find):
    for name in DIGITS:
        write(tmp_path, DIGITS | {name: OTHER[name]})
        assert "are of another data set" in refusal(find, "mnist", tmp_path)


@pytest.mark.parametrize("inside", [False, True])
def test_load_takes_other_images_from_a_folder_named_for_the_data_set(tmp_path, find, inside):
    folder = tmp_path / "mnist"
    write(folder, OTHER)
    assert contains(find("mnist", folder if inside else tmp_path), OTHER)
    write(folder, CLOTHES)
    assert "are FASHION-MNIST" in refusal(find, "mnist", folder if inside else tmp_path)


def test_load_ignores_a_folder_with_a_files_name(tmp_path, find):
    write(tmp_path, DIGITS, compress=False, dotted=True)
    for name in DIGITS:
        (tmp_path / name).mkdir()
    assert contains(find("mnist", tmp_path), DIGITS)


def test_load_from_the_folder_in_the_variable(tmp_path, find, monkeypatch):
    write(tmp_path / "one", DIGITS)
    write(tmp_path / "two" / "mnist", OTHER)
    monkeypatch.setenv("SCRATCHVAE_DATA", str(tmp_path / "one"))
    assert contains(find("mnist"), DIGITS)
    assert contains(find("mnist", tmp_path / "two"), OTHER)
    (tmp_path / "empty").mkdir()
    assert contains(find("auto", tmp_path / "empty"), DIGITS)


def test_load_ignores_an_empty_variable(find, monkeypatch, downloads):
    monkeypatch.setenv("SCRATCHVAE_DATA", "")
    assert contains(find("mnist"), DIGITS)
    assert downloads == ["mnist"]


@pytest.mark.parametrize("name", ["auto", "mnist", "fashion-mnist"])
def test_load_refuses_a_folder_that_does_not_exist(tmp_path, find, monkeypatch, downloads, name):
    text = refusal(find, name, tmp_path / "none")
    assert repr(str(tmp_path / "none")) in text
    assert "does not exist" in text
    (tmp_path / "file").write_bytes(b"")
    assert "is not a folder" in refusal(find, name, str(tmp_path / "file"))
    monkeypatch.setenv("SCRATCHVAE_DATA", str(tmp_path / "none"))
    assert "SCRATCHVAE_DATA" in refusal(find, name)
    assert downloads == []


def test_load_refuses_a_folder_without_the_data_set(tmp_path, find, monkeypatch, downloads):
    (tmp_path / "data").mkdir()
    for options in ({"data_dir": tmp_path / "data"}, {}):
        text = refusal(find, "mnist", **options)
        for name in DIGITS:
            assert f"{name}.gz" in text
        assert '`load("synthetic")`' in text
        monkeypatch.setenv("SCRATCHVAE_DATA", str(tmp_path / "data"))
    assert downloads == []
    assert contains(find("auto", tmp_path / "data"), DIGITS)
    assert downloads == ["mnist"]


def test_load_says_which_file_is_missing(tmp_path, find):
    write(tmp_path / "mnist", DIGITS)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "t10k-labels-idx1-ubyte is missing" in refusal(find, "mnist", tmp_path)


@pytest.mark.parametrize("place", ["mnist", "."])
@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_load_refuses_a_damaged_file_of_the_user(tmp_path, find, downloads, place, name):
    write(tmp_path / place, DIGITS)
    path = tmp_path / place / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    assert "train-labels-idx1-ubyte.gz" in refusal(find, name, tmp_path)
    assert downloads == []


@pytest.mark.parametrize(
    ("part", "array", "words"),
    [
        (0, np.zeros((7, 28, 27), np.uint8), "found shape (7, 28, 27)"),
        (2, np.zeros((3, 784), np.uint8), "found shape (3, 784)"),
        (1, np.zeros((7, 1), np.uint8), "found shape (7, 1)"),
        (1, np.zeros(6, np.uint8), "each of the 7 images beside it"),
        (3, np.zeros(4, np.uint8), "found 4 labels"),
    ],
)
def test_load_refuses_files_that_do_not_fit(tmp_path, find, part, array, words):
    name = list(DIGITS)[part]
    write(tmp_path / "mnist", DIGITS | {name: array})
    text = refusal(find, "mnist", tmp_path)
    assert words in text
    assert name in text


def test_labels_may_be_above_nine(tmp_path, find):
    labels = np.array([46, 10, 9, 0, 1, 2, 3], np.uint8)
    write(tmp_path / "mnist", DIGITS | {list(DIGITS)[1]: labels})
    found = find("mnist", tmp_path)
    np.testing.assert_array_equal(found.train_labels, labels)
    assert found.classes == 47


def test_files_are_found_where_torchvision_puts_them(tmp_path, find):
    write(tmp_path / "MNIST" / "raw", OTHER)
    assert find("mnist", tmp_path).train_images.shape == (7, 28, 28, 1)
