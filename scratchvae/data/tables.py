"""Read tables, .csv, .tsv and .parquet, by pandas: a vector in each row, and perhaps its class.

Dimensions: N rows, D columns of numbers.
"""

import csv
import gzip
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.reading import Reading
from scratchvae.errors import InputError
from scratchvae.files import cannot_read, open_regular

SUFFIXES = {".csv", ".tsv", ".parquet"}
_MOST = 1000  # classes, of which some may be missing
_MOST_HEADER = 1 << 24  # bytes
LABEL_COLUMNS = ("label", "labels", "class", "target")
_NUMBERING = ("", "id", "index", "idx")

Table = tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...], list[str]]


def read_table(path: Path, reading: Reading) -> Table:
    """Return a table's numbers (N, D), its classes (N,) if any, their names, and what was done.

    The classes are in the column that ``reading.labels`` names, or else in one called ``label``,
    ``labels``, ``class`` or ``target``. Between the columns are commas, semicolons or tabs, and
    beside semicolons a number may have a decimal comma. A first line of numbers is no header. A
    column that only numbers the rows is left out.

    Raises
    ------
    InputError
        If pandas is missing (or pyarrow, for .parquet), the file cannot be read, or a column
        has anything but numbers, or some rows have no class.
    """
    table, notes = _read(path)
    if not len(table) or not len(table.columns):
        raise InputError(f"the table {str(path)!r} is empty", "give another one")
    table.columns = [_plain(name) for name in table.columns]
    column = reading.labels or _label_column(table, path)
    labels: NDArray[Any] | None = None
    names: tuple[str, ...] = ()
    if column is not None:
        if list(table.columns).count(column) != 1:
            known = ", ".join(table.columns[:20])
            raise InputError(
                f"there is no one column {column!r} in {str(path)!r}", f"it has {known}"
            )
        classes = table.pop(column)
        if without := int(classes.isna().sum()):
            raise InputError(
                f"column {column!r} of {str(path)!r} has no class in {without:,} of "
                f"{len(classes):,} rows",
                "leave these rows out, or give them a class of their own",
            )
        labels, names = as_classes(classes.to_numpy(), f"column {column!r}")
    table = _without_row_numbers(table, notes)
    if not len(table.columns):
        raise InputError(f"{str(path)!r} has no columns besides {column!r}", "give another table")
    for name, kind in zip(table.columns, table.dtypes, strict=True):
        if getattr(kind, "kind", "O") not in "biuf":
            raise InputError(
                f"column {name!r} of {str(path)!r} has something else than numbers, such as "
                f"{_no_number(table[name])!r}",
                f'remove it, or say that it is the class with labels="{name}" (`labels`)',
            )
    numbers = table.to_numpy()
    if not np.can_cast(numbers.dtype, np.float64, "same_kind") or numbers.dtype == np.float16:
        numbers = table.to_numpy(np.float64, na_value=np.nan)
    return numbers, labels, names, notes


def _plain(name: Any) -> str:
    """Return a column's name as it was written: pandas calls one without a name "Unnamed: 3"."""
    text = str(name).removeprefix("# ").strip()  # as ``np.savetxt`` begins its header
    return "" if text.startswith("Unnamed: ") else text


def _label_column(table: Any, path: Path) -> str | None:
    """Return the one column that is called as classes are, ``None`` if there is none."""
    found = [name for name in table.columns if name.lower() in LABEL_COLUMNS]
    if len(set(found)) > 1:
        raise InputError(
            f"several columns of {str(path)!r} may have the classes, {' and '.join(found)}",
            f'say which, as with labels="{found[0]}" (`labels`), and remove the others',
        )
    return found[0] if found else None


def _without_row_numbers(table: Any, notes: list[str]) -> Any:
    """Return a table without a first column that numbers the rows, and empty ones; note it."""
    first, count = table.columns[0] if len(table.columns) > 1 else None, np.arange(len(table))
    if first is not None and first.lower() in _NUMBERING:
        values = table.iloc[:, 0].to_numpy()
        if any(np.array_equal(values, count + start) for start in (0, 1)):
            table = table.iloc[:, 1:]
            what = f"column {first!r}" if first else "the first column"
            notes.append(f"{what} left out, which numbers the rows")
    empty = [name == "" and table.iloc[:, i].isna().all() for i, name in enumerate(table.columns)]
    if any(empty) and not all(empty):
        table = table.iloc[:, [i for i, none in enumerate(empty) if not none]]
        notes.append("columns without name and numbers left out")
    return table


