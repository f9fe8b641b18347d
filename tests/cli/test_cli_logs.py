"""``train --log tensorboard``: the losses of each epoch, and the pictures."""

import struct
import sys

import pytest
from small_runs import SMALL, names_in

from scratchvae.runs import Run


def events(folder):
    """Return the (tag, step) of every value in a folder's event files, pictures included."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.iterdir()):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            for value in event.summary.value:
                found[value.tag, event.step] = value
            place += 12 + length + 4
    return found


def test_a_log_has_each_epoch_and_the_pictures(here, call):
    pytest.importorskip("tensorboardX")
    assert call("train", *SMALL, "--log", "tensorboard", "--out", "run")[0] == 0
    found = events(here / "run" / "tensorboard")
    history = Run.open(here / "run").history
    for row in history:
        logged = found["loss/train", row.epoch].simple_value
        assert logged == pytest.approx(row.train.loss, rel=1e-6)  # float32
        assert found["kl/test", row.epoch].simple_value == pytest.approx(row.test.kl, abs=1e-4)
    assert {tag for tag, _ in found} >= {"samples", "reconstructions", "manifold", "seconds"}


def test_a_run_that_goes_on_writes_the_new_epochs(here, call, without_pictures):
    pytest.importorskip("tensorboardX")
    assert call("train", *SMALL, "--log", "tensorboard", "--out", "run")[0] == 0
    words = ["--resume", "--epochs", 3, "--log", "tensorboard", "--out", "run"]
    assert call("train", *words)[0] == 0
    steps = {step for tag, step in events(here / "run" / "tensorboard") if tag == "loss/train"}
    assert steps == {1, 2, 3}


def test_another_log_is_refused_before_anything_is_written(here, refuses):
    refuses(["train", *SMALL, "--log", "wandb", "--out", "run"], "there is no log 'wandb'")
    assert "run" not in names_in(here)


def test_without_the_package_one_line_says_what_to_install(here, refuses, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    words = ["train", *SMALL, "--log", "tensorboard", "--out", "run"]
    refuses(words, "pip install 'scratchvae[tensorboard]'")
    assert "run" not in names_in(here)
