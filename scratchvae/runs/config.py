"""The configuration of a run, and whether it is the requested one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from scratchvae.data import Dataset
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import AnyPath, as_path
from scratchvae.json_files import plain, read_json, write_json
from scratchvae.models import LatentModel, build
from scratchvae.models.recipes import find_recipe
from scratchvae.runs.likeness import first_difference
from scratchvae.training import Settings
from scratchvae.training.checkpoint import check_same as check_same
from scratchvae.validation import check_count, check_seed
from scratchvae.version import __version__


class _UnsoundError(Exception):
    """Why the contents of a config.json describe no run."""


def complete_config(
    recipe: str,
    *,
    data: str | Dataset | None = None,
    latent_dim: int | None = None,
    image_shape: tuple[int, ...] | None = None,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], LatentModel]:
    """Return a run's configuration, with everything that was left out filled in, and its model.

    Parameters
    ----------
    recipe, latent_dim
        As of ``scratchvae.build``.
    data
        The data set, or its name (of ``data.load``, or of a ``Dataset`` of your own); ``None``:
        "auto", which becomes the one that it is trained on. Of a ``Dataset`` the model takes the
        shape of the images, and a class-conditional one the number of classes.
    image_shape
        As of ``scratchvae.build``; ``None``: that of ``data``, if it is a ``Dataset``.
    seed
        Fixes everything that is drawn; ``None``: 0.
    options
        The recipe's own options, such as ``beta``, where they differ from its defaults.
    settings
        How it is trained (``epochs``, ``batch_size``, …), where that differs from the recipe.

    Raises
    ------
    InputError
        If there is no such recipe, option or setting, or a value makes no sense.
    """
    seed = 0 if seed is None else check_seed(seed)
    options, settings = as_choices(options, "options"), as_choices(settings, "settings")
    options = without_none(options)
    if isinstance(data, Dataset):
        image_shape, options = _as_data(recipe, data, image_shape, options)
    model = _build(recipe, latent_dim, image_shape, seed, options)
    model.settings = model.settings.changed(**settings)
    return config_of(model, "auto" if data is None else data, model.settings, seed), model


def _as_data(
    recipe: str, data: Dataset, image_shape: tuple[int, ...] | None, options: dict[str, Any]
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the shape and options of a model of these images, where others were not chosen."""
    chosen = find_recipe(recipe)
    if "classes" in chosen.options and data.classes:
        options = {"classes": data.classes, **options}
    return image_shape or chosen.shape_for(data.image_shape), options


def config_of(
    model: LatentModel, data: str | Dataset, settings: Settings, seed: int
) -> dict[str, Any]:
    """Return the configuration of a run of a model that ``scratchvae.build`` made."""
    if "recipe" not in model.config:
        raise InputError(
            f"a run needs a model of a recipe, and this {type(model).__name__} was put together by "
            "hand",
            "train it with its `fit`, or build one with `scratchvae.build`",
        )
    name = data.name if isinstance(data, Dataset) else data
    _check_data(name)
    names = ("recipe", "latent_dim", "image_shape", "seed")
    config = {
        "version": __version__,
        "recipe": model.config["recipe"],
        "latent_dim": model.latent_dim,
        "options": {k: v for k, v in model.config.items() if k not in names},
        "data": name,
        "seed": seed,
        "settings": asdict(settings),
    }
    if "image_shape" in model.config:  # where it is not the recipe's own
        config["image_shape"] = model.config["image_shape"]
    if isinstance(data, Dataset) and data.source:
        config["source"] = dict(data.source)
    plain_config: dict[str, Any] = plain(config)
    return plain_config


def begins_as_built(config: Mapping[str, Any], model: LatentModel) -> bool:
    """Return whether a model has the parameters that its recipe begins with.

    Raises
    ------
    InputError
        If no run can be kept of the model: see ``write_config``.
    """
    built, own = _checked({**config, "data": "to be known"}, model).state(), model.state()
    return all(np.array_equal(built[name], own[name]) for name in own)


def write_config(path: AnyPath, config: Mapping[str, Any], model: LatentModel) -> None:
    """Write the configuration of a run of ``model``, whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written; or if ``read_config`` would refuse it, or build a model that
        a checkpoint of this one does not fit.
    """
    content, path = plain(config), as_path(path)
    _checked(content, model)
    write_json(path, content)


