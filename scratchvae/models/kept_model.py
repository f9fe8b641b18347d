"""A model that one keeps: in a file of this package, or for another program."""

from pathlib import Path

from scratchvae.files import AnyPath
from scratchvae.models.saving import save_model
from scratchvae.models.scikit import ScikitNames


class KeptModel(ScikitNames):
    """A model that can be written to a file, its own or another program's."""

    def save(self, path: AnyPath) -> None:
        """Write the model to one file, whole or not at all; ``scratchvae.load(path)`` opens it.

        The file has all that the model is made of and has learned, its recipe and options, its
        settings and its history. It has no optimiser: a training that is to go on exactly where it
        stopped is a run (``scratchvae train``), or a checkpoint of your ``Trainer``. What the
        first ``fit`` began with is left out as well: that of the model in the file begins with the
        parameters that it has.

        Of classes of your own it has the names: such a model is loaded into one that you built.
        ``models/saving.py`` describes the format.

        Raises
        ------
        InputError
            If the file cannot be written, or the model could not be loaded from it: a parameter is
            not finite, a setting is none that JSON keeps.
        """
        save_model(self, path)

    def export(self, kind: str, path: AnyPath) -> list[Path]:
        """Write the model's weights, or its networks, for other programs; return the files.

        Parameters
        ----------
        kind
            ``"torch"``, a ``state_dict`` for the networks that
            ``scratchvae.export.pytorch_source(model)`` writes out; ``"safetensors"``, the same
            arrays without PyTorch; ``"onnx"``, encoder and decoder as graphs; ``"numpy"``, the
            arrays of ``state()``. ``export/files.py`` says what is called what, and which axes are
            where.
        path
            The file; for ``"onnx"`` the beginning of the names of two, PATH-encoder.onnx and
            PATH-decoder.onnx.

        Raises
        ------
        InputError
            If there is no such kind, a package that it needs is not installed, the file cannot be
            written, or the model has a layer or a network that the other program has not.
        """
        from scratchvae.export import export_model  # few need it

        return export_model(self, kind, path)
