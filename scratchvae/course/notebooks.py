"""Running the lessons' notebooks, as they are or with the solutions instead of the stubs.

``python -m scratchvae.course.notebooks lessons/*.ipynb`` executes notebooks in order and in place,
so that they read well where they are only looked at. What is written depends only on the results:
no times, no names of this machine, and cell ids that stay the same. (Lesson 17 is about times: its
results are shares of what the machine can do, and differ a little each time.)
"""

import argparse
import base64
import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scratchvae.checks.arguments import described
from scratchvae.course import own_program
from scratchvae.course.display import DATA_VARIABLE, FAST_VARIABLE, STATIC_VARIABLE
from scratchvae.errors import InputError
from scratchvae.files import write_text

CELL_SECONDS = 600
_CHECK = re.compile(r'^check\("(?P<name>[^"]+)", (?P<answer>\w+(?:, \w+)?)\)\s*$', re.MULTILINE)
_BETWEEN = re.compile(r"^(?P<code>measured_\w+ = .*)$", re.MULTILINE)  # measured for the checker
_SOLUTION = re.compile(
    r"<details><summary>Solution: (?P<name>[^<]+)</summary>\n\n.*?```python\n(?P<code>.*?)```\n\n"
    r"</details>",
    re.DOTALL,
)
_FOLDED = "hide-input"  # the tag of cells that draw or test, whose code is not the lesson
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> Any:
    """Return a notebook; ``InputError`` where there is none."""
    import nbformat

    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path must be the path of a notebook, not {described(path)}")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # of many kinds, from the file system and from nbformat
        reason = next(iter(str(error).splitlines()), "")
        raise InputError(f"expected a notebook in {str(path)!r}, but {reason}") from error


def exercises(notebook: Any) -> dict[str, int]:
    """Return the names of the exercises, and which cell each is in."""
    _check_notebook(notebook)
    found: dict[str, int] = {}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and (match := _CHECK.search(cell.source)):
            if match["name"] in found:
                raise InputError(f"exercise {match['name']!r} is asked twice: rename one of them")
            found[match["name"]] = place
    return found


def solutions(notebook: Any) -> dict[str, str]:
    """Return the code of the folded solutions, by the name of their exercise."""
    _check_notebook(notebook)
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return {m["name"]: m["code"] for source in cells for m in _SOLUTION.finditer(source)}


def with_solutions(notebook: Any) -> Any:
    """Return a copy whose stubs are replaced by the solutions, and whose checks must say right."""
    import copy

    solved, code = copy.deepcopy(notebook), solutions(notebook)
    for name, place in exercises(notebook).items():
        if name not in code:
            raise InputError(f"exercise {name!r} has no folded solution: write one under it")
        match = _CHECK.search(notebook.cells[place].source)
        assert match is not None
        verdict = f'_verdict = check("{name}", {match["answer"]})'
        rest = _BETWEEN.search(notebook.cells[place].source)
        lines = [
            code[name],
            rest["code"] if rest else "",
            verdict,
            "assert _verdict.right, _verdict",
        ]
        solved.cells[place].source = "\n".join(lines)
    return solved


def execute(
    notebook: Any,
    folder: Path,
    *,
    fast: bool = False,
    data: str | None = None,
    own: Path | None = None,
) -> Any:
    """Run a notebook from a fresh kernel, and return it with its outputs.

    Parameters
    ----------
    notebook
        What to run; it is changed.
    folder
        The working directory of its kernel.
    fast
        Whether to do just enough to show that everything runs.
    data
        The data set instead of MNIST: "synthetic" as if MNIST could not be had.
    own
        The reader's own program, which may not exist yet; ``None``: one that is thrown away.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed; the message shows it.
    """
    _check_notebook(notebook)
    from nbclient import NotebookClient
    from traitlets.config import Config

    changes = {STATIC_VARIABLE: "1", FAST_VARIABLE: "1" if fast else "0"}
    changes |= {DATA_VARIABLE: data} if data is not None else {}
    changes |= {own_program.VARIABLE: ""}
    with TemporaryDirectory(prefix="lesson-") as name, _environment(changes):
        os.environ[own_program.VARIABLE] = str(own or Path(name) / "my_vae.py")
        # Pipes in a folder of their own instead of ports: this needs no network.
        pipe = {"transport": "ipc", "ip": str(Path(name) / "kernel")}
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            shutdown_kernel="immediate",
            config=Config({"ConnectionFileMixin": pipe}),
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        )
        client.execute()
    return tidy(notebook)


def tidy(notebook: Any) -> Any:
    """Remove everything that would differ on another machine or at another time."""
    _check_notebook(notebook)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": _LANGUAGE}
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place:03d}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags",) if cell.metadata.get(key)}
        if _FOLDED in cell.metadata.get("tags", ()):
            cell.metadata["jupyter"] = {"source_hidden": True}
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                if picture := output.get("data", {}).get("image/png"):
                    output["data"]["image/png"] = _smaller(picture)
    return notebook


def _smaller(picture: str) -> str:
    """Return a PNG, in base64, with at most 128 colours where that makes it smaller."""
    from PIL import Image

    reduced = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        image.convert("RGB").quantize(128).save(reduced, "PNG", optimize=True)
    smaller = base64.b64encode(reduced.getvalue()).decode()
    return smaller if len(smaller) < len(picture) else picture


def write(notebook: Any, path: Path) -> None:
    """Write a notebook, completely or not at all."""
    import nbformat

    _check_notebook(notebook)
    write_text(path, nbformat.writes(notebook) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute notebooks in place, or try a copy of them."""
    parser = argparse.ArgumentParser(
        prog="python -m scratchvae.course.notebooks",
        description="Execute lessons in order and in place.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--solutions", action="store_true", help="try a copy with the solutions in")
    parser.add_argument("--fast", action="store_true", help="try a copy with little work")
    parser.add_argument("--synthetic", action="store_true", help="try a copy without MNIST")
    chosen = parser.parse_args(arguments)
    keep = not (chosen.solutions or chosen.fast or chosen.synthetic)
    for path in chosen.files:
        begun = time.perf_counter()
        try:
            notebook = read(path)
            if chosen.solutions:
                notebook = with_solutions(notebook)
            data = "synthetic" if chosen.synthetic else None
            execute(notebook, path.parent, fast=chosen.fast, data=data)
        except InputError as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
        if keep:
            write(notebook, path)
        size = f", {path.stat().st_size / 1000:.0f} KB" if keep else ""
        print(f"{path}: {time.perf_counter() - begun:.0f} s{size}", flush=True)
    return 0


def _check_notebook(notebook: Any) -> None:
    if not hasattr(notebook, "cells"):
        raise InputError(
            f"expected a notebook, as read(path) returns it, not {described(notebook)}"
        )


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


if __name__ == "__main__":
    sys.exit(main())
