"""Logs of a training for programs that show them: TensorBoard's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.errors import InputError, unknown_name
from scratchvae.runs import Run

LOGS = ("tensorboard",)
_FOLDER = "tensorboard"

Log = Callable[[Sequence[Path]], None]
"""Writes what is new: the last epoch of the run, and pictures."""


@contextmanager
def logging(name: str | None, run: Run) -> Iterator[Log]:
    """Within this, what it yields writes a log of a run into the run's folder.

    Losses are in nats per image, by epoch. Where a run goes on, what a log has of later epochs is
    replaced. Without a ``name`` nothing is written.

    Raises
    ------
    InputError
        If there is no such log, or the package ``tensorboardX`` is not installed.
    """
    if name is None:
        yield lambda pictures: None
        return
    if name not in LOGS:
        raise unknown_name("log", name, LOGS)
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise InputError(
            "--log tensorboard needs the package tensorboardX, which is not installed",
            "install it with `pip install 'scratchvae[tensorboard]'`",
        ) from None
    writer: Any = None

    def write(pictures: Sequence[Path]) -> None:
        nonlocal writer
        last = run.history[-1]
        if writer is None:  # not before there is something: a run that fails leaves nothing behind
            # A name of its own, also for a run that goes on within the second.
            suffix = f".{last.epoch}"
            folder = str(run.folder / _FOLDER)
            writer = SummaryWriter(folder, purge_step=last.epoch, filename_suffix=suffix)
        if not pictures:
            for split, terms in (("train", last.train), ("test", last.test)):
                for term, value in asdict(terms).items() if terms is not None else ():
                    writer.add_scalar(f"{term}/{split}", value, last.epoch)
            writer.add_scalar("seconds", last.seconds, last.epoch)
        for path in pictures:
            writer.add_image(path.stem, _dots(path), last.epoch, dataformats="HWC")
        writer.flush()

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _dots(path: Path) -> Any:
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
