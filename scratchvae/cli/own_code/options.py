"""What the commands that run code of the user's have in common."""

import argparse
import math
from typing import Any

from scratchvae.cli.common import Add
from scratchvae.cli.own_code.process import run_apart
from scratchvae.cli.own_code.target import read_target
from scratchvae.cli.values import read_path, whole
from scratchvae.files import check_writable
from scratchvae.json_files import write_json

_MOST_SECONDS = 1e6


def add_own_code(add: Add, time_limit: int) -> None:
    """Add how code of the user's is run."""
    add("--seed", metavar="S", type=whole(0, math.inf), help="seed of what is drawn (default: 0)")
    seconds = f"seconds that your code may take (default: {time_limit})"
    add("--time-limit", metavar="N", type=whole(1, _MOST_SECONDS), help=seconds)
    add("--json", metavar="FILE", type=read_path, help="also write the report to FILE")


def run_own(
    job: str, options: argparse.Namespace, time_limit: int, word: str, **arguments: Any
) -> Any:
    """Return what a job makes of the user's code, and write its report if that is wanted."""
    target = read_target(word)
    if options.json is not None:
        check_writable(options.json)
    limit = time_limit if options.time_limit is None else options.time_limit
    seed = 0 if options.seed is None else options.seed
    found = run_apart(job, target, time_limit=limit, seed=seed, **arguments)
    if options.json is not None:
        write_json(options.json, found["json"])
    return found
