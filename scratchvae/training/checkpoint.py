"""Checkpoints: all that a run needs to go on exactly where it was.

A checkpoint is a plain ``.npz`` of numbers and text, without pickled objects: a file from someone
else can be opened without running their code.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.arrays import FloatArray
from scratchvae.errors import InputError
from scratchvae.files import write_atomically
from scratchvae.training.protocol import LossMean
from scratchvae.training.trainer import Trainer

FORMAT = 1


def save_checkpoint(path: Path, trainer: Trainer, config: dict[str, Any]) -> None:
    """Write parameters, optimiser and progress to ``path``, whole or not at all.

    Parameters
    ----------
    path
        Where to; an older checkpoint there is replaced.
    trainer
        What to save.
    config
        What describes the run (recipe and options): ``load_checkpoint`` compares it.

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
    }
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "config": np.array(json.dumps(config, sort_keys=True)),
        "progress": np.array(json.dumps(progress)),
    }
    arrays |= {f"parameter/{name}": p.value for name, p in trainer.model.parameters.items()}
    arrays |= {f"optimiser/{name}": value for name, value in trainer.optimiser.state.items()}
    write_atomically(path, lambda file: np.savez(file, **arrays))


def load_checkpoint(path: Path, trainer: Trainer, config: dict[str, Any]) -> None:
    """Put what ``save_checkpoint`` wrote back into ``trainer``.

    Nothing is changed unless the whole checkpoint fits.

    Raises
    ------
    InputError
        If the file is missing, damaged, foreign, or of another recipe or other options.
    """
    arrays = _read(path)
    saved = json.loads(str(arrays["config"]))
    if saved != config:
        raise InputError(
            f"{path} is a checkpoint of {_difference(saved, config)}: "
            "use the folder of that run, or another --out"
        )
    targets = {f"parameter/{name}": p.value for name, p in trainer.model.parameters.items()}
    targets |= {f"optimiser/{name}": value for name, value in trainer.optimiser.state.items()}
    for name, target in targets.items():
        value = arrays.get(name)
        if value is None or value.shape != target.shape or value.dtype != target.dtype:
            came = "nothing" if value is None else f"{value.dtype} of shape {value.shape}"
            raise InputError(
                f"{path} should hold {name} as {target.dtype} of shape {target.shape} and holds "
                f"{came}: it is damaged, or of another version; train anew with another --out"
            )
    for name, target in targets.items():
        target[...] = arrays[name]
    progress = json.loads(str(arrays["progress"]))
    trainer.epoch = progress["epoch"]
    trainer.batch = progress["batch"]
    trainer.optimiser.steps = progress["steps"]
    trainer.running = LossMean(progress["running_images"], tuple(progress["running_sums"]))


def _read(path: Path) -> dict[str, FloatArray]:
    """Return the arrays of a checkpoint, or say what is wrong with the file."""
    if not path.exists():
        raise InputError(f"there is no checkpoint {path}: train first, or check the folder's name")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        json.loads(str(arrays["config"])), json.loads(str(arrays["progress"]))
        if int(arrays["format"]) == FORMAT:
            return arrays
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        pass
    raise InputError(
        f"{path} is not a checkpoint of this version of scratchvae: it is damaged or foreign; "
        "restore it from a copy, or train anew with another --out"
    )


def _difference(saved: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Say in words how the saved run differs from the wanted one."""
    for name in [*wanted, *saved]:
        if saved.get(name) != wanted.get(name):
            return f"{name} {saved.get(name)!r}, and {wanted.get(name)!r} was asked for"
    return "another run"
