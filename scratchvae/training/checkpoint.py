"""Checkpoints: all that a run needs to continue exactly where it stopped.

A checkpoint is a plain ``.npz`` of numbers and text, without pickled objects: a file from someone
else can be opened without running their code. What is in one is checked before any of it is used,
and before it is written: no checkpoint is saved that could not be loaded again. It holds

- ``format``: the number 1;
- ``config``: a JSON text, what the run is of: recipe, options, settings;
- ``progress``: a JSON text: the epoch and the batch in it, the optimiser's steps, and the sums of
  the loss's terms, the images and the seconds of the epoch so far;
- ``parameter/NAME`` and ``buffer/NAME``: what the model has learned, and running statistics;
- ``optimiser/NAME``: what the optimiser keeps, such as Adam's moments.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, cannot_read, open_regular, write_bytes
from scratchvae.json_files import plain
from scratchvae.training.archive import (
    NewerError,
    UnsoundError,
    archive,
    check_arrays,
    check_format,
    read_archive,
)
from scratchvae.training.protocol import LossMean
from scratchvae.training.trainer import Trainer
from scratchvae.validation import FloatArray

FORMAT = 1

_REMEDY = "restore it from a copy, or train again in another `folder`"
_OWN = "put this run's own checkpoint back, or train again in another `folder`"
_COUNTS = ("epoch", "batch", "steps", "running_images")
_TEXTS = ("format", "config", "progress")
_MOST = 2**53  # of a count: more would not be exact in the formulas that it enters
_MOST_TEXT_BYTES = 4 << 20  # of configuration and progress, and what the archive adds
_HEADER_BYTES = 1 << 10  # of an array in an archive, with room to spare
_MOST_BYTES = (4 << 30) - 1  # where the size of the model is not known


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint contains: see ``save_checkpoint``."""

    path: Path
    config: dict[str, Any]
    progress: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def restore(self, trainer: Trainer) -> None:
        """Put everything back into ``trainer``, its model and its optimiser.

        Nothing is changed unless every array fits.

        Raises
        ------
        InputError
            If an array is missing or one too many, of another shape or type, or has values that
            it cannot have.
        """
        targets = _state(trainer)
        try:
            check_arrays(self.arrays, targets, _TEXTS)
        except UnsoundError as problem:
            raise InputError(
                f"{str(self.path)!r} {problem}: it is damaged or of another model or version",
                _REMEDY,
            ) from None
        for name, target in targets.items():
            target[...] = self.arrays[name]
        progress = self.progress
        trainer.epoch, trainer.batch = progress["epoch"], progress["batch"]
        trainer.optimiser.steps = progress["steps"]
        loss, reconstruction, kl = progress["running_sums"]
        trainer.running = LossMean(progress["running_images"], (loss, reconstruction, kl))
        trainer.running_seconds = progress["running_seconds"]

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Raise ``InputError`` unless it was saved with this ``config``."""
        requested = dict.fromkeys([*_mapping(config), *self.config]) | dict(config)
        check_same(repr(str(self.path)), self.config, requested, _OWN)


def save_checkpoint(path: AnyPath, trainer: Trainer, config: Mapping[str, Any]) -> None:
    """Write parameters, optimiser and progress to ``path``, whole or not at all.

    An older checkpoint there is replaced. ``config`` describes the run (recipe and options), and
    is compared when the checkpoint is loaded.

    Raises
    ------
    InputError
        If the file cannot be written; or if it could not be loaded again: with an array that is
        not finite, or something in ``config`` that JSON does not keep.
    """
    path, targets, running = as_path(path), _state(trainer), trainer.running
    progress = {
        "epoch": trainer.epoch,
        "batch": trainer.batch,
        "steps": trainer.optimiser.steps,
        "running_images": running.images,
        "running_sums": running.sums,
        "running_seconds": trainer.running_seconds,
    }
    texts = {
        "format": np.array(FORMAT),
        "config": np.array(json.dumps(plain(_mapping(config)), sort_keys=True)),
        "progress": np.array(json.dumps(plain(progress))),
    }
    file = archive(texts | targets)
    try:
        arrays = read_archive(file)
        _texts(arrays)
        check_arrays(arrays, targets, _TEXTS)
        if file.getbuffer().nbytes > _most_bytes(targets):
            raise UnsoundError("its configuration is too long")
    except ValueError as problem:
        raise InputError(
            f"{str(path)!r} is not written, since it could not be loaded again ({problem})",
            "go on from the checkpoint before it",
        ) from None
    with file.getbuffer() as content:  # released also where it cannot be written
        write_bytes(path, content)


def load_checkpoint(
    path: AnyPath, trainer: Trainer | None = None, config: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Return what ``save_checkpoint`` wrote to ``path``.

    Parameters
    ----------
    path
        The file.
    trainer
        What it is restored into; ``None``: nothing yet (see ``Checkpoint.restore``).
    config
        What it must have been saved with; ``None``: anything.

    Raises
    ------
    InputError
        If the file is missing, damaged, foreign or of a newer version; if it was saved with another
        ``config``, or does not fit the ``trainer``. The trainer is as it was, then.
    """
    path = as_path(path)
    most = _MOST_BYTES if trainer is None else _most_bytes(_state(trainer))
    try:
        with open_regular(path, most) as file:
            arrays = read_archive(file)
        checkpoint = Checkpoint(path, *_texts(arrays), arrays)
    except FileNotFoundError:
        raise InputError(
            f"there is no checkpoint {str(path)!r}",
            "train first, or give the folder of another run",
        ) from None
    except OSError as error:
        raise cannot_read(path, error, _REMEDY) from None
    except NewerError as newer:
        raise InputError(f"{str(path)!r} {newer}", "install a newer one to load it") from None
    except Exception as error:
        # A damaged zip archive fails in a dozen ways, depending on what was hit.
        problem = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{str(path)!r} is no checkpoint of this version of scratchvae ({problem}): it is "
            "damaged or foreign",
            _REMEDY,
        ) from None
    if config is not None:
        checkpoint.check_config(config)
    if trainer is not None:
        checkpoint.restore(trainer)
    return checkpoint


