"""The table of a sweep: a row for each training."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from scratchvae.errors import InputError
from scratchvae.sweeps.places import Place

MEASURED = (
    "epochs",
    *(
        f"{split}_{term}"
        for split in ("train", "test")
        for term in ("loss", "reconstruction", "kl")
    ),
    "elbo",
    "seconds",
    "error",
)
CSV, PARQUET = "results.csv", "results.parquet"


def check_results(place: Place) -> None:
    """Raise ``InputError`` if a table there is not one of a sweep, and would be written over."""
    found = place.read(CSV)
    first = [] if found is None else found.decode(errors="replace").splitlines()[:1]
    if found is not None and not (first and first[0].endswith(",".join(MEASURED))):
        raise InputError(
            f"there is a {CSV} already which no sweep has written, and it may be written over",
            "move it away, or choose another `out`",
        )


def write_results(place: Place, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table as CSV, and as Parquet where the package ``pyarrow`` is installed."""
    columns = [name for name in rows[0] if name not in MEASURED] + list(MEASURED)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    place.write(CSV, text.getvalue().encode())
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return
    table = pyarrow.table({name: [row.get(name) for row in rows] for name in columns})
    file = io.BytesIO()
    parquet.write_table(table, file)
    place.write(PARQUET, file.getvalue())