def _no_number(column: Any) -> str:
    """Return the first entry of a column of text that is no number."""
    for value in column:
        if _as_number(str(value)) is None:
            return str(value)[:30]
    return str(column.iloc[0])[:30]


def as_classes(values: Any, what: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return classes as whole numbers from 0, and their names in order.

    Whole numbers that begin with 0 are what they are, also if some in between are missing.
    """
    values = np.asarray(values)
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim != 1:
        raise InputError(
            f"{what} must be one class for each image, not of shape {values.shape}",
            "of columns of 0 and 1, one of which is 1, the classes are columns.argmax(axis=1)",
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise InputError(
                f"{what} must be classes, and has numbers that are missing or broken",
                "leave these images out, or number the classes from 0",
            )
        values = values.astype(np.int64)
    # −1 and 1 are two classes, as of a perceptron; −1 beside others, or alone, may be no class.
    if values.dtype.kind == "i" and len(values) and values.min() == -1 and set(values) != {-1, 1}:
        raise InputError(
            f"{what} have -1, which may stand for those that are not known",
            "leave these images out (or the labels), or write the classes as text",
        )
    if values.dtype.kind == "O":
        values = np.array([str(value) for value in values])
    if values.dtype.kind not in "biuUS":
        raise InputError(f"{what} must be classes, whole numbers or text, not {values.dtype}")
    if values.dtype.kind in "iu" and len(values) and values.min() == 0 and values.max() < _MOST:
        return values.astype(np.int64), tuple(map(str, range(int(values.max()) + 1)))
    known, numbers = np.unique(values, return_inverse=True)
    names = tuple(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in known)
    return numbers.reshape(-1), names


def _read(path: Path) -> tuple[Any, list[str]]:
    """Return a table, and how it was read where that is not as usual."""
    try:
        import pandas
    except ImportError:
        raise InputError(
            f"reading {path.suffix} needs pandas, which is not installed",
            "run `pip install 'scratchvae[tables]'`, or save the numbers as .npy",
        ) from None
    try:
        with open_regular(path) as file:
            if ".parquet" not in path.suffixes:
                return _read_text(file, path, pandas)
            table = pandas.read_parquet(file)
            named = table.index.name is not None or table.index.nlevels > 1
            return (table.reset_index() if named else table), []
    except ImportError:
        raise InputError(
            "reading .parquet needs pyarrow, which is not installed",
            "run `pip install 'scratchvae[tables]'`, or save the numbers as .npy",
        ) from None
    except InputError:
        raise
    except UnicodeError:
        raise InputError(f"{str(path)!r} is not UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise cannot_read(path, error, "check its name and your permission to read it") from None
    except Exception as error:  # of whatever kind its reader raises
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{str(path)!r} cannot be read as a table: {reason}", "repair it, or give another one"
        ) from None


def _read_text(file: BinaryIO, path: Path, pandas: Any) -> tuple[Any, list[str]]:
    """Return a table of text, compressed with gzip or plain."""
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream: Any = gzip.GzipFile(fileobj=file) if packed else file
    line = stream.readline(_MOST_HEADER).decode("utf-8-sig")
    separator = next((mark for mark in ";\t" if mark in line), ",")
    cells = next(csv.reader([line], delimiter=separator), [])
    named = _is_header(cells)
    options = {"sep": separator, "header": 0 if named else None, "skipinitialspace": True}

    def read(decimal: str) -> Any:
        stream.seek(0)
        return pandas.read_csv(stream, encoding="utf-8-sig", decimal=decimal, **options)

    table, notes = read("."), [] if separator == "," else [f"{_MARKS[separator]} between columns"]
    if not isinstance(table.index, pandas.RangeIndex):
        raise InputError(
            f"the lines of {str(path)!r} have more columns than the first, which has {len(cells)}",
            "give each column a name there",
        )
    if separator == ";" and _count_text(with_commas := read(",")) < _count_text(table):
        table = with_commas
        notes.append("decimal commas")
    if not named:
        notes.append(f"no line of names: the columns are called 0 to {len(cells) - 1}")
    return table, notes


_MARKS = {";": "semicolons", "\t": "tabs"}


def _count_text(table: Any) -> int:
    """Return how many columns of a table have something else than numbers."""
    return sum(getattr(kind, "kind", "O") not in "biuf" for kind in table.dtypes)


def _is_header(cells: list[str]) -> bool:
    """Tell whether a first line has names: text, or numbers that count the columns from 0 or 1."""
    found = [number for number in map(_as_number, cells) if number is not None]
    start = found[0] if found else 0.0
    return found == [start + i for i in range(len(found))] and (start in (0, 1) or len(found) > 2)


def _as_number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
