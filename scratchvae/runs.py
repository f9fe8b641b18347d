"""A run: a folder that holds a training run, from its configuration to its pictures.

================== ==============================================================================
config.json        recipe, options, data set and settings
metrics.csv        a row per epoch, in nats per image
checkpoint.npz     parameters and optimiser, after each epoch and on Ctrl-C
*.png              pictures, drawn at the end
================== ==============================================================================
"""

import csv
import io
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset, load
from scratchvae.errors import InputError
from scratchvae.files import make_folder, read_json, write_json, write_text
from scratchvae.models import LatentModel, build
from scratchvae.training import (
    EpochMetrics,
    LossParts,
    Settings,
    Trainer,
    load_checkpoint,
    save_checkpoint,
    train,
)
from scratchvae.version import __version__

PICTURES = ("samples", "reconstructions", "latent", "manifold", "interpolation")

_PARTS = ("loss", "reconstruction", "kl")
_COLUMNS = (
    "epoch",
    *(f"{split}_{part}" for split in ("train", "test") for part in _PARTS),
    "seconds",
)


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
        write_json(make_folder(folder) / "config.json", config)
        return cls(folder, config, model)

    @classmethod
    def open(cls, folder: Path, *, need_checkpoint: bool = True) -> "Run":
        """Open the run in ``folder`` where it stands.

        Raises
        ------
        InputError
            If the folder holds no run, or one that is damaged.
        """
        path = folder / "config.json"
        if not path.exists():
            what = "holds no run" if folder.is_dir() else "does not exist"
            raise InputError(
                f"the folder {folder} {what} (there is no config.json in it): "
                "give the folder that `scratchvae train` wrote to"
            )
        config = read_json(path)
        try:
            model = build(
                config["recipe"],
                latent_dim=config["latent_dim"],
                seed=config["seed"],
                **config["options"],
            )
            run = cls(folder, config, model)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not the configuration of a run (its {error} is missing or of another "
                "kind): it is damaged or foreign"
            ) from None
        if need_checkpoint or run.checkpoint.exists():
            load_checkpoint(run.checkpoint, run.trainer, run._identity())
            run.history = run._read_metrics()
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

    def extend(self, epochs: int | None) -> None:
        """Set the number of epochs to train to in all; ``None`` leaves it as it is."""
        if epochs is None:
            return
        self.trainer.settings = self.trainer.settings.changed(epochs=epochs)
        self.config["settings"]["epochs"] = epochs
        write_json(self.folder / "config.json", self.config)

    def train(self, data: Dataset, report: Callable[[str], None], progress: bool = True) -> None:
        """Train to the end, saving checkpoint and metrics after each epoch.

        Raises
        ------
        Interrupted
            On Ctrl-C, after a checkpoint of the place reached.
        InputError
            If a file cannot be written or the loss is not finite. What was saved is whole.
        """

        def on_epoch(metrics: EpochMetrics) -> None:
            self.history.append(metrics)
            self.save()
            report(str(metrics))

        try:
            train(
                self.trainer,
                self.model.as_images(data.train_images),
                self.model.as_images(data.test_images),
                progress=progress,
                on_epoch=on_epoch,
            )
        except KeyboardInterrupt:
            self.save()
            raise

    def save(self) -> None:
        """Write checkpoint and metrics."""
        save_checkpoint(self.checkpoint, self.trainer, self._identity())
        write_text(self.folder / "metrics.csv", _format_metrics(self.history))

    def draw(self, kind: str, data: Dataset, *, path: Path | None = None, seed: int = 0) -> Path:
        """Draw one picture into the folder, or to ``path``, and return where it is.

        Parameters
        ----------
        kind
            One of ``PICTURES``, or ``"loss"``.
        data
            The run's data set.
        path
            Where to; ``None`` is ``<kind>.png`` in the folder.
        seed
            Which samples, or which pairs of images.
        """
        from scratchvae import plots

        figures = {
            "loss": lambda: plots.draw_loss(self.history),
            "samples": lambda: plots.draw_samples(self.model, seed=seed),
            "reconstructions": lambda: plots.draw_reconstructions(self.model, data.test_images),
            "latent": lambda: plots.draw_latent(self.model, data.test_images, data.test_labels),
            "manifold": lambda: plots.draw_manifold(self.model),
            "interpolation": lambda: plots.draw_interpolation(
                self.model, data.test_images, seed=seed
            ),
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

    def evaluate(self, data: Dataset) -> dict[str, float]:
        """Return the test images' mean loss and its parts, and their mean bound on log p(x).

        All are in nats per image. The bound is left out for a model that has none.
        """
        parts = self.model.evaluate(data.test_images, seed=self.config["seed"])
        figures = dict(parts)
        if self.model.has_prior:
            bounds = self.model.elbo(data.test_images, seed=self.config["seed"])
            figures["elbo"] = float(bounds.mean(dtype="float64"))
        return figures

    def _identity(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to fit: all but version and length."""
        config = {k: v for k, v in self.config.items() if k not in ("version", "settings")}
        settings = {k: v for k, v in self.config["settings"].items() if k != "epochs"}
        return config | settings

    def _read_metrics(self) -> list[EpochMetrics]:
        """Return the rows of metrics.csv that the checkpoint has reached."""
        path = self.folder / "metrics.csv"
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            history = [_parse_row(row) for row in rows]
        except (OSError, KeyError, TypeError, ValueError):
            return []  # only a record: without it the run goes on, and starts a new one
        return [metrics for metrics in history if metrics.epoch <= self.trainer.epoch]


def check_unused(folder: Path) -> None:
    """Raise ``InputError`` if ``folder`` holds a run already."""
    if (folder / "config.json").exists():
        raise InputError(
            f"the folder {folder} holds a run already: go on with it by "
            f"`scratchvae train --resume --out {folder}`, or give another --out"
        )


def unused_folder(recipe: str) -> Path:
    """Return the first of runs/RECIPE, runs/RECIPE-2, … that holds no run."""
    folder, number = Path("runs") / recipe, 1
    while (folder / "config.json").exists():
        number += 1
        folder = Path("runs") / f"{recipe}-{number}"
    return folder


def _format_metrics(history: list[EpochMetrics]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in history:
        train_parts = [f"{value:.4f}" for value in row.train.values()]
        test_parts = [f"{value:.4f}" for value in row.test.values()] if row.test else [""] * 3
        writer.writerow([row.epoch, *train_parts, *test_parts, f"{row.seconds:.2f}"])
    return text.getvalue()


def _parse_row(row: dict[str, str]) -> EpochMetrics:
    def parts(split: str) -> LossParts:
        return LossParts(*(float(row[f"{split}_{part}"]) for part in _PARTS))

    test = parts("test") if row["test_loss"] else None
    return EpochMetrics(int(row["epoch"]), parts("train"), test, float(row["seconds"]))
