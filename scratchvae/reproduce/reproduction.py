"""Training all that a reproduction needs: one progress display, and a folder for each run."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.memory import Arena
from scratchvae.reproduce.experiments import Experiment, Results
from scratchvae.runs import Run

QUICK_TRAINING, QUICK_TEST, QUICK_EPOCHS = 6000, 1000, 2


class Reproduction:
    """What is to be trained, where to, and how long.

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
            On Ctrl-C. What was done is saved: the same call goes on there.
        InputError
            If a folder holds another run than the one that is to go there.
        """
        wanted = {experiment.name: experiment for experiment in experiments}
        for name, seed in dict.fromkeys(experiment.data_key for experiment in wanted.values()):
            self._data[name, seed] = self._load(name, seed)
        runs = {name: self._run(experiment) for name, experiment in wanted.items()}
        with self._display(runs, wanted) as display:
            for place, (name, run) in enumerate(runs.items(), start=1):
                self._train_one(run, wanted[name], display, f"{place}/{len(runs)}")
        return Results(runs, self._data)

    def _run(self, experiment: Experiment) -> Run:
        """Return the experiment's run, from its folder if it is there."""
        folder = self.folder / experiment.name
        model = experiment.build()
        settings = experiment.settings_for(model, self.epochs)
        if not (folder / "config.json").exists():
            return Run.create(folder, model, experiment.data, settings, experiment.seed)
        run = Run.open(folder, need_checkpoint=False)
        wanted: dict[str, Any] = {"recipe": experiment.recipe, "data": experiment.data}
        wanted |= {"latent_dim": model.latent_dim, "seed": experiment.seed}
        for name, value in (wanted | dict(experiment.options)).items():
            found = (run.config | run.config["options"]).get(name)
            if found != value:
                raise InputError(
                    f"the run in {str(folder)!r} has {name} {found!r}, not {value!r}: it is of "
                    "something else; give another --out"
                )
        begun = run.trainer.epoch + bool(run.trainer.batch)
        if settings.epochs >= begun:
            run.extend(settings.epochs)
        return run

    def _train_one(self, run: Run, experiment: Experiment, display: Any, place: str) -> None:
        if run.trainer.epoch >= run.trainer.settings.epochs or not self._left(run):
            self.report(f"{place} {experiment.name}: trained before")
            return
        data = self._data[experiment.data_key]
        display.set_description_str(f"{place} {experiment.name}")
        share = experiment.cost / len(data.train_images)
        run.train(
            data,
            report=lambda line: display.set_postfix_str(" ".join(line.split()[:4]), refresh=False),
            progress=False,
            on_batch=lambda images: display.update(images * share),
        )
        run.trainer.arena = Arena()  # the memory of its steps, which nobody needs any more
        last, seconds = run.history[-1], sum(metrics.seconds for metrics in run.history)
        display.clear()
        self.report(
            f"{place} {experiment.name}: loss {last.train.loss:.2f} after {last.epoch} epochs, "
            f"{seconds:.0f} s"
        )

    def _left(self, run: Run) -> int:
        """Return how many epochs a run has still to do."""
        return int(max(run.trainer.settings.epochs - run.trainer.epoch, 0))

    def _load(self, name: str, seed: int) -> Dataset:
        data = load(name, data_dir=self.data_dir, seed=seed, progress=self.progress)
        return data.first(QUICK_TRAINING, QUICK_TEST) if self.quick else data

    @contextmanager
    def _display(self, runs: Mapping[str, Run], wanted: Mapping[str, Experiment]) -> Any:
        from tqdm import tqdm

        costs = {name: wanted[name].cost for name in runs}
        total = sum(costs[name] * run.trainer.settings.epochs for name, run in runs.items())
        left = sum(costs[name] * self._left(run) for name, run in runs.items())
        with tqdm(
            total=total,
            initial=total - left,
            disable=not (self.progress and sys.stderr.isatty()),
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc} {postfix} |{bar}| {percentage:.0f}%  {remaining} left",
        ) as bar:
            yield bar
