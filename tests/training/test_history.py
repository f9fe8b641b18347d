"""metrics.csv: read as people's programs leave it, and never written over while it is damaged."""

import os

import pytest
from helpers import refused
from small_runs import names_in

from scratchvae.training import EpochMetrics, LossTerms, read_history, write_history

HEADER = (
    "epoch,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds"
)


def metrics(epoch, test=True):
    terms = LossTerms(100.0 + epoch, 90.5, 9.5 + epoch)
    return EpochMetrics(epoch, terms, terms if test else None, 1.25)


HISTORY = [metrics(1), metrics(2, test=False), metrics(3)]


@pytest.fixture
def path(tmp_path):
    write_history(str(tmp_path / "metrics.csv"), HISTORY)
    return tmp_path / "metrics.csv"


def test_a_history_comes_back(path):
    assert path.read_text().splitlines()[0] == HEADER
    assert read_history(str(path), 3) == HISTORY
    assert read_history(path, 2) == HISTORY[:2]
    assert read_history(path, 0) == []
    assert read_history(path.with_name("none.csv"), 3) == []


def marked(text):
    return "\ufeff" + text


def in_another_order(text):
    rows = [line.split(",") for line in text.splitlines()]
    return "".join(",".join(reversed(row)) + "\n" for row in rows)


def with_other_ends(text):
    return text.replace("\n", "\r\n")


def with_blank_lines(text):
    return text.replace("\n", "\n\n  \n")


def without_zeros(text):
    return text.replace(".0000", "").replace("5000", "5")


@pytest.mark.parametrize(
    "change", [marked, in_another_order, with_other_ends, with_blank_lines, without_zeros]
)
def test_what_other_programs_make_of_a_record_is_read_whole(path, change):
    path.write_bytes(change(path.read_text()).encode())
    assert read_history(path, 3) == HISTORY
    write_history(path, HISTORY)
    assert names_in(path.parent) == {"metrics.csv"}


def damaged_header(text):
    return text.replace("train_loss", "tr\0in_lozz", 1)


def lost_header(text):
    return text.split("\n", 1)[1]


@pytest.mark.parametrize("damage", [damaged_header, lost_header])
def test_a_damaged_header_costs_no_row(path, damage):
    path.write_text(damage(path.read_text()))
    assert read_history(path, 3) == HISTORY


@pytest.mark.parametrize(
    "line",
    [
        "2,1,x,4,5,6,7,8",
        "2,1",
        "2,1,2,3,4,5,6,7,8",
        "2,nan,1,1,1,1,1,1",
        "2,1,1,1,inf,1,1,1",
        "0,1,1,1,1,1,1,1",
        "-1,1,1,1,1,1,1,1",
        "2.5,1,1,1,1,1,1,1",
        "2,1,1,1,,1,1,1",
        "9" * 5000 + ",1,1,1,1,1,1,1",
        '"2","1","1","1","1","1","1","1"',
        "2;1;1;1;1;1;1;1",
        "x" * 200_000,
        "\0",
        "\x80\xff",
    ],
    ids=lambda line: line[:20],
)
def test_a_line_that_cannot_be_read_is_left_out_and_kept_beside(path, line):
    lines = path.read_bytes().splitlines()
    lines[2] = line.encode("latin-1")
    damaged = b"\n".join(lines)
    path.write_bytes(damaged)
    left = read_history(path, 3)
    assert left == [HISTORY[0], HISTORY[2]]
    assert names_in(path.parent) == {"metrics.csv"}  # reading changes nothing
    for _ in range(2):
        write_history(path, [*left, metrics(4)])
    assert read_history(path, 4) == [*left, metrics(4)]
    assert names_in(path.parent) == {"metrics.csv", "metrics-damaged.csv"}
    assert (path.parent / "metrics-damaged.csv").read_bytes() == damaged


def test_each_damaged_record_is_kept_under_a_name_of_its_own(path):
    for number in range(3):
        path.write_text(f"damage {number}")
        write_history(path, HISTORY)
    names = ("metrics-damaged.csv", "metrics-damaged-2.csv", "metrics-damaged-3.csv")
    texts = [(path.parent / name).read_text() for name in names]
    assert texts == ["damage 0", "damage 1", "damage 2"]


def test_a_damaged_record_stays_if_it_cannot_be_kept_beside(path, monkeypatch):
    path.write_text("damage")
    replace = os.replace

    def full(source, target):
        if "damaged" in str(target):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with refused("metrics-damaged.csv", "No space left"):
        write_history(path, HISTORY)
    assert path.read_text() == "damage"
    assert names_in(path.parent) == {"metrics.csv"}


def test_the_last_of_two_rows_of_an_epoch_counts(path):
    path.write_text(f"{HEADER}\n1,5,3,2,,,,1\n1,6,4,2,,,,1\n")
    assert read_history(path, 1) == [EpochMetrics(1, LossTerms(6, 4, 2), None, 1)]


def test_a_pipe_or_an_endless_file_is_neither_read_nor_replaced(path):
    path.unlink()
    os.mkfifo(path)
    for use in (lambda: read_history(path, 3), lambda: write_history(path, HISTORY)):
        with refused("cannot read", "metrics.csv", "move it"):
            use()
    assert path.is_fifo()
    path.unlink()
    with open(path, "wb") as file:
        file.truncate(10**12)
    with refused("cannot read", "1,000,000,000,000 bytes"):
        read_history(path, 3)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([metrics(1), metrics(1)], "each epoch once"),
        ([metrics(0)], "from 1 on"),
        ([EpochMetrics(1, LossTerms(float("nan"), 1, 1), None, 1.0)], "finite"),
        ([EpochMetrics(1, LossTerms(1, 1, 1), LossTerms(1, float("inf"), 1), 1.0)], "finite"),
        ([{"epoch": 1}], "a history is of EpochMetrics, not dict"),
        (3, "history must be a Sequence, such as model.history_, not 3"),
    ],
)
def test_a_history_that_would_not_come_back_is_not_written(path, history, words):
    before = path.read_bytes()
    with refused(words):
        write_history(path, history)
    assert path.read_bytes() == before
