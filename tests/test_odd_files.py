"""What is no regular file is neither read nor replaced; what the killed leave is removed."""

import fcntl
import os
import subprocess
import sys

import pytest
from helpers import refused
from small_runs import names_in

from scratchvae.files import (
    as_path,
    check_writable,
    open_regular,
    read_bytes,
    remove_abandoned,
    user_cache_folder,
    write_bytes,
    write_text,
)
from scratchvae.json_files import read_json, write_json


@pytest.fixture
def odd(tmp_path):
    """Return paths that are no regular files, and some that lead to one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    return [tmp_path / name for name in ("pipe", "zero", "loop", "folder")]


def test_reading_a_pipe_a_device_a_loop_or_a_folder_is_an_error_at_once(odd):
    for path in odd:
        with pytest.raises(OSError, match=r"regular|directory|symbolic"):
            open_regular(path)
        with refused("cannot read", str(path)):
            read_json(path)


def test_read_bytes_refuses_a_file_that_is_larger_than_it_can_be(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(10**12)  # no disk holds it, and no memory
    with pytest.raises(OSError, match=r"1,000,000,000,000 bytes, and 100 are the most"):
        read_bytes(path, 100)
    path.write_bytes(b"x" * 100)
    assert read_bytes(path, 100) == b"x" * 100


def test_a_pipe_a_device_or_a_folder_is_not_written_over(odd):
    for path in odd:
        for write in (check_writable, lambda path: write_text(path, "text")):
            with refused("cannot write", str(path)):
                write(path)
    assert names_in(odd[0].parent) == {path.name for path in odd}
    assert odd[0].is_fifo()
    assert os.readlink(odd[1]) == "/dev/zero"


def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "file")  # which does not exist yet
    for text in ("one", "two"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "far" / "file").read_text() == text
        assert (tmp_path / "link").is_symlink()
    assert names_in(tmp_path / "far") == {"file"}


@pytest.mark.parametrize("path", [None, 3, b"bytes", 1.5, ["a"], "null\0byte"])
def test_as_path_refuses_what_is_no_path(path):
    with refused("a path must be text or a pathlib.Path"):
        as_path(path)


def test_text_is_taken_for_a_path(tmp_path):
    name = str(tmp_path / "file.json")
    check_writable(name)
    write_json(name, {"a": 1})
    assert read_json(name) == {"a": 1}


def test_a_file_that_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    code = f"""
import os, signal
from scratchvae.files import write_text
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
write_text({str(tmp_path / "note.txt")!r}, "new")
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    (left,) = names_in(tmp_path)
    assert left.startswith(".note.txt.")
    write_text(tmp_path / "note.txt", "text")
    assert names_in(tmp_path) == {"note.txt"}


def test_remove_abandoned_leaves_files_of_others_and_those_being_written(tmp_path):
    others = {".note.txt.old", ".note.txt.123", ".note.txt.ABCDEF01", "note.txt.12345678"}
    others |= {".other.txt.12345678", "note.txt", ".note.txt.1234567g"}
    ours = {".note.txt.12345678", ".note.txt.00000000"}
    for name in others | ours:
        (tmp_path / name).write_text("")
    with open(tmp_path / ".note.txt.00000000", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as the process that writes it does
        remove_abandoned(tmp_path / "note.txt")
        assert names_in(tmp_path) == others | {".note.txt.00000000"}
    remove_abandoned(str(tmp_path / "note.txt"))
    assert names_in(tmp_path) == others
    remove_abandoned(tmp_path / "nowhere" / "note.txt")


def test_a_file_being_written_is_not_taken_for_an_abandoned_one(tmp_path, monkeypatch):
    fsync, seen = os.fsync, []

    def meanwhile(file):
        remove_abandoned(tmp_path / "note.txt")
        seen.append(names_in(tmp_path))
        fsync(file)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_text(tmp_path / "note.txt", "text")
    assert len(seen) == 1  # it did not have to begin again
    assert len(seen[0]) == 1


def test_write_begins_again_if_its_file_was_removed_before_it_was_renamed(tmp_path, monkeypatch):
    replace, sources = os.replace, []

    def removed(source, target):
        sources.append(source)
        if len(sources) < 3:
            os.unlink(source)
        replace(source, target)

    monkeypatch.setattr(os, "replace", removed)
    write_bytes(tmp_path / "note.txt", b"text")
    assert (tmp_path / "note.txt").read_bytes() == b"text"
    assert len(set(sources)) == 3
    monkeypatch.setattr(os, "replace", lambda source, target: os.unlink(source) or 1 / 0)
    with pytest.raises(ZeroDivisionError):  # what is no lost file is not tried again
        write_bytes(tmp_path / "note.txt", b"other")


@pytest.mark.parametrize("chosen", ["", "relative", "./here"])
def test_the_folder_for_caches_is_never_a_relative_one(monkeypatch, tmp_path, chosen):
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in user_cache_folder().parents
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: "~/.cache")
    with refused("no folder for caches", "XDG_CACHE_HOME"):
        user_cache_folder()
