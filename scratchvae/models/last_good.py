"""What a fit leaves: of one that ends in an error the last good epoch, with patience the best."""

from scratchvae.models.base import Model
from scratchvae.training import EpochMetrics
from scratchvae.training.early_stopping import best_epoch
from scratchvae.validation import FloatArray


class LastGood:
    """A model's state, history and round as they were when they were last known to be good."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._best: list[FloatArray] | None = None
        self._keep()

    def take(self, epoch: EpochMetrics) -> None:
        """Add an epoch, whose loss and state are finite, to the model's history."""
        self._model.history_.append(epoch)
        self._keep()
        if self._model.history_ and best_epoch(self._model.history_) is epoch:
            self._best = self._values

    def put_back_best(self) -> None:
        """Give the model the parameters and buffers of its best epoch; its history stays."""
        if self._best is not None:
            for array, value in zip(self._model._arrays().values(), self._best, strict=True):
                array[...] = value

    def put_back(self) -> None:
        """Make the model what it was."""
        for array, value in zip(self._model._arrays().values(), self._values, strict=True):
            array[...] = value
        self._model.history_, self._model._rounds = self._history, self._round

    def _keep(self) -> None:
        self._values = list(self._model.state().values())
        self._history, self._round = list(self._model.history_), self._model._rounds
