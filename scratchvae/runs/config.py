"""The configuration of a run, and whether it is the requested one."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.data import DATASET_NAMES, Dataset
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import read_json
from scratchvae.models import LatentModel, build
from scratchvae.training import Settings
from scratchvae.validation import check_count
from scratchvae.version import __version__


def complete_config(
    recipe: str,
    *,
    data: str | None = None,
    latent_dim: int | None = None,
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
        The data set, by its name; ``None``: "auto", which becomes the one that it is trained on.
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
    seed = 0 if seed is None else check_count(seed, "seed", 0)
    options, settings = as_choices(options, "options"), as_choices(settings, "settings")
    model = build(recipe, latent_dim=latent_dim, seed=seed, **without_none(options))
    model.settings = model.settings.changed(**settings)
    return config_of(model, data or "auto", model.settings, seed), model


def config_of(model: LatentModel, data: str, settings: Settings, seed: int) -> dict[str, Any]:
    """Return the configuration of a run of a model that ``scratchvae.build`` made."""
    if data not in DATASET_NAMES:
        raise unknown_name("data set", data, DATASET_NAMES)
    if "recipe" not in model.config:
        raise InputError(
            f"a run needs a model of a recipe, and this {type(model).__name__} was put together by "
            "hand",
            "train it with its `fit`, or build one with `scratchvae.build`",
        )
    names = ("recipe", "latent_dim", "seed")
    return {
        "version": __version__,
        "recipe": model.config["recipe"],
        "latent_dim": model.latent_dim,
        "options": {k: v for k, v in model.config.items() if k not in names},
        "data": data,
        "seed": seed,
        "settings": asdict(settings),
    }


def begins_as_built(config: Mapping[str, Any], model: LatentModel) -> bool:
    """Return whether a model has the parameters that its recipe begins with.

    Raises
    ------
    InputError
        If they are not even of the same names, shapes and dtypes: what such a run saved could not
        be opened again.
    """
    names = {name: config[name] for name in ("latent_dim", "seed")}
    built, own = build(config["recipe"], **names, **config["options"]).state(), model.state()
    for name in sorted(built.keys() | own.keys()):
        wanted, came = (
            f"{arrays[name].dtype} of shape {arrays[name].shape}" if name in arrays else "absent"
            for arrays in (built, own)
        )
        if wanted != came:
            raise InputError(
                f"a run needs the model that its recipe builds, where {name} is {wanted}; here it "
                f"is {came}",
                "build another one, or train this one with its `fit`",
            )
    return all(np.array_equal(built[name], own[name]) for name in own)


def check_data(config: Mapping[str, Any], data: Dataset, run: str) -> None:
    """Raise ``InputError`` unless ``data`` is what a run with this configuration is trained on."""
    if config["data"] != "auto":
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


def read_config(path: Path) -> tuple[dict[str, Any], LatentModel]:
    """Return the configuration in a config.json, and a new model of it.

    Raises
    ------
    InputError
        If the file cannot be read, or is not the configuration of a run.
    """
    config = read_json(path)
    try:
        if config["data"] not in DATASET_NAMES[1:]:  # all but "auto"
            raise InputError(f"its data {config['data']!r} is not one that a run can have")
        chosen = {name: config[name] for name in ("latent_dim", "seed")}
        model = build(config["recipe"], **chosen, **config["options"])
        model.settings = type(model.settings)(**config["settings"])
        return config, model
    except KeyError as error:
        problem = f"it has no {error.args[0]}"
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        problem = str(error)
    raise InputError(
        f"{str(path)!r} is not the configuration of a run ({problem}): it is damaged or foreign; "
        "restore it from a copy, or give another folder"
    )


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same for a checkpoint to fit: all but version, length and images."""
    others = ("version", "settings", "images")
    names = {k: v for k, v in config.items() if k not in others}
    return names | {k: v for k, v in config["settings"].items() if k != "epochs"}


def check_same(
    what: str, stored: Mapping[str, Any], requested: Mapping[str, Any], remedy: str
) -> None:
    """Raise ``InputError`` unless everything that is requested is stored with that value."""
    for name, value in requested.items():
        if stored.get(name) != value:
            raise InputError(f"{what} has {name} {stored.get(name)!r}, not {value!r}", remedy)


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
