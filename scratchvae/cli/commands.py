"""What the commands do: ``train``, ``sweep``, ``draw``, ``evaluate``, ``reproduce``, ….

Each takes the options that ``parser`` has read and returns an exit code.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from scratchvae import kernels
from scratchvae.cli.choices import requested
from scratchvae.cli.logs import logging
from scratchvae.cli.outline import program
from scratchvae.cli.own_data import check_resumed, own_data, reading_of
from scratchvae.cli.text import as_typed, say
from scratchvae.cli.values import read_values
from scratchvae.cli.wording import all_choices, describe, progress, stopping_place
from scratchvae.data import Dataset
from scratchvae.errors import InputError
from scratchvae.models import RECIPES, find_recipe
from scratchvae.plots.figures import check_matplotlib
from scratchvae.runs import PICTURES_OF_DATA, Run
from scratchvae.runs.kept_run import BEST
from scratchvae.training import Interrupted, epochs_through_stage
from scratchvae.training.early_stopping import best_epoch
from scratchvae.training.interruption import Stopped


def _manner(options: argparse.Namespace) -> Callable[[object], None]:
    """Return what says how things go: ``say``, or with ``--quiet`` nothing."""
    if options.quiet and options.verbose:
        raise InputError("--quiet and --verbose exclude each other: leave one out")
    if options.verbose:
        from scratchvae.benchmarks.machine import describe_machine, versions

        machine = describe_machine()
        known = versions(("numpy", "numba"))
        say(", ".join(f"{name} {number}" for name, number in known.items()))
        threads = f"{kernels.get_threads()} of {machine['cores']} threads"
        say(f"{kernels.BACKEND} kernels, {threads}, {machine['cpu']}")
    return (lambda line: None) if options.quiet else say


def train(options: argparse.Namespace) -> int:
    """Train a new run or continue one, and draw its pictures."""
    say = _manner(options)
    run, own = _requested_run(options)
    check_matplotlib()
    data = run.load_data(None if own else options.data_dir)
    if not data.announced:  # else standard error has said it
        say(data.origin)
    with run.held():
        say(f"{describe(run)}, in {run.folder}: {progress(run, options.resume)}")
        if options.verbose:
            for name, value in all_choices(run).items():
                say(f"  {name} {value}")
        say("all losses in nats per image")
        try:
            with logging(options.log, run) as log:

                def report(line: str) -> None:
                    say(line)
                    log([])

                run.train(data, report=report, progress=not options.quiet)
                if run.stopped_early and (best := best_epoch(run.history)):
                    say(f"stopped early: the best was epoch {best.epoch}, in {run.folder / BEST}")
                pictures = run.draw_all(data)
                for path in pictures:
                    say(f"wrote {path}")
                if pictures:
                    log(pictures)
        except KeyboardInterrupt as interrupt:
            if not run.exists:
                raise  # there is nothing to go on with
            where = stopping_place(run, saved=isinstance(interrupt, Interrupted))
            words = ["train", "--resume", "--out", str(run.folder)]
            raise _stopped(where, words, options, interrupt) from None
    return 0


def _requested_run(options: argparse.Namespace) -> tuple[Run, Dataset | None]:
    """Return the run, and its data if they had to be read to know what it is."""
    if options.last_stage is not None:
        if options.epochs is not None:
            raise InputError("--last-stage sets the number of epochs: leave out --epochs")
        options.epochs = epochs_through_stage(options.last_stage)
    if options.resume and options.out is None:
        raise InputError("--resume needs --out DIR, the folder of the run to continue")
    if options.resume:
        check_resumed(options)
    chosen, own = requested(options), None
    if not options.resume:
        _check_recipe(chosen["recipe"])  # before anything is read
        own = own_data(chosen["data"], options, chosen["seed"] or 0)
        chosen["data"] = own or chosen["data"]
        run = Run.begin(chosen.pop("recipe"), options.out, **chosen)
    else:
        run = Run.resume(options.out, **chosen)
    if options.last_stage is not None and run.trainer.settings.schedule != "stages":
        raise InputError(
            "--last-stage is for recipes that are trained in stages, as iwae is, and "
            f"{run.config['recipe']} is not: use --epochs"
        )
    return run, own


def _check_recipe(name: str) -> None:
    """Raise ``InputError`` unless there is such a recipe; data were perhaps named in its place."""
    if name not in RECIPES and Path(name).exists():
        raise InputError(f"there is no recipe {name!r}", f"name data by --data {as_typed([name])}")
    find_recipe(name)


def _stopped(
    where: str, words: list[str], options: argparse.Namespace, interrupt: KeyboardInterrupt
) -> Stopped:
    """Return what to say when stopped, with the command to paste into a shell."""
    words += [] if options.data_dir is None else ["--data-dir", str(options.data_dir)]
    text = f"{where}; continue with:\n  {program()} {as_typed(words)}"
    return Stopped(text, getattr(interrupt, "signum", signal.SIGINT))


def sweep(options: argparse.Namespace) -> int:
    """Train a recipe with every combination of choices; the exit code says if one has failed."""
    from scratchvae.sweeps import sweep

    say = _manner(options)
    if options.threads is not None and options.workers != 1:
        raise InputError("the workers of a sweep share the cores: leave out --threads")
    usual = ("latent_dim", "beta", "epochs", "batch_size", "learning_rate")
    choices = {name: getattr(options, name) for name in usual if getattr(options, name) is not None}
    choices |= {name: read_values(text) for name, text in options.set}
    words = ["sweep", options.recipe]
    for name, values in choices.items():
        words += ["--set", f"{name}={','.join(map(str, values))}"]
    words += [] if options.seeds == 1 else ["--seeds", str(options.seeds)]
    words += [] if options.data is None else ["--data", options.data]
    for name, value in reading_of(options).items():
        option = "test-share" if name == "test" else name
        words += [f"--{option}", str(value)]
    words += ["--out", str(options.out)]
    try:
        rows = sweep(
            options.recipe,
            options.out,
            choices,
            seeds=options.seeds,
            data="auto" if options.data is None else options.data,
            data_dir=options.data_dir,
            reading=reading_of(options),
            workers=options.workers,
            scheduler=options.scheduler,
            report=say,
            progress=not options.quiet,
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


def reproduce(options: argparse.Namespace) -> int:
    """Train what a source's figures need, and write them beside ours."""
    from scratchvae.reproduce import reproduce

    say = _manner(options)
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
            progress=not options.quiet,
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


def completion(options: argparse.Namespace) -> int:
    """Print the script by which a shell completes what is typed."""
    from scratchvae.cli.completion import completion_script

    print(completion_script(options.make_parser("scratchvae"), options.shell))
    return 0
