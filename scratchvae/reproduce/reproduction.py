"""Training everything that a reproduction needs: one progress bar, and a folder for each run."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.reproduce.experiments import Experiment, Results
from scratchvae.runs.run import Run

QUICK_TRAINING, QUICK_TEST, QUICK_EPOCHS = 6000, 1000, 2


class Reproduction:
    """Trains experiments into one folder.

    Parameters
    ----------
    folder
        Where the runs are: each experiment's in a folder of its name.
    epochs
        How many epochs for each; ``None``: as its source says.
    quick
        Whether to use a tenth of the images and two epochs: to see it work.
    data_dir
        Where the data sets are.
    report
        Called with a line for each run that is done.
    progress
        Whether to show a progress bar (only where there is a terminal to show it on).
    """

    def __init__(
        self,
        folder: Path,
        *,
        epochs: int | None,
        quick: bool,
        data_dir: str | None,
        report: Callable[[str], None],
        progress: bool,
    ) -> None:
        self.folder = folder
        self.epochs = epochs if epochs is not None or not quick else QUICK_EPOCHS
        self.quick = quick
        self.data_dir = data_dir
        self.report = report
        self.progress = progress
        self._data: dict[tuple[str, int], Dataset] = {}

    def train(self, experiments: Iterable[Experiment]) -> Results:
        """Train what is not trained yet, and return all runs.

        Raises
        ------
        Interrupted, KeyboardInterrupt
            On Ctrl-C. What was done is saved: the same call continues there.
        InputError
            If the folder of an experiment has another run in it, or one whose record is lost.
        """
        wanted = {experiment.name: experiment for experiment in experiments}
        for name, seed in dict.fromkeys(experiment.data_key for experiment in wanted.values()):
            self._data[name, seed] = self._load(name, seed)
        runs = {name: one.run(self.folder, self.epochs) for name, one in wanted.items()}
        for run in runs.values():
            check_record(run)
        with self._display(runs, wanted) as display:
            for place, (name, experiment) in enumerate(wanted.items(), start=1):
                runs[name] = self._trained(runs[name], experiment, display, f"{place}/{len(runs)}")
        return Results(runs, self._data)

    def _trained(self, run: Run, experiment: Experiment, display: Any, place: str) -> Run:
        """Return a run after training it to its end."""
        if run.complete:
            self.report(f"{place} {experiment.name}: trained before")
            return run
        data = self._data[experiment.data_key]
        display.set_description_str(f"{place} {experiment.name}")
        share = experiment.cost / len(data.train_images)
        run.train(
            data,
            report=lambda line: display.set_postfix_str(" ".join(line.split()[:4]), refresh=False),
            progress=False,
            on_batch=lambda images: display.update(images * share),
        )
        last, seconds = run.history[-1], sum(metrics.seconds for metrics in run.history)
        display.clear()
        self.report(
            f"{place} {experiment.name}: loss {last.train.loss:.2f} after {last.epoch} epochs, "
            f"{seconds:.0f} s"
        )
        return Run.open(run.folder)  # without the memory of its training steps

    def _load(self, name: str, seed: int) -> Dataset:
        data = load(name, data_dir=self.data_dir, seed=seed, progress=self.progress)
        return data.first(QUICK_TRAINING, QUICK_TEST) if self.quick else data

    @contextmanager
    def _display(self, runs: Mapping[str, Run], wanted: Mapping[str, Experiment]) -> Any:
        from tqdm import tqdm

        costs = {name: experiment.cost for name, experiment in wanted.items()}
        with tqdm(
            total=sum(costs[name] * run.trainer.settings.epochs for name, run in runs.items()),
            initial=sum(costs[name] * run.trainer.epoch for name, run in runs.items()),
            disable=not (self.progress and sys.stderr.isatty()),
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc} {postfix} |{bar}| {percentage:.0f}%  {remaining} left",
        ) as bar:
            yield bar


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
