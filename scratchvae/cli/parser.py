"""The commands of the command line; the options of those that train are in a file of theirs."""

import argparse
import math
from typing import Any

from scratchvae.cli import commands
from scratchvae.cli.common import add_cluster, add_command, add_data_dir, add_manner
from scratchvae.cli.doctor import add_doctor
from scratchvae.cli.evaluating import evaluate
from scratchvae.cli.explore import add_explore
from scratchvae.cli.gradcheck import add_gradcheck
from scratchvae.cli.latents import add_latents
from scratchvae.cli.lessons import add_lessons
from scratchvae.cli.outline import make_top
from scratchvae.cli.own_data import add_data
from scratchvae.cli.training_options import add_sweep, add_train
from scratchvae.cli.values import read_path, read_picture, whole
from scratchvae.plots.figures import SUFFIXES
from scratchvae.reproduce import SOURCES
from scratchvae.runs import PICTURES


def make_parser(program: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands; ``options.run`` is the function that a command calls.

    ``program`` is what the program is called in texts; ``None``: as it was called.
    """
    parser, subparsers = make_top(program)
    parser.set_defaults(make_parser=make_parser)  # which completion needs
    for add in (
        *(add_train, add_data, add_sweep, _add_draw, _add_evaluate, add_latents),
        *(add_explore, add_gradcheck, add_doctor, _add_reproduce, _add_bench, add_lessons),
        _add_completion,
    ):
        add(subparsers)
    return parser


def option_names() -> set[str]:
    """Return the names of the options of all commands, such as ``--out``."""
    names: set[str] = set()
    parsers = [make_parser()]
    for parser in parsers:
        names.update(parser._option_string_actions)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return names


def _add_draw(subparsers: Any) -> None:
    add = add_command(
        subparsers,
        "draw",
        "scratchvae train --data synthetic --epochs 1 --out runs/drawn\n"
        "  scratchvae draw runs/drawn samples --seed 1",
        commands.draw,
    )
    add("folder", metavar="DIR", type=read_path, help="folder of the run")
    add("kind", metavar="PICTURE", help=", ".join(PICTURES))
    seed = "seed for the samples or image pairs shown"
    add("--seed", metavar="S", type=whole(0, math.inf), default=0, help=seed)
    file = f"a file that ends in {', '.join(SUFFIXES)} (default: DIR/PICTURE.png)"
    add("--out", metavar="FILE", type=read_picture, help=file)
    add_data_dir(add)


def _add_evaluate(subparsers: Any) -> None:
    add = add_command(
        subparsers,
        "evaluate",
        "scratchvae train --data synthetic --epochs 1 --out runs/measured\n"
        "  scratchvae evaluate runs/measured --json\n"
        "  scratchvae evaluate runs/*",
        evaluate,
    )
    folders = "folder of a run; of several there is a table"
    add("folders", metavar="DIR", nargs="+", type=read_path, help=folders)
    add("--json", action="store_true", help="print JSON instead of a table, a line for each run")
    samples = "also estimate log p(x), from K draws of z per image"
    add("--importance-samples", metavar="K", type=whole(1), help=samples)
    add_data_dir(add)


def _add_reproduce(subparsers: Any) -> None:
    add = add_command(
        subparsers,
        "reproduce",
        "scratchvae reproduce all --quick --out reproduced",
        commands.reproduce,
    )
    add("source", metavar="SOURCE", help=f"{', '.join(SOURCES)} or all")
    add_manner(add)
    epochs = "epochs for every model, instead of the source's"
    add("--epochs", metavar="N", type=whole(1), help=epochs)
    add("--quick", action="store_true", help="a tenth of the images and two epochs, to see it work")
    out = "folder for runs, report and figures; runs that are there already are used"
    add("--out", metavar="DIR", type=read_path, required=True, help=out)
    add_data_dir(add)
    add_cluster(add, "1")


def _add_bench(subparsers: Any) -> None:
    add = add_command(
        subparsers,
        "bench",
        "scratchvae bench --quick --threads 1\n"
        "  scratchvae bench steps bound growth --against torch,jax --picture growth.png",
        commands.bench,
    )
    what = "kernels, steps, bound or growth (default: kernels and steps)"
    add("measurements", nargs="*", metavar="WHAT", help=what)
    against = "also measure the same steps in torch, in jax or in torch,jax, in turn"
    add("--against", metavar="FRAMEWORKS", help=against)
    add("--json", metavar="FILE", type=read_path, help="also write the figures to FILE")
    add("--picture", metavar="FILE", type=read_picture, help="also draw the growth")
    add("--quick", action="store_true", help="fewer repetitions: rougher figures, sooner")


def _add_completion(subparsers: Any) -> None:
    add = add_command(
        subparsers,
        "completion",
        "scratchvae completion bash > ~/.local/share/bash-completion/completions/scratchvae",
        commands.completion,
    )
    subparsers.choices["completion"].set_defaults(computes=False)
    add("shell", metavar="SHELL", help="bash, zsh or tcsh")
