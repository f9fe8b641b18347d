"""metrics.csv: the record of a run's epochs, in nats per image."""

import csv
import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, cannot_read, read_bytes, write_bytes
from scratchvae.training.epoch_metrics import EpochMetrics
from scratchvae.training.protocol import LossTerms
from scratchvae.validation import check_is

_PARTS = ("loss", "reconstruction", "kl")
_LOSSES = [f"{split}_{part}" for split in ("train", "test") for part in _PARTS]
_COLUMNS = ("epoch", *_LOSSES, "seconds")
_MOST_BYTES = 16 << 20  # of a record: 180,000 epochs


def write_history(path: AnyPath, history: Sequence[EpochMetrics]) -> None:
    """Write a row per epoch to ``path``, whole or not at all.

    A record there that has lines which cannot be read is kept beside it, as metrics-damaged.csv.

    Raises
    ------
    InputError
        If the file cannot be written, or an epoch is there twice or has a loss that is not finite.
    """
    path, text = as_path(path), io.StringIO()
    check_is(history, "history", Sequence, "model.history_")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in history:
        if not isinstance(row, EpochMetrics):
            raise InputError(f"a history is of EpochMetrics, not {type(row).__name__}")
        train = [f"{value:.4f}" for value in astuple(row.train)]
        test = [f"{value:.4f}" for value in astuple(row.test)] if row.test else [""] * len(_PARTS)
        writer.writerow([row.epoch, *train, *test, f"{row.seconds:.2f}"])
    content = text.getvalue().encode()
    epochs = {row.epoch for row in history}
    if None in _rows(content) or len(epochs) < len(history) or len(content) > _MOST_BYTES:
        raise InputError(
            "a history has finite numbers and each epoch once, from 1 on: leave out other rows"
        )
    before = _content(path)
    if None in _rows(before):
        _keep_beside(path, before)
    write_bytes(path, content)


def read_history(path: AnyPath, epochs: int) -> list[EpochMetrics]:
    """Return the rows of the first ``epochs`` epochs.

    They are only a record: if it is lost, a run continues with a new one, and a damaged row is left
    out. The others stay, since the next epoch writes the whole file again.

    Raises
    ------
    InputError
        If there is a file that cannot be read.
    """
    rows = (row for row in _rows(_content(as_path(path))) if row is not None)
    by_epoch = {row.epoch: row for row in rows if row.epoch <= epochs}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _content(path: Path) -> bytes:
    """Return what is in the file; nothing if there is none."""
    try:
        return read_bytes(path, _MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise cannot_read(path, error, "move it to another place, and the run goes on") from None


def _rows(content: bytes) -> Iterator[EpochMetrics | None]:
    """Yield what each line says of an epoch, or None if it cannot be read.

    The first line may give the columns in another order. If it is damaged, they are in ours.
    """
    columns: Sequence[str] = _COLUMNS
    # Some editors put a byte-order mark in front ("-sig"), which is no part of a column's name.
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(lines):
        cells = line.strip().split(",", len(_COLUMNS))
        if number == 0 and sorted(cells) == sorted(_COLUMNS):
            columns = cells
        elif cells != [""]:
            try:
                yield _metrics(dict(zip(columns, cells, strict=True)))
            except ValueError:
                yield None


def _metrics(row: dict[str, str]) -> EpochMetrics:
    """Return the metrics in a row; a number that there cannot be is a ``ValueError``."""

    def number(name: str) -> float:
        if not math.isfinite(value := float(row[name])):
            raise ValueError(f"{name} is not finite")
        return value

    def parts(split: str) -> LossTerms:
        return LossTerms(*(number(f"{split}_{part}") for part in _PARTS))

    epoch = int(row["epoch"])
    if epoch < 1:
        raise ValueError("epochs begin with 1")
    test = parts("test") if any(row[f"test_{part}"] for part in _PARTS) else None
    return EpochMetrics(epoch, parts("train"), test, number("seconds"))


def _keep_beside(path: Path, content: bytes) -> None:
    """Write a damaged record under the next name that is free."""
    number, kept = 1, path.with_name(f"{path.stem}-damaged{path.suffix}")
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{path.stem}-damaged-{number}{path.suffix}")
    write_bytes(kept, content)
