"""Checkpoints that cannot be are refused before use, at a small price."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from archive_mutations import npy, read_members
from helpers import refused
from hostile_files import CONFIG, IMAGES, small_trainer

from scratchvae.training import load_checkpoint, save_checkpoint, train

MEAN, VARIANCE = (f"buffer/encoder.2.running_{name}" for name in ("mean", "variance"))
SCALE = "parameter/encoder.2.scale"


@pytest.fixture
def path(tmp_path):
    trainer = small_trainer()
    train(trainer, IMAGES, progress=False)
    save_checkpoint(tmp_path / "checkpoint.npz", trainer, CONFIG)
    return tmp_path / "checkpoint.npz"


def with_members(path, compression=zipfile.ZIP_STORED, **changes):
    """Write the archive again with members changed, one more, or (None) one less."""
    members = read_members(path.read_bytes())
    members |= {f"{name}.npy": content for name, content in changes.items()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


def with_progress(path, **changes):
    """Write the archive again with other numbers of its progress."""
    progress = json.loads(str(np.load(path)["progress"]))
    with_members(path, progress=npy(np.array(json.dumps(progress | changes))))


def state(trainer):
    """Return copies of all that loading could change."""
    arrays = trainer.model.state() | trainer.optimiser.state
    place = (trainer.epoch, trainer.batch, trainer.optimiser.steps, trainer.running.sums)
    return {name: array.copy() for name, array in arrays.items()}, place


def refuses(path, *words):
    """Expect a checkpoint to be refused in a line, and the trainer to stay as it was."""
    trainer = small_trainer()
    arrays, place = state(trainer)
    with refused("checkpoint.npz", *words):
        load_checkpoint(path, trainer, CONFIG)
    after, place_after = state(trainer)
    assert place == place_after
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, after[name])


def test_load_into_a_trainer_with_a_configuration(path):
    trainer = small_trainer()
    for name in (path, str(path)):
        assert load_checkpoint(name, trainer, CONFIG).config == CONFIG
        assert trainer.epoch == 2
    load_checkpoint(path, config=CONFIG)
    load_checkpoint(path, config=CONFIG | {"note": None})
    refuses_other = small_trainer()
    with refused(
        f"{str(path)!r} has beta 1.0, not 2.0: put this run's own checkpoint back, or train again "
        "in another `folder`"
    ):
        load_checkpoint(path, refuses_other, CONFIG | {"beta": 2.0})
    with refused("has note None, not 5"):
        load_checkpoint(path, refuses_other, CONFIG | {"note": 5})
    with refused("has beta 1.0, not None"):
        load_checkpoint(path, refuses_other, {"recipe": "small", "latent_dim": 2})
    assert refuses_other.epoch == 0
    for wrong in ("trainer", path):
        with refused("a checkpoint is of a Trainer, not"):
            load_checkpoint(path, wrong)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("parameter/encoder.1.weight", b"no array", "no array of numbers or text"),
        ("parameter/more", npy(np.zeros(3)), "contains 'parameter/more'"),
        (SCALE, None, "not nothing"),
        (SCALE, npy(np.zeros(3, ">i8")), "not int64"),
        (SCALE, npy(np.array([1, None, 2], object)), "no array of numbers or text"),
        (SCALE, npy(np.array(["1", "2", "3"])), "not <U1 of shape (3,)"),
        (SCALE, npy(np.ones(3))[:-1], "shorter or longer than its shape"),
        (SCALE, npy(np.ones(3)).replace(b"(3,)", b"(9" + b"9" * 18 + b",)"), "shorter or longer"),
        (SCALE, npy(np.ones(3)).replace(b"'<f8'", b"__x__"), "no array of numbers or text"),
        (VARIANCE, npy(np.array([1.0, -1e-9, 1.0])), "numbers below 0"),
        ("optimiser/second/encoder.2.scale", npy(-np.ones(3)), "numbers below 0"),
        (MEAN, npy(np.array([0.0, np.nan, 0.0])), "NaN or infinity"),
        ("format", npy(np.array(np.inf)), "damaged or foreign"),
        ("format", npy(np.array([1, 1])), "damaged or foreign"),
        ("progress", npy(np.array("[" * 100_000)), "damaged or foreign"),
    ],
)
def test_members_that_cannot_be_are_refused(path, name, content, words):
    with_members(path, **{name: content})
    refuses(path, words)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 10**400},
        {"steps": 2**53 + 1},
        {"steps": True},
        {"epoch": 10**9},
        {"batch": 10**9},
        {"batch": 10**9, "running_images": 10**9},
        {"running_images": 10**400},
        {"running_images": -1},
        {"running_sums": [float("nan"), 0.0, 0.0]},
        {"running_sums": [0.0, float("inf"), 0.0]},
        {"running_sums": [10**400, 0.0, 0.0]},
        {"running_sums": [0.0, 0.0, 0.0, 0.0]},
        {"running_sums": {"a": 1}},
        {"running_seconds": float("inf")},
        {"running_seconds": None},
    ],
    ids=str,
)
def test_progress_that_cannot_be_is_refused(path, changes):
    with_progress(path, **changes)
    refuses(path, "damaged or foreign")


@pytest.mark.parametrize("changes", [{"batch": 5, "running_images": 10}, {"batch": 1}], ids=str)
def test_a_place_that_no_epoch_has_is_refused_before_the_first_step(path, changes):
    with_progress(path, **changes)
    trainer = small_trainer()
    load_checkpoint(path, trainer, CONFIG)
    trainer.settings = trainer.settings.changed(epochs=3)
    before = state(trainer)[0]
    with refused("the trainer stands after batch", "with 10 images in batches of 4"):
        train(trainer, IMAGES, progress=False)
    assert all((before[name] == array).all() for name, array in state(trainer)[0].items())


def bomb(path):
    """Add a member of zeros, a thousand times as large as it is in the file."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("parameter/zeros.npy", npy(np.zeros(10**6)))


