"""``doctor``: what is wrong with a VAE that is in a file of the user's own."""

import argparse
from typing import Any

from scratchvae.cli.common import add_command
from scratchvae.cli.own_code.options import add_own_code, run_own

_TIME_LIMIT = 300  # seconds: an examination takes up to two minutes, most of it training

_DETAILS = """\
OBJECT has, or is a function without arguments that returns, what you have of a VAE
by these names: data, encode, draw, decode, loss, train_step, parameters, ...; a dict, an
object, a class or a PyTorch module will do, and without OBJECT the file itself. The
file is run, and never changed; what it prints goes to standard error.

exit code: 0 if nothing wrong was found; 1 if something is wrong, a part fails in
every call or nothing could be checked; 2 if the arguments, or your code, cannot be
used."""
_EXAMPLE = "scratchvae doctor my_vae.py:vae --json report.json"


def add_doctor(subparsers: Any) -> None:
    """Add the command."""
    add = add_command(
        subparsers,
        "doctor",
        _EXAMPLE,
        doctor,
        _DETAILS,
    )
    add("object", metavar="FILE.py:OBJECT", help="a file, and what describes the VAE in it")
    add_own_code(add, _TIME_LIMIT)


def doctor(options: argparse.Namespace) -> int:
    """Print the report; the exit code says whether something is wrong."""
    found = run_own("doctor", options, _TIME_LIMIT, options.object)
    print(found["text"], flush=True)
    return 0 if found["json"]["passed"] else 1
