"""Where the images of a run come from: a data set with a name, or files of the user's own."""

from collections.abc import Mapping
from typing import Any

from scratchvae.data import DATASET_NAMES, Dataset, load
from scratchvae.errors import InputError, shown
from scratchvae.files import AnyPath

_OPTIONS = {
    *("name", "seed", "validation", "test"),
    *("size", "pad", "axes", "scale", "alpha", "labels"),
}


def load_source(config: Mapping[str, Any], data_dir: AnyPath | None, progress: bool) -> Dataset:
    """Return the data set that a run's configuration names.

    Files of the user's own are read as when the run was begun; ``data_dir`` is where they are now,
    if they have moved.

    Raises
    ------
    InputError
        If they cannot be found or read.
    """
    source = config.get("source")
    if source is None:
        return load(config["data"], data_dir=data_dir, seed=config["seed"], progress=progress)
    if not isinstance(source, Mapping) or not {"name"} <= source.keys() <= _OPTIONS:
        raise InputError(
            f"the configuration of this run says of its data {shown(source)}: it is damaged",
            "restore it from a copy",
        )
    options = dict(source)
    if options["name"] in DATASET_NAMES:
        return load(**options, data_dir=data_dir, progress=progress)
    if data_dir is not None:
        options["name"] = data_dir
    try:
        return load(**options, progress=progress)
    except InputError as error:
        if data_dir is None:
            remedy = f"{error.remedy}; if the data have moved, say where to with `data_dir`"
            raise InputError(error.problem, remedy.removeprefix("; ")) from None
        raise
