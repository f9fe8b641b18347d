"""The pieces that later cells use: the reader's own where they are right, ours where not yet."""

import difflib
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from scratchvae.checks.diagnosis import Diagnosis
from scratchvae.course import program
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.judging import judge
from scratchvae.course.own_program import load, ours, own_file, own_pieces
from scratchvae.errors import InputError


@dataclass
class _Program:
    """A reader's program, judged.

    Attributes
    ----------
    own
        The pieces that are the reader's own, by name.
    faults
        What is wrong with those that are not right.
    strange
        Functions and classes of theirs that no lesson asks for.
    """

    own: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, Diagnosis] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    @property
    def right(self) -> dict[str, Any]:
        """Those that are right."""
        return {name: its for name, its in self.own.items() if name not in self.faults}


_judged: dict[bytes, _Program] = {}  # the last program, by its text


def yours(*pieces: str) -> Any:
    """Return pieces of the reader's own program, and print whose they are.

    A piece that is missing or wrong is ours, also where the reader's other pieces use it.

    Parameters
    ----------
    pieces
        Their names in the program.

    Returns
    -------
    Any
        The piece, or a tuple of several.
    """
    standing_in = [ours(piece) for piece in pieces]
    try:
        own = _own_program()
    except InputError as error:
        print(f"{error}: all pieces are ours, until that is mended.")
        return standing_in[0] if len(pieces) == 1 else tuple(standing_in)
    for name in pieces:
        if name in own.faults:
            print(f"{name} in {own_file()}: {own.faults[name].sentence or 'not done'}.")
        elif name not in own.right:
            for near in difflib.get_close_matches(name, own.strange, 1, cutoff=0.6):
                print(f"{own_file()} has {near}: if that is to be {name}, rename it.")
    chosen = [own.right.get(piece, ours(piece)) for piece in pieces]
    theirs = [piece for piece in pieces if piece in own.right]
    rest = [piece for piece in pieces if piece not in own.right]
    said = [f"{', '.join(theirs)}: yours, from {own_file()}"] if theirs else []
    said += [f"{', '.join(rest)}: ours, until yours {'is' if len(rest) == 1 else 'are'} right"]
    print(". ".join(said if rest else said[:1]) + ".")
    return chosen[0] if len(pieces) == 1 else tuple(chosen)


def written_by_hand(piece: str) -> tuple[Any, Diagnosis | None]:
    """Return a piece as it is in the reader's program, and what is wrong with it there.

    The piece is ``None`` if it is not there.

    Raises
    ------
    InputError
        If the program cannot be run.
    """
    program_now = _own_program()
    return program_now.own.get(piece), program_now.faults.get(piece)


def _own_program() -> _Program:
    """Return the reader's program as it is now; it is judged again only if it has changed."""
    path = own_file()
    if not path.is_file():
        return _judge_program(load())
    text = path.read_bytes()
    if text not in _judged:
        judged = _judge_program(load())
        _judged.clear()
        _judged[text] = judged
    return _judged[text]


def _judge_program(module: ModuleType | None) -> _Program:
    """Judge every piece of a program; put ours in the places of those that are wrong or missing."""
    if module is None:
        return _Program()
    exercises = _exercises_by_piece()
    own = own_pieces(module)
    own = {name: own[name] for name in exercises if name in own}  # earlier lessons' pieces first
    for name in exercises:
        if name not in own:  # a file that was begun by hand need not import them
            setattr(module, name, ours(name))
    faults = {name: found for name, its in own.items() if (found := judge(exercises[name], its))}
    # One that is right by itself may have failed for another that it uses: try it with ours there.
    # One that did not end is not waited for again.
    while True:
        for name in faults:
            setattr(module, name, ours(name))
        again = [name for name, found in faults.items() if found.cause != "endless"]
        mended = [name for name in again if judge(exercises[name], own[name]) is None]
        for name in mended:
            setattr(module, name, own[name])
            del faults[name]
        if not mended:
            break
    strange = [
        name
        for name, its in vars(module).items()
        if callable(its) and getattr(its, "__module__", "") == "my_vae"
        if name not in program.__all__
    ]
    return _Program(own, faults, strange)


def _exercises_by_piece() -> dict[str, Exercise]:
    """Return the exercises that ask for a piece, by its name, in the order of the lessons."""
    from scratchvae.course.exercises.catalogue import EXERCISES

    asking = [each for each in EXERCISES.values() if isinstance(each, Exercise) and each.piece]
    return {each.piece: each for each in asking}
