"""Changes to files that nobody would make by hand: of bytes, of JSON, of tables, of archives."""

import copy
import io
import json
import struct
import warnings
import zipfile
import zlib

import numpy as np

ODD_NUMBERS = [0, -1, 1, 2, 255, 2**31, 2**32 - 1, 2**63, 10**9, 10**30, 10**400, -(10**9)]
ODD_VALUES = [
    *ODD_NUMBERS,
    None,
    True,
    False,
    "",
    "1",
    "nan",
    "\0",
    "\ud800",
    "é" * 300,
    [],
    {},
    [None],
    {"a": {}},
    [[[[]]]],
    0.5,
    -0.0,
    1e-320,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
]
INTERESTING = [
    b"\0",
    b"\xff",
    b"\xff" * 4,
    b"\0" * 4,
    b"\x7f\xff\xff\xff",
    b"PK",
    b"\x1f\x8b",
    b"\n",
]
INTERESTING += [b",", b'"', b"{", b"[", b"nan", b"1e999", b"-", b"\xef\xbb\xbf", b"\xed\xa0\x80"]


def pick(rng, choices):
    """Return one of the choices, as it is."""
    return choices[int(rng.integers(len(choices)))]


def mutated_bytes(rng, content, most=4):
    """Return the content with a few bytes or pieces of it changed."""
    content = bytearray(content)
    for _ in range(int(rng.integers(1, most + 1))):
        place = int(rng.integers(len(content) + 1))
        other = int(rng.integers(len(content) + 1))
        length = int(rng.integers(1, 40))
        match int(rng.integers(7)):
            case 0 if place < len(content):
                content[place] ^= 1 << int(rng.integers(8))
            case 1 if place < len(content):
                content[place] = int(rng.integers(256))
            case 2:
                content[place:place] = rng.bytes(length)
            case 3:
                del content[place : place + length]
            case 4:
                del content[place:]
            case 5:
                content[place:place] = content[other : other + length]
            case _:
                piece = pick(rng, INTERESTING)
                content[place : place + len(piece)] = piece
    return bytes(content)


def mutated_json(rng, value):
    """Return JSON with one node of it replaced, left out, renamed, or one more beside it."""
    value = copy.deepcopy(value)
    owner, key = None, None
    while isinstance(value if owner is None else owner[key], dict | list):
        node = value if owner is None else owner[key]
        if not node or (owner is not None and rng.random() < 0.2):
            break
        owner = node
        key = pick(rng, list(node) if isinstance(node, dict) else range(len(node)))
    if owner is None:
        return pick(rng, ODD_VALUES)
    match int(rng.integers(6)):
        case 0:
            del owner[key]
        case 1 if isinstance(owner, dict):
            owner[pick(rng, [f"{key} ", "", "note", "seed", "__class__"])] = owner[key]
        case 2 if isinstance(owner[key], int | float):
            owner[key] = owner[key] * pick(rng, [-1, 2, 10**6, 0.5])
        case _:
            owner[key] = pick(rng, ODD_VALUES)
    return value


def mutated_table(rng, text):
    """Return a table of values separated by commas with lines or cells of it changed."""
    lines = [line.split(",") for line in text.splitlines()]
    for _ in range(int(rng.integers(1, 4))):
        row = int(rng.integers(len(lines)))
        cell = int(rng.integers(len(lines[row]))) if lines[row] else 0
        match int(rng.integers(7)):
            case 0 if lines[row]:
                value = pick(rng, [*ODD_VALUES, "1_0", "１", "1;2", '"1"', " 1 ", "x" * 200_000])
                lines[row][cell] = str(value).replace("\ud800", "\ufffd")
            case 1:
                del lines[row][cell : cell + 1]
            case 2:
                lines[row].insert(cell, pick(rng, ["", "1", "epoch"]))
            case 3:
                lines.insert(row, list(pick(rng, lines)))
            case 4 if len(lines) > 1:
                del lines[row]
            case 5:
                rng.shuffle(lines[row])
            case _:
                lines[row] = [pick(rng, ["", "\0", "\x1c", "nonsense", "﻿epoch"])]
    end = pick(rng, ["\n", "\n", "\r\n", "\r", ";"])
    encoding = pick(rng, ["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])
    return end.join(",".join(line) for line in lines).encode(encoding, errors="replace")


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


def mutated_gzip(rng, content):
    """Return content compressed with odd headers, in pieces, or with something behind it."""
    cut = int(rng.integers(len(content) + 1))
    pieces = [content] if rng.random() < 0.5 else [content[:cut], content[cut:], b""]
    parts = []
    for piece in pieces:
        compressor = zlib.compressobj(int(rng.integers(10)), zlib.DEFLATED, -15)
        body = compressor.compress(piece) + compressor.flush()
        flags, fields = 0, b""
        if rng.random() < 0.3:
            flags = int(rng.integers(256))
            fields = pick(rng, [b"\2\0ab", b"name\0", b"\xff\xff", b"name", b""])
        check = struct.pack("<II", zlib.crc32(piece), len(piece))
        if rng.random() < 0.2:
            check = mutated_bytes(rng, check, 1)
        parts.append(b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields + body + check)
    behind = pick(rng, [b"", b"", b"", b"\0" * 40, b"rubbish", b"\x1f\x8b"])
    return b"".join(parts) + behind


def mutated_idx(rng, content):
    """Return an IDX file with its type, its dimensions or its length changed."""
    dimensions = content[3]
    numbers = [int(n) for n in struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])]
    body = content[4 + 4 * dimensions :]
    kind, count = 8, dimensions
    match int(rng.integers(6)):
        case 0:
            kind = int(rng.integers(256))
        case 1:
            count = int(rng.integers(256))
        case 2:
            numbers[int(rng.integers(len(numbers)))] = pick(rng, [0, 1, 2**31, 2**32 - 1, 10**6])
        case 3:
            numbers += [pick(rng, [1, 2, 2**32 - 1])]
            count = len(numbers)
        case 4:
            body = body[: int(rng.integers(len(body) + 1))] + pick(rng, [b"", b"\0", bytes(100)])
        case _:
            rng.shuffle(numbers)
    start = bytes([0, 0, kind, count]) + struct.pack(f">{len(numbers)}I", *numbers)
    return start + body
