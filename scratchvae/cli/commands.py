"""What the commands do: ``train``, ``draw``, ``evaluate``, ``gradcheck``, ``reproduce``, ``bench``.

Each takes the options that ``cli`` has parsed and returns an exit code.
"""

import argparse
import json
import math
import shlex
import sys
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.models import LatentModel, build, find_recipe
from scratchvae.runs.folders import check_unused, unused_folder
from scratchvae.runs.run import PICTURES, PICTURES_OF_DATA, Run
from scratchvae.training import Interrupted, Settings, epochs_through_stage

DEFAULT_RECIPE = "zhao-mlp"


def program() -> str:
    """Return how the program was called, for messages that are to be pasted."""
    as_module = Path(sys.argv[0]).parts[-2:] == ("scratchvae", "__main__.py")
    return "python -m scratchvae" if as_module else "scratchvae"


def train(options: argparse.Namespace) -> int:
    """Train a new run or go on with one, and draw its pictures."""
    run, data = _resume(options) if options.resume else _begin(options)
    try:
        run.train(data, report=lambda line: print(line, flush=True))
        for path in run.draw_all(data):
            print(f"drew {path}")
    except KeyboardInterrupt as interrupt:
        where = _stopping_place(run, saved=isinstance(interrupt, Interrupted))
        raise KeyboardInterrupt(f"{where}; go on with:\n  {_resuming(run, options)}") from None
    return 0


def _stopping_place(run: Run, saved: bool) -> str:
    """Say where Ctrl-C has stopped a run, and what of it is kept."""
    epochs = run.trainer.settings.epochs
    if run.complete:
        return f"stopped after all of {_epochs(epochs)}, before all pictures were drawn"
    if saved:
        return f"stopped in epoch {run.trainer.epoch + 1} of {epochs}, and saved"
    if run.checkpoint.exists():
        return "stopped at once, and kept what was saved before"
    return "stopped before anything was saved"


