"""What a reader's code says before it is run: what is missing, and what it takes from elsewhere."""

import ast
import dis
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from scratchvae.course.own_program import source_of

_DOES_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}
_DOES_NOTHING |= {"COPY_FREE_VARS", "MAKE_CELL"}
_GENERATOR = 0x20  # the flag of a function with a yield, which returns something without a return


def missing(answer: Any, right: Any, given: tuple[str, ...], idle: str) -> str:
    """Say what an answer lacks that returned nothing; empty if nothing has been written yet.

    Parameters
    ----------
    answer
        What the reader wrote.
    right
        The right answer, in our words.
    given
        The methods that the exercise hands out complete.
    idle
        What to say of an answer that does something, but not what should be seen afterwards.
    """
    if not isinstance(right, type):
        function = _function(answer)
        if function is None or _is_stub(function):
            return ""
        said = _nothing_returned(function, right)
        return f"It {said}" if said else idle
    methods = {
        name: _function(getattr(answer, name, None))
        for name, its in vars(right).items()
        if _function(its) is not None and not name.startswith("_") and name not in given
    }
    stubs = [name for name, its in methods.items() if its is None or _is_stub(its)]
    for name, its in methods.items():
        silent = None if its is None or name in stubs or _returns(its) else its
        said = _nothing_returned(silent, vars(right)[name]) if silent is not None else ""
        if said:
            return f"{name} {said}"
    if len(stubs) == len(methods):
        return ""
    if stubs:
        return f"{', '.join(stubs)} {'is' if len(stubs) == 1 else 'are'} still missing."
    return idle or "What it returns is None in places."


def notebook_variables(answer: Any) -> list[str]:
    """Return the numbers and arrays of the notebook that an answer uses besides its arguments.

    Numbers that are set in the cell of the answer belong to it.
    """
    own = _constants(source_of(answer)[1])
    arrays, numbers = np.ndarray | list, np.number | int | float | complex
    found = {
        name
        for function in _functions(answer)
        for name, value in _globals(function).items()
        if isinstance(value, arrays) or (isinstance(value, numbers) and name not in own)
    }
    return sorted(found)


def borrowed(answer: Any, right: Any, usable: tuple[str, ...]) -> str:
    """Return what of the package an answer hands in as its own; empty if it is the reader's own.

    Parameters
    ----------
    answer
        What the reader wrote.
    right
        The right answer in our words, which is nobody else's work either.
    usable
        What of the package the exercise asks to use.
    """
    bases = answer.__mro__[1:] if isinstance(answer, type) else ()
    taken: list[Any] = [base for base in bases if _is_of_the_package(base)]
    for function in _functions(answer):
        taken += _package_calls(function)
    for its in taken:
        by_course = str(its.__module__).startswith("scratchvae.course")
        if its is right or not (by_course or its.__name__ in usable):
            return _title(its)
    return ""


def packaged(answer: Any) -> str:
    """Return what an answer is called in the package; empty if it is not of the package."""
    return _title(answer) if _is_of_the_package(answer) else ""


def fingerprint(answer: Any) -> object:
    """Return something that is the same for the same answer, also when its cell is run again."""
    codes = tuple(function.__code__ for function in _functions(answer))
    if not codes:
        return repr(answer)
    return tuple((code.co_code, _constants_of(code), code.co_names) for code in codes)


def _function(thing: Any) -> FunctionType | None:
    """Return a function as such, or that of a property; ``None`` for anything else."""
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, partial):
        thing = thing.func
    return thing if isinstance(thing, FunctionType) else None


def _functions(answer: Any) -> list[FunctionType]:
    """Return a function in a list, or those that a class defines."""
    parts = vars(answer).values() if isinstance(answer, type) else [answer]
    return [function for part in parts if (function := _function(part)) is not None]


def _is_stub(function: FunctionType) -> bool:
    """Whether a function has no statement that does anything."""
    return all(step.opname in _DOES_NOTHING for step in dis.get_instructions(function.__code__))


def _returns(function: FunctionType) -> bool:
    """Whether a function may return anything but ``None``."""
    if function.__code__.co_flags & _GENERATOR:
        return True
    before = None
    for step in dis.get_instructions(function.__code__):
        if step.opname == "RETURN_CONST" and step.argval is not None:
            return True
        if step.opname == "RETURN_VALUE" and not (
            before is not None and before.opname == "LOAD_CONST" and before.argval is None
        ):
            return True
        before = step
    return False


def _nothing_returned(function: FunctionType, right: Any) -> str:
    ours = _function(right)
    if ours is None or not _returns(ours):
        return ""
    if _returns(function):
        return "returned None."
    return "computes something and returns nothing: is `return` missing?"


def _constants(cell: str) -> set[str]:
    """Return the names that a cell sets outside its functions."""
    try:
        statements = ast.parse(cell).body
    except SyntaxError:
        return set()
    targets = (t for s in statements if isinstance(s, ast.Assign) for t in s.targets)
    return {name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)}


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code and those of the functions inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _constants_of(code: CodeType) -> tuple[object, ...]:
    """Return what a code has for constants; of functions inside, what they do."""
    return tuple(
        (c.co_code, c.co_names, _constants_of(c)) if isinstance(c, CodeType) else repr(c)
        for c in code.co_consts
    )


def _globals(function: FunctionType) -> dict[str, Any]:
    """Return the variables outside a function that it reads, as far as they exist."""
    names = {
        step.argval
        for code in _codes(function.__code__)
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    return {n: function.__globals__[n] for n in names if n in function.__globals__}


def _package_calls(function: FunctionType) -> Iterator[Callable[..., Any]]:
    """Yield the functions and classes of the package that a function refers to."""
    for code in _codes(function.__code__):
        at: Any = None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                at = function.__globals__.get(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
                at = getattr(at, step.argval, None) if isinstance(at, ModuleType) else None
            elif step.opname == "IMPORT_NAME":
                at = _module(step.argval)
            if _is_of_the_package(at):
                yield at


def _module(name: str) -> ModuleType | None:
    import sys

    return sys.modules.get(name)


def _is_of_the_package(thing: Any) -> bool:
    """Whether this is a function or a class that scratchvae defines."""
    of_a_kind = isinstance(thing, type | FunctionType)
    return of_a_kind and str(getattr(thing, "__module__", "")).split(".")[0] == "scratchvae"


def _title(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
