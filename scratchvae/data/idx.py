"""Read IDX, the file format in which MNIST and its relatives are published.

An IDX file is two zero bytes, one byte for the type of its entries, one for the number of
dimensions, every dimension as a big-endian 32-bit integer, and then the entries, last dimension
fastest. A file from the network can be anything, so no header is believed before the file has
shown that it contains what the header says.
"""

import gzip
import math
import os
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, open_regular

_TYPES = {
    0x08: ("unsigned bytes", ">u1"),
    0x09: ("signed 8-bit integers", ">i1"),
    0x0B: ("16-bit integers", ">i2"),
    0x0C: ("32-bit integers", ">i4"),
    0x0D: ("32-bit floats", ">f4"),
    0x0E: ("64-bit floats", ">f8"),
}
_MOST_DIMENSIONS = 4
_GZIP_MAGIC = b"\x1f\x8b"
# Deflate spends at least two bits on a copy of at most 258 bytes: no stream expands further.
_MOST_EXPANSION = 1032
_CHUNK = 1 << 20

_Stream = BinaryIO | gzip.GzipFile


def read_idx(path: AnyPath, *, any_type: bool = False) -> NDArray[Any]:
    """Read an IDX file of bytes, compressed with gzip or plain; with ``any_type``, of any numbers.

    The content decides whether the file is compressed, not its name. Memory grows with what the
    file really contains, and reading stops where the header says that the entries end.

    Returns
    -------
    The entries, in the shape of the header: one to four dimensions, none of them zero, in the
    machine's order of bytes. C-contiguous and writable.

    Raises
    ------
    InputError
        If the file cannot be opened, or is not a complete IDX file of unsigned bytes (or of
        ``any_type``) with nothing after it.
    """
    path = as_path(path)
    shown = repr(str(path))  # repr keeps a name with a line break on the message's one line
    try:
        with open_regular(path) as file:
            return _read(file, shown, any_type)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        found = f"{shown} is damaged or cut short ({_one_line(error)})"
        raise _error("a complete gzip file", found) from error
    except MemoryError as error:
        found = f"{shown} does not"
        raise _error("an IDX file that fits into memory", found, "use a smaller one") from error
    except FileNotFoundError as error:
        found = f"{shown} does not exist"
        raise _error("an IDX file", found, "check its name and its folder") from error
    except OSError as error:
        found = f"{shown} cannot be read ({_one_line(error)})"
        remedy = "check its name and your permission to read it"
        raise _error("an IDX file", found, remedy) from error


def _read(file: BinaryIO, shown: str, any_type: bool) -> NDArray[Any]:
    """Read the header, then as much as it promises, from a compressed file or a plain one."""
    most_bytes = os.fstat(file.fileno()).st_size
    if most_bytes == 0:
        raise _error("an IDX file", f"{shown} is empty")
    stream: _Stream = file
    if file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC:
        stream, most_bytes = gzip.GzipFile(fileobj=file), most_bytes * _MOST_EXPANSION
    file.seek(0)
    shape, dtype = _read_header(stream, shown, any_type)
    count, size = math.prod(shape), dtype.itemsize
    promised = count * size
    expected = f"{count:,} entries in {shown}, as its header says ({_times(shape)})"
    if promised > most_bytes:
        raise _error(expected, "a file of its size cannot hold them")
    # A growing buffer rather than one of the promised size: a small file that promises much never
    # costs more than it contains.
    entries = bytearray()
    while len(entries) < promised:
        chunk = stream.read(min(_CHUNK, promised - len(entries)))
        if not chunk:
            raise _error(expected, f"found {len(entries) // size:,}")
        entries += chunk
    # Asking for one byte more also makes gzip compare its checksum.
    if stream.read(1):
        raise _error(expected, "more bytes follow")
    return np.frombuffer(entries, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(
    stream: _Stream, shown: str, any_type: bool
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header and return the dimensions that it states, and the type of the entries."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        found = f"{shown} starts with {_show_bytes(magic)}"
        raise _error("an IDX file, which starts with two zero bytes", found)
    type_code, dimensions = magic[2], magic[3]
    kind, dtype = _TYPES.get(type_code, ("of no type that IDX has", ""))
    if not dtype or (dtype != ">u1" and not any_type):
        raise _error(
            "IDX entries that are unsigned bytes (type code 0x08)",
            f"those of {shown} are {kind} (type code 0x{type_code:02x})",
            "convert it to unsigned bytes",
        )
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        found = f"the header of {shown} states {dimensions}"
        raise _error(f"1 to {_MOST_DIMENSIONS} dimensions", found)
    lengths = stream.read(4 * dimensions)
    if len(lengths) < 4 * dimensions:
        expected = f"{dimensions} dimensions in the header of {shown}"
        raise _error(expected, "the file ends within it")
    shape = tuple(int(length) for length in np.frombuffer(lengths, dtype=">u4"))
    if 0 in shape:
        expected = f"at least one entry in {shown}"
        raise _error(expected, f"its header states {_times(shape)}", "use another file")
    return shape, np.dtype(dtype)


def _error(expected: str, found: str, remedy: str = "download it again") -> InputError:
    return InputError(f"expected {expected}, but {found}", remedy)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)


def _show_bytes(start: bytes) -> str:
    """Return the start of a file: as text where it is text, otherwise as hexadecimal digits."""
    if start and all(32 <= byte < 127 for byte in start):
        return f"the text {start.decode('ascii')!r}"
    return f"the bytes {start.hex(' ')}" if start else "nothing"


def _one_line(error: BaseException) -> str:
    """Return what an error says, without its number, its file name or line breaks."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
