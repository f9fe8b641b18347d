"""What a gradient check found: a row per array, and the table that they make."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class CheckRow:
    """The check of one parameter or input.

    Attributes
    ----------
    name
        What was checked.
    size
        How many entries it has.
    checked
        How many were checked, one by one; or how many random directions, each moving all.
    max_relative_error
        The largest |analytic − numeric| / max(|analytic|, |numeric|, 1e-3 of the largest).
    where
        The index of that entry, or the direction's number.
    analytic, numeric
        The two derivatives there.
    tolerance
        The largest error that passes.
    kinks
        How many entries disagreed here but agreed at a point nearby.
    cause
        A word or two for what is wrong (``"factor"``, ``"transpose"``, …); empty where the row
        passed or no usual mistake fits.
    diagnosis
        The same as a sentence.
    """

    name: str
    size: int
    checked: int
    max_relative_error: float
    where: str
    analytic: float
    numeric: float
    tolerance: float
    kinks: int = 0
    cause: str = ""
    diagnosis: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.max_relative_error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found; printed, it is a table.

    Attributes
    ----------
    title
        What was checked.
    rows
        One per parameter and input.
    """

    title: str
    rows: list[CheckRow] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether anything was checked, and all of it passed."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def max_relative_error(self) -> float:
        """The largest error of all rows (NaN if any is)."""
        return float(np.max([row.max_relative_error for row in self.rows], initial=0.0))

    def __str__(self) -> str:
        width = max([len(row.name) for row in self.rows] + [9])
        lines = [
            self.title,
            f"  {'':{width}}  {'checked':>15}  {'largest error':>13}  {'where':>14}  verdict",
        ]
        for row in self.rows:
            entries = "entry" if row.kinks == 1 else "entries"
            verdict = f"ok ({row.kinks} {entries} near a kink)" if row.kinks else "ok"
            if not row.passed:
                verdict = f"WRONG: backward says {row.analytic:.6g}, the slope is {row.numeric:.6g}"
            lines.append(
                f"  {row.name:{width}}  {f'{row.checked} of {row.size}':>15}  "
                f"{row.max_relative_error:13.1e}  {row.where:>14}  {verdict}"
            )
            if row.diagnosis:
                lines.append(f"  {'':{width}}  likely cause: {row.diagnosis}")
        return "\n".join(lines)
