"""The archives of checkpoints: what is put in comes out, and any other form is refused."""

import io
import struct
import zipfile

import numpy as np
import pytest
from archive_mutations import npy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scratchvae.training import archive as archive_module
from scratchvae.training.archive import archive, read_archive

KINDS = ["<f4", ">f4", "<f8", ">f8", "<i8", ">i2", "|u1", "|b1", "<U3", ">U3"]


def zipped(members, compression=zipfile.ZIP_STORED):
    """Return an archive of members, pairs of a name and what is in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as whole:
        for name, content in members:
            whole.writestr(name, content)
    return file


def refuses(file, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        read_archive(file)


@given(
    data=st.data(),
    shape=array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    kind=st.sampled_from(KINDS),
)
def test_an_array_of_numbers_or_text_comes_back_in_the_machines_byte_order(data, shape, kind):
    text = st.text("aé0", max_size=3) if "U" in kind else None
    given_array = data.draw(arrays(np.dtype(kind), shape, elements=text))
    found = read_archive(archive({"parameter/0.weight": given_array, "format": np.array(1)}))
    assert list(found) == ["parameter/0.weight", "format"]
    array = found["parameter/0.weight"]
    assert array.dtype == np.dtype(kind).newbyteorder("=")
    assert array.shape == shape
    assert array.tobytes() == given_array.astype(array.dtype).tobytes()
    assert found["format"] == 1


def test_what_is_read_is_read_only_and_in_c_order():
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    array = read_archive(archive({"a": columns, "list": [1.5, 2.5]}))["a"]
    np.testing.assert_array_equal(array, columns)
    assert array.flags.c_contiguous
    assert not array.flags.writeable


def test_a_name_loses_one_ending_and_keeps_the_rest():
    members = [(name, npy(np.array(2.0))) for name in ("a.npy", "b.npy.npy", "c")]
    assert list(read_archive(zipped(members))) == ["a", "b.npy", "c"]


def test_the_shortest_archive_has_no_members():
    empty = zipped([])
    assert len(empty.getvalue()) == 22
    assert read_archive(empty) == {}


@pytest.mark.parametrize("length", [22, 41, 42, 43, 500])
def test_what_is_no_archive_is_refused(length):
    refuses(io.BytesIO(b"x" * length), "it is not an archive, or one of more than 4 GB")
    # The end must be where the comment begins, and no comment is written.
    whole = zipped([("a.npy", npy(np.zeros(3)))]).getvalue()
    refuses(io.BytesIO(whole + b"x" * length), "it is not an archive, or one of more than 4 GB")


def test_an_archive_that_says_that_it_is_of_more_than_4_gb_is_refused():
    whole = zipped([("a.npy", npy(np.zeros(3)))]).getvalue()
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    refuses(
        io.BytesIO(whole[:-22] + locator + whole[-22:]),
        "it is not an archive, or one of more than 4 GB",
    )


def test_a_list_of_members_may_be_as_long_as_is_said_and_no_longer(monkeypatch):
    whole = zipped([("a.npy", npy(np.zeros(3))), ("b.npy", npy(np.zeros(3)))])
    length = 2 * (46 + len("a.npy"))
    monkeypatch.setattr(archive_module, "_MOST_DIRECTORY_BYTES", length)
    assert len(read_archive(whole)) == 2
    monkeypatch.setattr(archive_module, "_MOST_DIRECTORY_BYTES", length - 1)
    refuses(whole, "its list of members is too long")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_compressed_member_is_refused_by_its_name(compression):
    members = [("a.npy", npy(np.zeros(300)))]
    refuses(zipped(members, compression), "'a.npy' in it is compressed or encrypted")


def test_an_encrypted_member_is_refused_and_a_name_in_another_script_is_not():
    whole = bytearray(zipped([("a.npy", npy(np.zeros(3)))]).getvalue())
    whole[whole.index(b"PK\1\2") + 8] |= 1  # the flag of encryption, in the list of members
    refuses(io.BytesIO(whole), "'a.npy' in it is compressed or encrypted")
    named = read_archive(zipped([("é.npy", npy(np.array(2.0)))]))
    assert named == {"é": 2.0}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused():
    member = ("a.npy", npy(np.zeros(3)))
    refuses(zipped([member, ("b.npy", npy(np.ones(3))), member]), "two members of it have one name")


def test_members_that_would_be_larger_than_the_file_are_refused():
    whole = bytearray(zipped([("a.npy", npy(np.zeros(3)))]).getvalue())
    entry = whole.index(b"PK\1\2")

    def claiming(size):
        whole[entry + 24 : entry + 28] = struct.pack("<L", size)
        return io.BytesIO(whole)

    refuses(claiming(len(whole) + 1), "its members claim to be larger than the file")
    assert read_archive(claiming(len(whole)))["a"].tolist() == [0, 0, 0]


def header(descr="'<f8'", order="False", shape="(3,)"):
    """Return the beginning of an array of three numbers, as NumPy writes it."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text += " " * (117 - len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def test_the_header_of_these_tests_is_numpys():
    assert header() == npy(np.zeros(3))[: len(header())]


@pytest.mark.parametrize(
    "start",
    [
        header(order="True"),
        header(descr="'|O'"),
        header(descr="'<c16'"),
        header(descr="'<M8[s]'"),
        header(descr="[('a', '<f8')]"),
        header(shape="(-3,)"),
        header(shape="(" + "1, " * 101 + ")"),
        b"\x93NUMPY\x02\x00" + header()[8:],
        b"\x93NUMPZ" + header()[6:],
        b" " + header(),
        b"",
    ],
    ids=[
        "columns first",
        "objects",
        "complex",
        "dates",
        "fields",
        "negative",
        "many axes",
        "version 2",
        "other magic",
        "late",
        "nothing",
    ],
)
def test_a_member_with_another_header_is_refused(start):
    content = start + np.zeros(3).tobytes()
    refuses(zipped([("a.npy", content)]), "a member of it is no array of numbers or text")


@pytest.mark.parametrize("more", [-24, -1, 1, 8])
def test_an_array_that_is_shorter_or_longer_than_its_shape_is_refused(more):
    content = header() + np.zeros(3).tobytes()
    content = content[:more] if more < 0 else content + bytes(more)
    refuses(zipped([("a.npy", content)]), "an array in it is shorter or longer than its shape")
