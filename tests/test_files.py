"""Files are written whole or not at all, and bad ones are refused in one line."""

import errno
import os
import stat
from pathlib import Path

import pytest
from helpers import refused
from small_runs import names_in

from scratchvae.files import as_path, check_writable, make_folder, write_bytes, write_text


def test_write_text_leaves_the_text_and_nothing_else(tmp_path):
    write_text(tmp_path / "note.txt", "größer\n")
    write_text(tmp_path / "note.txt", "kürzer\n")
    assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "kürzer\n"
    assert names_in(tmp_path) == {"note.txt"}


def test_check_writable_finds_out_and_leaves_nothing(tmp_path):
    check_writable(tmp_path / "new.json")
    assert names_in(tmp_path) == set()
    write_text(tmp_path / "old.json", "old")
    check_writable(tmp_path / "old.json")
    assert (tmp_path / "old.json").read_text(encoding="utf-8") == "old"
    with refused("cannot write", "it is a folder"):
        check_writable(tmp_path)
    with refused("cannot write", "make it first"):
        check_writable(tmp_path / "nowhere" / "new.json")
    with refused("cannot write", "Not a directory"):
        check_writable(tmp_path / "old.json" / "new.json")
    assert names_in(tmp_path) == {"old.json"}


def test_write_text_leaves_permissions_to_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "note.txt", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
def test_write_bytes_interrupted_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, error):
    write_text(tmp_path / "note.txt", "old")

    def interrupted(*arguments):
        raise error

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(type(error)):
        write_bytes(tmp_path / "note.txt", b"new")
    assert (tmp_path / "note.txt").read_text() == "old"
    assert names_in(tmp_path) == {"note.txt"}


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_write_text_on_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, call):
    write_text(tmp_path / "note.txt", "old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with refused("note.txt", "No space left", "unharmed"):
        write_text(tmp_path / "note.txt", "new")
    assert (tmp_path / "note.txt").read_text() == "old"
    assert names_in(tmp_path) == {"note.txt"}


def test_write_text_refuses_an_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "missing" / "x", tmp_path / "file" / "x", tmp_path / "folder"):
        with refused("cannot write", str(path)):
            write_text(path, "text")
    assert names_in(tmp_path) == {"file", "folder"}


def test_make_folder_makes_parents_and_returns_the_new_folders(tmp_path):
    inner = tmp_path / "a" / "b"
    assert make_folder(inner) == [inner, tmp_path / "a"]
    assert inner.is_dir()
    assert make_folder(inner) == []


def test_make_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with refused("cannot create the folder", "choose another"):
            make_folder(path)


def test_a_tilde_at_the_beginning_is_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert as_path("~/runs/é") == tmp_path / "runs" / "é"
    assert as_path(Path("~")) == tmp_path
    assert as_path("runs/~") == Path("runs/~")
    write_text("~/note.txt", "kept")
    assert (tmp_path / "note.txt").read_text() == "kept"


@pytest.mark.parametrize("path", [None, 3, b"x", ["x"], "a\0b", "\ud800"], ids=repr)
def test_what_no_file_can_be_called_is_refused(path):
    with refused("a path must be text or a pathlib.Path"):
        as_path(path)
