"""The process in which the user's code runs: it takes an order and gives an answer.

``process`` starts it. What the user's code prints goes to standard error; standard output is for
the answer alone, a line of JSON.
"""

import faulthandler
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

import numpy as np

from scratchvae.cli.own_code.examination import examine_own_vae
from scratchvae.cli.own_code.failures import explained
from scratchvae.cli.own_code.gradients import check_own_gradients
from scratchvae.cli.own_code.loading import load
from scratchvae.cli.own_code.target import Target
from scratchvae.errors import InputError

JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "gradcheck": check_own_gradients,
    "doctor": examine_own_vae,
}


def answer(order: dict[str, Any]) -> None:
    """Do what was ordered and end the process, whatever threads the user's code has started."""
    process = os.getpid()
    with _answers_apart() as answers:
        # These speak even where Python itself is stuck, or has crashed: they say in which line.
        faulthandler.enable(answers)
        faulthandler.dump_traceback_later(order["time_limit"], exit=True, file=answers)
        target = Target(*order["target"])
        if not target.is_module:
            sys.argv = [str(target.path)]
        found = done(target, order)
        if os.getpid() == process:  # and not a copy that the user's code has forked
            answers.write(f"\n{json.dumps(found)}\n")
            answers.flush()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def done(target: Target, order: dict[str, Any]) -> dict[str, Any]:
    """Return what was ordered as ``{"done": …}``, or the line that says why it cannot be."""
    try:
        # What the user's code draws without a seed of its own would be another case every time.
        random.seed(order["seed"])
        np.random.seed(order["seed"] % 2**32)  # noqa: NPY002
        code = load(target)
        return {"done": JOBS[order["job"]](code, seed=order["seed"], **order["arguments"])}
    except InputError as error:
        return {"problem": error.problem, "remedy": error.remedy}
    except BaseException as error:  # of the user's code, wherever it was called from
        failure = explained(error, target)
        return {"problem": failure.problem, "remedy": failure.remedy}


def _answers_apart() -> TextIO:
    """Return a stream for answers, and let everything that is printed go to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    return answers