def read_config(path: AnyPath) -> tuple[dict[str, Any], LatentModel]:
    """Return the configuration in a config.json, and a new model of it.

    Raises
    ------
    InputError
        If the file cannot be read, or is not the configuration of a run.
    """
    config, path = read_json(path), as_path(path)
    try:
        return config, _model_of(config)
    except _UnsoundError as problem:
        version = config.get("version")
        written = "" if version == __version__ else f", of version {version!r} of scratchvae"
        raise InputError(
            f"{str(path)!r} is not the configuration of a run ({problem}){written}: it is damaged "
            "or foreign",
            "restore it from a copy, or give another `folder`",
        ) from None


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same for a checkpoint to fit: all but version, length and images."""
    others = ("version", "settings", "images", "source")
    names = {k: v for k, v in config.items() if k not in others}
    return names | {k: v for k, v in config["settings"].items() if k != "epochs"}


def check_data(config: Mapping[str, Any], data: Dataset, run: str) -> None:
    """Raise ``InputError`` unless ``data`` is what a run with this configuration is trained on."""
    if config["data"] != "auto" and "source" not in config:  # a folder may be renamed
        check_same(run, config, {"data": data.name}, "train another one on other data")
    known, found = config.get("images"), data.fingerprint
    if known is None or known == found:
        return
    counts = [f"{one['train']:,} + {one['test']:,}" for one in (known, found)]
    which = "others" if counts[0] == counts[1] else counts[1]
    raise InputError(
        f"{run} is trained on {counts[0]} images of {data.name}, and these are {which}",
        "name the folder with its own by `data_dir` or SCRATCHVAE_DATA, or train another run",
    )


def check_settings(run: str, config: Mapping[str, Any], settings: Settings) -> None:
    """Raise ``InputError`` if a trainer's settings are not those of the configuration."""
    stored = Settings(**config["settings"])
    for name, value in asdict(settings).items():
        if value != getattr(stored, name):
            remedy = "extend it with `extend`" if name == "epochs" else "begin another run"
            raise InputError(
                f"{run} has {name} {getattr(stored, name)!r}, and its trainer {value!r}", remedy
            )


def as_choices(choices: Any, name: str) -> dict[str, Any]:
    """Return choices by name, of which there may be none; anything else is an ``InputError``."""
    if choices is None:
        return {}
    if not isinstance(choices, Mapping) or not all(isinstance(one, str) for one in choices):
        raise InputError(f"{name} must be a dictionary of values by their names, not {choices!r}")
    return dict(choices)


def without_none(choices: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what was chosen: ``None`` leaves a choice to the recipe."""
    return {name: value for name, value in (choices or {}).items() if value is not None}


def _model_of(config: Mapping[str, Any]) -> LatentModel:
    """Return the model that the contents of a config.json describe."""
    try:
        _check_data(config["data"])
        if config["data"] == "auto":
            raise InputError("its data are 'auto', and it should say which these are")
        model = _build(
            *(config["recipe"], config["latent_dim"], config.get("image_shape")),
            *(config["seed"], config["options"]),
        )
        model.settings = type(model.settings)(**config["settings"])
        if images := config.get("images"):
            for split in ("train", "test"):
                check_count(images[split], f"images {split}", 0)
        return model
    except KeyError as error:
        problem = f"it has no {error.args[0]}"
    except (TypeError, AttributeError, ValueError, OverflowError, MemoryError) as error:
        problem = str(error) or type(error).__name__
    raise _UnsoundError(" ".join(problem.split()))


def _checked(config: Mapping[str, Any], model: LatentModel) -> LatentModel:
    """Return the model that a config.json would describe, if it is one like ``model``."""
    try:
        described = _model_of(config)
    except _UnsoundError as problem:
        raise InputError(
            f"this run cannot be kept, for it could not be opened again: {problem}"
        ) from None
    if place := first_difference(described, model):
        raise InputError(
            f"a run keeps a model by its recipe, and {place} of this one is not as "
            f"{config['recipe']!r} builds it",
            "build it with that option if there is one, or train it with its `fit`, or with a "
            "`Trainer` and checkpoints of your own",
        )
    return described


def _build(
    recipe: str, latent_dim: Any, image_shape: Any, seed: Any, options: Mapping[str, Any]
) -> LatentModel:
    """Return the model of a run: as ``build`` does, but with the recipe's own options only."""
    own = find_recipe(recipe).options
    for name in options:
        if name not in own:
            raise unknown_name("option", name, own, owner=recipe)
    return build(recipe, latent_dim=latent_dim, image_shape=image_shape, seed=seed, **options)


def _check_data(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise InputError(f"the data of a run must be the name of a data set, not {name!r}")
