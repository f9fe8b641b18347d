"""What a fit that ends in an error leaves: the model of its last good epoch."""

from scratchvae.models.base import Model
from scratchvae.training import EpochMetrics


class LastGood:
    """A model's state, history and round as they were when they were last known to be good."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._keep()

    def take(self, epoch: EpochMetrics) -> None:
        """Add an epoch, whose loss and state are finite, to the model's history."""
        self._model.history_.append(epoch)
        self._keep()

    def put_back(self) -> None:
        """Make the model what it was."""
        for array, value in zip(self._model._arrays().values(), self._values, strict=True):
            array[...] = value
        self._model.history_, self._model._rounds = self._history, self._round

    def _keep(self) -> None:
        self._values = list(self._model.state().values())
        self._history, self._round = list(self._model.history_), self._model._rounds
