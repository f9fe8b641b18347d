"""Progress bars and lines on standard error, where there is somebody to see them.

A program with windows has no standard error, and others put an object of their own in its place,
which may do no more than ``write``. Nothing that is said there may end what is being done.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from scratchvae.errors import InputError


def progress_bar(wanted: bool, **options: Any) -> Any:
    """Return a tqdm bar with these options, on standard error.

    It is shown if it is ``wanted`` and there is a terminal or a notebook to show it in. In a
    notebook it stays when it is done, as a cell's output does; it is a widget where ipywidgets is
    installed.

    Raises
    ------
    InputError
        If one of tqdm's environment variables cannot be read.
    """
    try:
        from tqdm import tqdm
    except ValueError as error:
        names = ", ".join(sorted(name for name in os.environ if name.startswith("TQDM_")))
        raise InputError(f"tqdm cannot read {names} ({error})", "correct it, or unset it") from None
    notebook = in_notebook()
    shown = wanted and (notebook or _on_terminal())
    usual = {"leave": notebook, "dynamic_ncols": not notebook}
    if shown and notebook:
        from tqdm import notebook as widgets

        if widgets.IProgress is not None:  # without ipywidgets the bar is text
            return widgets.tqdm(**(usual | options))
    return tqdm(disable=not shown, file=sys.stderr if shown else io.StringIO(), **(usual | options))


def say(line: str) -> None:
    """Write a line to standard error, if there is one; a bar that stands there makes room."""
    if sys.stderr is not None:  # where it is, `print` would take standard output
        with suppress(OSError, ValueError, AttributeError), _bars_cleared():  # closed, or no stream
            print(line, file=sys.stderr)
            sys.stderr.flush()


@contextmanager
def _bars_cleared() -> Iterator[None]:
    """Within this no bar is on the terminal's line; those that were are drawn again afterwards."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:  # nobody has drawn any
        yield
        return
    with tqdm.tqdm.external_write_mode(file=sys.stderr):
        yield


def _on_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # none, one of somebody's own, or closed
        return False


def in_notebook() -> bool:
    """Return whether what this process writes is shown by Jupyter."""
    kernel = sys.modules.get("ipykernel.iostream")
    return kernel is not None and isinstance(sys.stderr, kernel.OutStream)
