"""The words of the command line: commands, their options, and what an option's text stands for."""

import argparse
import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from scratchvae.cli import commands
from scratchvae.data import DATASET_NAMES
from scratchvae.errors import InputError
from scratchvae.models import RECIPES
from scratchvae.reproduce import SOURCES
from scratchvae.runs.run import PICTURES
from scratchvae.version import __version__


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``options.run`` is what a command does."""
    parser = _Parser(
        prog=commands.program(),
        description="Train variational autoencoders whose every gradient is derived by hand.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  scratchvae train zhao-mlp --epochs 3 --out runs/first",
    )
    parser.add_argument("--version", action="version", version=f"scratchvae {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_add_train, _add_draw, _add_evaluate, _add_gradcheck, _add_reproduce, _add_bench):
        add(subparsers)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others of the program."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse unknown words here, where it is known which command they went to."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].split("=")[0]
            near = get_close_matches(word, self._option_string_actions, n=1, cutoff=0.7)
            hint = f": did you mean {near[0]}?" if near else ""
            self.error(f"unexpected argument {word!r}{hint}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see `{self.prog} --help`)")


def _add_train(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "train",
        "train a recipe and draw its pictures",
        "scratchvae train zhao-mlp --latent-dim 2 --epochs 3 --out runs/first-try\n\nrecipes:\n"
        + "\n".join(f"  {r.name:20}{r.summary}" for r in RECIPES.values()),
    )
    add = parser.add_argument
    add(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help=f"which model (default: {commands.DEFAULT_RECIPE})",
    )
    add(
        "--data",
        metavar="NAME",
        help=f"{', '.join(DATASET_NAMES)}; auto is MNIST when it can be had, else synthetic digits "
        "(default: auto)",
    )
    _add_data_dir(parser)
    add("--epochs", metavar="N", type=_whole(1), help="times that every image is seen, in all")
    add("--latent-dim", metavar="D", type=_whole(1), help="number of latents")
    add("--batch-size", metavar="B", type=_whole(1), help="images per step")
    add("--learning-rate", metavar="R", type=_positive, help="the optimiser's step size")
    add("--beta", metavar="B", type=_not_negative, help="weight of the KL (1: the bound itself)")
    add(
        "--importance-samples-train",
        metavar="K",
        type=_whole(1),
        help="iwae: draws of z per image in the bound that is trained on",
    )
    add(
        "--last-stage",
        metavar="I",
        type=_whole(0, 7),
        help="iwae: train through stage I of 0 to 7, of 1, 3, 9, … 2187 epochs (3: 40 in all)",
    )
    add(
        "--seed",
        metavar="S",
        type=_whole(0, math.inf),
        help="fixes everything that is drawn (default: 0)",
    )
    add("--out", metavar="DIR", type=_path, help="folder to write to (default: runs/RECIPE)")
    add(
        "--resume",
        action="store_true",
        help="go on with the run in --out; a larger --epochs extends it",
    )
    parser.set_defaults(run=commands.train)


def _add_draw(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "draw",
        "draw a picture of a trained model",
        "scratchvae train --data synthetic --epochs 1 --out runs/drawn\n"
        "  scratchvae draw runs/drawn samples --seed 1",
    )
    add = parser.add_argument
    add("folder", metavar="DIR", type=_path, help="folder of the run")
    add("kind", metavar="PICTURE", help=", ".join(PICTURES))
    add("--seed", metavar="S", type=_whole(0, math.inf), default=0, help="which samples or images")
    add("--out", metavar="FILE", type=_path, help="a .png file (default: DIR/PICTURE.png)")
    _add_data_dir(parser)
    parser.set_defaults(run=commands.draw)


def _add_evaluate(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "evaluate",
        "measure a trained model on the test images",
        "scratchvae train --data synthetic --epochs 1 --out runs/measured\n"
        "  scratchvae evaluate runs/measured --json",
    )
    parser.add_argument("folder", metavar="DIR", type=_path, help="folder of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--importance-samples",
        metavar="K",
        type=_whole(1),
        help="estimate log p(x) as well, from K draws of z per image",
    )
    _add_data_dir(parser)
    parser.set_defaults(run=commands.evaluate)


def _add_gradcheck(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "gradcheck",
        "compare every gradient in the package with finite differences",
        "scratchvae gradcheck Dense zhao-mlp",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a layer, likelihood, KL or recipe (default: all)"
    )
    parser.set_defaults(run=commands.gradcheck)


def _add_reproduce(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "reproduce",
        "train the models of a source and set its published figures beside ours",
        "scratchvae reproduce all --quick --out reproduced",
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help=f"{', '.join(SOURCES)} or all")
    add("--epochs", metavar="N", type=_whole(1), help="for every model, instead of the source's")
    add("--quick", action="store_true", help="a tenth of the images and two epochs: to see it work")
    add(
        "--out",
        metavar="DIR",
        type=_path,
        required=True,
        help="folder for runs, report and figures; what is trained there already is used",
    )
    _add_data_dir(parser)
    parser.set_defaults(run=commands.reproduce)


def _add_bench(subparsers: Any) -> None:
    parser = _add_command(
        subparsers,
        "bench",
        "measure kernels and training steps on this machine",
        "scratchvae bench --quick --threads 1",
    )
    add = parser.add_argument
    add("--against", metavar="FRAMEWORK", help="measure the same steps in torch, in turn with ours")
    add("--json", metavar="FILE", type=_path, help="write the figures to FILE as well")
    add("--quick", action="store_true", help="fewer repetitions: rougher figures, sooner")
    parser.set_defaults(run=commands.bench)


def _add_command(subparsers: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {example}",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=_whole(1),
        help="how many threads compute (default: SCRATCHVAE_THREADS, then all cores)",
    )
    return parser


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=_path,
        help="folder that holds the data set (default: SCRATCHVAE_DATA, then the user's cache)",
    )


# --- what an option's text stands for ------------------------------------------------------------


def _whole(minimum: int, maximum: float = 1e9) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise _expected(f"a whole number of at least {minimum}", text)
        if value > maximum:
            raise _expected(f"a whole number of at most {maximum:.0f}", text)
        return value

    return read


def _positive(text: str) -> float:
    value = _float(text)
    if not 0 < value < math.inf:
        raise _expected("a finite number above 0", text)
    return value


def _not_negative(text: str) -> float:
    value = _float(text)
    if not 0 <= value < math.inf:
        raise _expected("a finite number of at least 0", text)
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _path(text: str) -> Path:
    if not text:
        raise _expected("the name of a file or folder", text)
    return Path(text)


def _expected(what: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {what}, not {text!r}")
