"""What the commands do: ``train``, ``sweep``, ``draw``, ``evaluate``, ``gradcheck``, ….

Each takes the options that ``parser`` has read and returns an exit code.
"""

import argparse
import dataclasses
import json
import math
import signal
import sys
from pathlib import Path
from typing import Any

from scratchvae.cli.own_data import check_resumed, describe, own_data
from scratchvae.cli.text import as_typed, printable
from scratchvae.data import load
from scratchvae.errors import InputError, unknown_name
from scratchvae.models import find_recipe
from scratchvae.plots.captions import kl_meaning
from scratchvae.plots.figures import check_matplotlib
from scratchvae.runs import PICTURES_OF_DATA, Run
from scratchvae.training import Interrupted, Settings, epochs_through_stage
from scratchvae.training.interruption import Stopped

DEFAULT_RECIPE = "zhao-mlp"


def program() -> str:
    """Return how the program was called, for messages that are to be pasted."""
    as_module = Path(sys.argv[0]).parts[-2:] == ("scratchvae", "__main__.py")
    return "python -m scratchvae" if as_module else "scratchvae"


def say(line: object) -> None:
    """Print a line that may hold the names of files, which may hold anything."""
    print(printable(str(line)), flush=True)


def train(options: argparse.Namespace) -> int:
    """Train a new run or continue one, and draw its pictures."""
    own = None
    if options.resume:
        check_resumed(options)
    else:
        find_recipe(options.recipe or DEFAULT_RECIPE)  # before anything is read
        own = own_data(options, 0 if options.seed is None else options.seed)
        options.data = own or options.data
    run = _requested_run(options)
    check_matplotlib()
    data = run.load_data(None if own else options.data_dir)
    say(data.origin)
    with run.held():
        say(f"{_describe(run)}, in {run.folder}: {_progress(run, options.resume)}")
        say("all losses in nats per image")
        try:
            run.train(data, report=say)
            for path in run.draw_all(data):
                say(f"wrote {path}")
        except KeyboardInterrupt as interrupt:
            if not run.exists:
                raise  # there is nothing to go on with
            where = _stopping_place(run, saved=isinstance(interrupt, Interrupted))
            words = ["train", "--resume", "--out", str(run.folder)]
            raise _stopped(where, words, options, interrupt) from None
    return 0


def data(options: argparse.Namespace) -> int:
    """Say what is in a data set, and how its pixels become numbers."""
    for line in describe(own_data(options, 0) or load(options.data, data_dir=options.data_dir)):
        say(line)
    return 0


def _requested_run(options: argparse.Namespace) -> Run:
    def given(*names: str) -> dict[str, Any]:
        return {name: getattr(options, name) for name in names}

    if options.last_stage is not None:
        if options.epochs is not None:
            raise InputError("--last-stage sets the number of epochs: leave out --epochs")
        options.epochs = epochs_through_stage(options.last_stage)
    requested = given("data", "latent_dim", "seed") | {
        "options": given("beta", "samples"),
        "settings": given(*(field.name for field in dataclasses.fields(Settings))),
    }
    if not options.resume:
        run = Run.begin(options.recipe or DEFAULT_RECIPE, options.out, **requested)
    elif options.out is None:
        raise InputError("--resume needs --out DIR, the folder of the run to continue")
    else:
        run = Run.resume(options.out, recipe=options.recipe, **requested)
    if options.last_stage is not None and run.trainer.settings.schedule != "stages":
        raise InputError(
            "--last-stage is for recipes that are trained in stages, as iwae is, and "
            f"{run.config['recipe']} is not: use --epochs"
        )
    return run


def _describe(run: Run) -> str:
    latents = _counted(run.model.latent_dim, "latent")
    count = sum(parameter.value.size for parameter in run.model.parameters.values())
    return f"{run.config['recipe']} with {latents}, {count:,} parameters"


def _progress(run: Run, resumed: bool) -> str:
    """Return how far a run is to go, and how far it has come."""
    epochs = _counted(run.trainer.settings.epochs, "epoch")
    if run.complete:
        return f"already complete ({epochs}); use a larger --epochs to continue"
    return f"continuing after {run.trainer.epoch} of {epochs}" if resumed else epochs


def _stopping_place(run: Run, saved: bool) -> str:
    """Say where Ctrl-C has stopped a run, and what of it is kept."""
    epochs = run.trainer.settings.epochs
    if run.complete:
        return f"stopped after all {_counted(epochs, 'epoch')}, before all pictures were drawn"
    if saved:
        return f"stopped in epoch {run.trainer.epoch + 1} of {epochs}, and saved"
    if run.checkpoint.exists():
        return "stopped at once, and kept what was saved before"
    return "stopped before anything was saved"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _stopped(
    where: str, words: list[str], options: argparse.Namespace, interrupt: KeyboardInterrupt
) -> Stopped:
    """Return what to say when stopped, with the command to paste into a shell."""
    words += [] if options.data_dir is None else ["--data-dir", str(options.data_dir)]
    text = f"{where}; continue with:\n  {program()} {as_typed(words)}"
    return Stopped(text, getattr(interrupt, "signum", signal.SIGINT))


