"""Data sets are found where the user says, in the cache or on the network, and checked."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from scratchvae.data import DATASET_NAMES, Dataset, dataset, load
from scratchvae.data.remotes import REMOTES, RemoteDataset
from scratchvae.data.synthetic import make_synthetic_digits
from scratchvae.errors import InputError

FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
REAL_DATA = os.environ.get("SCRATCHVAE_DATA")


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def make_set(seed):
    """Return the four arrays of a data set of seven and three images, by file name."""
    random = np.random.default_rng(seed)
    shapes = ((7, 28, 28), (7,), (3, 28, 28), (3,))
    return {
        f"{name}-ubyte": random.integers(0, 256 if len(shape) == 3 else 10, shape, np.uint8)
        for name, shape in zip(FILES, shapes, strict=True)
    }


def make_remote(name, arrays):
    hashes = {
        f"{file}.gz": hashlib.sha256(gzip.compress(idx_bytes(array), mtime=0)).hexdigest()
        for file, array in arrays.items()
    }
    content = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()
    return RemoteDataset(name, name.upper(), ("http://127.0.0.1:9/",), hashes, content)


DIGITS, CLOTHES, OTHER = make_set(1), make_set(2), make_set(3)
SETS = {
    "mnist": make_remote("mnist", DIGITS),
    "fashion-mnist": make_remote("fashion-mnist", CLOTHES),
}


def write(folder, arrays, *, compress=True, dotted=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx_bytes(array)
        if dotted:
            name = name.replace("-idx", ".idx")
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)


@pytest.fixture(autouse=True)
def no_user_folder(monkeypatch):
    monkeypatch.delenv("SCRATCHVAE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def few_synthetic_digits(monkeypatch):
    monkeypatch.setattr(dataset, "_SYNTHETIC_COUNTS", (6, 4))


@pytest.fixture
def find(tmp_path):
    """Load with the small data sets, an empty cache and mirrors that refuse a connection."""

    def find_small(name, data_dir=None, **options):
        options = {"cache_dir": tmp_path / "cache", "remotes": SETS, "progress": False} | options
        return load(name, data_dir=data_dir, **options)

    return find_small


@pytest.fixture
def downloads(monkeypatch):
    """Stand in for the network: write what was asked for, and keep a list of it."""
    asked = []

    def download(remote, folder, *, progress):
        asked.append(remote.name)
        write(folder, {"mnist": DIGITS, "fashion-mnist": CLOTHES}[remote.name])

    monkeypatch.setattr(dataset, "download", download)
    return asked


def contains(found, arrays):
    train_images, train_labels, test_images, test_labels = arrays.values()
    return (
        np.array_equal(found.train_images, train_images[..., None])
        and np.array_equal(found.train_labels, train_labels)
        and np.array_equal(found.test_images, test_images[..., None])
        and np.array_equal(found.test_labels, test_labels)
    )


def refusal(load_it, *arguments, **options):
    with pytest.raises(InputError) as error:
        load_it(*arguments, **options)
    text = str(error.value)
    assert "\n" not in text
    return text


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


def test_dataset_is_frozen(tmp_path, find):
    write(tmp_path / "mnist", DIGITS)
    with pytest.raises(FrozenInstanceError):
        find("mnist", tmp_path).name = "other"


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
        (3, np.array([0, 10, 9], np.uint8), "found a label 10"),
    ],
)
def test_load_refuses_files_that_do_not_fit(tmp_path, find, part, array, words):
    name = list(DIGITS)[part]
    write(tmp_path / "mnist", DIGITS | {name: array})
    text = refusal(find, "mnist", tmp_path)
    assert words in text
    assert name in text


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
