"""As a program: say which share of the package's lines and branches the tests have run.

It ends with an error where that is less than it was agreed to be.
"""

import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

LEAST = {"lines": 95.0, "branches": 90.0}  # per cent


def shares():
    """Return the percentages of the measurement in the present folder."""
    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(file))
        totals = json.loads(file.read_text())["totals"]
    return {
        "lines": 100 * totals["covered_lines"] / totals["num_statements"],
        "branches": 100 * totals["covered_branches"] / totals["num_branches"],
    }


if __name__ == "__main__":
    found = shares()
    for what, share in found.items():
        print(f"{share:5.1f} % of all {what}; at least {LEAST[what]:.0f} % are asked for")
    sys.exit(any(share < LEAST[what] for what, share in found.items()))
