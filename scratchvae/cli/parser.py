"""The commands and options of the command line, and how an option's text is read."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from scratchvae.cli import commands
from scratchvae.cli.own_data import DATA, add_reading
from scratchvae.cli.values import read_assignment, read_values
from scratchvae.data import DATASET_NAMES
from scratchvae.data.batches import PIXEL_READINGS
from scratchvae.errors import InputError, unknown_name
from scratchvae.models import RECIPES
from scratchvae.reproduce import SOURCES
from scratchvae.runs import PICTURES
from scratchvae.training.settings import OPTIMISERS, SCHEDULES
from scratchvae.version import __version__


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``options.run`` is the function that a command calls."""
    parser = _Parser(
        prog=commands.program(),
        description="Train variational autoencoders whose every gradient is derived by hand.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  scratchvae train zhao-mlp --epochs 3 --out runs/first",
    )
    parser.add_argument("--version", action="version", version=f"scratchvae {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        *(_add_train, _add_data, _add_sweep, _add_draw, _add_evaluate),
        *(_add_gradcheck, _add_reproduce, _add_bench),
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


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others of the program."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse unknown words here, where it is known which command they went to."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].split("=")[0]
            if not word.startswith("-"):
                self.error(f"unexpected argument {word!r}")
            options = [name for name in self._option_string_actions if name.startswith("--")]
            self.error(str(unknown_name("option", word, options)))
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see `{self.prog} --help`)")


def _add_train(subparsers: Any) -> None:
    width = max(map(len, RECIPES)) + 2
    add = _add_command(
        subparsers,
        "train",
        "train a recipe and draw its pictures",
        "scratchvae train zhao-mlp --latent-dim 2 --epochs 3 --out runs/first-try\n\nrecipes:\n"
        + "\n".join(f"  {recipe.name:{width}}{recipe.summary}" for recipe in RECIPES.values()),
    )
    recipe = f"which model (default: {commands.DEFAULT_RECIPE})"
    add("recipe", nargs="?", metavar="RECIPE", help=recipe)
    add("--data", metavar="NAME|PATH", help=f"{DATA} (default: auto)")
    _add_data_dir(add)
    add_reading(add)
    add("--epochs", metavar="N", type=_whole(1), help="total passes over the training images")
    add("--latent-dim", metavar="D", type=_whole(1), help="number of latents")
    add("--batch-size", metavar="B", type=_whole(1), help="images per step")
    add("--learning-rate", metavar="R", type=_real("above 0"), help="the optimiser's step size")
    _add_other_settings(add)
    beta = "weight of the KL term (1 gives the ELBO)"
    add("--beta", metavar="B", type=_real("of at least 0"), help=beta)
    samples = "draws of z per image in training; for iwae the K of its bound"
    add("--samples", metavar="K", type=_whole(1), help=samples)
    stage = "iwae: train through stage I, 0 to 7; stage i lasts 3^i epochs (3: 40 in all)"
    add("--last-stage", metavar="I", type=_whole(0, 7), help=stage)
    seed = "fixes everything that is drawn (default: 0)"
    add("--seed", metavar="S", type=_whole(0, math.inf), help=seed)
    add("--out", metavar="DIR", type=_path, help="folder to write to (default: runs/RECIPE)")
    resume = "continue the run in --out; a larger --epochs extends it"
    add("--resume", action="store_true", help=resume)


def _add_data(subparsers: Any) -> None:
    example = "scratchvae data info photos --size 64x64"
    add = _add_command(subparsers, "data", "say what is in a data set, and how it is read", example)
    add("what", metavar="info", choices=["info"], help="what to do: info")
    add("data", metavar="NAME|PATH", help=DATA)
    _add_data_dir(add)
    add_reading(add)


def _add_other_settings(add: Callable[..., argparse.Action]) -> None:
    add("--optimiser", metavar="NAME", help=f"{' or '.join(OPTIMISERS)}")
    add("--momentum", metavar="M", type=_real("of at least 0"), help="sgd: share of the last step")
    add("--epsilon", metavar="E", type=_real("above 0"), help="adam: added to its denominator")
    add("--schedule", metavar="NAME", help=f"of the learning rate: {', '.join(SCHEDULES)}")
    add(
        "--pixels", metavar="NAME", help=f"how 8-bit pixels are read: {' or '.join(PIXEL_READINGS)}"
    )
    warm_up = "epochs over which the weight of the KL grows from 0"
    add("--warm-up", metavar="E", type=_real("of at least 0"), help=warm_up)
    free = "hierarchical-vae: nats of each upper latent that cost nothing at first"
    add("--free-bits", metavar="F", type=_real("of at least 0"), help=free)
    sink = "epochs over which the --free-bits sink to 0"
    add("--free-bits-epochs", metavar="E", type=_real("of at least 0"), help=sink)


