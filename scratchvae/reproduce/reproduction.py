"""Training everything that a reproduction needs: one progress bar, and a folder for each run."""

from collections.abc import Callable, Iterable
from pathlib import Path

from scratchvae.errors import InputError
from scratchvae.progress import progress_bar
from scratchvae.reproduce.experiments import Experiment, Results
from scratchvae.runs.run import Run
from scratchvae.sweeps.places import place_at
from scratchvae.sweeps.running import training_on
from scratchvae.sweeps.training import DataSource

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
    workers: int | None = 1,
    scheduler: str | None = None,
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
    images, tests = (QUICK_TRAINING, QUICK_TEST) if quick else (None, None)
    sources = {
        (name, seed): DataSource(name, data_dir, seed, images, tests)
        for name, seed in dict.fromkeys(experiment.data_key for experiment in wanted.values())
    }
    data = {key: source.load(progress) for key, source in sources.items()}
    epochs = QUICK_EPOCHS if quick and epochs is None else epochs
    trainings = {name: experiment.training(epochs) for name, experiment in wanted.items()}
    runs = {name: training.run(folder) for name, training in trainings.items()}
    for name, run in runs.items():
        run.check_data(data[wanted[name].data_key])
        check_record(run)
    costs = {name: _COSTS.get(one.recipe, _USUAL_COST) for name, one in wanted.items()}
    done = {name: float(run.trainer.epoch) for name, run in runs.items()}
    jobs = {}
    for name, run in runs.items():
        if run.complete:
            report(f"{name}: trained before")
        else:
            jobs[name] = trainings[name], sources[wanted[name].data_key]
    place = place_at(folder)
    loaded = {source: data[key] for key, source in sources.items()}
    with (
        training_on(place, len(jobs), workers=workers, scheduler=scheduler, loaded=loaded) as train,
        progress_bar(
            progress,
            total=sum(costs[name] * run.trainer.settings.epochs for name, run in runs.items()),
            initial=sum(costs[name] * done[name] for name in runs),
            bar_format="{desc} |{bar}| {percentage:.0f}%  {remaining} left",
        ) as bar,
    ):

        def on_progress(name: str, epochs: float) -> None:
            bar.set_description_str(name, refresh=False)
            bar.update(max(0.0, costs[name] * (epochs - done[name])))
            done[name] = max(epochs, done[name])

        for number, (name, found) in enumerate(train(jobs, place, on_progress), 1):
            if isinstance(found, InputError):
                raise found
            bar.clear()
            after = f"after {found['epochs']} epochs, {found['seconds']:.0f} s"
            report(f"{number}/{len(jobs)} {name}: loss {found['train_loss']:.2f} {after}")
            # Opened again, it has what was trained, wherever that was.
            runs[name] = Run.open(runs[name].folder)
    return Results(runs, data)


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
