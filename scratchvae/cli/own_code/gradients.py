"""The gradient check of what is in the user's file: of which kind it is, and on which inputs."""

import inspect
import math
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients import GradientReport, gradcheck, gradcheck_functions
from scratchvae.checks.gradients.report import UNJUDGED, CheckRow
from scratchvae.cli.own_code.failures import of_user
from scratchvae.cli.own_code.guesses import guessed_inputs, required
from scratchvae.cli.own_code.loading import OwnCode
from scratchvae.cli.text import as_typed
from scratchvae.errors import InputError

_SHAPE = re.compile(r"\d{1,9}(x\d{1,9})*")
_MOST_NUMBERS = 10_000_000  # of an input: a check runs the passes hundreds of times

# How the backward pass of a function is usually called.
_PAIRS = ("{}_backward", "backward_{}", "{}_bwd", "{}_grad", "grad_{}", "d{}", "d_{}")
_PASSES = (("forward", "backward"), ("fwd", "bwd"))


def check_own_gradients(
    code: OwnCode,
    *,
    called: str,
    backward: str | None,
    inputs: list[str],
    seed: int,
    **choices: Any,
) -> dict[str, Any]:
    """Check what the target names, and return the report as text and as JSON has it.

    Parameters
    ----------
    code
        The user's code, which has been run.
    called
        How the program was called, for the line that shows how to give inputs.
    backward
        The name of the backward pass; ``None``: the usual ones.
    inputs
        Shapes of draws from N(0, 1), such as ``4x3``, and names in the user's code.
    seed
        Fixes these draws, and what the check draws.
    choices
        Other arguments of ``gradcheck``.
    """
    report = _report(code, called, backward, inputs, seed=seed, **choices)
    return {
        "text": str(report),
        "wrong": [row.name for row in report.rows if not row.passed and _is_judged(row)],
        "not checked": [row.name for row in report.rows if not _is_judged(row)]
        + [array.name for array in report.unseen],
        "json": _as_json(report),
    }


def _is_judged(row: CheckRow) -> bool:
    """Whether there were slopes to judge a gradient by; one of a wrong shape needs none."""
    return row.cause not in UNJUDGED and (row.checked > 0 or not row.undecided)


def _report(
    code: OwnCode, called: str, backward: str | None, inputs: list[str], **choices: Any
) -> GradientReport:
    owner, found = code.find_in_owner(code.target.name)
    if isinstance(found, GradientReport):
        return found
    if _is_ready(found, inputs, backward):
        return _ready_report(code, found)
    found, reverse = _with_backward(code, owner, found, backward)
    if not inputs:
        words = [code.target.typed]
        words += [word for shape in guessed_inputs(found) for word in ("--input", shape)]
        raise InputError(
            f"{code.target.typed} needs inputs to be checked on: give their shapes, or names in "
            f"the file, as in {called} gradcheck {as_typed(words)}"
        )
    given = [
        value
        for place, text in enumerate(inputs)
        for value in _input(code, text, choices["seed"], place)
    ]
    if reverse is not None:
        return gradcheck_functions(found, reverse, *given, **choices)
    try:
        return gradcheck(found, *given, **choices)
    except InputError as error:
        if not _is_plain(found):
            raise
        usual = _usual_names(code.target.name)[0]
        raise InputError(
            f"{error} (none in the file is called {usual} or the like)",
            "say which it is with `backward=NAME`",
        ) from None


def _is_ready(found: Any, inputs: list[str], backward: str | None) -> bool:
    """Whether it is a function that makes its own check."""
    return inspect.isroutine(found) and not required(found) and not inputs and backward is None


def _ready_report(code: OwnCode, check: Callable[[], Any]) -> GradientReport:
    with of_user(code.target):
        report = check()
    if isinstance(report, GradientReport):
        return report
    raise InputError(
        f"{code.target.typed} takes no arguments and returns {described(report)}: let it return "
        "the report of its check, as in `return gradcheck(layer, x)`"
    )


def _with_backward(
    code: OwnCode, owner: Any, found: Any, backward: str | None
) -> tuple[Any, Callable[..., Any] | None]:
    """Return what to check, and its backward pass where that is a function of its own."""
    typed = code.target.typed
    if isinstance(found, tuple) and len(found) == 2 and all(map(callable, found)):
        return found
    if backward is not None:
        reverse = code.find(backward)
        for function, name in ((found, code.target.name), (reverse, backward)):
            if not callable(function):
                raise InputError(f"{name} is {described(function)}: name a function")
        return found, reverse
    if isinstance(found, type):
        return _made(code, found), None
    if not callable(found) and not hasattr(found, "forward"):
        raise InputError(
            f"{typed} is {described(found)}, which has no gradient: name a layer, a function, or "
            "a function that returns the report of its check"
        )
    if _is_plain(found):
        for other in _usual_names(code.target.name):
            reverse = getattr(owner, other, None)
            if callable(reverse):
                return found, reverse
    return found, None


def _is_plain(found: Any) -> bool:
    """Whether it is a function that does not bring its backward pass with it."""
    return not hasattr(found, "forward") and not _is_of_framework(found)


def _usual_names(forward: str) -> list[str]:
    """Return what the backward pass of a function may be called."""
    name = forward.rpartition(".")[2]
    usual = [name.replace(*passes) for passes in _PASSES]
    usual += [pattern.format(name) for pattern in _PAIRS]
    return [other for other in usual if other != name]


def _made(code: OwnCode, kind: type) -> Any:
    """Return a layer of a class that can be made without arguments."""
    if _is_of_framework(kind):
        return kind
    if names := required(kind):
        raise InputError(
            f"{code.target.typed} is a class that needs {', '.join(names)}: make one in the file, "
            f"as in `layer = {kind.__name__}({', '.join(names)})`, and name that"
        )
    with of_user(code.target):
        return kind()


def _is_of_framework(found: Any) -> bool:
    """Whether it is an operation of PyTorch's or JAX's, which know its backward pass."""
    torch = sys.modules.get("torch")
    if isinstance(found, type):
        return torch is not None and issubclass(found, torch.autograd.Function)
    return type(found).__module__.split(".")[0] in ("jax", "jaxlib")


def _input(code: OwnCode, text: str, seed: int, place: int) -> list[Any]:
    """Return what an ``--input`` stands for: draws, or what has a name; a tuple is several."""
    if _SHAPE.fullmatch(text):
        shape = tuple(int(size) for size in text.split("x"))
        if not 1 <= math.prod(shape) <= _MOST_NUMBERS:
            raise InputError(
                f"an input must have from 1 to {_MOST_NUMBERS:,} numbers, not those of {text}: "
                "small batches check as much as large ones"
            )
        # Not the generator of the check itself, whose upstream gradient would be the same numbers.
        return [np.random.default_rng([seed, place, 1]).standard_normal(shape)]
    value = code.find(text)
    if callable(value):
        with of_user(code.target):
            value = value()
    return list(value) if isinstance(value, tuple | list) else [value]


def _as_json(report: GradientReport) -> dict[str, Any]:
    """Return a report as JSON has it, in which there is no infinity: ``None`` stands for it."""
    rows = [asdict(row) | {"passed": row.passed, "verdict": row.verdict} for row in report.rows]
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                row[name] = None
    return {
        "title": report.title,
        "passed": report.passed and not report.unseen,
        "rows": rows,
        "notes": list(report.notes),
        "unseen": [array._asdict() for array in report.unseen],
    }
