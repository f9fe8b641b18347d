"""What several commands of the command line have in common."""

import argparse
from collections.abc import Callable
from typing import Any

from scratchvae.cli.outline import SUMMARIES
from scratchvae.cli.values import read_path, whole

Add = Callable[..., argparse.Action]
"""Adds an argument to a command."""


def add_command(subparsers: Any, name: str, example: str, run: Any, details: str = "") -> Add:
    """Add a command, and return the function that adds an argument to it.

    ``run`` is what it does: it takes the options and returns the exit code. ``details`` are more
    lines of its description.
    """
    summary = SUMMARIES[name]
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description="\n\n".join(filter(None, (f"{summary[0].upper()}{summary[1:]}.", details))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {example}",
    )
    parser.set_defaults(run=run, computes=True)
    threads = "number of threads (default: SCRATCHVAE_THREADS, else all cores)"
    parser.add_argument("--threads", metavar="N", type=whole(1), help=threads)
    return parser.add_argument


def add_manner(add: Add) -> None:
    """Add how much is said."""
    add("-q", "--quiet", action="store_true", help="say nothing but errors")
    add(
        "-v",
        "--verbose",
        action="store_true",
        help="also say what computes, and with which choices",
    )


def add_data_dir(add: Add) -> None:
    """Add where the data set is."""
    data_dir = "folder with the data set (default: SCRATCHVAE_DATA, else the user's cache)"
    add("--data-dir", metavar="DIR", type=read_path, help=data_dir)


def add_cluster(add: Add, usual: str) -> None:
    """Add how many trainings run at once, and where; ``usual`` names the default."""
    workers = f"trainings at once, as tasks of Dask where it is not 1 (default: {usual})"
    add("--workers", metavar="N", type=whole(1), help=workers)
    scheduler = "address of a Dask scheduler, whose workers train instead"
    add("--scheduler", metavar="ADDRESS", help=scheduler)
