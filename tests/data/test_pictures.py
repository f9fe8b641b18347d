"""A folder of pictures: classes, sizes, kinds of pixels, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from data_sets import read_or_refused, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scratchvae.data import load, pictures


def pixels(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, True)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def every(data):
    """Return all images of a data set of which none was set aside."""
    assert len(data.test_images) == 0
    return data.train_images


def test_folders_are_classes_and_pixels_are_those_of_the_files(tmp_path):
    arrays = {f"{c}/{i}": pixels(5, 4, 3, seed=i) for i in range(3) for c in ("dog", "cat")}
    for name, array in arrays.items():
        save(tmp_path / f"{name}.png", array)
    (tmp_path / "notes.txt").write_text("about them")
    data = load(tmp_path, test=0)
    assert data.class_names == ("cat", "dog")
    np.testing.assert_array_equal(data.train_labels, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(every(data), [arrays[name] for name in sorted(arrays)])
    words = ("6 train", "colour images of 5x4", "8-bit", "divided by 255", "2 classes", "1 other")
    assert all(word in data.origin for word in words)


def test_pictures_without_folders_have_no_labels(tmp_path):
    for i in range(20):
        save(tmp_path / f"{i}.bmp", pixels(3, 6, seed=i))
    data = load(tmp_path, validation=0.2, seed=3)
    counts = [len(x) for x in (data.train_images, data.validation_images, data.test_images)]
    assert counts == [14, 4, 2]
    assert data.train_labels is data.test_labels is data.validation_labels is None
    assert data.classes == 0
    assert data.image_shape == (3, 6, 1)
    again, other = load(tmp_path, validation=0.2, seed=3), load(tmp_path, validation=0.2, seed=4)
    assert data.fingerprint == again.fingerprint != other.fingerprint


def test_folders_named_as_splits_are_splits(tmp_path):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for i in range(count):
            save(tmp_path / split / "ab"[i % 2] / f"{i}.png", pixels(4, 4, seed=i))
    data = load(tmp_path)
    assert [len(x) for x in (data.train_images, data.validation_images, data.test_images)] == [
        *(4, 2, 3)
    ]
    np.testing.assert_array_equal(data.train_labels, [0, 0, 1, 1])
    assert "`test`" in str(refusal(load, tmp_path, test=0.5)).replace("test images", "")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tiff", "ppm"])
def test_every_usual_kind_is_read(tmp_path, suffix):
    save(tmp_path / f"a.{suffix}", np.full((6, 8, 3), (10, 120, 200), np.uint8))
    found = every(load(tmp_path, test=0))
    assert found.shape == (1, 6, 8, 3)
    assert np.abs(found.astype(int) - (10, 120, 200)).max() <= 4


def test_sixteen_bits_stay_sixteen(tmp_path):
    array = pixels(2, 5, 7, dtype=np.uint16)
    array[0, 0, 0] = 65535
    for place in (0, 1):
        save(tmp_path / f"{place}.png", array[place])
    found = every(load(tmp_path, test=0))
    np.testing.assert_array_equal(found[..., 0], (array / 65535).astype(np.float32))
    save(tmp_path / "2.png", pixels(5, 7))
    assert "2 of 3 pictures" in refusal(load, tmp_path)


def test_grey_palettes_are_grey_and_grey_beside_colour_becomes_colour(tmp_path):
    grey = pixels(4, 4)
    Image.fromarray(grey).convert("P").save(tmp_path / "a.png")
    np.testing.assert_array_equal(every(load(tmp_path, test=0))[0, ..., 0], grey)
    save(tmp_path / "b.png", pixels(4, 4, 3))
    data = load(tmp_path, test=0)
    np.testing.assert_array_equal(every(data)[0], np.repeat(grey[..., None], 3, axis=2))
    assert "1 grey ones read as colour" in data.origin


def test_transparency_is_asked_and_then_done_as_was_said(tmp_path):
    array = np.zeros((2, 2, 4), np.uint8)
    array[0, 0] = (200, 100, 50, 255)
    save(tmp_path / "a.png", array)
    text = refusal(load, tmp_path)
    assert all(word in text for word in ("alpha channel", '"white"', '"black"', '"keep"'))
    white, black = (every(load(tmp_path, alpha=a, test=0))[0] for a in ("white", "black"))
    assert white[1, 1].tolist() == [255] * 3
    assert black[1, 1].tolist() == [0] * 3
    assert white[0, 0].tolist() == black[0, 0].tolist() == [200, 100, 50]
    np.testing.assert_array_equal(every(load(tmp_path, alpha="keep", test=0))[0], array)


def test_several_sizes_are_told_and_resized_if_that_is_said(tmp_path):
    for i, sides in enumerate([(4, 6), (4, 6), (5, 6)]):
        save(tmp_path / f"{i}.png", np.full(sides, 77, np.uint8))
    text = refusal(load, tmp_path)
    assert all(word in text for word in ("2 sizes", "4x6", "'2.png'", "5x6", '"4x6"'))
    for size in ("8x3", (8, 3)):
        found = every(load(tmp_path, size=size, test=0))
        assert found.shape == (3, 8, 3, 1)
        assert (found == 77).all()
    padded = every(load(tmp_path, size="4x6", pad="8x8", test=0))
    assert padded.shape == (3, 8, 8, 1)
    assert (padded[:, 2:6, 1:7] == 77).all()
    assert padded.sum() == 77 * 24 * 3


def test_photographs_are_turned_as_their_entry_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.png", pixels(4, 6), exif=exif)
    found = every(load(tmp_path, test=0))
    np.testing.assert_array_equal(found[0, ..., 0], np.rot90(pixels(4, 6), -1))


def test_many_pictures_are_decoded_into_a_file(tmp_path, monkeypatch):
    for i in range(6):
        save(tmp_path / "in" / f"{i}.png", pixels(5, 4, 3, seed=i))
    usual = load(tmp_path / "in", test=0.5)
    monkeypatch.setattr(pictures, "IN_MEMORY", 10)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stored = load(tmp_path / "in", test=0.5)
    assert not isinstance(stored.train_images, np.ndarray)
    np.testing.assert_array_equal(stored.train_images[:], usual.train_images)
    assert stored.fingerprint == usual.fingerprint
    assert not list((tmp_path / "cache" / "scratchvae").iterdir())


def test_what_is_no_folder_of_pictures_is_refused_in_one_line(tmp_path):
    assert "no pictures" in refusal(load, tmp_path)
    save(tmp_path / "a" / "1.png", pixels(3, 3))
    save(tmp_path / "2.png", pixels(3, 3))
    assert "1 are in folders" in refusal(load, tmp_path)
    assert "of no kind that can be read" in refusal(load, tmp_path / "2.png")
    (tmp_path / "2.png").unlink()
    (tmp_path / "a" / "1.png").write_bytes(b"")
    assert "cannot read the picture" in refusal(load, tmp_path)
    assert "nor is there a file or folder" in refusal(load, tmp_path / "none")
    assert "labels is of no use" in refusal(load, tmp_path, labels="x")
    for option in ({"size": "4"}, {"size": (0, 4)}, {"pad": 3}, {"alpha": "red"}, {"scale": "x"}):
        assert next(iter(option)) in refusal(load, tmp_path, **option)


def test_a_picture_that_promises_too_many_pixels_is_refused(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header
    content = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "bomb.png").write_bytes(content)
    assert "bomb.png" in refusal(load, tmp_path)


def encoded(kind):
    file = io.BytesIO()
    Image.fromarray(pixels(9, 9, 3)).save(file, kind)
    return file.getvalue()


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]), data=st.data())
def test_damaged_pictures_are_read_or_refused_in_one_line(tmp_path_factory, kind, data):
    content = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    folder = tmp_path_factory.mktemp("pictures")
    (folder / f"a.{kind.lower()}").write_bytes(content)
    assert "\n" not in read_or_refused(load, folder)
