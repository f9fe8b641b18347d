"""metrics.csv: the record of a run's epochs, in nats per image."""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from scratchvae.files import write_text
from scratchvae.training.loop import EpochMetrics
from scratchvae.training.protocol import LossTerms

_PARTS = ("loss", "reconstruction", "kl")
_LOSSES = [f"{split}_{part}" for split in ("train", "test") for part in _PARTS]
_COLUMNS = ("epoch", *_LOSSES, "seconds")


def write_history(path: Path, history: Sequence[EpochMetrics]) -> None:
    """Write a row per epoch to ``path``, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in history:
        train = [f"{value:.4f}" for value in astuple(row.train)]
        test = [f"{value:.4f}" for value in astuple(row.test)] if row.test else [""] * len(_PARTS)
        writer.writerow([row.epoch, *train, *test, f"{row.seconds:.2f}"])
    write_text(path, text.getvalue())


def read_history(path: Path, epochs: int) -> list[EpochMetrics]:
    """Return the rows of the first ``epochs`` epochs.

    They are only a record: if it is lost, a run continues with a new one, and a damaged row is left
    out. The others stay, since the next epoch writes the whole file again.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    by_epoch = {}
    # Without quoting no damage reaches beyond its own line.
    rows = csv.DictReader(text.splitlines(), quoting=csv.QUOTE_NONE)
    with suppress(csv.Error):  # a line that is longer than any row
        for row in rows:
            with suppress(KeyError, TypeError, ValueError):
                metrics = _parse(row)
                by_epoch[metrics.epoch] = metrics
    return [by_epoch[epoch] for epoch in sorted(by_epoch) if 1 <= epoch <= epochs]


def _parse(row: dict[str, str]) -> EpochMetrics:
    def parts(split: str) -> LossTerms:
        return LossTerms(*(float(row[f"{split}_{part}"]) for part in _PARTS))

    test = parts("test") if row["test_loss"] else None
    return EpochMetrics(int(row["epoch"]), parts("train"), test, float(row["seconds"]))
