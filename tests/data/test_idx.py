"""IDX files are read exactly, and hostile ones refused without costing memory."""

import gzip
import math
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.data import read_idx
from scratchvae.errors import InputError


def idx_bytes(array, type_code=0x08):
    header = bytes([0, 0, type_code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def header(*shape, type_code=0x08):
    return bytes([0, 0, type_code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


IMAGES = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
PLAIN = idx_bytes(IMAGES)
ZIPPED = gzip.compress(PLAIN)


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "file.gz"
        path.write_bytes(content)
        return read_idx(path)

    return read_bytes


def message(error):
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("content", [PLAIN, ZIPPED], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["images.gz", "images"])
def test_read_idx_decides_by_content_whether_a_file_is_compressed(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    for form in (path, str(path)):
        array = read_idx(form)
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.writeable
        np.testing.assert_array_equal(array, IMAGES, strict=True)


@pytest.mark.parametrize("shape", [(7,), (1, 1, 1, 1), (2, 3)])
def test_read_idx_of_one_to_four_dimensions(read, shape):
    array = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
    np.testing.assert_array_equal(read(idx_bytes(array)), array, strict=True)


def test_read_idx_of_several_gzip_members_and_chunks(read):
    array = np.random.default_rng(0).integers(0, 256, (3, 1000, 1000), dtype=np.uint8)
    content = idx_bytes(array)
    several = gzip.compress(content[:10], 1) + gzip.compress(content[10:], 1)
    np.testing.assert_array_equal(read(several), array, strict=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "starts with the bytes 00 00 08"),
        (b"<!DOCTYPE html>", "starts with the text '<!DO'"),
        (b"one\ntwo\n", "starts with the bytes 6f 6e 65 0a"),
        (b"\x00\x01\x08\x03" + PLAIN[4:], "starts with the bytes 00 01 08 03"),
        (PLAIN[:9], "the file ends within it"),
        (PLAIN[:-1], "but found 59"),
        (PLAIN[:16], "cannot hold them"),
        (PLAIN + b"\0", "more bytes follow"),
        (idx_bytes(IMAGES, 0x0D), "32-bit floats (type code 0x0d)"),
        (idx_bytes(IMAGES, 0x0C), "32-bit integers (type code 0x0c)"),
        (idx_bytes(IMAGES, 0x07), "of no type that IDX has (type code 0x07)"),
        (header(), "states 0"),
        (header(1, 1, 1, 1, 1) + b"\0", "states 5"),
        (header(0, 28, 28), "0 x 28 x 28"),
        (header(0, *[2**32 - 1] * 3), "at least one entry"),
        (header(2**20, 2**20) + b"\0" * 100, "1,099,511,627,776 entries"),
        (header(*[2**32 - 1] * 4) + b"\0" * 100, "cannot hold them"),
        (gzip.compress(b""), "starts with nothing"),
        (gzip.compress(ZIPPED), "starts with the bytes 1f 8b"),
        (gzip.compress(PLAIN[:-1]), "but found 59"),
        (gzip.compress(PLAIN + b"\0"), "more bytes follow"),
        (gzip.compress(header(2**20, 2**20) + b"\0" * 100), "cannot hold them"),
        (ZIPPED[:1], "starts with the bytes 1f"),
        (ZIPPED[:2], "damaged or cut short"),
        (ZIPPED[: len(ZIPPED) // 2], "damaged or cut short"),
        (ZIPPED[:-8], "damaged or cut short"),
        (ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:], "damaged or cut short"),
        (ZIPPED + b"rubbish", "damaged or cut short"),
        (ZIPPED[:10] + b"\xff" * 30, "damaged or cut short"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_read_idx_refuses_a_bad_file_in_one_line(read, content, words):
    with pytest.raises(InputError) as error:
        read(content)
    assert words in message(error)


def test_read_idx_refuses_what_is_not_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    cases = [(tmp_path, "Is a directory"), (tmp_path / "none", "does not exist")]
    cases += [("nul\0l", "null bytes"), (tmp_path / ("x" * 5000), "cannot be read")]
    cases += [(None, "a path must be text"), (3, "a path must be text")]
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        cases.append((pipe, "not a regular file"))
    for path, words in cases:
        with pytest.raises(InputError) as error:
            read_idx(path)
        assert words in message(error)


def test_read_idx_error_has_no_line_break_of_a_name(tmp_path):
    with pytest.raises(InputError) as error:
        read_idx(tmp_path / "two\nlines")
    assert "two\\nlines" in message(error)


def test_read_idx_uses_no_more_memory_than_the_file_contains(tmp_path):
    # Both files claim far more than a few kilobytes: one is refused for it, one ends early.
    size = 200_000_000
    bomb = gzip.compress(header(10) + bytes(size), 9)
    claim = gzip.compress(header(size) + bytes(200_000), 0)
    for content in (bomb, claim):
        path = tmp_path / "file"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(InputError):
                read_idx(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4_000_000


def expected_array(content):
    """Read IDX the short way, without caring for memory; None for what is not sound."""
    try:
        raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        if raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4:
            return None
        shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
        body = raw[4 + 4 * raw[3] :]
        if 0 in shape or math.prod(shape) != len(body):
            return None
        return np.frombuffer(body, np.uint8).reshape(shape)
    except Exception:
        return None


def check_against_short_way(path, content):
    path.write_bytes(content)
    wanted = expected_array(content)
    if wanted is None:
        with pytest.raises(InputError) as error:
            read_idx(path)
        message(error)
    else:
        np.testing.assert_array_equal(read_idx(path), wanted, strict=True)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


starts = st.sampled_from(
    [b"", b"\0\0\x08", b"\0\0\x08\x01\0\0\0\x02", b"\x1f\x8b", b"\x1f\x8b\x08"]
)


@given(starts, st.binary(max_size=60), st.booleans())
def test_read_idx_of_random_bytes(fuzzed, start, rest, compress):
    content = start + rest
    check_against_short_way(fuzzed, gzip.compress(content) if compress else content)


edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete", "cut"]),
        st.integers(0, 200),
        st.integers(0, 255),
    ),
    max_size=4,
)


@given(st.sampled_from([PLAIN, ZIPPED, idx_bytes(IMAGES[0, 0]), gzip.compress(PLAIN, 0)]), edits)
def test_read_idx_of_mutated_files(fuzzed, content, edits):
    changed = bytearray(content)
    for kind, position, value in edits:
        position %= len(changed) + 1
        if kind == "set":
            changed[position : position + 1] = bytes([value])
        elif kind == "insert":
            changed.insert(position, value)
        elif kind == "delete":
            del changed[position : position + 1]
        else:
            del changed[position:]
    check_against_short_way(fuzzed, bytes(changed))
