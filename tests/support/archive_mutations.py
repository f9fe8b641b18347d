"""Changes to archives of arrays that nobody would make by hand, and traps in them."""

import io
import json
import struct
import warnings
import zipfile

import numpy as np
from mutations import mutated_bytes, mutated_json, pick


def read_members(content):
    """Return the members of an archive, by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(members):
    """Return an archive of members as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(array):
    """Return the .npy file of an array, pickled if it holds objects."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


SPRUNG = []


def spring(where):
    """Record that code from a file has run."""
    SPRUNG.append(where)


class Trap:
    """An object whose pickle runs code where it is loaded."""

    def __reduce__(self):
        return spring, ("a pickle",)


def _mutated_array(rng, array):
    """Return an array with a value, its shape or its type changed."""
    array = np.array(array)
    match int(rng.integers(6)):
        case 0 if array.dtype.kind == "f" and array.size:
            odd = [np.nan, np.inf, -np.inf, -1.0, 1e38, 1e-320, np.finfo(array.dtype).max]
            array.reshape(-1)[int(rng.integers(array.size))] = pick(rng, odd)
        case 1:
            array = array.reshape(-1)
        case 2:
            array = array[..., np.newaxis]
        case 3:
            kind = pick(rng, ["f4", "f8", ">f8", "f2", "i8", "u1", "c16", "U5", "S3", "?"])
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")  # that an imaginary part is left out
                    array = array.astype(kind)
            except (ValueError, TypeError):
                array = np.zeros(array.shape, kind)
        case 4:
            array = np.asfortranarray(array[:1] if array.ndim else array)
        case _:
            array = np.array(
                pick(rng, [Trap(), [Trap()], np.zeros(0), 1e400, "text"]), dtype=object
            )
    return array


def _mutated_member(rng, name, content):
    """Return a member of a checkpoint with its text, its header or its numbers changed."""
    array = np.load(io.BytesIO(content))
    chance = rng.random()
    if name in ("config.npy", "progress.npy", "model.npy") and chance < 0.7:
        changed = mutated_json(rng, json.loads(str(array)))
        return npy(np.array(json.dumps(changed)))
    if name == "format.npy" and chance < 0.7:
        odd = [-1, 0, 1.5, 2, 99, np.inf, np.nan, "one", 2**63 - 1, True, [1, 1]]
        return npy(np.array(pick(rng, odd)))
    if chance < 0.85:
        return npy(_mutated_array(rng, array))
    head = content[:128].replace(b"(", pick(rng, [b"(-", b"(9999999999, ", b"(0, ", b"[", b"("]))
    return mutated_bytes(rng, head) + content[128:]


def mutated_archive(rng, members):
    """Return an archive that is sound as such, of members that are not, or kept in odd ways."""
    sound, members = members, list(members.items())
    place = int(rng.integers(len(members)))
    name, content = members[place]
    compression, extra = zipfile.ZIP_STORED, b""
    match int(rng.integers(10)):
        case 0:
            del members[place]
        case 1:
            odd = [
                "../out.npy",
                "parameter/more.npy",
                "",
                "a" * 5000,
                "/x",
                name + "/",
                "x.npy.npy",
            ]
            members[place] = (pick(rng, odd), content)
        case 2:
            members.append((pick(rng, [name, "parameter/more.npy"]), content))
        case 3:
            compression = pick(rng, [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
            members.append(("parameter/zeros.npy", bytes(10**6)))
        case 4:
            extra = rng.bytes(int(rng.integers(1, 60)))
        case _:
            for _ in range(int(rng.integers(1, 3))):
                members[place] = (name, _mutated_member(rng, name, sound[name]))
                place = int(rng.integers(len(members)))
                name, _ = members[place]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a name is there twice
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name), content, compression)
        archive.comment = extra
    whole = file.getvalue()
    return mutated_directory(rng, whole) if rng.random() < 0.15 else whole


def mutated_directory(rng, whole):
    """Return an archive with numbers in its list of members or at its end changed."""
    whole = bytearray(whole)
    starts = [i for i in range(len(whole)) if whole[i : i + 4] in (b"PK\1\2", b"PK\5\6", b"PK\3\4")]
    place = pick(rng, starts) + 4 + 2 * int(rng.integers(13))
    whole[place : place + 4] = struct.pack("<I", pick(rng, [0, 1, 8, 65535, 2**31, 2**32 - 1]))
    return bytes(whole)
