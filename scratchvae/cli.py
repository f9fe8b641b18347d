"""The command line: ``scratchvae train``, ``draw``, ``evaluate`` and ``gradcheck``.

What is wrong with an argument or a file is said in one line on standard error, with exit code 2.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from scratchvae.arrays import check_count, check_positive
from scratchvae.data import DATASET_NAMES, load
from scratchvae.errors import InputError
from scratchvae.models import RECIPES, LatentModel, build, find_recipe
from scratchvae.runs import PICTURES, Run, check_unused, unused_folder
from scratchvae.version import __version__

DEFAULT_RECIPE = "zhao-mlp"
INPUT_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments
        The words after ``scratchvae``; ``None`` takes the process's own.
    """
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except InputError as error:
        return _complain(str(error))
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nscratchvae: stopped; nothing was left half written", file=sys.stderr)
        return INTERRUPTED


def _complain(message: str) -> int:
    one_line = " ".join(message.split())
    print(f"scratchvae: error: {one_line}", file=sys.stderr)
    return INPUT_ERROR


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others of the program."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see `{self.prog} --help`)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scratchvae",
        description="Train variational autoencoders whose every gradient is derived by hand.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  scratchvae train zhao-mlp --epochs 3 --out runs/first",
    )
    parser.add_argument("--version", action="version", version=f"scratchvae {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_train(commands)
    _add_draw(commands)
    _add_evaluate(commands)
    _add_gradcheck(commands)
    return parser


def _add_command(commands: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {example}",
    )
    return parser


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder that holds the data set (default: SCRATCHVAE_DATA, then the user's cache)",
    )


# --- train -------------------------------------------------------------------------------------


def _add_train(commands: Any) -> None:
    parser = _add_command(
        commands,
        "train",
        "train a recipe and draw its pictures",
        "scratchvae train zhao-mlp --latent-dim 2 --epochs 3 --out runs/first-try\n\nrecipes:\n"
        + "\n".join(f"  {r.name:20}{r.summary}" for r in RECIPES.values()),
    )
    add = parser.add_argument
    add("recipe", nargs="?", metavar="RECIPE", help=f"which model (default: {DEFAULT_RECIPE})")
    add(
        "--data",
        metavar="NAME",
        help=f"{', '.join(DATASET_NAMES)}; auto is MNIST when it can be had, else synthetic digits "
        "(default: auto)",
    )
    _add_data_dir(parser)
    add("--epochs", metavar="N", help="times that every image is seen")
    add("--latent-dim", metavar="D", help="number of latents")
    add("--batch-size", metavar="B", help="images per step")
    add("--learning-rate", metavar="R", help="the optimiser's step size")
    add("--beta", metavar="B", help="weight of the KL in the loss (1: the bound itself)")
    add("--seed", metavar="S", help="fixes everything that is drawn (default: 0)")
    add("--out", metavar="DIR", help="folder to write to (default: runs/RECIPE)")
    add("--resume", action="store_true", help="go on with the run in --out")
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    whole = {name: _whole(options, name) for name in ("epochs", "latent_dim", "batch_size")}
    if options.resume:
        run, data = _resume(options, whole)
    else:
        run, data = _begin(options, whole)
    try:
        run.train(data, report=lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print(
            f"\nstopped in epoch {run.trainer.epoch + 1}, and saved; go on with:\n"
            f"  scratchvae train --resume --out {run.folder}",
            flush=True,
        )
        return INTERRUPTED
    for path in run.draw_all(data):
        print(f"drew {path}")
    return 0


def _begin(options: argparse.Namespace, whole: dict[str, int | None]) -> tuple[Run, Any]:
    recipe = find_recipe(options.recipe or DEFAULT_RECIPE)
    seed = _whole(options, "seed", minimum=0) or 0
    beta = _number(options, "beta")
    extra: dict[str, Any] = {} if beta is None else {"beta": beta}
    settings = recipe.settings.changed(
        epochs=whole["epochs"],
        batch_size=whole["batch_size"],
        learning_rate=_positive(options, "learning_rate"),
    )
    model = build(recipe.name, latent_dim=whole["latent_dim"], seed=seed, **extra)
    # All that can be wrong with the words of the command is found before anything is fetched.
    folder = Path(options.out) if options.out else unused_folder(recipe.name)
    check_unused(folder)
    data = load(options.data or "auto", data_dir=options.data_dir, seed=seed)
    print(data.origin)
    run = Run.create(folder, model, data.name, settings, seed)
    print(f"{recipe.name} with {_describe(model)}; {settings.epochs} epochs, into {folder}")
    print("all losses in nats per image", flush=True)
    return run, data


def _resume(options: argparse.Namespace, whole: dict[str, int | None]) -> tuple[Run, Any]:
    if not options.out:
        raise InputError("--resume needs --out DIR, the folder of the run to go on with")
    run = Run.open(Path(options.out), need_checkpoint=False)
    asked = {
        "recipe": options.recipe,
        "data": None if options.data == "auto" else options.data,
        "latent_dim": whole["latent_dim"],
        "seed": _whole(options, "seed", minimum=0),
        "batch_size": whole["batch_size"],
        "learning_rate": _positive(options, "learning_rate"),
        "beta": _number(options, "beta"),
    }
    holds = run.config | run.config["options"] | run.config["settings"]
    for name, value in asked.items():
        if value is not None and value != holds.get(name):
            raise InputError(
                f"the run in {run.folder} has {name} {holds.get(name)}, not {value}: leave the "
                "option out to go on with it, or give another --out for a new run"
            )
    run.extend(whole["epochs"])
    data = run.load_data(options.data_dir)
    print(data.origin)
    print(
        f"{run.config['recipe']} with {_describe(run.model)}; going on after {run.trainer.epoch} "
        f"of {run.trainer.settings.epochs} epochs, in {run.folder}",
        flush=True,
    )
    return run, data


def _describe(model: LatentModel) -> str:
    count = sum(parameter.value.size for parameter in model.parameters.values())
    return f"{model.latent_dim} latents, {count:,} parameters"


# --- draw, evaluate, gradcheck -----------------------------------------------------------------


def _add_draw(commands: Any) -> None:
    parser = _add_command(
        commands,
        "draw",
        "draw a picture of a trained model",
        "scratchvae train --data synthetic --epochs 1 --out runs/drawn\n"
        "  scratchvae draw runs/drawn samples --seed 1",
    )
    parser.add_argument("folder", metavar="DIR", help="folder of the run")
    parser.add_argument("kind", metavar="PICTURE", help=", ".join(PICTURES))
    parser.add_argument("--seed", metavar="S", help="which samples or images (default: 0)")
    parser.add_argument("--out", metavar="FILE", help="where to (default: DIR/PICTURE.png)")
    _add_data_dir(parser)
    parser.set_defaults(run=_draw)


def _draw(options: argparse.Namespace) -> int:
    if options.kind not in PICTURES:
        raise InputError(
            f"there is no picture {options.kind!r}; the pictures are {', '.join(PICTURES)}"
        )
    seed = _whole(options, "seed", minimum=0) or 0
    run = Run.open(Path(options.folder))
    path = Path(options.out) if options.out else None
    data = run.load_data(options.data_dir)
    print(run.draw(options.kind, data, path=path, seed=seed))
    return 0


def _add_evaluate(commands: Any) -> None:
    parser = _add_command(
        commands,
        "evaluate",
        "measure a trained model on the test images",
        "scratchvae train --data synthetic --epochs 1 --out runs/measured\n"
        "  scratchvae evaluate runs/measured --json",
    )
    parser.add_argument("folder", metavar="DIR", help="folder of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    _add_data_dir(parser)
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    run = Run.open(Path(options.folder))
    data = run.load_data(options.data_dir)
    figures = run.evaluate(data)
    if options.json:
        print(json.dumps({"recipe": run.config["recipe"], "data": data.name} | figures))
        return 0
    meanings = {
        "loss": "what training minimised",
        "reconstruction": "-log p(x | z), without the constants that training leaves out",
        "kl": "KL(q(z | x) || N(0, I))",
        "elbo": "lower bound on log p(x), every constant included",
    }
    print(f"{run.config['recipe']} on the test images of {data.name}, in nats per image")
    for name, value in figures.items():
        print(f"  {name:15}{value:12.3f}   {meanings[name]}")
    return 0


def _add_gradcheck(commands: Any) -> None:
    parser = _add_command(
        commands,
        "gradcheck",
        "compare every gradient in the package with finite differences",
        "scratchvae gradcheck Dense zhao-mlp",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a layer, likelihood, KL or recipe (default: all)"
    )
    parser.set_defaults(run=_gradcheck)


def _gradcheck(options: argparse.Namespace) -> int:
    from scratchvae.check_suite import all_checks

    checks = list(all_checks())
    known = list(dict.fromkeys(name for name, _ in checks))
    for name in options.names:
        if name not in known:
            raise InputError(f"there is no check {name!r}; the checks are {', '.join(known)}")
    failed = []
    chosen = [(name, run) for name, run in checks if not options.names or name in options.names]
    for name, run in chosen:
        report = run()
        print(report, flush=True)
        if not report.passed:
            failed.append(name)
    print(f"{len(chosen) - len(failed)} of {len(chosen)} checks passed")
    if failed:
        print(f"wrong: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


# --- arguments ---------------------------------------------------------------------------------


def _whole(options: argparse.Namespace, name: str, minimum: int = 1) -> int | None:
    text = getattr(options, name)
    if text is None:
        return None
    try:
        value: int | str = int(text)
    except ValueError:
        value = text
    return check_count(value, _flag(name), minimum)


def _positive(options: argparse.Namespace, name: str) -> float | None:
    text = getattr(options, name)
    return None if text is None else check_positive(text, _flag(name))


def _number(options: argparse.Namespace, name: str) -> float | None:
    """Return a number that may also be 0."""
    text = getattr(options, name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{_flag(name)} must be a finite number of at least 0, not {text!r}")
    return value


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
