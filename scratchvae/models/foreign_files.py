"""What a file is that no ``save`` wrote: the weights of a model, perhaps, for another program."""

import zipfile
from pathlib import Path
from typing import BinaryIO

from scratchvae.files import open_regular
from scratchvae.training.archive import check_directory

_READS = "load reads what model.save wrote"
_EXPORTED = f"{_READS}; build the model as before and train it, or save it where it still is"
_ARRAYS = (
    f"{_READS}; if they are the state of a model, build one in the same way and call "
    "model.load_state(numpy.load(path))"
)


def described(path: Path) -> tuple[str, str] | None:
    """Return what a file is and what to do, or ``None`` where that is not seen in its first bytes.

    A file that begins as a model's does, and is damaged, is none of these.
    """
    with open_regular(path) as file:
        start = file.read(128)
        if start.startswith(b"PK") and b"data.pkl" in start:  # its first member
            return "has weights in the format of PyTorch", _EXPORTED
        if start.startswith(b"PK"):
            try:
                return _of_archive(file)
            except Exception:  # a damaged archive fails in a dozen ways
                return None
    if start.startswith(b"\x93NUMPY"):
        return "is a single array, as numpy.save writes it", f"{_READS}; numpy.load opens it"
    if start.startswith(b"\x89HDF"):
        return "is an HDF5 file, such as Keras writes", _READS
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return "has weights in the format of safetensors", _EXPORTED
    if path.suffix.lower() == ".onnx":
        return "is a graph for an ONNX runtime", _EXPORTED
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        return "is a pickle", f"{_READS}; pickle.load opens it, if you trust who wrote it"
    return None


def _of_archive(file: BinaryIO) -> tuple[str, str] | None:
    """Return what an archive is of whose members none is a model's description."""
    check_directory(file)
    with zipfile.ZipFile(file) as members:
        names = members.namelist()
    if not names or {"format.npy", "model.npy", "progress.npy"} & set(names):
        return None
    if not all(name.endswith(".npy") for name in names):
        return "is a zip archive of other files", _READS
    shown = ", ".join(repr(name.removesuffix(".npy")) for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"has arrays called {shown}{more}", _ARRAYS