def _add_sweep(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "sweep",
        "train a recipe with every combination of some choices",
        "scratchvae sweep zhao-mlp --latent-dim 1,2,5 --beta 1,4 --seeds 3 --out sweeps/first",
    )
    add("recipe", metavar="RECIPE", help="which model")
    for option, metavar, what in (
        ("--latent-dim", "D,D", "numbers of latents"),
        ("--beta", "B,B", "weights of the KL term"),
        ("--epochs", "N,N", "total passes over the training images"),
        ("--batch-size", "B,B", "images per step"),
        ("--learning-rate", "R,R", "the optimiser's step sizes"),
    ):
        add(option, metavar=metavar, type=read_values, help=what)
    chosen = "any other option of the recipe or setting, as in `--set hidden=10,20`"
    add("--set", metavar="NAME=V,V", type=read_assignment, action="append", default=[], help=chosen)
    seeds = "how many seeds each combination is trained with (default: 1)"
    add("--seeds", metavar="S", type=_whole(1), default=1, help=seeds)
    auto = "auto is MNIST if it is available, else synthetic digits (default: auto)"
    add("--data", metavar="NAME", default="auto", help=f"{', '.join(DATASET_NAMES)}; {auto}")
    _add_data_dir(add)
    _add_cluster(add, "one per core")
    out = "folder, or address that fsspec knows; runs that are there already are used"
    add("--out", metavar="DIR", required=True, help=out)


def _add_cluster(add: Callable[..., argparse.Action], usual: str) -> None:
    workers = f"trainings at once, as tasks of Dask where it is not 1 (default: {usual})"
    add("--workers", metavar="N", type=_whole(1), help=workers)
    scheduler = "address of a Dask scheduler, whose workers train instead"
    add("--scheduler", metavar="ADDRESS", help=scheduler)


def _add_draw(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "draw",
        "draw a picture of a trained model",
        "scratchvae train --data synthetic --epochs 1 --out runs/drawn\n"
        "  scratchvae draw runs/drawn samples --seed 1",
    )
    add("folder", metavar="DIR", type=_path, help="folder of the run")
    add("kind", metavar="PICTURE", help=", ".join(PICTURES))
    seed = "seed for the samples or image pairs shown"
    add("--seed", metavar="S", type=_whole(0, math.inf), default=0, help=seed)
    add("--out", metavar="FILE", type=_png, help="a .png file (default: DIR/PICTURE.png)")
    _add_data_dir(add)


def _add_evaluate(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "evaluate",
        "measure a trained model on the test images",
        "scratchvae train --data synthetic --epochs 1 --out runs/measured\n"
        "  scratchvae evaluate runs/measured --json",
    )
    add("folder", metavar="DIR", type=_path, help="folder of the run")
    add("--json", action="store_true", help="print JSON instead of a table")
    samples = "also estimate log p(x), from K draws of z per image"
    add("--importance-samples", metavar="K", type=_whole(1), help=samples)
    _add_data_dir(add)


def _add_gradcheck(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "gradcheck",
        "compare every gradient in the package with finite differences",
        "scratchvae gradcheck Dense zhao-mlp",
    )
    names = "a layer, likelihood, KL or recipe (default: all)"
    add("names", nargs="*", metavar="NAME", help=names)


def _add_reproduce(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "reproduce",
        "train the models of a source and set its published figures beside ours",
        "scratchvae reproduce all --quick --out reproduced",
    )
    add("source", metavar="SOURCE", help=f"{', '.join(SOURCES)} or all")
    epochs = "epochs for every model, instead of the source's"
    add("--epochs", metavar="N", type=_whole(1), help=epochs)
    add("--quick", action="store_true", help="a tenth of the images and two epochs, to see it work")
    out = "folder for runs, report and figures; runs that are there already are used"
    add("--out", metavar="DIR", type=_path, required=True, help=out)
    _add_data_dir(add)
    _add_cluster(add, "1")


def _add_bench(subparsers: Any) -> None:
    add = _add_command(
        subparsers,
        "bench",
        "measure kernels and training steps on this machine",
        "scratchvae bench --quick --threads 1\n"
        "  scratchvae bench steps bound growth --against torch,jax --picture growth.png",
    )
    what = "kernels, steps, bound or growth (default: kernels and steps)"
    add("measurements", nargs="*", metavar="WHAT", help=what)
    against = "also measure the same steps in torch, in jax or in torch,jax, in turn"
    add("--against", metavar="FRAMEWORKS", help=against)
    add("--json", metavar="FILE", type=_path, help="also write the figures to FILE")
    add("--picture", metavar="FILE", type=_png, help="also draw the growth, as a .png file")
    add("--quick", action="store_true", help="fewer repetitions: rougher figures, sooner")


def _add_command(
    subparsers: Any, name: str, summary: str, example: str
) -> Callable[..., argparse.Action]:
    """Add a command, and return the function that adds an argument to it."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {example}",
    )
    parser.set_defaults(run=getattr(commands, name))
    threads = "number of threads (default: SCRATCHVAE_THREADS, else all cores)"
    parser.add_argument("--threads", metavar="N", type=_whole(1), help=threads)
    return parser.add_argument


def _add_data_dir(add: Callable[..., argparse.Action]) -> None:
    data_dir = "folder with the data set (default: SCRATCHVAE_DATA, else the user's cache)"
    add("--data-dir", metavar="DIR", type=_path, help=data_dir)


# --- how an option's text is read ----------------------------------------------------------------


def _whole(minimum: int, maximum: float = 1e9) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value <= maximum:
            bound = f"least {minimum}" if value < minimum else f"most {maximum:.0f}"
            raise _expected(f"a whole number of at {bound}", text)
        return value

    return read


def _real(bound: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or (value == 0 and bound == "above 0"):
            raise _expected(f"a finite number {bound}", text)
        return value

    return read


def _path(text: str) -> Path:
    if not text:
        raise _expected("the name of a file or folder", text)
    return Path(text)


def _png(text: str) -> Path:
    path = _path(text)
    if path.suffix.lower() != ".png":
        raise _expected("a name that ends in .png", path.name)
    return path


def _expected(what: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {what}, not {text!r}")
