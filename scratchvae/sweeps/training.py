"""One training of several: what it is, the images it is of, and what is measured in the end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.runs.run import Run
from scratchvae.sweeps.places import Place

_A_SECOND = 1.0

Progress = Callable[[str, float], None]
"""Called with the name of a training and how many epochs of it are done."""


@dataclass(frozen=True)
class Training:
    """A run to train, in a folder of its ``name``.

    The other attributes are those of ``Run.begin``; ``settings`` and ``options`` are what differs
    from the recipe's.
    """

    name: str
    recipe: str
    latent_dim: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "mnist"
    seed: int = 0

    def run(self, folder: Path, data: Dataset | None = None) -> Run:
        """Return its run in the folder of its name in ``folder``, begun if there is none."""
        return Run.begin_or_resume(
            self.recipe,
            folder / self.name,
            data=self.data if data is None else data,
            latent_dim=self.latent_dim,
            seed=self.seed,
            options=self.options,
            settings=self.settings,
        )


@dataclass(frozen=True)
class DataSource:
    """Where the images of a training come from.

    Attributes
    ----------
    name, data_dir, seed
        As of ``scratchvae.data.load``.
    train, test
        How many of its first images are used; ``None``: all.
    reading
        How images of the user's own are read: the other options of ``load``, in pairs.
    """

    name: str
    data_dir: str | None = None
    seed: int = 0
    train: int | None = None
    test: int | None = None
    reading: tuple[tuple[str, Any], ...] = ()

    def load(self, progress: bool = False) -> Dataset:
        """Return the images; ``progress`` is whether to show a bar while they are downloaded."""
        data = load(
            self.name,
            data_dir=self.data_dir,
            seed=self.seed,
            progress=progress,
            **dict(self.reading),
        )
        return data.first(self.train, self.test)


def train_at(
    place: Place, training: Training, data: Dataset, on_progress: Progress
) -> dict[str, Any]:
    """Train a run to its end, from where it was left, and return what came of it.

    ``on_progress`` is called about once a second, and after each epoch, when what was done is kept
    at the place.

    Returns
    -------
    In nats per image: the terms of the last epoch's training loss (``train_loss``,
    ``train_reconstruction``, ``train_kl``), and the test images' (``test_loss``, …), with their
    mean bound ``elbo`` for a model that has one. Also ``epochs`` and ``seconds``.

    Raises
    ------
    FolderTakenError
        If another process trains the run.
    InputError
        If the run is of other choices, or its training fails.
    """
    with place.working_folder(training.name) as folder:
        run = training.run(folder, data)
        try:
            if not run.complete:
                _train(run, data, training.name, on_progress, place)
            return _measured(run, data)
        finally:
            place.put(training.name, run.folder)


def _train(run: Run, data: Dataset, name: str, on_progress: Progress, place: Place) -> None:
    images, seen, told = len(data.train_images), 0, time.monotonic()

    def on_batch(count: int) -> None:
        nonlocal seen, told
        seen += count
        if time.monotonic() - told > _A_SECOND:
            told = time.monotonic()
            on_progress(name, run.trainer.epoch + seen / images)

    def on_epoch(line: str) -> None:
        nonlocal seen
        seen = 0
        place.put(name, run.folder)
        on_progress(name, run.trainer.epoch)

    run.train(data, report=on_epoch, progress=False, on_batch=on_batch)


def _measured(run: Run, data: Dataset) -> dict[str, Any]:
    last = run.history[-1]
    losses = {f"train_{term}": value for term, value in asdict(last.train).items()}
    for name, value in run.evaluate(data).items():
        losses[name if name == "elbo" else f"test_{name}"] = value
    # As metrics.csv has them: a run that was opened again gives the same.
    losses = {name: round(value, 4) for name, value in losses.items()}
    return {
        "epochs": last.epoch,
        **losses,
        "seconds": round(sum(row.seconds for row in run.history), 2),
    }
