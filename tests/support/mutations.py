"""Changes to files that nobody would make by hand: of bytes, of JSON, of tables, of archives."""

import copy
import struct
import zlib

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
