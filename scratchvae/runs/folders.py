"""Which folder a new run may be written to, and which contains a run."""

import os
from pathlib import Path

from scratchvae.errors import InputError
from scratchvae.files import cannot_write, make_folder

ANOTHER = "choose another `folder`"

# os.path.exists, not Path.exists: the latter raises where the user may not look.


def check_used(folder: Path) -> None:
    """Raise ``InputError`` unless there is a run in ``folder``."""
    if os.path.exists(folder / "config.json"):
        return
    what = "has no config.json in it"
    if not os.path.isdir(folder):
        what = "is a file" if os.path.exists(folder) else "does not exist"
    raise InputError(
        f"expected the folder of a run, and {str(folder)!r} {what}",
        "give the folder that the run was trained in",
    )


def check_unused(folder: Path) -> None:
    """Raise ``InputError`` if there is a run in ``folder``, or it cannot be written to."""
    if os.path.exists(folder / "config.json"):
        raise _taken(folder)
    if _has_run(folder):
        raise InputError(
            f"the folder {str(folder)!r} contains files of a run that has lost its config.json",
            ANOTHER,
        )
    places = (folder, *folder.absolute().parents)
    existing = next(place for place in places if os.path.exists(place))
    if not os.path.isdir(existing):
        problem = "is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        problem = "is read-only"
    else:
        return
    raise InputError(f"expected a folder to write to, and {str(existing)!r} {problem}", ANOTHER)


def claim(folder: Path) -> list[Path]:
    """Make the folder of a new run with an empty config.json, and return the folders made.

    Of two processes that begin a run in one folder at the same time, the second gets an
    ``InputError`` here.
    """
    made = make_folder(folder)
    path = folder / "config.json"
    try:
        with open(path, "x"):
            return made
    except FileExistsError:
        raise _taken(folder) from None
    except OSError as error:
        raise cannot_write(path, error) from None


def unused_folder(recipe: str) -> Path:
    """Return the first of runs/RECIPE, runs/RECIPE-2, … without a run in it."""
    folder, number = Path("runs") / recipe, 1
    while _has_run(folder):
        number += 1
        folder = Path("runs") / f"{recipe}-{number}"
    return folder


def _has_run(folder: Path) -> bool:
    names = ("config.json", "checkpoint.npz", "metrics.csv")
    return any(os.path.exists(folder / name) for name in names)


def _taken(folder: Path) -> InputError:
    return InputError(
        f"there is already a run in {str(folder)!r}", f"continue it with `Run.resume`, or {ANOTHER}"
    )
