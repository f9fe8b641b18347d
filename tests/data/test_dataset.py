"""Data sets are found in the cache or on the network, or drawn, and know what they are."""

import gzip
import hashlib
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from data_sets import CLOTHES, DIGITS, OTHER, SETS, contains, idx_bytes, refusal, write

from scratchvae.data import DATASET_NAMES, Dataset, dataset, load
from scratchvae.data.remotes import REMOTES
from scratchvae.data.synthetic import make_synthetic_digits

REAL_DATA = os.environ.get("SCRATCHVAE_DATA")


def test_dataset_is_frozen(tmp_path, find):
    write(tmp_path / "mnist", DIGITS)
    with pytest.raises(FrozenInstanceError):
        find("mnist", tmp_path).name = "other"


def test_load_uses_the_cache_before_the_network(tmp_path, find, downloads):
    write(tmp_path / "cache" / "mnist", DIGITS)
    found = find("mnist")
    assert contains(found, DIGITS)
    assert found.origin == f"MNIST from {tmp_path / 'cache' / 'mnist'} (7 + 3 images)"
    assert downloads == []
    assert contains(find("fashion-mnist"), CLOTHES)
    assert downloads == ["fashion-mnist"]


@pytest.mark.parametrize("wrong", ["cut", "other", "gone"])
def test_load_downloads_a_damaged_file_of_the_cache_again(tmp_path, find, downloads, wrong):
    write(tmp_path / "cache" / "mnist", DIGITS)
    path = tmp_path / "cache" / "mnist" / "t10k-images-idx3-ubyte.gz"
    if wrong == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif wrong == "other":
        path.write_bytes(gzip.compress(idx_bytes(OTHER["t10k-images-idx3-ubyte"])))
    else:
        path.unlink()
    found = find("mnist")
    assert contains(found, DIGITS)
    assert found.origin.startswith("MNIST downloaded into ")
    assert downloads == ["mnist"]


def test_load_of_a_named_data_set_needs_the_network(find):
    text = refusal(find, "fashion-mnist")
    assert "FASHION-MNIST" in text
    assert "127.0.0.1:9: " in text
    assert "SCRATCHVAE_DATA" in text
    assert '`load("synthetic")`' in text


def test_load_auto_without_a_network_gives_synthetic_digits(find):
    found = find("auto", seed=5)
    assert found.name == "synthetic"
    assert found.origin.startswith("MNIST could not be downloaded (127.0.0.1:9: ")
    assert found.origin.endswith("): using synthetic digits from seed 5 (6 + 4 images)")
    assert np.array_equal(found.train_images, load("synthetic", seed=5).train_images)


def test_load_synthetic_depends_on_the_seed_and_the_split():
    first, again, other = (load("synthetic", seed=seed) for seed in (0, np.int64(0), 1))
    assert isinstance(first, Dataset)
    assert first.origin == "synthetic digits from seed 0 (6 + 4 images)"
    assert first.train_images.shape == (6, 28, 28, 1)
    assert first.test_images.shape == (4, 28, 28, 1)
    assert first.train_images.dtype == first.test_labels.dtype == np.uint8
    assert first.train_labels.shape == (6,)
    np.testing.assert_array_equal(first.train_images, again.train_images)
    np.testing.assert_array_equal(first.test_labels, again.test_labels)
    assert not np.array_equal(first.train_images, other.train_images)
    assert not np.array_equal(first.train_images[:4], first.test_images)


def test_load_synthetic_has_the_factors_of_its_images():
    data = load("synthetic", seed=1)
    seeds = (int(seed) for seed in np.random.SeedSequence(1).generate_state(2))
    train = (data.train_images, data.train_labels, data.train_factors)
    test = (data.test_images, data.test_labels, data.test_factors)
    for seed, (images, labels, factors) in zip(seeds, (train, test), strict=True):
        made, other = (
            make_synthetic_digits(len(images), seed=seed, labels=labels, factors=given).images
            for given in (factors, factors[::-1])
        )
        assert np.array_equal(made, images)
        assert not np.array_equal(other, images)  # other factors would have been seen


def test_load_of_other_data_sets_has_no_factors(find, tmp_path):
    write(tmp_path / "data" / "mnist", DIGITS)
    found = find("mnist", tmp_path / "data")
    assert found.train_factors is None
    assert found.test_factors is None


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
@pytest.mark.parametrize("name", ["auto", "synthetic"])
def test_load_refuses_a_seed_that_is_no_whole_number(find, name, seed):
    assert repr(seed) in refusal(find, name, seed=seed)


def test_load_answers_an_unknown_name_with_the_names():
    hints = {
        "MNIST": "mean 'mnist'?",
        "fashion": "mean 'fashion-mnist'?",
        "cats": "; the data sets",
    }
    for name, hint in hints.items():
        text = refusal(load, name)
        assert all(known in text for known in DATASET_NAMES)
        assert hint in text
    assert "None" in refusal(load, None)


def test_importing_data_loads_no_network_library():
    code = "import sys, scratchvae.data; print({'tqdm', 'requests'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.skipif(not REAL_DATA, reason="SCRATCHVAE_DATA names no folder")
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_load_of_the_real_data_sets_has_their_hashes(name):
    found = load(name, data_dir=REAL_DATA)
    assert found.train_images.shape == (60_000, 28, 28, 1)
    assert found.test_images.shape == (10_000, 28, 28, 1)
    parts = (found.train_images, found.train_labels, found.test_images, found.test_labels)
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert digest == REMOTES[name].content_hash


@pytest.mark.parametrize(("train", "test"), [(None, None), (4, None), (None, 2), (5, 3)])
def test_first_keeps_labels_and_factors(train, test):
    def images(count):
        return np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)

    rows = {"train": 9, "test": 6}
    known = {f"{part}_factors": np.arange(n, dtype=np.float32)[:, None] for part, n in rows.items()}
    parts = {f"{part}_images": images(n) for part, n in rows.items()}
    parts |= {f"{part}_labels": np.arange(n, dtype=np.uint8) for part, n in rows.items()}
    for factors in (known, {}):
        whole = Dataset(name="synthetic", origin="here", **parts, **factors)
        some = whole.first(train, test)
        for name, array in (parts | known).items():
            count = train if name.startswith("train") else test
            found = getattr(some, name)
            if factors or not name.endswith("factors"):
                np.testing.assert_array_equal(found, array[:count])
            else:
                assert found is None
        assert (some.name, some.origin) == ("synthetic", "here")


def test_find_local_looks_where_load_does_and_downloads_nothing(tmp_path, downloads, monkeypatch):
    def look():
        return dataset.find_local("mnist", cache_dir=tmp_path / "cache", remotes=SETS)

    assert look() is None
    write(tmp_path / "cache" / "mnist", DIGITS)
    assert contains(look(), DIGITS)
    monkeypatch.setenv("SCRATCHVAE_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    assert contains(look(), DIGITS)  # the user's folder does not have it: no error
    write(tmp_path / "mine" / "mnist", OTHER)
    assert contains(look(), OTHER)
    assert downloads == []


def test_find_local_takes_damaged_files_in_the_cache_for_none(tmp_path):
    write(tmp_path / "cache" / "mnist", DIGITS)
    (tmp_path / "cache" / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    assert dataset.find_local("mnist", cache_dir=tmp_path / "cache", remotes=SETS) is None
