"""What is to be trained: options of the command line, ``--set``, and a file of options."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

from scratchvae.cli.values import read_value
from scratchvae.errors import InputError
from scratchvae.files import cannot_read, read_bytes
from scratchvae.models import RECIPES
from scratchvae.runs import Run
from scratchvae.runs.choices import LATENTS, SETTINGS, sort_choices

DEFAULT_RECIPE = "zhao-mlp"

_OF_THE_RUN = ("recipe", "data", "seed")
_TABLES = ("options", "settings")
_MOST_BYTES = 1 << 20


def requested(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was chosen, as ``Run.begin`` and ``Run.resume`` take it.

    The command line comes before the file. Of a run that goes on, the recipe need not be named.
    """
    chosen: dict[str, Any] = {} if options.config is None else _read_file(options.config)
    own = {name for recipe in RECIPES.values() for name in recipe.options}
    for name in (*_OF_THE_RUN, LATENTS, *SETTINGS, *sorted(own - set(SETTINGS))):
        if getattr(options, name) is not None:
            chosen[name] = getattr(options, name)
    chosen |= {name: read_value(text) for name, text in options.set}
    names = {name: chosen.pop(name, None) for name in _OF_THE_RUN}
    if names["recipe"] is None and not options.resume:
        names["recipe"] = DEFAULT_RECIPE
    recipe = names["recipe"]
    if recipe is None and chosen:
        recipe = Run.open(options.out, need_checkpoint=False).config["recipe"]
    return names | (sort_choices(recipe, chosen) if chosen else {})


def _read_file(path: Path) -> dict[str, Any]:
    """Return the choices in a TOML file: by name, or in tables ``options`` and ``settings``."""
    try:
        content = tomllib.loads(read_bytes(path, _MOST_BYTES).decode())
    except OSError as error:
        raise cannot_read(path, error, "check its name and its folder") from None
    except ValueError as error:  # of TOML, or of its encoding
        why = " ".join(str(error).split())
        problem = f"expected a TOML file of options, and {str(path)!r} is none ({why})"
        raise InputError(problem, "write lines such as `epochs = 3`") from None
    for table in _TABLES:
        inner = content.pop(table, {})
        if not isinstance(inner, dict):
            raise InputError(f"{table} of {str(path)!r} must be a table of names and values")
        prefix = "options." if table == "options" else ""
        content |= {f"{prefix}{name}": value for name, value in inner.items()}
    for name, value in content.items():
        if isinstance(value, (dict, list)):
            raise InputError(f"{name} of {str(path)!r} must have one value, not {value!r}")
    return {name.replace("-", "_"): value for name, value in content.items()}
