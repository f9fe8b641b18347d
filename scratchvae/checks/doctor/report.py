"""What the doctor found, as a table."""

import sys
import textwrap
from dataclasses import dataclass, field
from html import escape

from scratchvae.characters import PLAIN
from scratchvae.checks.doctor.finding import Finding

_WIDTH = 100
_MARKS = {
    "fault": "WRONG",
    "failing": "FAILS",
    "note": "note",
    "ok": "ok",
    "unchecked": "could not be checked",
}
_INDENT = " " * 8


@dataclass(frozen=True, repr=False)
class DoctorReport:
    """What the doctor found; printed, it is a table.

    Attributes
    ----------
    title
        Of what, and in which framework.
    rows
        Every line: faults, notes, what is right, and what could not be checked.
    """

    title: str
    rows: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """The faults, each cause once, and one that explains others before them."""
        faults = (row for row in self.rows if row.kind == "fault")
        ranked = sorted(faults, key=lambda row: row.rank)
        return list({row.cause: row for row in reversed(ranked)}.values())[::-1]

    @property
    def failing(self) -> list[Finding]:
        """The user's parts that failed whenever they were called."""
        return [row for row in self.rows if row.kind == "failing"]

    @property
    def notes(self) -> list[Finding]:
        """What is so, and may be meant."""
        return [row for row in self.rows if row.kind == "note"]

    @property
    def unchecked(self) -> list[Finding]:
        """What could not be checked; the evidence says why."""
        return [row for row in self.rows if row.kind == "unchecked"]

    @property
    def passed(self) -> bool:
        """Whether something of the model could be checked, no part fails, and nothing is wrong."""
        wrong = self.findings or self.failing
        return not wrong and any(row.kind == "ok" and row.cause != "pixels" for row in self.rows)

    def __repr__(self) -> str:
        """Return the table: a notebook shows it where a check is the last line of a cell."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the same text, its edge green where nothing is wrong."""
        colour = "#2e7d32" if self.passed else "#c62828"
        style = f"border-left: 4px solid {colour}; padding: 2px 10px; overflow-x: auto"
        return f'<pre style="{style}">{escape(str(self))}</pre>'

    def __str__(self) -> str:
        right = [row for row in self.rows if row.kind == "ok"]
        rows = [*self.findings, *self.failing, *self.notes, *right, *self.unchecked]
        lines = [self.title]
        for row in rows:
            lines += _lines(row, max(len(row.cause) for row in rows))
        lines.append(self._verdict())
        return _fitting("\n".join(lines))

    def _verdict(self) -> str:
        faults, open_questions = len(self.findings), len(self.unchecked)
        if faults:
            verdict = "one thing is wrong" if faults == 1 else f"{faults} things are wrong"
            verdict += "; begin with the first" if faults > 1 else ""
        elif self.failing:
            verdict = f"mend {self.failing[0].cause} first"
        else:
            verdict = "nothing wrong was found" if self.passed else "nothing could be checked"
        if open_questions and verdict != "nothing could be checked":
            verdict += f"; {open_questions} could not be checked"
        return f"  {verdict}"


def _lines(row: Finding, width: int) -> list[str]:
    if row.kind in ("ok", "unchecked"):
        saying = f"{row.sentence}: {row.evidence}" if row.evidence else row.sentence
        mark = "ok" if row.kind == "ok" else "-"
        head = f"  {mark:5}  {row.cause:{width}}  {saying}"
        return textwrap.wrap(head, _WIDTH, subsequent_indent=" " * (width + 11)) or [head]
    lines = _wrapped(f"  {_MARKS[row.kind]:5}  {row.cause:{width}}  {row.sentence}", width)
    parts = (("evidence", row.evidence), ("change", row.remedy), ("source", row.source))
    for name, text in parts:
        if text:
            lines += _wrapped(f"  {'':5}  {name:>{width}}  {text}", width)
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    body = text.lstrip()
    indent = text[: len(text) - len(body)]
    return textwrap.wrap(
        body,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (width + 11),
        drop_whitespace=True,
        break_long_words=False,
    )


def _fitting(text: str) -> str:
    """Return a text as it is, or in plain characters where the console cannot show others."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, PLAIN).decode(encoding)
