"""What is done with a run: training, saving, drawing, measuring."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scratchvae import plots
from scratchvae.data import Dataset
from scratchvae.files import AnyPath, as_path
from scratchvae.models import LatentModel
from scratchvae.plots.figures import as_picture_path
from scratchvae.runs.config import check_data, check_settings, identity, write_config
from scratchvae.runs.data_source import load_source
from scratchvae.runs.folders import check_space
from scratchvae.runs.holding import Place
from scratchvae.runs.measures import measure
from scratchvae.runs.pictures import PICTURES_OF_DATA, draw_picture, usual_pictures
from scratchvae.training import (
    EpochMetrics,
    Interrupted,
    Settings,
    Trainer,
    save_checkpoint,
    train,
    write_history,
)
from scratchvae.training.early_stopping import best_epoch, has_stalled
from scratchvae.validation import check_is

BEST = "best.npz"


class KeptRun:
    """A training run and its folder; ``Run`` adds how one comes by it.

    Attributes
    ----------
    config
        The contents of config.json.
    model
        The model, with the parameters of the checkpoint if there is one.
    trainer
        The optimiser and the place reached.
    history
        The metrics of each complete epoch.
    """

    def __init__(
        self, folder: AnyPath, config: dict[str, Any], model: LatentModel, *, new: bool = False
    ) -> None:
        self.config = config
        self.model = model
        self.trainer = Trainer(model, Settings(**config["settings"]), seed=config["seed"])
        self.history: list[EpochMetrics] = []
        pictures = tuple(f"{kind}.png" for kind in usual_pictures(model))
        self._place = Place(as_path(folder), pictures, new=new)
        self._save_first = False  # the parameters are not those that the recipe begins with
        self._known_data: Dataset | None = None
        self._data: Dataset | None = None  # that it was begun with

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._place.folder

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"the run in {str(self.folder)!r}"

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self._place.checkpoint

    @property
    def exists(self) -> bool:
        """Whether its folder has its configuration, so that it can be opened."""
        return (self.folder / "config.json").exists()

    @property
    def complete(self) -> bool:
        """Whether all requested epochs are trained, or training has stopped early."""
        return self.trainer.epoch >= self.trainer.settings.epochs or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        """Whether the loss has not fallen for as long as the settings have patience."""
        return has_stalled(self.history, self.trainer.settings.patience)

    def load_data(self, data_dir: AnyPath | None = None, progress: bool = True) -> Dataset:
        """Return the data set of the run: the images that it was trained on, and those alone.

        Images of the user's own are read again from where they were; if they are elsewhere now,
        ``data_dir`` is their file or folder.

        Raises
        ------
        InputError
            If it cannot be found, or has other images under the same name.
        """
        if self._data is not None and data_dir is None:
            return self._data
        data = load_source(self.config, data_dir, progress)
        if known := self.config.get("images"):
            data = data.first(known["train"], known["test"])
        self.check_data(data)
        return data

    def _take_data(self, data: Any) -> None:
        """Take the data set that the run was begun or continued with, if it is one."""
        if isinstance(data, Dataset):
            self.check_data(data)
            self._data = data

    def check_data(self, data: Dataset) -> None:
        """Raise ``InputError`` unless these are the images and labels that the run is trained on.

        A run that was begun before config.json held their number and hash takes any.
        """
        check_is(data, "data", Dataset, 'scratchvae.data.load("mnist")')
        if data is not self._known_data:
            check_data(self.config, data, self.name)
            self._known_data = data

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within this, the folder, made if need be, is this run's: no other process trains in it.

        ``train`` and ``save`` do this by themselves; around both and the pictures it keeps the
        folder in between. A folder in which nothing was written is gone afterwards.

        Raises
        ------
        InputError
            If another process trains there, or has done so since this run was opened; or if a new
            run's folder contains a run by now.
        """
        with self._place.held():
            yield

    def train(
        self,
        data: Dataset,
        report: Callable[[str], None] = print,
        progress: bool = True,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """Train to the end, saving checkpoint and metrics after each epoch.

        ``report`` is called with a line about each epoch, ``on_batch`` after each step with its
        number of images. Where the settings have ``patience``, the model of the best epoch is kept
        as best.npz, which ``scratchvae.load`` opens, and the validation images are evaluated after
        each epoch, if there are any, in the place of the test images.

        Raises
        ------
        Interrupted
            On Ctrl-C, after a checkpoint of the place reached.
        KeyboardInterrupt
            On a second Ctrl-C: the last checkpoint stays as it is.
        InputError
            If ``data`` are other images than the run's, the model or the settings are not those in
            its configuration any more, another process trains in the folder, there is no room for a
            checkpoint, a file cannot be written, or the loss is not finite. What was saved is
            whole; a new run of which nothing was saved leaves nothing behind.
        """

        def on_epoch(metrics: EpochMetrics) -> None:
            self.history.append(metrics)
            self.model.history_ = list(self.history)
            if self.trainer.settings.patience and best_epoch(self.history) is metrics:
                # Before the checkpoint: an epoch that is trained again finds its best again.
                self.model.save(self.folder / BEST)
            self.save()
            report(metrics.line(watched))

        self.check_data(data)
        check_settings(self.name, self.config, self.trainer.settings)
        watched = "test"
        if self.trainer.settings.patience and data.validation_images is not None:
            watched = "validation"
        with self.held():
            begun, config = self._place.new, dict(self.config)
            try:
                self._prepare(data)
                train(
                    self.trainer,
                    data.train_images,
                    getattr(data, f"{watched}_images"),
                    labels=self._condition(data.train_labels),
                    test_labels=self._condition(getattr(data, f"{watched}_labels")),
                    progress=progress,
                    on_epoch=on_epoch,
                    on_batch=on_batch,
                    earlier=tuple(self.history),
                )
            except Interrupted:
                self.save()
                raise
            except Exception:
                if begun and not self.checkpoint.exists():
                    self._place.discard()
                    self.config = config
                raise

    def _prepare(self, data: Dataset) -> None:
        """Write what the run is, having made sure that what it will be can be written as well."""
        if not self.complete:
            arrays = [*self.model.state().values(), *self.trainer.optimiser.state.values()]
            texts = 8192  # configuration and progress; each array has a header besides
            check_space(self.folder, texts + sum(400 + array.nbytes for array in arrays))
        self.config |= {"data": data.name, "images": data.fingerprint}
        write_config(self.folder / "config.json", self.config, self.model)
        self._place.new = False
        if self._save_first and not self.checkpoint.exists():
            self.save()

    def save(self) -> None:
        """Write metrics and checkpoint, and before that a new run's configuration.

        In this order, so that no epoch of a checkpoint is ever without its row; a row too many is
        left out when the run is opened again.
        """
        with self.held():
            if self._place.new:
                write_config(self.folder / "config.json", self.config, self.model)
                self._place.new = False
            write_history(self.folder / "metrics.csv", self.history)
            save_checkpoint(self.checkpoint, self.trainer, identity(self.config))
            self._place.saw_checkpoint()

    def draw(
        self,
        kind: str,
        data: Dataset | None = None,
        *,
        path: AnyPath | None = None,
        seed: int = 0,
    ) -> Path:
        """Draw one picture into the folder, or to ``path``, and return where it is.

        Parameters
        ----------
        kind
            One of ``PICTURES``.
        data
            The run's data set, which those in ``PICTURES_OF_DATA`` are drawn from.
        path
            The file, a .png, .svg or .pdf; ``None`` is ``<kind>.png`` in the folder.
        seed
            Chooses the samples, or the pairs of images.
        """
        if data is not None:
            self.check_data(data)
        target = self.folder / f"{kind}.png" if path is None else as_picture_path(path)
        figure = draw_picture(kind, self.model, self.history, data, seed)
        plots.save_figure(figure, target)
        return target

    def draw_all(self, data: Dataset) -> list[Path]:
        """Draw the pictures that belong to every run, and return where they are."""
        kinds = usual_pictures(self.model)
        if not len(data.test_images):
            kinds = tuple(kind for kind in kinds if kind not in PICTURES_OF_DATA)
        return [self.draw(kind, data) for kind in kinds]

    def evaluate(
        self, data: Dataset, *, importance_samples: int | None = None, progress: bool = False
    ) -> dict[str, float]:
        """Return the test images' mean loss and its terms, and their mean bound on log p(x).

        All are in nats per image. The bound is left out for a model that has none. With
        ``importance_samples`` there are also ``nll``, the estimate of −log p(x) from that many
        samples, and its standard error over draws of z.

        Raises
        ------
        InputError
            If ``data`` are other images than the run's (``run.model.evaluate`` takes any), or
            ``importance_samples`` are requested and the model has no such estimate.
        """
        self.check_data(data)
        return measure(
            self.model,
            data,
            seed=self.config["seed"],
            importance_samples=importance_samples,
            progress=progress,
        )

    def _condition(self, labels: Any) -> Any:
        """Return the labels if the model is conditioned on them."""
        return labels if self.model.classes else None
