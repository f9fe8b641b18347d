"""A sweep: one recipe trained with every combination of some choices, and a table of all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from scratchvae.data import DATASET_NAMES, Dataset, load
from scratchvae.errors import InputError, shown
from scratchvae.files import AnyPath, as_path
from scratchvae.plots.figures import check_matplotlib, png_bytes
from scratchvae.progress import progress_bar
from scratchvae.sweeps.cluster import Job
from scratchvae.sweeps.grid import make_grid, read_seeds
from scratchvae.sweeps.picture import draw_grid
from scratchvae.sweeps.places import Place, place_at
from scratchvae.sweeps.results import check_results, write_results
from scratchvae.sweeps.running import training_on
from scratchvae.sweeps.training import DataSource

PICTURE = "grid.png"


def sweep(
    recipe: str,
    out: AnyPath,
    choices: Mapping[str, Any],
    *,
    seeds: int | Sequence[int] = 1,
    data: AnyPath = "auto",
    data_dir: AnyPath | None = None,
    reading: Mapping[str, Any] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    report: Callable[[str], None] = print,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Train a recipe with every combination of ``choices``, each with every seed.

    Every training is a run of its own in a folder of ``out``, with the bytes that it would have if
    it were trained alone. ``out`` also has ``results.csv`` (and ``results.parquet``, where the
    package ``pyarrow`` is installed), a row for each run that is done so far, and ``grid.png``.
    What was stopped goes on when the same call is made again.

    The trainings are tasks of Dask, unless ``workers`` is 1. Dask starts new processes, so that a
    program calls this under ``if __name__ == "__main__":``.

    Parameters
    ----------
    recipe
        What is trained.
    out
        A folder; or an address that ``fsspec`` knows, such as ``s3://bucket/sweep``.
    choices
        ``latent_dim``, options of the recipe and settings by name: a value or a list of values, as
        in ``{"latent_dim": [1, 2, 5], "beta": [1, 4], "epochs": 3}``.
    seeds
        How many seeds from 0 on, or a list of them.
    data, data_dir
        As of ``scratchvae.data.load``: a name or a path, which all workers see.
    reading
        How images of your own are read: other options of ``load``, by name.
    workers
        How many trainings run at once on this machine; ``None``: as many as it has cores. The
        cores are shared among them.
    scheduler
        The address of a Dask scheduler, whose workers train instead.
    report
        Called with a line for each run that is done.
    progress
        Whether to show a progress bar.

    Returns
    -------
    A row for each training: the values of what varies, ``seed``, ``folder``, the training and test
    losses and their terms in nats per image, ``elbo``, ``seconds``; or ``error``, one line that
    says why it failed.

    Raises
    ------
    InputError
        Before anything is trained: if a choice makes no sense, the place cannot be written to, it
        has runs of other choices, or the cluster does not answer.
    KeyboardInterrupt
        On Ctrl-C; what was saved is kept.
    """
    check_matplotlib()
    if not isinstance(data, str | PathLike):
        raise InputError(
            f"data must be the name of a data set or a path that workers can read, not "
            f"{shown(data)}",
            "write an array to a file with numpy.save, and give its path",
        )
    data = str(data)
    place = place_at(out)
    known = DataSource(data, None if data_dir is None else str(data_dir))
    loaded = None
    if data == "auto":
        known = replace(known, name=load("auto", data_dir=data_dir).name)
    elif data not in DATASET_NAMES or reading:
        path = data if data in DATASET_NAMES else str(as_path(data).absolute())
        known = replace(known, name=path, reading=tuple((reading or {}).items()))
        loaded = known.load(progress)
    jobs: dict[str, Job] = {}
    rows: dict[str, dict[str, Any]] = {}
    varied: list[str] = []
    for training, values in make_grid(recipe, choices, read_seeds(seeds), known.name):
        varied = [name for name in values if name != "seed"]
        seed = training.seed if known.name == "synthetic" else 0
        jobs[training.name] = training, replace(known, seed=seed)
        rows[training.name] = values | {"folder": training.name}
    place.check()
    check_results(place)
    epochs = _Epochs(jobs, place, loaded)
    done: list[str] = []
    with (
        training_on(
            *(place, len(jobs)),
            workers=workers,
            scheduler=scheduler,
            loaded={} if loaded is None else {known: loaded},
        ) as train,
        epochs.bar(progress) as bar,
    ):
        for name, found in train(jobs, place, epochs.reached):
            done.append(name)
            if isinstance(found, InputError):
                outcome = str(found)
                rows[name]["error"] = outcome
            else:
                outcome = f"test loss {found['test_loss']:.2f}"
                rows[name] |= found
                epochs.reached(name, found["epochs"])
            write_results(place, [row for name, row in rows.items() if name in done])
            bar.clear()
            report(f"{len(done)}/{len(jobs)} {name}: {outcome}")
    place.write(PICTURE, png_bytes(draw_grid(list(rows.values()), varied)))
    return list(rows.values())


class _Epochs:
    """How many epochs of each training are done, and a bar of all.

    It is an ``InputError`` if there is a run of other choices in the folder of a training.
    """

    def __init__(self, jobs: Mapping[str, Job], place: Place, data: Dataset | None) -> None:
        self._done: dict[str, float] = {}
        self._total = 0
        self._bar: Any = None
        for name, (training, _) in jobs.items():
            with place.working_folder(name) as folder:
                trainer = training.run(folder, data).trainer
            self._total += trainer.settings.epochs
            self._done[name] = trainer.epoch

    def bar(self, wanted: bool) -> Any:
        """Return the bar, which is shown where there is somebody to see it."""
        self._bar = progress_bar(
            wanted,
            total=self._total,
            initial=sum(self._done.values()),
            bar_format="|{bar}| {n:.1f} of {total} epochs  {remaining} left",
        )
        return self._bar

    def reached(self, name: str, epochs: float) -> None:
        """Take note that so many epochs are done; those that are done again count once."""
        if (gained := epochs - self._done[name]) > 0:
            self._done[name] = epochs
            self._bar.update(gained)
