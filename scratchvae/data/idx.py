"""Read IDX, the file format in which MNIST and its relatives are published.

An IDX file is two zero bytes, one byte for the type of its entries, one for the number of
dimensions, every dimension as a big-endian 32-bit integer, and then the entries, last dimension
fastest. A file from the network can be anything, so nothing here believes a header before the
file has shown that it holds what the header says.
"""

import gzip
import math
import os
import stat
import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError

_UINT8 = 0x08
_OTHER_TYPES = {
    0x09: "signed 8-bit integers",
    0x0B: "16-bit integers",
    0x0C: "32-bit integers",
    0x0D: "32-bit floats",
    0x0E: "64-bit floats",
}
_MOST_DIMENSIONS = 4
_GZIP_MAGIC = b"\x1f\x8b"
# Deflate spends at least two bits on a copy of at most 258 bytes: no stream expands further.
_MOST_EXPANSION = 1032
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, compressed with gzip or plain.

    The content decides whether the file is compressed, not its name. Memory grows with what the
    file really holds, and reading stops where the header says that the entries end.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    NDArray[np.uint8]
        The entries, in the shape of the header: one to four dimensions, none of them zero.
        C-contiguous and writable.

    Raises
    ------
    InputError
        The file cannot be opened, or is not a complete IDX file of unsigned bytes with nothing
        after it.
    """
    shown = repr(os.fspath(path))  # repr keeps a name with a line break on the message's one line
    try:
        # Opening a named pipe would wait for a writer, and /dev/zero would never end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a folder" if os.path.isdir(path) else "not a regular file"
            raise InputError(f"expected an IDX file, but {shown} is {kind}: name the file itself")
        with open(path, "rb") as file:
            return _read(file, shown)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"expected a complete gzip file, but {shown} is damaged or cut short "
            f"({_one_line(error)}): download it again"
        ) from error
    except MemoryError as error:
        raise InputError(
            f"expected an IDX file that fits into memory, but {shown} does not: use a smaller one"
        ) from error
    except FileNotFoundError as error:
        raise InputError(
            f"expected an IDX file, but {shown} does not exist: check its name and its folder"
        ) from error
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(
            f"expected an IDX file, but {shown} cannot be read ({_one_line(error)}): "
            "check its name and your permission to read it"
        ) from error


def _read(file: BinaryIO, shown: str) -> NDArray[np.uint8]:
    """Read the header, hold its promise against the file, and read the entries."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise InputError(f"expected an IDX file, but {shown} is empty: download it again")
    compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    file.seek(0)
    if not compressed:
        return _read_stream(file, size, shown)
    with gzip.GzipFile(fileobj=file, mode="rb") as stream:
        return _read_stream(stream, size * _MOST_EXPANSION, shown)


def _read_stream(
    stream: BinaryIO | gzip.GzipFile, most_bytes: int, shown: str
) -> NDArray[np.uint8]:
    """Read an IDX stream that can hold at most ``most_bytes`` bytes."""
    shape = _read_shape(stream, shown)
    promised = math.prod(shape)
    written = " x ".join(str(length) for length in shape)
    if promised > most_bytes:
        raise InputError(
            f"expected {promised:,} entries in {shown}, as its header says ({written}), but a file "
            "of its size cannot hold them: it is cut short or its header is wrong, "
            "so download it again"
        )
    # A growing buffer rather than one of the promised size: a small file that promises much
    # never costs more than it holds.
    entries = bytearray()
    while len(entries) < promised:
        chunk = stream.read(min(_CHUNK, promised - len(entries)))
        if not chunk:
            raise InputError(
                f"expected {promised:,} entries in {shown}, as its header says ({written}), "
                f"but found {len(entries):,}: the file is cut short, so download it again"
            )
        entries += chunk
    # Asking for one byte more also makes gzip compare its checksum.
    if stream.read(1):
        raise InputError(
            f"expected {shown} to end after {promised:,} entries, as its header says ({written}), "
            "but more bytes follow: the file is damaged, so download it again"
        )
    return np.frombuffer(entries, dtype=np.uint8).reshape(shape)


def _read_shape(stream: BinaryIO | gzip.GzipFile, shown: str) -> tuple[int, ...]:
    """Read the header and return the dimensions that it states."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise InputError(
            f"expected an IDX file, which starts with two zero bytes, but {shown} starts with "
            f"{_show_bytes(magic)}: it is a file of another kind, so download the IDX file again"
        )
    type_code, dimensions = magic[2], magic[3]
    if type_code != _UINT8:
        kind = _OTHER_TYPES.get(type_code, "of no type that IDX knows")
        raise InputError(
            f"expected IDX entries that are unsigned bytes (type code 0x08), but those of {shown} "
            f"are {kind} (type code 0x{type_code:02x}): convert it to unsigned bytes"
        )
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise InputError(
            f"expected an IDX file of 1 to {_MOST_DIMENSIONS} dimensions, but {shown} states "
            f"{dimensions}: it is not an image or label file, so download it again"
        )
    lengths = stream.read(4 * dimensions)
    if len(lengths) < 4 * dimensions:
        raise InputError(
            f"expected {dimensions} dimensions in the header of {shown}, but the file ends within "
            "it: it is cut short, so download it again"
        )
    shape = tuple(int(length) for length in np.frombuffer(lengths, dtype=">u4"))
    if 0 in shape:
        raise InputError(
            f"expected at least one entry in {shown}, but its header states "
            f"{' x '.join(str(length) for length in shape)}: use a file that is not empty"
        )
    return shape


def _show_bytes(start: bytes) -> str:
    """Show the start of a file: as text where it is text, otherwise as hexadecimal digits."""
    if start and all(32 <= byte < 127 for byte in start):
        return f"the text {start.decode('ascii')!r}"
    return f"the bytes {start.hex(' ')}" if start else "nothing"


def _one_line(error: BaseException) -> str:
    """Return what an error says, without its number, its file name or line breaks."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
