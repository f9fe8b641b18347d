"""The names under which scikit-learn's pipelines and searches look for a model's methods."""

import sys
from copy import deepcopy
from dataclasses import asdict
from typing import Any, Self

from scratchvae.models.base import Model
from scratchvae.validation import FloatArray


class ScikitNames(Model):
    """A model as scikit-learn's transformer; ``fit`` and ``score`` have these names anyway.

    ``y`` is what pipelines pass to every step. Only a class-conditional model reads it: as labels.
    """

    encode: Any
    decode: Any
    fit: Any

    def transform(self, images: Any, y: object = None) -> FloatArray:
        """Return ``encode(images)``."""
        z: FloatArray = self.encode(images, self._labels_in(y))
        return z

    def inverse_transform(self, z: Any, y: object = None) -> FloatArray:
        """Return ``decode(z)``."""
        images: FloatArray = self.decode(z, self._labels_in(y))
        return images

    def fit_transform(self, images: Any, y: object = None, **settings: Any) -> FloatArray:
        """Return ``fit(images, y).transform(images, y)``."""
        z: FloatArray = self.fit(images, y, **settings).transform(images, y)
        return z

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the model's settings, by name: what ``set_params`` changes."""
        return asdict(self.settings)

    def set_params(self, **params: Any) -> Self:
        """Change the model's settings (``epochs``, ``learning_rate``, …), and return the model.

        Raises
        ------
        InputError
            If there is no such setting, or a value is invalid. What a model is made of is not
            changed here: build another with ``scratchvae.build``.
        """
        self.settings = self.settings.changed(**params)
        return self

    def __sklearn_clone__(self) -> Self:
        """Return a model of the same initial parameters and settings that was not trained."""
        other = deepcopy(self)
        other._begin_again()
        other.history_, other._rounds = [], type(other)._rounds
        return other

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether ``fit`` has completed an epoch, for ``check_is_fitted``."""
        return bool(self.history_)

    def __sklearn_tags__(self) -> Any:
        """Return that it is a transformer; scikit-learn asks, so it is there."""
        utils: Any = sys.modules["sklearn.utils"]
        return utils.Tags(
            estimator_type=None,
            target_tags=utils.TargetTags(required=False),
            transformer_tags=utils.TransformerTags(),
            input_tags=utils.InputTags(),
        )

    def _labels_in(self, y: Any) -> Any:
        """Return the labels in ``y``: only a class-conditional model has any."""
        return y if self.classes else None
