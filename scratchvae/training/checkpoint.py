"""Checkpoints: all that a run needs to continue exactly where it stopped.

A checkpoint is a plain ``.npz`` of numbers and text, without pickled objects: a file from someone
else can be opened without running their code.
"""

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.files import write_bytes
from scratchvae.training.protocol import LossMean
from scratchvae.training.trainer import Trainer
from scratchvae.validation import FloatArray

FORMAT = 1

_REMEDY = "restore it from a copy, or train again in another `folder`"


def save_checkpoint(path: Path, trainer: Trainer, config: dict[str, Any]) -> None:
    """Write parameters, optimiser and progress to ``path``, whole or not at all.

    An older checkpoint there is replaced. ``config`` describes the run (recipe and options), and
    is compared when the checkpoint is loaded.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    progress = {
        "epoch": trainer.epoch,
        "batch": trainer.batch,
        "steps": trainer.optimiser.steps,
        "running_images": trainer.running.images,
        "running_sums": trainer.running.sums,
        "running_seconds": trainer.running_seconds,
    }
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "config": np.array(json.dumps(config, sort_keys=True)),
        "progress": np.array(json.dumps(progress)),
    }
    arrays |= _state(trainer)
    file = io.BytesIO()
    np.savez(file, **arrays)
    with file.getbuffer() as content:  # released also where it cannot be written
        write_bytes(path, content)


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
            If an array is missing, of another shape or type, or not finite.
        """
        targets = _state(trainer)
        for name, target in targets.items():
            value = self.arrays.get(name)
            if value is None or value.shape != target.shape or value.dtype != target.dtype:
                came = "nothing" if value is None else f"{value.dtype} of shape {value.shape}"
            elif not np.isfinite(value).all():
                came = "NaN or infinity"
            else:
                continue
            raise InputError(
                f"{str(self.path)!r} should contain {name} as finite {target.dtype} of shape "
                f"{target.shape}, not {came}: it is damaged or of another version",
                _REMEDY,
            )
        for name, target in targets.items():
            target[...] = self.arrays[name]
        progress = self.progress
        trainer.epoch, trainer.batch = progress["epoch"], progress["batch"]
        trainer.optimiser.steps = progress["steps"]
        loss, reconstruction, kl = progress["running_sums"]
        trainer.running = LossMean(progress["running_images"], (loss, reconstruction, kl))
        trainer.running_seconds = progress["running_seconds"]


def load_checkpoint(path: Path) -> Checkpoint:
    """Return what ``save_checkpoint`` wrote to ``path``.

    Raises
    ------
    InputError
        If the file is missing, damaged or foreign.
    """
    try:
        content = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"there is no checkpoint {str(path)!r}",
            "train first, or give the folder of another run",
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}", _REMEDY) from None
    try:
        with np.load(content, allow_pickle=False) as archive:
            arrays = dict(archive)
        config, progress = (json.loads(str(arrays[name])) for name in ("config", "progress"))
        counts = [progress[name] for name in ("epoch", "batch", "steps", "running_images")]
        sums = progress["running_sums"]
        # Older checkpoints do not say how long the batches took.
        seconds = progress.setdefault("running_seconds", 0.0)
        sound = (
            int(arrays["format"]) == FORMAT
            and isinstance(config, dict)
            and all(type(count) is int and count >= 0 for count in counts)
            and [type(total) for total in sums] == [float] * 3
            and 0 <= seconds < math.inf
        )
    except Exception:
        # A damaged zip archive fails in a dozen ways, depending on what was hit.
        sound = False
    if not sound:
        raise InputError(
            f"{str(path)!r} is no checkpoint of this version of scratchvae: it is damaged or "
            "foreign",
            _REMEDY,
        )
    return Checkpoint(path, config, progress, arrays)


def _state(trainer: Trainer) -> dict[str, FloatArray]:
    """Return the arrays that training changes, by their names in a checkpoint."""
    return (
        {f"parameter/{name}": p.value for name, p in trainer.model.parameters.items()}
        | {f"buffer/{name}": value for name, value in trainer.model.buffers.items()}
        | {f"optimiser/{name}": value for name, value in trainer.optimiser.state.items()}
    )
