"""A run: a folder with everything of one training, from its configuration to its pictures.

================== ==============================================================================
config.json        recipe, options, data set and settings
metrics.csv        a row per complete epoch, in nats per image
checkpoint.npz     parameters and optimiser, after each epoch and on Ctrl-C
*.png              pictures, drawn at the end
================== ==============================================================================
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

from scratchvae import plots
from scratchvae.data import Dataset, load
from scratchvae.errors import InputError, unknown_name
from scratchvae.evaluation.importance import estimate_log_likelihood
from scratchvae.files import remove_abandoned
from scratchvae.models import LatentModel
from scratchvae.runs.config import (
    check_same,
    complete_config,
    identity,
    read_config,
    without_none,
    write_config,
)
from scratchvae.runs.folders import ANOTHER, check_unused, check_used, claim, unused_folder
from scratchvae.training import (
    EpochMetrics,
    Interrupted,
    Trainer,
    load_checkpoint,
    read_history,
    save_checkpoint,
    train,
    write_history,
)

_REMEDY = f"{ANOTHER} for a new run, or remove this one"

PICTURES = ("loss", "samples", "reconstructions", "latent", "manifold", "interpolation")
PICTURES_OF_DATA = ("reconstructions", "latent", "interpolation")


class Run:
    """A training run and its folder.

    Start one with ``Run.begin``, continue one with ``Run.resume``, look at one with ``Run.open``.

    Attributes
    ----------
    folder
        Where it is.
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
        self, folder: Path, config: dict[str, Any], model: LatentModel, *, new: bool = False
    ) -> None:
        self.folder = folder
        self.config = config
        self.model = model
        self.trainer = Trainer(model, seed=config["seed"])
        self.history: list[EpochMetrics] = []
        self._new = new  # its folder is still to be made
        self._made: list[Path] | None = None  # folders that were made for it in this process

    # Which run it is.

    @classmethod
    def begin(cls, recipe: str, folder: Path | None = None, **choices: Any) -> "Run":
        """Return a new run of a recipe; nothing is written before it is trained.

        ``folder`` is one without a run in it; ``None``: the first of runs/RECIPE, runs/RECIPE-2, …
        The ``choices`` are ``data``, ``latent_dim``, ``seed``, ``options`` and ``settings``: see
        ``complete_config``.

        Raises
        ------
        InputError
            If there is no such recipe, or a choice makes no sense; if there is a run in the folder
            already, or the folder cannot be written to.
        """
        config, model = complete_config(recipe, **choices)
        folder = folder or unused_folder(recipe)
        check_unused(folder)
        return cls(folder, config, model, new=True)

    @classmethod
    def resume(
        cls,
        folder: Path,
        *,
        options: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        **names: Any,
    ) -> "Run":
        """Open a run to train it further, if it is the one that is requested.

        ``options``, ``settings`` and ``names`` are what is requested: ``recipe`` and the choices of
        ``begin``. What is left out or ``None`` may be anything. Only ``settings["epochs"]`` may
        differ from the run's own: it is extended to that many.

        Raises
        ------
        InputError
            If there is no run in the folder, it is damaged or not the requested one, or more than
            the requested epochs are trained already.
        """
        run = cls.open(folder, need_checkpoint=False)
        chosen = without_none(settings)
        run._require(without_none(names) | without_none(options), chosen)
        run.extend(chosen.get("epochs", run.trainer.settings.epochs))
        return run

    @classmethod
    def begin_or_resume(cls, recipe: str, folder: Path, **choices: Any) -> "Run":
        """Return the run in ``folder``, or a new one if there is none.

        The arguments are those of ``begin``. Trained to its end, the run is the one that ``begin``
        would have given, to the same bytes; so a cosine schedule, which is stretched over all
        epochs, is not extended. A run that has saved nothing yet takes the requested settings.

        Raises
        ------
        InputError
            As ``begin`` and ``resume`` do.
        """
        if not (folder / "config.json").exists():
            return cls.begin(recipe, folder, **choices)
        run = cls.open(folder, need_checkpoint=False)
        config, model = complete_config(recipe, **choices)
        names = {name: config[name] for name in ("recipe", "data", "latent_dim", "seed")}
        saved = run.checkpoint.exists()
        run._require(names | config["options"], config["settings"] if saved else {})
        if not saved:
            return cls(folder, config, model)
        last, epochs = run.trainer.settings.epochs, config["settings"]["epochs"]
        if run.trainer.settings.schedule == "cosine" and last != epochs:
            raise InputError(
                f"{run._name()} has a cosine schedule that ends with epoch {last}, not {epochs}",
                _REMEDY,
            )
        run.extend(epochs)
        return run

    @classmethod
    def open(cls, folder: Path, *, need_checkpoint: bool = True) -> "Run":
        """Open the run in ``folder`` as it is.

        Raises
        ------
        InputError
            If there is no run in the folder, or it is damaged.
        """
        check_used(folder)
        run = cls(folder, *read_config(folder / "config.json"))
        for name in ("config.json", "metrics.csv", "checkpoint.npz"):
            remove_abandoned(folder / name)
        if need_checkpoint or run.checkpoint.exists():
            load_checkpoint(run.checkpoint, run.trainer, identity(run.config))
            run.history = read_history(folder / "metrics.csv", run.trainer.epoch)
        return run

    def extend(self, epochs: int) -> None:
        """Set the total number of epochs, counted from the first, that ``train`` goes to.

        Under a schedule that ends with the last epoch (cosine), the learning rate rises again.

        Raises
        ------
        InputError
            If more than that many are trained already.
        """
        done = self.trainer.epoch
        needed = done + bool(self.trainer.batch)
        if epochs < needed:
            begun = " and started another" if needed > done else ""
            raise InputError(
                f"{self._name()} has already trained {done} epochs{begun}, more than the {epochs} "
                "requested",
                f"`epochs` is the total, so give {needed} or more",
            )
        self.trainer.settings = self.trainer.settings.changed(epochs=epochs)
        self.config["settings"]["epochs"] = epochs

    def _require(self, requested: dict[str, Any], settings: dict[str, Any]) -> None:
        """Raise ``InputError`` unless the run is the requested one, but for its epochs."""
        # The model's options are complete, and so are the trainer's settings: one that is newer
        # than config.json has its default.
        names = {k: v for k, v in requested.items() if (k, v) != ("data", "auto")}
        check_same(self._name(), self.config | self.model.config, names, _REMEDY)
        stored = asdict(self.trainer.settings)
        check_same(self._name(), stored, settings | {"epochs": stored["epochs"]}, _REMEDY)

    def _name(self) -> str:
        return f"the run in {str(self.folder)!r}"

    # What is done with it.

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.folder / "checkpoint.npz"

    @property
    def complete(self) -> bool:
        """Whether all requested epochs are trained."""
        return self.trainer.epoch >= self.trainer.settings.epochs

    def load_data(self, data_dir: str | None = None, progress: bool = True) -> Dataset:
        """Return the data set of the run."""
        return load(
            self.config["data"], data_dir=data_dir, seed=self.config["seed"], progress=progress
        )

    def train(
        self,
        data: Dataset,
        report: Callable[[str], None],
        progress: bool = True,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """Train to the end, saving checkpoint and metrics after each epoch.

        ``report`` is called with a line about each epoch, ``on_batch`` after each step with its
        number of images.

        Raises
        ------
        Interrupted
            On Ctrl-C, after a checkpoint of the place reached.
        KeyboardInterrupt
            On a second Ctrl-C: the last checkpoint stays as it is.
        InputError
            If ``data`` is another data set, a file cannot be written, or the loss is not finite.
            What was saved is whole; a new run of which nothing was saved leaves nothing behind.
        """

        def on_epoch(metrics: EpochMetrics) -> None:
            self.history.append(metrics)
            self.save()
            report(str(metrics))

        if self.config["data"] == "auto":
            self.config["data"] = data.name
        self._require({"data": data.name}, {})
        if self._new:
            self._made, self._new = claim(self.folder), False
        try:
            write_config(self.folder / "config.json", self.config, self.model)
        except BaseException:
            self._discard()
            raise
        try:
            train(
                self.trainer,
                self.model.as_images(data.train_images),
                self.model.as_images(data.test_images),
                labels=self._condition(data.train_labels),
                test_labels=self._condition(data.test_labels),
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
        save_checkpoint(self.checkpoint, self.trainer, identity(self.config))

    def draw(
        self, kind: str, data: Dataset | None = None, *, path: Path | None = None, seed: int = 0
    ) -> Path:
        """Draw one picture into the folder, or to ``path``, and return where it is.

        Parameters
        ----------
        kind
            One of ``PICTURES``.
        data
            The run's data set, which those in ``PICTURES_OF_DATA`` are drawn from.
        path
            The file, a .png; ``None`` is ``<kind>.png`` in the folder.
        seed
            Chooses the samples, or the pairs of images.
        """
        if kind in PICTURES_OF_DATA and data is None:
            raise InputError(f"the picture {kind!r} is of test images: give the data set")
        images: Any = None if data is None else data.test_images
        labels: Any = None if data is None else data.test_labels
        model, condition = self.model, self._condition(labels)
        draw: dict[str, Callable[[], Any]] = {
            "loss": lambda: plots.draw_loss(self.history),
            "samples": lambda: plots.draw_samples(model, seed=seed),
            "reconstructions": lambda: plots.draw_reconstructions(model, images, condition),
            "latent": lambda: plots.draw_latent(model, images, labels),
            "manifold": lambda: plots.draw_manifold(model),
            "interpolation": lambda: plots.draw_interpolation(model, images, condition, seed=seed),
        }
        if kind not in draw:
            raise unknown_name("picture", kind, PICTURES)
        target = path or self.folder / f"{kind}.png"
        plots.save_figure(draw[kind](), target)
        return target

    def draw_all(self, data: Dataset) -> list[Path]:
        """Draw the pictures that belong to every run, and return where they are."""
        left_out = {"interpolation"} | ({"manifold"} if self.model.latent_dim != 2 else set())
        return [self.draw(kind, data) for kind in PICTURES if kind not in left_out]

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
            If ``importance_samples`` are requested and the model has no such estimate.
        """
        images, seed = data.test_images, self.config["seed"]
        likelihood: dict[str, float] = {}
        if importance_samples is not None:  # first, since it may be refused
            estimate = estimate_log_likelihood(
                self.model, images, importance_samples, seed=seed, progress=progress
            )
            likelihood["nll"] = -estimate.mean
            likelihood["nll_standard_error"] = estimate.mean_standard_error
            likelihood["importance_samples"] = importance_samples
        terms = self.model.evaluate(images, labels=self._condition(data.test_labels), seed=seed)
        figures = {"loss": terms.loss, "reconstruction": terms.reconstruction, "kl": terms.kl}
        if self.model.has_prior:
            # The loss leaves out constants of the likelihood, and may weigh its terms.
            constant = self.model.likelihood.omitted_constant(prod(self.model.image_shape))
            figures["elbo"] = -(terms.reconstruction + terms.kl + constant)
        return figures | likelihood

    def _condition(self, labels: Any) -> Any:
        """Return the labels if the model is conditioned on them."""
        return labels if self.model.classes else None

    def _discard(self) -> None:
        """Remove what this process has begun, as if it had never started."""
        if self._made is None:
            return
        with suppress(OSError):
            (self.folder / "metrics.csv").unlink(missing_ok=True)
            (self.folder / "config.json").unlink(missing_ok=True)
            for folder in self._made:
                folder.rmdir()
