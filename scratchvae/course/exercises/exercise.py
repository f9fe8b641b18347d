"""What an exercise is, and what is said about an answer.

There are six kinds: write a piece of code, find the bug in one, predict a number before it is
computed, measure one, explain what was seen, and prove. The first two are an ``Exercise``, whose
answer is run; the others are a ``Question``, whose answer is a number or a choice.
"""

import html
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Status = Literal["not done", "right", "wrong"]
Kind = Literal["predict", "measure", "explain", "prove"]

_COLOURS = {"not done": "#b8860b", "right": "#2e8b57", "wrong": "#c0392b"}


@dataclass(frozen=True)
class Exercise:
    """A function or a class that the reader writes, and everything that is needed to judge it.

    Attributes
    ----------
    name
        What the lesson calls it.
    answer
        The right function or class; its docstring says the equation.
    draw
        Returns random arguments for it, with other sizes each time.
    use
        For a class, or for a function whose results are not arrays: takes it, and returns a
        function of the arguments that uses it and returns arrays.
    piece
        What the reader's own program calls it; empty if it is no part of that.
    given
        The methods of a class that the reader is handed complete.
    idle
        What to say of an answer that runs and leaves everything as it was, where it should have
        changed something in place.
    usable
        The functions of the package that the lesson says to use.
    planted
        Where the reader is given code with a bug: that code, which is no answer yet.
    mistakes
        Typical wrong answers: what to say to the reader, and a function that makes this mistake.
    hints
        From a vague one to one that nearly gives it away; every wrong attempt shows another.
    returns
        The names of the results; more than one if the answer is a tuple.
    tolerance
        The largest difference from the right answer, relative to its largest entry. The default is
        a thousand times what rounding adds up to in float64 and far below any mistake.
    """

    name: str
    answer: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    returns: tuple[str, ...] = ("the result",)
    tolerance: float = 1e-9
    use: Callable[[Any], Callable[..., Any]] | None = None
    piece: str = ""
    given: tuple[str, ...] = ()
    idle: str = ""
    usable: tuple[str, ...] = ()
    planted: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Question:
    """A number or a choice that the reader commits to before the lesson says it.

    Attributes
    ----------
    name
        What the lesson calls it.
    kind
        What it asks for.
    answer
        The right number, or the letter of the right choice; ``None`` where the lesson measures the
        number and hands it to the checker.
    within
        How far a number may be off, relative to the right one.
    mistakes
        Typical wrong answers: what to say to the reader, and the number or letter.
    hints
        From a vague one to one that nearly gives it away; every wrong attempt shows another.
    """

    name: str
    kind: Kind
    answer: float | str | None
    within: float = 0.02
    mistakes: Mapping[str, float | str] = field(default_factory=dict)
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is said about an answer.

    Attributes
    ----------
    name
        The exercise.
    status
        "not done", "right" or "wrong".
    cause
        A word or two for what is wrong: "shape", "factor", "mistake", …; empty if nothing is.
    message
        The same in a sentence.
    hints
        As many hints as there have been wrong attempts.
    """

    name: str
    status: Status
    cause: str = ""
    message: str = ""
    hints: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.status == "right"

    def __str__(self) -> str:
        """Return what a terminal shows; signs that it does not have are called by their names."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        return "\n".join(self._lines()).encode(encoding, "namereplace").decode(encoding)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the same text with a coloured edge."""
        lines = "<br>".join(html.escape(line) for line in self._lines())
        style = f"border-left: 4px solid {_COLOURS[self.status]}; padding: 2px 10px"
        return f'<div style="{style}">{lines}</div>'

    def _lines(self) -> list[str]:
        first = f"{self.name}: {self.status}"
        first += f". {self.message}" if self.message else "."
        return [first, *(f"Hint {n}: {hint}" for n, hint in enumerate(self.hints, start=1))]
