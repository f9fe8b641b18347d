"""Which folder a run may be written to, and which holds one."""

import os
import shlex
from pathlib import Path

from scratchvae.errors import InputError

# os.path.exists, not Path.exists: the latter raises where the user may not look.


def check_used(folder: Path) -> None:
    """Raise ``InputError`` unless ``folder`` holds a run."""
    if os.path.exists(folder / "config.json"):
        return
    what = "holds no run (there is no config.json in it)"
    if not os.path.isdir(folder):
        what = "is a file" if os.path.exists(folder) else "does not exist"
    raise InputError(
        f"expected the folder of a run, and {str(folder)!r} {what}: "
        "give the folder that `scratchvae train` wrote to"
    )


def check_unused(folder: Path) -> None:
    """Raise ``InputError`` if ``folder`` holds a run already, or cannot be written to."""
    if os.path.exists(folder / "config.json"):
        raise InputError(
            f"the folder {str(folder)!r} holds a run already: go on with it by "
            f"`scratchvae train --resume --out {shlex.quote(str(folder))}`, or give another --out"
        )
    if _holds_run(folder):
        raise InputError(
            f"the folder {str(folder)!r} holds files of a run that has lost its config.json: "
            "give another --out"
        )
    places = (folder, *folder.absolute().parents)
    existing = next(place for place in places if os.path.exists(place))
    if not os.path.isdir(existing):
        raise InputError(
            f"expected a folder to write to, and {str(existing)!r} is a file: give another --out"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"expected a folder to write to, and {str(existing)!r} is read-only: give another --out"
        )


def unused_folder(recipe: str) -> Path:
    """Return the first of runs/RECIPE, runs/RECIPE-2, … that holds no run."""
    folder, number = Path("runs") / recipe, 1
    while _holds_run(folder):
        number += 1
        folder = Path("runs") / f"{recipe}-{number}"
    return folder


def _holds_run(folder: Path) -> bool:
    names = ("config.json", "checkpoint.npz", "metrics.csv")
    return any(os.path.exists(folder / name) for name in names)
