"""The configuration of a run, and whether it is the requested one."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scratchvae.data import DATASET_NAMES
from scratchvae.errors import InputError
from scratchvae.files import read_json
from scratchvae.models import LatentModel, build
from scratchvae.validation import check_seed
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
    seed = 0 if seed is None else check_seed(seed)
    model = build(recipe, latent_dim=latent_dim, seed=seed, **without_none(options))
    model.settings = model.settings.changed(**(settings or {}))
    names = ("recipe", "latent_dim", "seed")
    config = {
        "version": __version__,
        "recipe": recipe,
        "latent_dim": model.latent_dim,
        "options": {k: v for k, v in model.config.items() if k not in names},
        "data": data or "auto",
        "seed": seed,
        "settings": asdict(model.settings),
    }
    return config, model


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
    """Return what must be the same for a checkpoint to fit: all but version and length."""
    names = {k: v for k, v in config.items() if k not in ("version", "settings")}
    return names | {k: v for k, v in config["settings"].items() if k != "epochs"}


def check_same(
    what: str, stored: Mapping[str, Any], requested: Mapping[str, Any], remedy: str
) -> None:
    """Raise ``InputError`` unless everything that is requested is stored with that value."""
    for name, value in requested.items():
        if stored.get(name) != value:
            raise InputError(f"{what} has {name} {stored.get(name)!r}, not {value!r}", remedy)


def without_none(choices: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what was chosen: ``None`` leaves a choice to the recipe."""
    return {name: value for name, value in (choices or {}).items() if value is not None}
