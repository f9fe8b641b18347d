"""Data that are easily read otherwise than meant: they are read as meant, or it is asked."""

import gzip
import struct
import zlib

import numpy as np
import pytest
from data_sets import refusal
from PIL import Image

from scratchvae.data import load

ROWS = np.arange(12.0).reshape(6, 2) / 16


def csv(path, names, rows, separator=",", point="."):
    lines = [separator.join(str(x).replace(".", point) for x in row) for row in rows]
    path.write_text("\n".join([*([separator.join(names)] if names else []), *lines]))
    return path


class TestTables:
    @pytest.fixture(autouse=True)
    def pandas(self):
        self.pandas = pytest.importorskip("pandas")

    def read(self, path, **options):
        data = load(path, test=0, **options)
        np.testing.assert_array_equal(data.train_images, ROWS)
        return data

    def test_a_first_line_of_numbers_is_a_row_and_numbered_columns_are_a_header(self, tmp_path):
        path = tmp_path / "a.csv"
        assert "no line of names" in self.read(csv(path, [], ROWS)).origin
        assert "no line of names" not in self.read(csv(path, ["0", "1"], ROWS)).origin

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_semicolons_and_tabs_stand_between_columns(self, tmp_path, separator):
        self.read(csv(tmp_path / "a.csv", ["a", "b"], ROWS, separator))

    def test_beside_semicolons_there_are_decimal_commas(self, tmp_path):
        assert "decimal commas" in self.read(csv(tmp_path / "a.csv", "ab", ROWS, ";", ",")).origin

    def test_a_table_may_be_compressed(self, tmp_path):
        path = csv(tmp_path / "a.csv", "ab", ROWS)
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        self.read(tmp_path / "a.csv.gz")

    @pytest.mark.parametrize(("name", "first"), [("", 0), ("id", 1), ("Index", 0)])
    def test_a_column_that_numbers_the_rows_is_none_of_the_data(self, tmp_path, name, first):
        rows = [(i + first, *row) for i, row in enumerate(ROWS)]
        assert "left out" in self.read(csv(tmp_path / "a.csv", [name, "a", "b"], rows)).origin

    def test_classes_are_found_in_capitals_and_two_columns_of_them_are_asked(self, tmp_path):
        rows = [(*row, i % 2) for i, row in enumerate(ROWS)]
        data = self.read(csv(tmp_path / "a.csv", ["a", "b", "Label"], rows))
        np.testing.assert_array_equal(data.train_labels, [0, 1] * 3)
        path = csv(tmp_path / "b.csv", ["a", "target", "Label"], rows)
        assert "target and Label" in refusal(load, path)

    def test_a_class_that_is_missing_is_no_class(self, tmp_path):
        rows = [(*row, "" if i == 2 else "cat") for i, row in enumerate(ROWS)]
        path = csv(tmp_path / "a.csv", ["a", "b", "label"], rows)
        assert "no class in 1 of 6 rows" in refusal(load, path)

    def test_more_columns_than_names_are_refused(self, tmp_path):
        assert "more columns" in refusal(load, csv(tmp_path / "a.csv", ["a"], ROWS))

    def test_the_entry_that_is_no_number_is_named(self, tmp_path):
        path = csv(tmp_path / "a.csv", "ab", [*ROWS, ("?", 1)])
        assert "'?'" in refusal(load, path)

    def test_the_index_of_a_parquet_file_is_a_column_and_missing_numbers_are_named(self, tmp_path):
        pytest.importorskip("pyarrow")
        table = self.pandas.DataFrame(ROWS, columns=["a", "b"])
        table.set_index("a").to_parquet(tmp_path / "a.parquet")
        self.read(tmp_path / "a.parquet")
        table["a"] = self.pandas.array([1, None] * 3, dtype="Int64")
        table.to_parquet(tmp_path / "b.parquet")
        assert "NaN" in refusal(load, tmp_path / "b.parquet")


class TestArrays:
    @pytest.mark.parametrize("shape", [(28, 28, 500), (32, 32, 3, 500), (20, 30, 3)])
    def test_arrays_that_may_have_images_last_or_be_one_picture_are_asked(self, tmp_path, shape):
        path = tmp_path / "a.npy"
        np.save(path, np.zeros(shape))
        assert "moveaxis" in refusal(load, path) or "images[None]" in refusal(load, path)
        assert load(path, axes="channels-last", test=0).train_images.shape[: len(shape)] == shape

    def test_the_order_of_bytes_changes_nothing(self, tmp_path):
        deep = np.random.default_rng(0).integers(0, 65536, (5, 4, 6)).astype(np.uint16)
        images = []
        for order in "<>":
            np.save(tmp_path / "a.npy", deep.astype(f"{order}u2"))
            images.append(load(tmp_path / "a.npy", test=0).train_images)
        np.testing.assert_array_equal(*images)

    def test_arrays_that_are_left_out_are_named(self, tmp_path):
        np.savez(tmp_path / "a.npz", np.zeros((5, 4, 6)), np.arange(5))
        assert "left out: arr_1" in load(tmp_path / "a.npz").origin

    def test_names_may_be_in_capitals(self, tmp_path):
        np.savez(tmp_path / "a.npz", Images=np.zeros((2, 4, 5)), Label=[1, 0])
        np.testing.assert_array_equal(load(tmp_path / "a.npz", test=0).train_labels, [1, 0])

    @pytest.mark.parametrize(
        ("labels", "word"), [(3, "label for each"), (np.eye(3), "argmax"), ([0, -1, 1], "-1")]
    )
    def test_labels_that_are_no_classes_are_refused_with_the_way_out(self, tmp_path, labels, word):
        np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 5)), labels=labels)
        assert word in refusal(load, tmp_path / "a.npz")


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