def _begin(options: argparse.Namespace) -> tuple[Run, Dataset]:
    recipe = find_recipe(options.recipe or DEFAULT_RECIPE)
    seed = options.seed or 0
    settings = recipe.settings.changed(
        epochs=_asked_epochs(options, recipe.settings, recipe.name),
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    extra: dict[str, Any] = {} if options.beta is None else {"beta": options.beta}
    if options.importance_samples_train is not None:
        extra["samples"] = options.importance_samples_train
    model = build(recipe.name, latent_dim=options.latent_dim, seed=seed, **extra)
    # All that can be wrong with the words of the command is found before anything is fetched.
    folder = options.out or unused_folder(recipe.name)
    check_unused(folder)
    data = load(options.data or "auto", data_dir=options.data_dir, seed=seed)
    print(data.origin)
    print(f"{recipe.name} with {_describe(model)}; {_epochs(settings.epochs)}, into {folder}")
    print("all losses in nats per image", flush=True)
    return Run.create(folder, model, data.name, settings, seed), data


def _resume(options: argparse.Namespace) -> tuple[Run, Dataset]:
    if options.out is None:
        raise InputError("--resume needs --out DIR, the folder of the run to go on with")
    run = Run.open(options.out, need_checkpoint=False)
    asked = {
        "recipe": options.recipe,
        "data": None if options.data == "auto" else options.data,
        **{
            name: getattr(options, name)
            for name in ("latent_dim", "seed", "batch_size", "learning_rate", "beta")
        },
        "samples": options.importance_samples_train,
    }
    holds = run.config | run.config["options"] | run.config["settings"]
    for name, value in asked.items():
        if value is not None and value != holds.get(name):
            raise InputError(
                f"the run in {str(run.folder)!r} has {name} {holds.get(name)}, not {value}: leave "
                "the option out to go on with it, or give another --out for a new run"
            )
    epochs = _asked_epochs(options, run.trainer.settings, run.config["recipe"])
    if epochs is not None:
        run.extend(epochs)
    data = run.load_data(options.data_dir)
    print(data.origin)
    done, epochs = run.trainer.epoch, run.trainer.settings.epochs
    state = (
        f"complete, with all of its {_epochs(epochs)} (a larger --epochs extends it)"
        if run.complete
        else f"going on after {done} of {_epochs(epochs)}"
    )
    print(
        f"{run.config['recipe']} with {_describe(run.model)}, in {run.folder}: {state}", flush=True
    )
    return run, data


def _asked_epochs(options: argparse.Namespace, settings: Settings, recipe: str) -> int | None:
    """Return how many epochs --epochs or --last-stage ask for, ``None`` if neither is given."""
    if options.last_stage is None:
        epochs: int | None = options.epochs
        return epochs
    if settings.schedule != "stages":
        raise InputError(
            f"--last-stage is for a recipe that is trained in stages, as iwae is, and {recipe} is "
            "not: use --epochs"
        )
    if options.epochs is not None:
        raise InputError("--last-stage says how many epochs there are: leave out --epochs")
    return epochs_through_stage(options.last_stage)


def _resuming(run: Run, options: argparse.Namespace) -> str:
    """Return the command that goes on with a run, to be pasted into a shell."""
    words = ["train", "--resume", "--out", str(run.folder)]
    if options.data_dir is not None:
        words += ["--data-dir", str(options.data_dir)]
    return f"{program()} {shlex.join(words)}"


def _describe(model: LatentModel) -> str:
    count = sum(parameter.value.size for parameter in model.parameters.values())
    return f"{model.latent_dim} latent{'s'[: model.latent_dim != 1]}, {count:,} parameters"


def _epochs(count: int) -> str:
    return f"{count} epoch{'s'[: count != 1]}"


def draw(options: argparse.Namespace) -> int:
    """Draw one picture of a run, and print where it is."""
    if options.kind not in PICTURES:
        raise InputError(
            f"there is no picture {options.kind!r}; the pictures are {', '.join(PICTURES)}"
        )
    if options.out is not None and options.out.suffix.lower() != ".png":
        raise InputError(
            f"pictures are PNG files: --out must end in .png, not {options.out.name!r}"
        )
    run = Run.open(options.folder)
    data = run.load_data(options.data_dir) if options.kind in PICTURES_OF_DATA else None
    print(run.draw(options.kind, data, path=options.out, seed=options.seed))
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Print the mean loss of a run's test images, its parts, and the bound on log p(x)."""
    run = Run.open(options.folder)
    data = run.load_data(options.data_dir)
    figures = run.evaluate(data, importance_samples=options.importance_samples, progress=True)
    if options.json:
        # JSON has no infinity, as the standard error of a single draw is.
        known = {name: v if math.isfinite(v) else None for name, v in figures.items()}
        print(json.dumps({"recipe": run.config["recipe"], "data": data.name} | known))
        return 0
    given, told = (" | class", ", class") if run.model.classes else ("", "")
    meanings = {
        "loss": "what training minimised",
        "reconstruction": f"-log p(x | z{told}), without the constants that training leaves out",
        "kl": run.model.kl_meaning,
        "elbo": f"lower bound on log p(x{given}), every constant included",
        "nll": "-log p(x), estimated with importance weights",
        "nll_standard_error": "of that, over draws of z",
        "importance_samples": "how many z per image it took",
    }
    print(f"{run.config['recipe']} on the test images of {data.name}, in nats per image")
    width = max(15, *(len(name) + 1 for name in figures))
    for name, value in figures.items():
        shown = f"{value:12d}" if isinstance(value, int) else f"{value:12.3f}"
        print(f"  {name:{width}}{shown}   {meanings[name]}")
    return 0


def gradcheck(options: argparse.Namespace) -> int:
    """Print the report of every gradient that was asked for; the exit code says if one is wrong."""
    from scratchvae.checks.suite import all_checks

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


def reproduce(options: argparse.Namespace) -> int:
    """Train what a source's figures need, and write them beside ours."""
    from scratchvae.reproduce import reproduce

    try:
        written = reproduce(
            options.source,
            options.out,
            epochs=options.epochs,
            quick=options.quick,
            data_dir=options.data_dir,
            report=lambda line: print(line, flush=True),
        )
    except KeyboardInterrupt:
        words = ["reproduce", options.source, "--out", str(options.out)]
        words += [] if options.epochs is None else ["--epochs", str(options.epochs)]
        words += ["--quick"] if options.quick else []
        words += [] if options.data_dir is None else ["--data-dir", str(options.data_dir)]
        raise KeyboardInterrupt(
            f"stopped, and kept what was done; go on with:\n  {program()} {shlex.join(words)}"
        ) from None
    for path in written:
        print(path)
    return 0


def bench(options: argparse.Namespace) -> int:
    """Measure kernels and training steps, and print the tables."""
    from scratchvae.benchmarks import format_bench, run_bench

    result = run_bench(
        threads=options.threads,
        against=options.against,
        json_path=options.json,
        quick=options.quick,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(format_bench(result))
    return 0
