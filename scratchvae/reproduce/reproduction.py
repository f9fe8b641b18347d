"""Training everything that a reproduction needs: one progress bar, and a folder for each run."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.progress import progress_bar
from scratchvae.reproduce.experiments import Experiment, Results
from scratchvae.runs.run import Run

QUICK_TRAINING, QUICK_TEST, QUICK_EPOCHS = 6000, 1000, 2

# Seconds that an epoch of 60,000 images took on two cores of a laptop, for the progress bar.
_COSTS = {"zhao-cnn": 20.0, "fleuret-conv": 60.0, "fleuret-autoencoder": 60.0}
_USUAL_COST = 3.0


def train_experiments(
    experiments: Iterable[Experiment],
    folder: Path,
    *,
    epochs: int | None = None,
    quick: bool = False,
    data_dir: str | None = None,
    report: Callable[[str], None] = print,
    progress: bool = True,
) -> Results:
    """Train what is not trained yet, each experiment in a folder of its name, and return all runs.

    The parameters are those of ``reproduce``.

    Raises
    ------
    Interrupted, KeyboardInterrupt
        On Ctrl-C. What was done is saved: the same call continues there.
    InputError
        If the folder of an experiment has another run in it, one of other images, or one whose
        record is lost.
    """
    wanted = {experiment.name: experiment for experiment in experiments}
    data = {}
    for name, seed in dict.fromkeys(experiment.data_key for experiment in wanted.values()):
        loaded = load(name, data_dir=data_dir, seed=seed, progress=progress)
        data[name, seed] = loaded.first(QUICK_TRAINING, QUICK_TEST) if quick else loaded
    epochs = QUICK_EPOCHS if quick and epochs is None else epochs
    runs = {name: experiment.run(folder, epochs) for name, experiment in wanted.items()}
    for name, run in runs.items():
        run.check_data(data[wanted[name].data_key])
        check_record(run)
    costs = {name: _COSTS.get(one.recipe, _USUAL_COST) for name, one in wanted.items()}
    with progress_bar(
        progress,
        total=sum(costs[name] * run.trainer.settings.epochs for name, run in runs.items()),
        initial=sum(costs[name] * run.trainer.epoch for name, run in runs.items()),
        bar_format="{desc} {postfix} |{bar}| {percentage:.0f}%  {remaining} left",
    ) as bar:
        for place, (name, experiment) in enumerate(wanted.items(), start=1):
            heading = f"{place}/{len(runs)} {name}"
            if runs[name].complete:
                report(f"{heading}: trained before")
                continue
            bar.set_description_str(heading)
            _train(runs[name], data[experiment.data_key], bar, costs[name])
            bar.clear()
            last, seconds = runs[name].history[-1], sum(row.seconds for row in runs[name].history)
            after = f"after {last.epoch} epochs, {seconds:.0f} s"
            report(f"{heading}: loss {last.train.loss:.2f} {after}")
            # Opened again, it is without the memory of its training steps.
            runs[name] = Run.open(runs[name].folder)
    return Results(runs, data)


def _train(run: Run, data: Dataset, bar: Any, cost: float) -> None:
    share = cost / len(data.train_images)
    run.train(
        data,
        report=lambda line: bar.set_postfix_str(" ".join(line.split()[:4]), refresh=False),
        progress=False,
        on_batch=lambda images: bar.update(images * share),
    )


def check_record(run: Run) -> None:
    """Raise ``InputError`` if epochs are missing from a run's metrics.csv.

    The reports are made of the record. Without it there would be a run and no figures.
    """
    done = run.trainer.epoch
    if len(run.history) < done:
        raise InputError(
            f"the run in {str(run.folder)!r} has trained {done} epochs, but its metrics.csv has "
            f"only {len(run.history)} of them: put that file back, or remove that folder to train "
            "the run again"
        )
