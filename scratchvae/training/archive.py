"""The archives of checkpoints and models: .npz files in the one plain form that NumPy writes.

``np.load`` takes much more: members that are compressed, and so a thousand times as large as the
file; headers in Python, which it evaluates; names that nobody asked for. Here a member is stored as
it is and begins with the header that ``np.save`` writes for an array of numbers or text, or the
archive is refused before its members are read.
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MOST_DIRECTORY_BYTES = 4 << 20  # of the list of members: room for 40,000
_IN_UTF8 = 0x800
_DIRECTORY_END, _DIRECTORY_END_64 = b"PK\5\6", b"PK\6\7"
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][biufU]\d{1,9})', 'fortran_order': False, "
    rb"'shape': \(([\d, ]{0,300})\), \} *\n",
    re.DOTALL,
)
_NOT_NEGATIVE = re.compile(r"optimiser/second/.*|buffer/(.*\.)?running_variance")


class UnsoundError(ValueError):
    """What is wrong with the contents of an archive."""


class NewerError(ValueError):
    """An archive is of a format that this version does not know."""


def check_format(arrays: Mapping[str, NDArray[Any]], known: int) -> None:
    """Refuse an archive that does not say that it is of the format that is ``known``."""
    number = int(arrays["format"])
    if number > known:
        raise NewerError(
            f"was written by a newer version of scratchvae (its format is {number}; this version "
            f"reads {known})"
        )
    if number < known:
        raise UnsoundError(f"there is no format {number}")


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], targets: Mapping[str, NDArray[Any]], others: Iterable[str]
) -> None:
    """Raise ``UnsoundError`` unless the arrays can be copied to the targets, and used there.

    What is neither a target's nor among the names of ``others`` does not belong there.
    """
    for name, target in targets.items():
        value = arrays.get(name)
        if value is None or value.shape != target.shape or value.dtype != target.dtype:
            came = "nothing" if value is None else f"{value.dtype} of shape {value.shape}"
        elif not np.isfinite(value).all():
            came = "NaN or infinity"
        elif _NOT_NEGATIVE.fullmatch(name) and (value < 0).any():
            came = "numbers below 0"
        else:
            continue
        raise UnsoundError(
            f"should contain {name} as finite {target.dtype} of shape {target.shape}, not {came}"
        )
    for name in arrays.keys() - targets.keys() - set(others):
        raise UnsoundError(f"contains {name!r}, which this model has not")


def archive(arrays: Mapping[str, Any]) -> io.BytesIO:
    """Return an archive of arrays of numbers and of text; the same arrays give the same bytes."""
    file = io.BytesIO()
    ordered: dict[str, Any] = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    np.savez(file, **ordered)
    return file


def read_archive(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return the arrays in an archive, by name, read-only.

    They take no more memory than the file has bytes. A damaged archive fails in a dozen ways,
    depending on what was hit; in an archive of another form, it is a ``ValueError``.
    """
    check_directory(file)
    with zipfile.ZipFile(file) as members:
        _check_members(members.infolist(), file.seek(0, io.SEEK_END))
        return {
            m.filename.removesuffix(".npy"): _array(members.read(m)) for m in members.infolist()
        }


def check_directory(file: BinaryIO) -> None:
    """Refuse a list of members that would take much more memory than it should."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 42))
    tail = file.read()
    signature, *_, length, _, _ = struct.unpack("<4s4H2LH", tail[-22:])
    # In front of the end there may be a second one, for archives of more than 4 GB.
    if signature != _DIRECTORY_END or tail.startswith(_DIRECTORY_END_64):
        raise ValueError("it is not an archive, or one of more than 4 GB")
    if length > _MOST_DIRECTORY_BYTES:
        raise ValueError("its list of members is too long")


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse members that are not stored as they are, once each, one beside the other."""
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & ~_IN_UTF8:
            raise ValueError(f"{member.filename!r} in it is compressed or encrypted")
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two members of it have one name")
    if sum(member.file_size for member in members) > size:
        raise ValueError("its members claim to be larger than the file")


def _array(content: bytes) -> NDArray[Any]:
    """Return the array in a .npy file."""
    header = _HEADER.match(content)
    if header is None:
        raise ValueError("a member of it is no array of numbers or text")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(size) for size in re.findall(rb"\d+", header[2]))
    if prod(shape) * dtype.itemsize != len(content) - header.end():
        raise ValueError("an array in it is shorter or longer than its shape")
    array = (
        np.frombuffer(content, dtype, offset=header.end()) if prod(shape) else np.empty(0, dtype)
    )
    return array.reshape(shape).astype(dtype.newbyteorder("="), copy=False)
