"""A run: a folder that holds a training run, from its configuration to its pictures.

================== ==============================================================================
config.json        recipe, options, data set and settings
metrics.csv        a row per complete epoch, in nats per image
checkpoint.npz     parameters and optimiser, after each epoch and on Ctrl-C
*.png              pictures, drawn at the end
================== ==============================================================================
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scratchvae.data import DATASET_NAMES, Dataset, load
from scratchvae.errors import InputError
from scratchvae.evaluation.importance import check_estimable, estimate_log_likelihood
from scratchvae.files import make_folder, read_json, write_json
from scratchvae.runs.folders import check_unused, check_used
from scratchvae.models import LatentModel, build
from scratchvae.training import (
    EpochMetrics,
    Interrupted,
    Settings,
    Trainer,
    load_checkpoint,
    read_history,
    save_checkpoint,
    train,
    write_history,
)
from scratchvae.version import __version__

PICTURES = ("samples", "reconstructions", "latent", "manifold", "interpolation")
PICTURES_OF_DATA = ("reconstructions", "latent", "interpolation")


class Run:
    """A training run and the folder that it lives in.

    Make one with ``Run.create`` or ``Run.open``.

    Attributes
    ----------
    folder
        Where it lives.
    config
        What config.json holds.
    model
        The model, with the parameters of the checkpoint if the run was opened.
    trainer
        The optimiser and the place reached.
    history
        The metrics of each complete epoch.
    """

    def __init__(self, folder: Path, config: dict[str, Any], model: LatentModel) -> None:
        self.folder = folder
        self.config = config
        self.model = model
        self.trainer = Trainer(model, Settings(**config["settings"]), seed=config["seed"])
        self.model.settings = self.trainer.settings
        self.history: list[EpochMetrics] = []
        self._new_folders: list[Path] | None = None  # None: the run is older than this process

    @classmethod
    def create(
        cls, folder: Path, model: LatentModel, data: str, settings: Settings, seed: int
    ) -> "Run":
        """Begin a run of a recipe's model in a folder that holds none yet.

        Raises
        ------
        InputError
            If the folder holds a run already, or cannot be written to.
        """
        check_unused(folder)
        options = {
            k: v for k, v in model.config.items() if k not in ("recipe", "latent_dim", "seed")
        }
        config = {
            "version": __version__,
            "recipe": model.config["recipe"],
            "latent_dim": model.config["latent_dim"],
            "options": options,
            "data": data,
            "seed": seed,
            "settings": asdict(settings),
        }
        run = cls(folder, config, model)
        run._new_folders = make_folder(folder)
        try:
            write_json(folder / "config.json", config)
        except BaseException:
            run._discard()
            raise
        return run

    @classmethod
    def open(cls, folder: Path, *, need_checkpoint: bool = True) -> "Run":
        """Open the run in ``folder`` where it stands.

        Raises
        ------
        InputError
            If the folder holds no run, or one that is damaged.
        """
        path = folder / "config.json"
        check_used(folder)
        config = read_json(path)
        try:
            if config["data"] not in DATASET_NAMES[1:]:  # all but "auto"
                raise InputError(f"its data {config['data']!r} is not one that a run can have")
            model = build(
                config["recipe"],
                latent_dim=config["latent_dim"],
                seed=config["seed"],
                **config["options"],
            )
            run = cls(folder, config, model)
        except KeyError as error:
            raise _foreign_config(path, f"it has no {error.args[0]}") from None
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            raise _foreign_config(path, str(error)) from None
        if need_checkpoint or run.checkpoint.exists():
            load_checkpoint(run.checkpoint, run.trainer, run._identity())
            run.history = read_history(folder / "metrics.csv", run.trainer.epoch)
        return run

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.folder / "checkpoint.npz"

    def load_data(self, data_dir: str | None = None, progress: bool = True) -> Dataset:
        """Return the data set that the run is of."""
        return load(
            self.config["data"], data_dir=data_dir, seed=self.config["seed"], progress=progress
        )

    @property
    def complete(self) -> bool:
        """Whether all epochs that were asked for are done."""
        return self.trainer.epoch >= self.trainer.settings.epochs

    def extend(self, epochs: int) -> None:
        """Set the number of epochs that ``train`` goes to, counted from the very first.

        Under a schedule that ends with the last epoch (cosine), the learning rate rises again.

        Raises
        ------
        InputError
            If more than that are done.
        """
        done = self.trainer.epoch
        if epochs < done + bool(self.trainer.batch):
            begun = " and begun another" if self.trainer.batch else ""
            raise InputError(
                f"the run in {str(self.folder)!r} has done {done} epochs{begun}, more than "
                f"--epochs {epochs}: --epochs counts them all, so give a larger number"
            )
        self.trainer.settings = self.trainer.settings.changed(epochs=epochs)
        self.config["settings"]["epochs"] = epochs

    def train(
        self,
        data: Dataset,
        report: Callable[[str], None],
        progress: bool = True,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """Train to the end, saving checkpoint and metrics after each epoch.

        ``on_batch`` is called after each step with its number of images.

        Raises
        ------
        Interrupted
            On Ctrl-C, after a checkpoint of the place reached.
        KeyboardInterrupt
            On a second Ctrl-C: the last checkpoint stays as it is.
        InputError
            If a file cannot be written or the loss is not finite. What was saved is whole; a new
            run of which nothing was saved leaves nothing behind.
        """

        def on_epoch(metrics: EpochMetrics) -> None:
            self.history.append(metrics)
            self.save()
            report(str(metrics))

        write_json(self.folder / "config.json", self.config)  # the number of epochs may be new
        try:
            train(
                self.trainer,
                self.model.as_images(data.train_images),
                self.model.as_images(data.test_images),
                labels=self._told(data.train_labels),
                test_labels=self._told(data.test_labels),
                progress=progress,
                on_epoch=on_epoch,
                on_batch=on_batch,
            )
        except Interrupted:
            self.save()
            raise
        except Exception:
            if not self.checkpoint.exists():
                self._discard()
            raise

    def save(self) -> None:
        """Write metrics and checkpoint.

        In this order, so that no epoch of a checkpoint is ever without its row; a row too many is
        left out when the run is opened again.
        """
        write_history(self.folder / "metrics.csv", self.history)
        save_checkpoint(self.checkpoint, self.trainer, self._identity())

    def draw(
        self, kind: str, data: Dataset | None = None, *, path: Path | None = None, seed: int = 0
    ) -> Path:
        """Draw one picture into the folder, or to ``path``, and return where it is.

        Parameters
        ----------
        kind
            One of ``PICTURES``, or ``"loss"``.
        data
            The run's data set, which those in ``PICTURES_OF_DATA`` are drawn from.
        path
            Where to; ``None`` is ``<kind>.png`` in the folder.
        seed
            Which samples, or which pairs of images.
        """
        from scratchvae import plots

        if kind in PICTURES_OF_DATA and data is None:
            raise InputError(f"the picture {kind!r} is of test images: give the data set")
        images: Any = None if data is None else data.test_images
        labels: Any = None if data is None else data.test_labels
        told: Any = self._told(labels)
        figures = {
            "loss": lambda: plots.draw_loss(self.history),
            "samples": lambda: plots.draw_samples(self.model, seed=seed),
            "reconstructions": lambda: plots.draw_reconstructions(self.model, images, told),
            "latent": lambda: plots.draw_latent(self.model, images, labels),
            "manifold": lambda: plots.draw_manifold(self.model),
            "interpolation": lambda: plots.draw_interpolation(self.model, images, told, seed=seed),
        }
        target = path or self.folder / f"{kind}.png"
        plots.save_figure(figures[kind](), target)
        return target

    def draw_all(self, data: Dataset) -> list[Path]:
        """Draw the pictures that belong to every run, and return where they are."""
        kinds = ["loss", "samples", "reconstructions", "latent"]
        if self.model.latent_dim == 2:
            kinds.append("manifold")
        return [self.draw(kind, data) for kind in kinds]

    def evaluate(
        self, data: Dataset, *, importance_samples: int | None = None, progress: bool = False
    ) -> dict[str, float]:
        """Return the test images' mean loss and its parts, and their mean bound on log p(x).

        All are in nats per image. The bound is left out for a model that has none. With
        ``importance_samples`` there are also ``nll``, the estimate of −log p(x) from so many
        samples, and its standard error over draws of z.

        Raises
        ------
        InputError
            If ``importance_samples`` are asked for and the model has no such estimate.
        """
        if importance_samples is not None:
            check_estimable(self.model, importance_samples)  # before the rest takes its time
        told = self._told(data.test_labels)
        parts = self.model.evaluate(data.test_images, labels=told, seed=self.config["seed"])
        figures = asdict(parts)
        if self.model.has_prior:
            bounds = self.model.elbo(data.test_images, labels=told, seed=self.config["seed"])
            figures["elbo"] = float(bounds.mean(dtype="float64"))
        if importance_samples is not None:
            estimate = estimate_log_likelihood(
                self.model,
                data.test_images,
                importance_samples,
                seed=self.config["seed"],
                progress=progress,
            )
            figures["nll"] = -estimate.mean
            figures["nll_standard_error"] = estimate.mean_standard_error
            figures["importance_samples"] = importance_samples
        return figures

    def _told(self, labels: Any) -> Any:
        """Return the labels if the model is told them."""
        return labels if self.model.classes else None

    def _identity(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to fit: all but version and length."""
        config = {k: v for k, v in self.config.items() if k not in ("version", "settings")}
        settings = {k: v for k, v in self.config["settings"].items() if k != "epochs"}
        return config | settings

    def _discard(self) -> None:
        """Remove what this process has begun, as if it had not been."""
        if self._new_folders is None:
            return
        with suppress(OSError):
            (self.folder / "metrics.csv").unlink(missing_ok=True)
            (self.folder / "config.json").unlink(missing_ok=True)
            for folder in self._new_folders:
                folder.rmdir()


def _foreign_config(path: Path, why: str) -> InputError:
    return InputError(
        f"{str(path)!r} is not the configuration of a run ({why}): it is damaged or foreign; "
        "restore it from a copy, or give another folder"
    )
