"""Training all that a reproduction needs: one progress display, and a folder for each run."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.engine import Engine
from scratchvae.errors import InputError
from scratchvae.reproduce.experiments import Experiment, Results
from scratchvae.runs.run import Run
from scratchvae.training import Settings

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
            If a folder holds another run than the one that is to go there, or one whose record is
            lost.
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
        wanted = model.config | {"data": experiment.data}
        holds = run.model.config | {"data": run.config["data"]}
        for name, value in wanted.items():
            if holds.get(name) != value:
                raise InputError(
                    f"the run in {str(folder)!r} has {name} {holds.get(name)!r}, not {value!r}: it "
                    "is of something else; give another --out"
                )
        if not run.checkpoint.exists():
            # Nothing is trained yet, so it may as well be trained as it is asked for now.
            return Run(folder, run.config | {"settings": asdict(settings)}, run.model)
        check_can_become(run, settings)
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
        run.trainer.engine = Engine(
            keeps=True
        )  # the memory of its steps, which nobody needs any more
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


def check_can_become(run: Run, settings: Settings) -> None:
    """Raise ``InputError`` unless training ``run`` to its end makes it one of these settings.

    It does if nothing differs but the number of epochs, more of which are simply added. That does
    not hold of what is stretched over all epochs, as a cosine schedule is, and as
    ``Experiment.settings_for`` does with a warm-up.
    """
    where = f"the run in {str(run.folder)!r}"
    remedy = "give another --out, or remove that folder for the run to be trained anew"
    held, done = run.trainer.settings, run.trainer.epoch
    for name, value in asdict(settings).items():
        found = asdict(held)[name]
        if name != "epochs" and found != value:
            raise InputError(f"{where} has {name} {found!r}, and {value!r} is asked for: {remedy}")
    if done + bool(run.trainer.batch) > settings.epochs:
        begun = " and begun another" if run.trainer.batch else ""
        raise InputError(
            f"{where} has done {done} epochs{begun}, and {settings.epochs} are asked for: {remedy}"
        )
    if settings.schedule == "cosine" and held.epochs != settings.epochs:
        raise InputError(
            f"{where} has a cosine schedule that ends with epoch {held.epochs}, and one that ends "
            f"with epoch {settings.epochs} is asked for: {remedy}"
        )
    if len(run.history) < done:
        # The reports are made of the record. Without it there would be a run and no figures.
        raise InputError(
            f"{where} has done {done} epochs, and its metrics.csv has whole rows of "
            f"{len(run.history)}: put that file back, or remove that folder for the run to be "
            "trained anew"
        )