def compressed(path):
    """Compress all members."""
    with_members(path, zipfile.ZIP_DEFLATED)


def twice(path):
    """Add a member of a name that is there already."""
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("format.npy", npy(np.array(1)))


def crowd(path):
    """Make an archive of very many members of nothing: their list takes much memory."""
    names = [f"{number:06x}" for number in range(90_000)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("one", b"")
    whole = path.read_bytes()
    start = whole.index(b"PK\1\2")
    entry, end = whole[start : whole.index(b"PK\5\6")], bytearray(whole[whole.index(b"PK\5\6") :])
    entries = b"".join(entry[:28] + b"\6\0" + entry[30:46] + name.encode() for name in names)
    end[8:12] = b"\xff\xff\xff\xff"
    end[12:16] = len(entries).to_bytes(4, "little")
    path.write_bytes(whole[:start] + entries + end)


def nested(path):
    """Make an archive of arrays that each lie within the one before it: read, they take 30 MB."""
    content, sizes = npy(np.zeros(100_000, np.uint8)), []
    for number in reversed(range(300)):
        name, crc = b"parameter/%03d.npy" % number, zlib.crc32(content)
        numbers = (20, 0, 0, 0, 0x21, crc, len(content), len(content), len(name), 0)
        sizes.append((name, numbers, len(content)))
        within = struct.pack("<4s5H3L2H", b"PK\3\4", *numbers) + name + content
        content = npy(np.frombuffer(within, np.uint8))
    whole, entries = within, b""
    for name, numbers, size in sizes:
        start = len(whole) - size - len(name) - 30
        more = (0, 0, 0, 0, start)
        entries += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *numbers, *more) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 300, 300, len(entries), len(whole), 0)
    path.write_bytes(whole + entries + end)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 300  # and some Pythons refuse to read what overlaps


def padded(path):
    """Make the file far larger than its model needs, at no cost to the disk."""
    with open(path, "r+b") as file:
        file.truncate(5 * 10**9)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (bomb, "'parameter/zeros.npy' in it is compressed"),
        (compressed, "is compressed"),
        (twice, "two members of it have one name"),
        (nested, "claim to be larger than the file"),
        (crowd, "are the most that it can need"),
        (padded, "5,000,000,000 bytes"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_small_file_does_not_take_much_memory(path, attack, words):
    attack(path)
    tracemalloc.start()
    try:
        refuses(path, words)
        with refused("checkpoint.npz", words if attack is not crowd else "list of members"):
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_pipe_in_the_place_of_a_checkpoint_is_refused_at_once(path):
    path.unlink()
    os.mkfifo(path)
    refuses(path, "cannot read", "not a regular file")


def format_1(trainer, format_number=1, **more):
    """Return the bytes of a checkpoint in its first format, put together here."""
    progress = {"epoch": 3, "batch": 0, "steps": 9, "running_images": 0} | more
    progress["running_sums"] = [0.0, 0.0, 0.0]
    arrays = {
        "format": np.array(format_number),
        "config": np.array(json.dumps(CONFIG)),
        "progress": np.array(json.dumps(progress)),
    }
    for name, parameter in trainer.model.parameters.items():
        arrays[f"parameter/{name}"] = np.full_like(parameter.value, 0.25)
        arrays[f"optimiser/first/{name}"] = np.zeros_like(parameter.value)
        arrays[f"optimiser/second/{name}"] = np.ones_like(parameter.value)
    for name, value in trainer.model.buffers.items():
        arrays[f"buffer/{name}"] = np.full_like(value, 2.0)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("more", [{}, {"running_seconds": 1.5}], ids=["oldest", "with seconds"])
def test_a_checkpoint_of_the_first_format_loads(path, more):
    trainer = small_trainer()
    path.write_bytes(format_1(trainer, **more))
    load_checkpoint(path, trainer, CONFIG)
    assert (trainer.epoch, trainer.optimiser.steps) == (3, 9)
    assert trainer.running_seconds == more.get("running_seconds", 0.0)
    assert all((p.value == 0.25).all() for p in trainer.model.parameters.values())
    assert all((value == 2.0).all() for value in trainer.model.buffers.values())


def test_a_checkpoint_of_a_newer_format_says_so(path):
    path.write_bytes(format_1(small_trainer(), format_number=2))
    refuses(path, "newer version of scratchvae", "its format is 2", "reads 1", "install")
