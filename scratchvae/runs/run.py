"""A run: a folder with everything of one training, from its configuration to its pictures.

================== ==============================================================================
config.json        recipe, options, data set (with a hash of its images) and settings
metrics.csv        a row per complete epoch, in nats per image
checkpoint.npz     parameters and optimiser, after each epoch and on Ctrl-C
best.npz           with patience: the model of the best epoch
*.png              pictures, drawn at the end
.lock              there while a process trains the run
================== ==============================================================================

Here is how one comes by a run; what is done with it is in ``kept_run``.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scratchvae.data import Dataset
from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path
from scratchvae.models import LatentModel
from scratchvae.progress import say
from scratchvae.runs.config import (
    as_choices,
    begins_as_built,
    check_same,
    complete_config,
    config_of,
    identity,
    read_config,
    without_none,
)
from scratchvae.runs.folders import ANOTHER, check_used, folders_of
from scratchvae.runs.kept_run import KeptRun
from scratchvae.training import Settings, load_checkpoint, read_history
from scratchvae.validation import check_count

_REMEDY = f"{ANOTHER} for a new run, or remove this one"


class Run(KeptRun):
    """A training run and its folder.

    Start one with ``Run.begin`` (or, of a model that is there, with ``Run.create``), continue one
    with ``Run.resume``, look at one with ``Run.open``. AnyPaths and files may be named by text.
    """

    @classmethod
    def begin(cls, recipe: str, folder: AnyPath | None = None, **choices: Any) -> "Run":
        """Return a new run of a recipe; nothing is written before it is trained.

        ``folder`` is one without a run in it; ``None``: the first of runs/RECIPE, runs/RECIPE-2, …
        that no other process has taken when training begins. The ``choices`` are ``data``,
        ``latent_dim``, ``image_shape``, ``seed``, ``options`` and ``settings``: see
        ``complete_config``. Give a ``Dataset`` as ``data`` to train on images of any shape.

        Raises
        ------
        InputError
            If there is no such recipe, or a choice makes no sense; if there is a run in the folder
            already, or a file that is not a run's and would be written over; or if the folder
            cannot be written to.
        """
        config, model = complete_config(recipe, **choices)
        others = folders_of(recipe)
        run = cls(next(others) if folder is None else folder, config, model, new=True)
        if folder is None:
            run._place.others = others
        run._place.check_unused()
        run._take_data(choices.get("data"))
        return run

    @classmethod
    def create(
        cls,
        folder: AnyPath,
        model: LatentModel,
        data: str | Dataset = "auto",
        settings: Settings | Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> "Run":
        """Return a new run of a model that ``scratchvae.build`` made.

        It begins with the model's present parameters. Nothing is written before it is trained or
        saved.

        Parameters
        ----------
        folder
            One without a run in it.
        model
            What is trained. The run is opened again as its recipe builds it, so its networks must
            be of the shapes that the recipe gives them.
        data
            The data set that it will be trained on, or its name.
        settings
            How it is trained, or where that differs from the model's settings. They become these.
        seed
            Fixes the order of the images and all noise.

        Raises
        ------
        InputError
            As ``begin`` does; or if the model was put together by hand, or changed so that its
            recipe does not give it.
        """
        if not isinstance(model, LatentModel):
            raise InputError(
                f"the model must be one that `scratchvae.build` made, not a {type(model).__name__}"
            )
        if not isinstance(settings, Settings):
            settings = model.settings.changed(**as_choices(settings, "settings"))
        config = config_of(model, data, settings, check_count(seed, "seed", 0, None))
        as_built = begins_as_built(config, model)
        run = cls(folder, config, model, new=True)
        run._save_first = not as_built
        run._place.check_unused()
        model.settings = settings
        run._take_data(data)
        return run

    @classmethod
    def resume(
        cls,
        folder: AnyPath,
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
        chosen = without_none(as_choices(settings, "settings"))
        if isinstance(names.get("data"), Dataset):
            run._take_data(names.pop("data"))
        requested = without_none(names) | without_none(as_choices(options, "options"))
        run._require(requested, chosen)
        run.extend(chosen.get("epochs", run.trainer.settings.epochs))
        return run

    @classmethod
    def begin_or_resume(cls, recipe: str, folder: AnyPath, **choices: Any) -> "Run":
        """Return the run in ``folder``, or a new one if there is none.

        The arguments are those of ``begin``. Trained to its end, the run is the one that ``begin``
        would have given, to the same bytes; so a cosine schedule, which is stretched over all
        epochs, is not extended. A run that has saved nothing yet takes the requested settings.

        Raises
        ------
        InputError
            As ``begin`` and ``resume`` do.
        """
        folder = as_path(folder)
        if not os.path.exists(folder / "config.json"):
            return cls.begin(recipe, folder, **choices)
        run = cls.open(folder, need_checkpoint=False)
        config, model = complete_config(recipe, **choices)
        names = {name: config[name] for name in ("recipe", "data", "latent_dim", "seed")}
        names["image_shape"] = model.image_shape
        if isinstance(choices.get("data"), Dataset):
            run._take_data(choices["data"])
            names.pop("data")
        saved = run.checkpoint.exists()
        run._require(names | config["options"], config["settings"] if saved else {})
        if not saved:
            return cls(folder, config, model)
        last, epochs = run.trainer.settings.epochs, config["settings"]["epochs"]
        if run.trainer.settings.schedule == "cosine" and last != epochs:
            raise InputError(
                f"{run.name} has a cosine schedule that ends with epoch {last}, not {epochs}",
                _REMEDY,
            )
        run.extend(epochs)
        return run

    @classmethod
    def open(cls, folder: AnyPath, *, need_checkpoint: bool = True) -> "Run":
        """Open the run in ``folder`` as it is, whether or not it is being trained.

        Raises
        ------
        InputError
            If there is no run in the folder, or it is damaged.
        """
        folder = as_path(folder)
        check_used(folder)
        run = cls(folder, *read_config(folder / "config.json"))
        if need_checkpoint or run.checkpoint.exists():
            load_checkpoint(run.checkpoint, run.trainer, identity(run.config))
            run.history = read_history(folder / "metrics.csv", run.trainer.epoch)
            run.model.history_ = list(run.history)
        return run

    def extend(self, epochs: int) -> None:
        """Set the total number of epochs, counted from the first, that ``train`` goes to.

        Under a schedule that ends with the last epoch (cosine), the learning rate of a run that
        has begun rises again, which standard error says: the run is then another one than if it
        had been as long from the beginning.

        Raises
        ------
        InputError
            If more than that many are trained already.
        """
        epochs, done = check_count(epochs, "epochs"), self.trainer.epoch
        needed = done + bool(self.trainer.batch)
        if epochs < needed:
            begun = " and started another" if needed > done else ""
            raise InputError(
                f"{self.name} has already trained {done} epochs{begun}, more than the {epochs} "
                "requested",
                f"`epochs` is the total, so give {needed} or more",
            )
        last = self.trainer.settings.epochs
        if needed and epochs != last and self.trainer.settings.schedule == "cosine":
            say(
                f"scratchvae: the cosine schedule of {self.name} was to end with epoch {last} "
                f"and ends with epoch {epochs} now, so the learning rate jumps: this gives another "
                f"model than {epochs} epochs at once"
            )
        self.trainer.settings = self.trainer.settings.changed(epochs=epochs)
        self.config["settings"]["epochs"] = epochs

    def _require(self, requested: dict[str, Any], settings: dict[str, Any]) -> None:
        """Raise ``InputError`` unless the run is the requested one, but for its epochs."""
        # The model's options are complete, and so are the trainer's settings: one that is newer
        # than config.json has its default.
        names = {k: v for k, v in requested.items() if (k, v) != ("data", "auto")}
        own = self.config | self.model.config | {"image_shape": self.model.image_shape}
        check_same(self.name, own, names, _REMEDY)
        stored = asdict(self.trainer.settings)
        check_same(self.name, stored, settings | {"epochs": stored["epochs"]}, _REMEDY)
