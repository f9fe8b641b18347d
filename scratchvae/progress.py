"""Progress bars, where there is somebody to see them."""

import os
import sys
from typing import Any

from scratchvae.errors import InputError


def progress_bar(wanted: bool, **options: Any) -> Any:
    """Return a tqdm bar with these options, on standard error.

    It is shown if it is ``wanted`` and there is a terminal or a notebook to show it in. In a
    notebook it stays when it is done, as a cell's output does.

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
    notebook = _in_notebook()
    shown = wanted and (notebook or sys.stderr.isatty())
    usual = {"leave": notebook, "dynamic_ncols": not notebook}
    return tqdm(disable=not shown, file=sys.stderr, **(usual | options))


def _in_notebook() -> bool:
    """Return whether what this process writes is shown by Jupyter."""
    kernel = sys.modules.get("ipykernel.iostream")
    return kernel is not None and isinstance(sys.stderr, kernel.OutStream)
