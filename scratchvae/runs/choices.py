"""Which of a run's choices a name is: its number of latents, an option of its recipe, a setting."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scratchvae.errors import unknown_name
from scratchvae.models import find_recipe
from scratchvae.training import Settings

LATENTS = "latent_dim"
SETTINGS = tuple(field.name for field in fields(Settings))


def sort_choices(recipe: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return choices as ``Run.begin`` takes them: ``latent_dim``, ``options`` and ``settings``.

    A name that both the recipe and the settings have (``free_bits``) is the setting; the option is
    ``options.free_bits``.

    Raises
    ------
    InputError
        If there is no such recipe, or it has no option or setting of that name.
    """
    own = find_recipe(recipe).options
    known = {f"options.{name}": ("options", name) for name in own}
    known |= {name: ("options", name) for name in own}
    known |= {name: ("settings", name) for name in SETTINGS}
    sorted_choices: dict[str, Any] = {"options": {}, "settings": {}}
    for given, value in choices.items():
        if given == LATENTS:
            sorted_choices[LATENTS] = value
        elif given in known:
            kind, name = known[given]
            sorted_choices[kind][name] = value
        else:
            names = [LATENTS, *own, *SETTINGS]
            raise unknown_name("option", given, names, owner=recipe)
    return sorted_choices
