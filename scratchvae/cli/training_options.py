"""The options of the commands that train: ``train`` and ``sweep``."""

import dataclasses
import math
import textwrap
from typing import Any

from scratchvae.cli import commands
from scratchvae.cli.choices import DEFAULT_RECIPE
from scratchvae.cli.common import Add, add_cluster, add_command, add_data_dir, add_manner
from scratchvae.cli.own_data import add_reading
from scratchvae.cli.values import (
    read_assignment,
    read_path,
    read_value,
    read_values,
    real,
    whole,
)
from scratchvae.data import DATASET_NAMES
from scratchvae.data.batches import PIXEL_READINGS
from scratchvae.models import RECIPES
from scratchvae.training.settings import OPTIMISERS, SCHEDULES, Settings


def add_train(subparsers: Any) -> None:
    """Add ``train``: one run."""
    width = max(map(len, RECIPES)) + 2
    add = add_command(
        subparsers,
        "train",
        "scratchvae train zhao-mlp --latent-dim 2 --epochs 3 --out runs/first-try\n\nrecipes:\n"
        + "\n".join(
            textwrap.fill(
                f"  {recipe.name:{width}}{recipe.summary}", 80, subsequent_indent=" " * (width + 2)
            )
            for recipe in RECIPES.values()
        ),
        commands.train,
    )
    recipe = f"which model (default: {DEFAULT_RECIPE})"
    add("recipe", nargs="?", metavar="RECIPE", help=recipe)
    add_manner(add)
    _add_data(add)
    add("--epochs", metavar="N", type=whole(1), help="total passes over the training images")
    add("--latent-dim", metavar="D", type=whole(1), help="number of latents")
    add("--batch-size", metavar="B", type=whole(1), help="images per step")
    add("--learning-rate", metavar="R", type=real("above 0"), help="the optimiser's step size")
    _add_other_settings(add)
    stage = "iwae: train through stage I, 0 to 7; stage i lasts 3^i epochs (3: 40 in all)"
    add("--last-stage", metavar="I", type=whole(0, 7), help=stage)
    seed = "fixes everything that is drawn (default: 0)"
    add("--seed", metavar="S", type=whole(0, math.inf), help=seed)
    add("--out", metavar="DIR", type=read_path, help="folder to write to (default: runs/RECIPE)")
    log = "also write a log for another program: tensorboard, in DIR/tensorboard"
    add("--log", metavar="NAME", help=log)
    resume = "continue the run in --out; a larger --epochs extends it"
    add("--resume", action="store_true", help=resume)
    config = "read options from a TOML file; those of the command line come before them"
    add("--config", metavar="FILE", type=read_path, help=config)
    _add_options_of_recipes(add)


def _add_data(add: Add) -> None:
    own = "a folder of pictures, a .npy, .npz, .csv or .parquet file, IDX files"
    auto = "auto is MNIST if it is available, else synthetic digits (default: auto)"
    add("--data", metavar="NAME|PATH", help=f"{', '.join(DATASET_NAMES)}; or {own}; {auto}")
    add_data_dir(add)
    add_reading(add)


def _add_options_of_recipes(add: Add) -> None:
    beta = "weight of the KL term (1 gives the ELBO)"
    add("--beta", metavar="B", type=real("of at least 0"), help=beta)
    samples = "draws of z per image in training; for iwae the K of its bound"
    add("--samples", metavar="K", type=whole(1), help=samples)
    for name, recipes in options_of_recipes().items():
        own = f"option of {', '.join(recipes)}"
        add(f"--{name.replace('_', '-')}", metavar="V", type=read_value, help=own)
    chosen = "any option of the recipe or setting by its name (options.NAME where both have it)"
    add("--set", metavar="NAME=V", type=read_assignment, action="append", default=[], help=chosen)


def options_of_recipes() -> dict[str, list[str]]:
    """Return the recipes that have an option, by each option's name.

    Without those that have an option of the command line of their own, or are settings as well.
    """
    others = {"beta", "samples", *(field.name for field in dataclasses.fields(Settings))}
    found: dict[str, list[str]] = {}
    for recipe in RECIPES.values():
        for name in recipe.options:
            if name not in others:
                found.setdefault(name, []).append(recipe.name)
    return found


def _add_other_settings(add: Add) -> None:
    add("--optimiser", metavar="NAME", help=f"{' or '.join(OPTIMISERS)}")
    add("--momentum", metavar="M", type=real("of at least 0"), help="sgd: share of the last step")
    add("--epsilon", metavar="E", type=real("above 0"), help="adam: added to its denominator")
    add("--schedule", metavar="NAME", help=f"of the learning rate: {', '.join(SCHEDULES)}")
    add(
        "--pixels", metavar="NAME", help=f"how 8-bit pixels are read: {' or '.join(PIXEL_READINGS)}"
    )
    warm_up = "epochs over which the weight of the KL grows from 0"
    add("--warm-up", metavar="E", type=real("of at least 0"), help=warm_up)
    patience = "stop when the loss of test (or validation) images has not fallen for N epochs"
    add("--patience", metavar="N", type=whole(0), help=patience)
    every = "epochs after which the warm-up begins again"
    add("--warm-up-every", metavar="E", type=real("of at least 0"), help=every)
    free = "hierarchical-vae: nats of each upper latent that cost nothing at first"
    add("--free-bits", metavar="F", type=real("of at least 0"), help=free)
    sink = "epochs over which the --free-bits sink to 0"
    add("--free-bits-epochs", metavar="E", type=real("of at least 0"), help=sink)


def add_sweep(subparsers: Any) -> None:
    """Add ``sweep``: many runs of a recipe."""
    add = add_command(
        subparsers,
        "sweep",
        "scratchvae sweep zhao-mlp --latent-dim 1,2,5 --beta 1,4 --seeds 3 --out sweeps/first",
        commands.sweep,
    )
    add("recipe", metavar="RECIPE", help="which model")
    add_manner(add)
    for option, metavar, what in (
        ("--latent-dim", "D,D", "numbers of latents"),
        ("--beta", "B,B", "weights of the KL term"),
        ("--epochs", "N,N", "total passes over the training images"),
        ("--batch-size", "B,B", "images per step"),
        ("--learning-rate", "R,R", "the optimiser's step sizes"),
    ):
        add(option, metavar=metavar, type=read_values, help=what)
    chosen = "any other option of the recipe or setting, as in --set hidden=10,20"
    add("--set", metavar="NAME=V,V", type=read_assignment, action="append", default=[], help=chosen)
    seeds = "how many seeds each combination is trained with (default: 1)"
    add("--seeds", metavar="S", type=whole(1), default=1, help=seeds)
    _add_data(add)
    add_cluster(add, "one per core")
    out = "folder, or address that fsspec knows; runs that are there already are used"
    add("--out", metavar="DIR", required=True, help=out)
