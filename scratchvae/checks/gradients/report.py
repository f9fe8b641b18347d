"""What a gradient check found: a row per array, and the table that they make."""

from dataclasses import dataclass, field, replace
from html import escape
from typing import NamedTuple

import numpy as np

# Causes that lie in the forward pass: there are then no slopes to judge a gradient by.
RANDOM_FORWARD, LAST_CALL, SINGLE_PRECISION = "random forward", "last call", "single precision"
ROUNDING = "rounding"
STALE, FIRST_CALL = "stale", "the first call of a copy"
UNJUDGED = (RANDOM_FORWARD, LAST_CALL, SINGLE_PRECISION, ROUNDING)


class Unseen(NamedTuple):
    """An array that the output depends on and that was not checked, and what to do about it."""

    name: str
    size: int
    remedy: str


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
    undecided
        How many lie at a kink wherever it was tried: there is no slope to judge them by.
    independent
        Whether the output does not depend on it, so that a gradient of zero says nothing.
    cause
        A word or two for what is wrong (``"factor"``, ``"transpose"``, …); empty where the row
        passed or no usual mistake fits.
    diagnosis
        The same as a sentence.
    point
        Where it was checked, if it is wrong only at another point than the one that was given.
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
    undecided: int = 0
    independent: bool = False
    cause: str = ""
    diagnosis: str = ""
    point: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.max_relative_error <= self.tolerance

    @property
    def verdict(self) -> str:
        """What the table says about it."""
        if not self.checked and self.undecided:
            return "not checked: there is a kink wherever it was tried"
        if self.cause in UNJUDGED:
            return f"NOT JUDGED: backward says {self.analytic:.6g}, a difference {self.numeric:.6g}"
        if self.point == FIRST_CALL:
            return f"WRONG: backward fits the forward pass, but that does not fit {FIRST_CALL}"
        if not self.passed:
            where = f" {self.point}" if self.point else ""
            return (
                f"WRONG{where}: backward says {self.analytic:.6g}, the slope is {self.numeric:.6g}"
            )
        if self.independent:
            return "no slope: the output does not depend on it"
        notes = [f"{_entries(self.kinks)} near a kink"] if self.kinks else []
        notes += [f"{_entries(self.undecided)} at a kink, not judged"] if self.undecided else []
        return f"ok ({', '.join(notes)})" if notes else "ok"

    def of_first_call(self) -> "CheckRow":
        """Return the row of a forward pass that goes on computing with what its first call kept."""
        return replace(
            self,
            max_relative_error=np.inf,
            cause=STALE,
            diagnosis="the output depends on the batch of the first call: something computed from "
            "it was kept and not replaced, and the forward pass uses it as well",
            point=FIRST_CALL,
        )

    def and_at(self, point: str, other: "CheckRow") -> "CheckRow":
        """Return the row of two checks of the same array, ``other`` at another ``point``."""
        if not other.passed and other.checked:
            return replace(other, point=point)
        if not other.checked:  # there are kinks wherever it was tried
            return self
        worst = max(self, other, key=lambda row: row.max_relative_error)
        independent = self.independent and other.independent
        return replace(worst, independent=independent, kinks=self.kinks, undecided=self.undecided)


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What a gradient check found; printed, it is a table.

    Attributes
    ----------
    title
        What was checked.
    rows
        One per parameter and input.
    unseen
        Arrays that the output depends on and that were not checked, because they are not among the
        parameters or the arguments. The table says so.
    notes
        Where else than at the given point it was checked, and what cannot be seen there.
    """

    title: str
    rows: list[CheckRow] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether anything was checked, and all that was checked is right; see also ``unseen``."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def max_relative_error(self) -> float:
        """The largest error of all rows (NaN if any is)."""
        return float(np.max([row.max_relative_error for row in self.rows], initial=0.0))

    def and_at(self, point: str, other: "GradientReport") -> "GradientReport":
        """Return the report of this check and of another at another ``point``."""
        others = {row.name: row for row in other.rows}
        rows = [row.and_at(point, others[row.name]) for row in self.rows]
        return replace(self, rows=rows, notes=[*self.notes, f"checked as well {point}"])

    def __repr__(self) -> str:
        """Return the table: a notebook shows it where a check is the last line of a cell."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the same text, its edge green where all is right."""
        colour = "#2e7d32" if self.passed and not self.unseen else "#c62828"
        style = f"border-left: 4px solid {colour}; padding: 2px 10px; overflow-x: auto"
        return f'<pre style="{style}">{escape(str(self))}</pre>'

    def __str__(self) -> str:
        names = [row.name for row in self.rows] + [array.name for array in self.unseen]
        width = max([len(name) for name in names] + [9])
        lines = [
            self.title,
            f"  {'':{width}}  {'checked':>15}  {'largest error':>13}  {'where':>14}  verdict",
        ]
        for row in self.rows:
            lines.append(
                f"  {row.name:{width}}  {f'{row.checked} of {row.size}':>15}  "
                f"{row.max_relative_error:13.1e}  {row.where:>14}  {row.verdict}"
            )
            if row.diagnosis:
                lines.append(f"  {'':{width}}  likely cause: {row.diagnosis}")
        for array in self.unseen:
            lines.append(
                f"  {array.name:{width}}  {f'0 of {array.size}':>15}  {'-':>13}  {'-':>14}  "
                f"NOT CHECKED: the output depends on it; {array.remedy}"
            )
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"
