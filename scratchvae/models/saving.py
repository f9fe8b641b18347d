"""A model in one file: how it is written, and made anew from what was read.

The file is an ``.npz`` archive of plain arrays (``training/archive.py``), without pickled objects,
so a file from someone else can be opened without running their code:

- ``format``: the number 1;
- ``model``: a JSON text, of which more below;
- ``parameter/NAME`` and ``buffer/NAME``: what ``model.state()`` has, in the layouts of the layers;
- ``constant/N``: arrays that the description names, such as the mask of a ``MaskedDense``.

The JSON text is an object with

- ``model``: the class of the model and the arguments of its constructor, networks and likelihood
  among them (``models/description.py``);
- ``config``: the recipe and options that it was built from; empty if it was put together by hand;
- ``settings``: how ``fit`` trains it;
- ``frozen``: the names of the parameters that no optimiser changes;
- ``shared``: for each parameter that is another one as well, the name of that;
- ``history``: for each epoch of the last ``fit`` its number, the terms of its training loss, those
  of its test loss or null, and its seconds;
- ``rounds``: how often that fit was continued;
- ``version``: the version of the package that wrote it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_file, write_bytes
from scratchvae.json_files import plain
from scratchvae.layers import Parameter
from scratchvae.layers.parameter import check_apart
from scratchvae.models.base import Model
from scratchvae.models.description import (
    Maker,
    described_model,
    foreign_classes,
)
from scratchvae.training import EpochMetrics, LossTerms, Settings
from scratchvae.training.archive import (
    UnsoundError,
    archive,
    check_arrays,
    check_format,
    read_archive,
)
from scratchvae.validation import check_count, check_instance
from scratchvae.version import __version__

FORMAT = 1

_TEXTS = ("format", "model")


def save_model(model: Model, path: AnyPath) -> None:
    """Write a model to a file, whole or not at all: see ``LatentModel.save``."""
    path, constants = as_file(path), dict[str, NDArray[Any]]()
    try:
        check_apart(model.parameters)
        header = _header(model, constants)
        texts = {"format": np.array(FORMAT), "model": np.array(json.dumps(plain(header)))}
        file = archive(texts | constants | _targets(model))
        arrays = read_archive(file)
        if foreign_classes(header["model"]):
            fill(model, arrays, header, only_check=True)
        else:
            made_model(arrays, {type(model).__name__: type(model)})
    except (InputError, ValueError, TypeError) as problem:
        raise InputError(
            f"{str(path)!r} is not written, since it could not be loaded again ({problem})",
            "mend the model, or keep its `state()`",
        ) from None
    with file.getbuffer() as content:
        write_bytes(path, content)


def read_header(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what the JSON text of an archive says; whatever is wrong with it is an exception."""
    if "progress" in arrays:
        raise UnsoundError("it is a checkpoint; give the folder of its run")
    check_format(arrays, FORMAT)
    header: dict[str, Any] = json.loads(str(arrays["model"]))
    return header


def made_model(arrays: Mapping[str, NDArray[Any]], models: Mapping[str, type]) -> Any:
    """Return the model in an archive; whatever is wrong with it is an exception."""
    header = read_header(arrays)
    model = Maker(models, arrays).model(header["model"])
    for name, other in header["shared"].items():
        parameter = model.parameters[other]
        _holder(model, name)[name.rpartition(".")[2]] = parameter
    fill(model, arrays, header)
    model.config = dict(header["config"])
    return model


def fill(
    model: Model,
    arrays: Mapping[str, NDArray[Any]],
    header: dict[str, Any],
    only_check: bool = False,
) -> None:
    """Put into a model what an archive has for it: all of it, or nothing if something is wrong."""
    targets = _targets(model)
    constants = [name for name in arrays if name.startswith("constant/")]
    check_arrays(arrays, targets, [*_TEXTS, *constants])
    history = [_epoch(*row) for row in header["history"]]
    rounds = check_count(header["rounds"], "rounds", -1)
    parameters = [model.parameters[name] for name in header["frozen"]]
    settings = Settings(**header["settings"])
    config = check_instance(header["config"], "config", dict)
    if config and not isinstance(config.get("recipe"), str):
        raise ValueError("its config names no recipe")
    if only_check:
        return
    for name, target in targets.items():
        target[...] = arrays[name]
    for parameter in model.parameters.values():
        parameter.trainable = not any(parameter is one for one in parameters)
    model.settings, model.history_, model._rounds = settings, history, rounds
    model._initial = {}


def _header(model: Model, constants: dict[str, NDArray[Any]]) -> dict[str, Any]:
    parameters, first = model.parameters, dict[int, str]()
    for name, parameter in parameters.items():
        first.setdefault(id(parameter), name)
    return {
        "model": described_model(model, constants),
        "config": model.config,
        "settings": asdict(model.settings),
        "frozen": [name for name, parameter in parameters.items() if not parameter.trainable],
        "shared": {n: first[id(p)] for n, p in parameters.items() if first[id(p)] != n},
        "history": [_row(epoch) for epoch in model.history_],
        "rounds": model._rounds,
        "version": __version__,
    }


def _targets(model: Model) -> dict[str, NDArray[Any]]:
    """Return a model's arrays by their names in a file."""
    parameters = {f"parameter/{name}": each.value for name, each in model.parameters.items()}
    return parameters | {f"buffer/{name}": each for name, each in model.buffers.items()}


def _holder(model: Model, name: str) -> dict[str, Parameter]:
    """Return the dictionary in a layer that has the parameter of this name."""
    network, *places, _ = name.split(".")
    layer: Any = model.networks[network]
    for place in places:
        layer = layer.layers[int(place)]
    held: dict[str, Parameter] = layer.parameters
    return held


def _row(epoch: EpochMetrics) -> list[Any]:
    test = None if epoch.test is None else list(astuple(epoch.test))
    return [epoch.epoch, list(astuple(epoch.train)), test, epoch.seconds]


def _epoch(number: int, train: list[float], test: list[float] | None, seconds: float) -> Any:
    for value in (*train, *(test or ()), seconds):
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError("its history has something else than finite numbers")
    terms = LossTerms(*train), None if test is None else LossTerms(*test)
    return EpochMetrics(check_count(number, "epoch"), *terms, seconds)
