"""``gradcheck``: the gradients of the package, or of code in a file of the user's own."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from scratchvae.cli.common import add_command
from scratchvae.cli.outline import program
from scratchvae.cli.own_code.options import add_own_code, run_own
from scratchvae.cli.own_code.target import is_own
from scratchvae.cli.values import read_names, whole
from scratchvae.errors import InputError, unknown_name

_TIME_LIMIT = 120  # seconds; importing a framework takes up to ten

_CHOICES = ("constants", "outputs", "burn_in")  # which are arguments of the function `gradcheck`

_DETAILS = """\
Of your own: FILE.py:NAME, or package.module:NAME. NAME may be a layer, a class that
is made without arguments, a function whose backward pass is called NAME_backward or
the like (affine_forward and affine_backward), a tuple of the two, a function that
returns its gradients or its backward pass, or a function without arguments that
returns the report of its own check. The file is run, and never changed; what it
prints goes to standard error.

exit code: 0 if all is right, 1 if something is wrong or was not checked, 2 if the
arguments, or your code, cannot be used."""
_EXAMPLE = """\
scratchvae gradcheck Dense zhao-mlp
  scratchvae gradcheck mine.py:affine_forward --input 4x5 --input 5x3 --input 3"""


def add_gradcheck(subparsers: Any) -> None:
    """Add the command."""
    add = add_command(
        subparsers,
        "gradcheck",
        _EXAMPLE,
        gradcheck,
        _DETAILS,
    )
    names = "a layer, likelihood, KL or recipe of the package (default: all; --list says which "
    names += "there are), or FILE.py:NAME"
    add("names", nargs="*", metavar="NAME", help=names)
    add("--list", action="store_true", help="print the names, and check nothing")
    inputs = "an input of FILE.py:NAME: its shape, as in 4x3, for draws from N(0, 1), or the name "
    inputs += "in the file of an array or of a function that returns it; again for each input"
    add("--input", action="append", metavar="SHAPE", help=inputs)
    backward = "the backward pass of a function, by its name in the file"
    add("--backward", metavar="NAME", help=backward)
    constants = "arguments that are arrays of floats and not differentiated, as targets are"
    add("--constants", metavar="NAME,NAME", type=read_names, help=constants)
    outputs = "how many outputs a function returns, if several"
    add("--outputs", metavar="N", type=whole(1), help=outputs)
    add("--burn-in", metavar="N", type=whole(1), help="check once more after N training steps")
    add_own_code(add, _TIME_LIMIT)


def gradcheck(options: argparse.Namespace) -> int:
    """Print the report of every requested check; the exit code says if one has failed."""
    if any(map(is_own, options.names)):
        return _check_own(options)
    for name in ("input", "backward", *_CHOICES, "seed", "time_limit", "json"):
        if getattr(options, name) is not None:
            raise InputError(
                f"--{name.replace('_', '-')} is for code of your own: name FILE.py:NAME"
            )
    return _check_package(options.names, listed=options.list)


def _check_package(names: Sequence[str], *, listed: bool) -> int:
    from scratchvae.checks.suite import all_checks

    checks = list(all_checks())
    known = list(dict.fromkeys(name for name, _ in checks))
    if listed:
        print("\n".join(known))
        return 0
    for name in names:
        if name not in known:
            raise unknown_name("check", name, known)
    failed = []
    chosen = [(name, run) for name, run in checks if not names or name in names]
    for name, run in chosen:
        report = run()
        print(report, flush=True)
        if not report.passed:
            failed.append(name)
    print(f"{len(chosen) - len(failed)} of {len(chosen)} checks passed")
    if failed:
        print(f"wrong: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _check_own(options: argparse.Namespace) -> int:
    if len(options.names) > 1:
        raise InputError("code of your own is checked one at a time: give one FILE.py:NAME alone")
    chosen = {name: getattr(options, name) for name in _CHOICES if getattr(options, name)}
    found = run_own(
        "gradcheck",
        options,
        _TIME_LIMIT,
        options.names[0],
        called=program(),
        backward=options.backward,
        inputs=options.input or [],
        **chosen,
    )
    print(found["text"], flush=True)
    for what in ("wrong", "not checked"):
        if found[what]:
            print(f"{what}: {', '.join(found[what])}", file=sys.stderr)
    return 0 if found["json"]["passed"] else 1