class TestPictures:
    def test_classes_that_are_numbers_are_in_the_order_of_numbers(self, tmp_path):
        for name in range(11):
            save(tmp_path / str(name) / "a.png", np.full((4, 5), 20 * name, np.uint8))
        data = load(tmp_path, test=0)
        np.testing.assert_array_equal(data.train_images[:, 0, 0, 0], 20 * data.train_labels)

    def test_splits_may_be_in_capitals(self, tmp_path):
        for name in ("Train", "Test"):
            save(tmp_path / name / "cat" / "a.png", pixels(4, 5))
        data = load(tmp_path)
        assert (len(data.test_images), data.class_names) == (1, ("cat",))

    def test_links_to_folders_are_followed_and_not_in_circles(self, tmp_path):
        for name in ("cat", "dog"):
            save(tmp_path / "all" / name / "a.png", pixels(4, 5))
            (tmp_path / "some").mkdir(exist_ok=True)
            (tmp_path / "some" / name).symlink_to(tmp_path / "all" / name)
        (tmp_path / "some" / "cat" / "back").symlink_to(tmp_path / "all" / "cat")
        assert load(tmp_path / "some", test=0).class_names == ("cat", "dog")

    def test_an_alpha_channel_that_is_opaque_asks_nothing(self, tmp_path):
        picture = np.dstack([pixels(4, 5, 3), np.full((4, 5), 255, np.uint8)])
        save(tmp_path / "a.png", picture)
        data = load(tmp_path, test=0)
        np.testing.assert_array_equal(data.train_images, [picture[..., :3]])
        assert "opaque" in data.origin
        np.testing.assert_array_equal(load(tmp_path, test=0, alpha="keep").train_images, [picture])

    def test_what_moves_says_that_its_first_frame_is_taken(self, tmp_path):
        frames = [Image.fromarray(pixels(4, 5, seed=seed)) for seed in (0, 1)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        assert "several frames the first" in load(tmp_path).origin

    @pytest.mark.parametrize(("channels", "kind"), [(3, 2), (4, 6)])
    def test_colours_of_sixteen_bits_keep_them(self, tmp_path, channels, kind):
        deep = np.random.default_rng(0).integers(0, 65536, (6, 7, channels)).astype(">u2")
        content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in deep))
        header = struct.pack(">IIBBBBB", 7, 6, 16, kind, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
        file = b"\x89PNG\r\n\x1a\n"
        for name, data in chunks:
            file += struct.pack(">I", len(data)) + name + data
            file += struct.pack(">I", zlib.crc32(name + data))
        (tmp_path / "a.png").write_bytes(file)
        data = load(tmp_path, alpha="keep" if channels == 4 else None, test=0)
        # Half a step of 16 bits, and float32's rounding is finer.
        np.testing.assert_allclose(data.train_images[0], deep / 65535, atol=0.5 / 65535, rtol=0)

    def test_a_folder_of_arrays_says_that_one_is_to_be_named(self, tmp_path):
        np.save(tmp_path / "a.npy", pixels(3, 4, 5))
        assert str(tmp_path / "a.npy") in refusal(load, tmp_path)


IDX_TYPES = {0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@pytest.mark.parametrize("code", IDX_TYPES)
def test_idx_files_may_have_any_numbers(tmp_path, code):
    numbers = np.random.default_rng(code).integers(0, 2, (5, 4, 6)).astype(IDX_TYPES[code])
    header = bytes([0, 0, code, 3]) + struct.pack(">3I", *numbers.shape)
    for name in ("train-images-idx3-ubyte", "mine.idx"):
        (tmp_path / name).write_bytes(header + numbers.tobytes())
        data = load(tmp_path / name, scale=1, test=0)
        np.testing.assert_array_equal(data.train_images[..., 0], numbers)
    (tmp_path / "mine.idx").write_bytes(header + numbers.tobytes()[:-1])
    assert "120 entries" in refusal(load, tmp_path / "mine.idx")


def test_idx_files_with_the_channels_first_are_asked(tmp_path):
    header = bytes([0, 0, 8, 4]) + struct.pack(">4I", 5, 3, 9, 9)
    (tmp_path / "train-images-idx4-ubyte").write_bytes(header + pixels(5, 3, 9, 9).tobytes())
    assert "channels first" in refusal(load, tmp_path)
    assert load(tmp_path, axes="channels-first").image_shape == (9, 9, 3)


def test_a_data_set_is_shown_by_its_origin(tmp_path):
    np.save(tmp_path / "a.npy", pixels(9, 4, 5))
    data = load(tmp_path / "a.npy")
    assert data.origin in repr(data)
    assert "array" not in repr(data)


@pytest.mark.parametrize(("labels", "asked"), [((-1, 1), False), ((-1,), True), ((-1, 1, 2), True)])
def test_labels_of_minus_one_are_a_class_only_beside_one_of_one(tmp_path, labels, asked):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.random.default_rng(0).random((12, 5, 5)), labels=np.resize(labels, 12))
    if asked:
        assert "-1" in refusal(load, path)
    else:
        assert load(path).classes == 2


@pytest.mark.parametrize("pixels", [np.full((9, 9), 0.5, np.float32), np.full((9, 9), 1 << 17)])
def test_pictures_of_numbers_without_a_white_are_refused_with_the_way_to_read_them(
    tmp_path, pixels
):
    for number in range(4):
        Image.fromarray(pixels.astype(pixels.dtype.kind + "4")).save(tmp_path / f"{number}.tif")
    said = refusal(load, tmp_path)
    assert "white" in said
    assert "scale" in said
