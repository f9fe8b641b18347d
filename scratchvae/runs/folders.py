"""Which folder a new run may be written to, and which contains a run."""

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from scratchvae.errors import InputError
from scratchvae.files import cannot_write

ANOTHER = "choose another `folder`"
RUN_FILES = ("config.json", "checkpoint.npz", "metrics.csv")


class FolderTakenError(InputError):
    """The folder belongs to another run, or to something else."""


# os.path.exists, not Path.exists: the latter raises where the user may not look.


def check_used(folder: Path) -> None:
    """Raise ``InputError`` unless there is a run in ``folder``."""
    if os.path.exists(folder / "config.json"):
        return
    what = "has no config.json in it"
    if not os.path.isdir(folder):
        what = "is a file" if os.path.exists(folder) else "does not exist"
    elif not os.access(folder, os.R_OK | os.X_OK):
        what = "may not be looked into"
    raise InputError(
        f"expected the folder of a run, and {str(folder)!r} {what}",
        "give the folder that the run was trained in",
    )


def check_unused(folder: Path, files: tuple[str, ...] = ()) -> None:
    """Raise ``InputError`` unless a new run may be written to ``folder``.

    It may not if there is a run in it, or a file of another origin with the name of one of those
    that will be written, ``files``; or if the folder cannot be written to.
    """
    if os.path.exists(folder / "config.json"):
        raise FolderTakenError(
            f"there is already a run in {str(folder)!r}",
            f"continue it with `Run.resume`, or {ANOTHER}",
        )
    if any(os.path.lexists(folder / name) for name in RUN_FILES):
        raise FolderTakenError(
            f"the folder {str(folder)!r} contains files of a run that has lost its config.json",
            ANOTHER,
        )
    check_free(folder, files)
    places = (folder, *Path(os.path.abspath(folder)).parents)
    existing = next(place for place in places if os.path.lexists(place))
    if not os.path.exists(existing):
        problem = "is a link to something that does not exist"
    elif not os.path.isdir(existing):
        problem = "is a file"
    elif not os.access(existing, os.X_OK):
        problem = "may not be entered"
    elif not os.access(existing, os.W_OK):
        problem = "is read-only"
    else:
        return
    raise InputError(f"expected a folder to write to, and {str(existing)!r} {problem}", ANOTHER)


def check_free(folder: Path, files: tuple[str, ...]) -> None:
    """Raise ``InputError`` if a file that is not ours would be written over."""
    for name in files:
        if os.path.lexists(folder / name):
            raise FolderTakenError(
                f"{str(folder / name)!r} is there already, and may be written over",
                f"move it away, or {ANOTHER}",
            )


def check_space(folder: Path, size: int) -> None:
    """Raise ``InputError`` unless a file of ``size`` bytes can be written to ``folder``.

    It is tried, since what a quota or a network drive leaves free no figure tells.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for start in range(0, size, 1 << 20):
                file.write(bytes(min(size - start, 1 << 20)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(folder / "checkpoint.npz", error) from None


def folders_of(recipe: str) -> Iterator[Path]:
    """Yield runs/RECIPE, runs/RECIPE-2, …, where runs go that name no folder."""
    for number in count(1):
        yield Path("runs") / (recipe if number == 1 else f"{recipe}-{number}")
