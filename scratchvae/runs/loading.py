"""Opening a model again, from its own file or from the folder of its run."""

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path
from scratchvae.models import LatentModel
from scratchvae.models.loading import load_model
from scratchvae.runs.run import Run


def load(path: AnyPath, into: LatentModel | None = None) -> LatentModel:
    """Return the model that is kept in a file or a folder.

    Parameters
    ----------
    path
        A file that ``model.save`` wrote; or the folder of a run, whose model this is as of the last
        checkpoint.
    into
        A model that was put together in the same way: it gets parameters, running statistics,
        settings, history and what is frozen from the file, and is returned. It is for models with
        layers, a likelihood or a class of your own.

    Raises
    ------
    InputError
        If there is nothing there, or it is damaged, foreign or of a newer version; or it does not
        fit ``into``, which is as it was, then; or has a part of a class of your own, without
        ``into``.
    """
    path = as_path(path)
    if not path.is_dir():
        return load_model(path, into)
    if into is not None:
        raise InputError(
            f"{str(path)!r} is the folder of a run, which knows its model: leave `into` out"
        )
    return Run.open(path).model
