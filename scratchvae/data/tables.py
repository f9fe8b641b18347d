"""Read tables, .csv and .parquet, by pandas: each row is a vector, one column may be the class.

Dimensions: N rows, D columns of numbers.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.reading import Reading
from scratchvae.errors import InputError
from scratchvae.files import cannot_read, open_regular

SUFFIXES = {".csv", ".parquet"}
_MOST = 1000  # classes, of which some may be missing
LABEL_COLUMNS = ("label", "labels", "class", "target")


def read_table(
    path: Path, reading: Reading
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """Return the numbers of a table (N, D), its classes (N,) if it has any, and their names.

    The classes are in the column that ``reading.labels`` names, or else in one called ``label``,
    ``labels``, ``class`` or ``target``.

    Raises
    ------
    InputError
        If pandas is missing (or pyarrow, for .parquet), the file cannot be read, or a column
        has anything but numbers.
    """
    table = _read(path)
    if not len(table) or not len(table.columns):
        raise InputError(f"the table {str(path)!r} is empty", "give another one")
    table.columns = [str(name) for name in table.columns]
    column = reading.labels or next((n for n in LABEL_COLUMNS if n in table.columns), None)
    labels: NDArray[Any] | None = None
    names: tuple[str, ...] = ()
    if column is not None:
        if list(table.columns).count(column) != 1:
            known = ", ".join(table.columns[:20])
            raise InputError(
                f"there is no one column {column!r} in {str(path)!r}", f"it has {known}"
            )
        labels, names = as_classes(table.pop(column).to_numpy(), f"column {column!r}")
    if not len(table.columns):
        raise InputError(f"{str(path)!r} has no columns besides {column!r}", "give another table")
    for name, kind in zip(table.columns, table.dtypes, strict=True):
        if getattr(kind, "kind", "O") not in "biuf":
            raise InputError(
                f"column {name!r} of {str(path)!r} has something else than numbers, such as "
                f"{str(table[name].iloc[0])[:30]!r}",
                f'remove it, or say that it is the class with labels="{name}" (`labels`)',
            )
    numbers = table.to_numpy()
    if not np.can_cast(numbers.dtype, np.float64, "same_kind") or numbers.dtype == np.float16:
        numbers = numbers.astype(np.float64)
    return numbers, labels, names


def as_classes(values: Any, what: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return classes as whole numbers from 0, and their names in order.

    Whole numbers that begin with 0 are what they are, also if some in between are missing.
    """
    values = np.asarray(values)
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim != 1:
        raise InputError(f"{what} must be one class for each image, not of shape {values.shape}")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise InputError(f"{what} must be classes, and has numbers that are missing or broken")
        values = values.astype(np.int64)
    if values.dtype.kind == "O":
        values = np.array([str(value) for value in values])
    if values.dtype.kind not in "biuUS":
        raise InputError(f"{what} must be classes, whole numbers or text, not {values.dtype}")
    if values.dtype.kind in "iu" and len(values) and values.min() == 0 and values.max() < _MOST:
        return values.astype(np.int64), tuple(map(str, range(int(values.max()) + 1)))
    known, numbers = np.unique(values, return_inverse=True)
    names = tuple(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in known)
    return numbers.reshape(-1), names


def _read(path: Path) -> Any:
    try:
        import pandas
    except ImportError:
        raise InputError(
            f"reading {path.suffix} needs pandas, which is not installed",
            "run `pip install 'scratchvae[tables]'`, or save the numbers as .npy",
        ) from None
    try:
        with open_regular(path) as file:
            if path.suffix.lower() == ".csv":
                return pandas.read_csv(file)
            return pandas.read_parquet(file)
    except ImportError:
        raise InputError(
            "reading .parquet needs pyarrow, which is not installed",
            "run `pip install 'scratchvae[tables]'`, or save the numbers as .npy",
        ) from None
    except OSError as error:
        raise cannot_read(path, error, "check its name and your permission to read it") from None
    except Exception as error:  # of whatever kind its reader raises
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{str(path)!r} cannot be read as a table: {reason}", "repair it, or give another one"
        ) from None