def sweep(options: argparse.Namespace) -> int:
    """Train a recipe with every combination of choices; the exit code says if one has failed."""
    from scratchvae.cli.values import read_values
    from scratchvae.sweeps import sweep

    if options.threads is not None and options.workers != 1:
        raise InputError("the workers of a sweep share the cores: leave out --threads")
    usual = ("latent_dim", "beta", "epochs", "batch_size", "learning_rate")
    choices = {name: getattr(options, name) for name in usual if getattr(options, name) is not None}
    choices |= {name: read_values(text) for name, text in options.set}
    words = ["sweep", options.recipe]
    for name, values in choices.items():
        words += ["--set", f"{name}={','.join(map(str, values))}"]
    words += [] if options.seeds == 1 else ["--seeds", str(options.seeds)]
    words += ["--data", options.data, "--out", str(options.out)]
    try:
        rows = sweep(
            options.recipe,
            options.out,
            choices,
            seeds=options.seeds,
            data=options.data,
            data_dir=options.data_dir,
            workers=options.workers,
            scheduler=options.scheduler,
            report=say,
        )
    except KeyboardInterrupt as interrupt:
        raise _stopped("stopped, and kept what was done", words, options, interrupt) from None
    say(f"wrote results.csv and grid.png in {options.out}")
    failed = [row["folder"] for row in rows if "error" in row]
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def draw(options: argparse.Namespace) -> int:
    """Draw one picture of a run, and print where it is."""
    check_matplotlib()
    run = Run.open(options.folder)
    data = run.load_data(options.data_dir) if options.kind in PICTURES_OF_DATA else None
    say(run.draw(options.kind, data, path=options.out, seed=options.seed))
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Print the mean loss of a run's test images, its terms, and the bound on log p(x)."""
    run = Run.open(options.folder)
    data = run.load_data(options.data_dir)
    figures = run.evaluate(data, importance_samples=options.importance_samples, progress=True)
    if options.json:
        # JSON has no infinity, as the standard error of a single draw is.
        known = {name: v if math.isfinite(v) else None for name, v in figures.items()}
        print(json.dumps({"recipe": run.config["recipe"], "data": data.name} | known))
        return 0
    of_class, and_class = (" | class", ", class") if run.model.classes else ("", "")
    meanings = {
        "loss": "what training minimised",
        "reconstruction": f"-log p(x | z{and_class}), without the constants left out in training",
        "kl": kl_meaning(run.model),
        "elbo": f"lower bound on log p(x{of_class}), all constants included",
        "nll": "-log p(x), estimated with importance weights",
        "nll_standard_error": "its standard error, over draws of z",
        "importance_samples": "draws of z per image for that estimate",
    }
    print(f"{run.config['recipe']} on the test images of {data.name}, in nats per image")
    width = max(15, *(len(name) + 1 for name in figures))
    for name, value in figures.items():
        shown = f"{value:12d}" if isinstance(value, int) else f"{value:12.3f}"
        print(f"  {name:{width}}{shown}   {meanings[name]}")
    return 0


def gradcheck(options: argparse.Namespace) -> int:
    """Print the report of every requested check; the exit code says if one has failed."""
    from scratchvae.checks.suite import all_checks

    checks = list(all_checks())
    known = list(dict.fromkeys(name for name, _ in checks))
    for name in options.names:
        if name not in known:
            raise unknown_name("check", name, known)
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

    check_matplotlib()
    try:
        written = reproduce(
            options.source,
            options.out,
            epochs=options.epochs,
            quick=options.quick,
            data_dir=options.data_dir,
            workers=options.workers or 1,
            scheduler=options.scheduler,
            report=say,
        )
    except KeyboardInterrupt as interrupt:
        words = ["reproduce", options.source, "--out", str(options.out)]
        words += [] if options.epochs is None else ["--epochs", str(options.epochs)]
        words += ["--quick"] if options.quick else []
        raise _stopped("stopped, and kept what was done", words, options, interrupt) from None
    for path in written:
        say(path)
    return 0


def bench(options: argparse.Namespace) -> int:
    """Measure what was asked for, and print the tables."""
    from scratchvae.benchmarks import format_bench, run_bench
    from scratchvae.benchmarks.run import USUAL

    result = run_bench(
        options.measurements or USUAL,
        threads=options.threads,
        against=() if options.against is None else options.against.split(","),
        json_path=options.json,
        picture_path=options.picture,
        quick=options.quick,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(format_bench(result))
    return 0
