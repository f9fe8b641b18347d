"""Whether a model is the one that its recipe builds, but for what it has learned.

A run is opened again from its recipe and options. A layer, a constant of a layer or the variance of
a likelihood that was changed by hand is in neither, and would be lost without a word.
"""

from typing import Any

import numpy as np

from scratchvae.layers.sequential import each_layer
from scratchvae.models import LatentModel

_PLAIN = (bool, int, float, str, tuple, np.dtype, type(None), np.ndarray)
_OF_CLASS = ("kl_weight", "free_bits")  # attributes that a class may have in the place of a model


def first_difference(built: LatentModel, model: LatentModel) -> str:
    """Return what of a model is not as it was built, in words; empty if all is."""
    if type(model) is not type(built):
        return f"the class, {type(model).__name__},"
    expected, found = _parts(built), _parts(model)
    for place, part in expected.items():
        if place not in found or type(found[place]) is not type(part):
            return f"the {place}"
        for name, value in _constants(part).items():
            present: Any = getattr(found[place], name, None)
            if not np.array_equal(present, value):
                return f"the {name} of the {place}"
        if own := _methods_of_its_own(found[place]):
            return f"the {own[0]} of the {place}"
    for place in found.keys() - expected.keys():
        return f"the {place}"
    shapes, own_shapes = (
        {name: (array.shape, array.dtype) for name, array in each.state().items()}
        for each in (built, model)
    )
    for name, parameter in model.parameters.items():
        if not parameter.trainable:
            return f"{name}, which is frozen,"
    return next((name for name in shapes if own_shapes.get(name) != shapes[name]), "")


def _parts(model: LatentModel) -> dict[str, Any]:
    """Return the model, its likelihood and its layers, by what they are called in an error."""
    layers = {
        f"{name}, layer {place}" if place else name: layer
        for name, network in model.networks.items()
        for place, layer in enumerate(each_layer(network))
    }
    return {"model": model, "likelihood": model.likelihood} | layers


def _constants(part: Any) -> dict[str, Any]:
    """Return what a part that has just been built computes with, and neither learns nor runs."""
    own = {
        name: value
        for name, value in vars(part).items()
        if isinstance(value, _PLAIN) and not name.startswith("_")
    }
    return own | {name: getattr(part, name) for name in _OF_CLASS if hasattr(part, name)}


def _methods_of_its_own(part: Any) -> list[str]:
    """Return the methods that an object has in the place of its class's."""
    return [n for n, value in vars(part).items() if callable(value) and hasattr(type(part), n)]