def check_same(
    what: str, stored: Mapping[str, Any], requested: Mapping[str, Any], remedy: str
) -> None:
    """Raise ``InputError`` unless everything that is requested is stored with that value."""
    stored, requested = plain(stored), plain(requested)
    for name, value in requested.items():
        if stored.get(name) != value:
            raise InputError(f"{what} has {name} {stored.get(name)!r}, not {value!r}", remedy)


def _texts(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return configuration and progress, checked.

    Whatever is wrong with them is an exception of some kind.
    """
    check_format(arrays, FORMAT)
    config, progress = (json.loads(str(arrays[name])) for name in ("config", "progress"))
    # Older checkpoints do not say how long the batches took.
    progress.setdefault("running_seconds", 0.0)
    counts = [progress[name] for name in _COUNTS]
    sums = [*progress["running_sums"], progress["running_seconds"]]
    sound = (
        isinstance(config, dict)
        and all(type(count) is int and 0 <= count <= _MOST for count in counts)
        and progress["batch"] <= progress["steps"]
        # A record that was put together by hand has epochs and no steps.
        and (progress["epoch"] <= progress["steps"] or progress["steps"] == 0)
        and len(sums) == 4
        and all(type(total) in (int, float) and math.isfinite(total) for total in sums)
        and progress["running_seconds"] >= 0
    )
    if not sound:
        raise UnsoundError("its progress is none that training has")
    return config, progress


def _mapping(config: Any) -> Mapping[str, Any]:
    if not isinstance(config, Mapping):
        raise InputError(f"config must be a dictionary, not {type(config).__name__}")
    return config


def _most_bytes(targets: Mapping[str, FloatArray]) -> int:
    """Return how large a checkpoint of these arrays can be."""
    return _MOST_TEXT_BYTES + sum(_HEADER_BYTES + target.nbytes for target in targets.values())


def _state(trainer: Trainer) -> dict[str, FloatArray]:
    """Return the arrays that training changes, by their names in a checkpoint."""
    if not isinstance(trainer, Trainer):
        raise InputError(f"a checkpoint is of a Trainer, not {type(trainer).__name__}")
    return (
        {f"parameter/{name}": p.value for name, p in trainer.model.parameters.items()}
        | {f"buffer/{name}": value for name, value in trainer.model.buffers.items()}
        | {f"optimiser/{name}": value for name, value in trainer.optimiser.state.items()}
    )
