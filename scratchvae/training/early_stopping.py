"""Early stopping: a training that has ceased to get better ends, and its best epoch is kept."""

from collections.abc import Sequence

from scratchvae.training.epoch_metrics import EpochMetrics


def best_epoch(history: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """Return the epoch with the least loss of the images that training does not see.

    Of equal ones it is the first; ``None`` if no epoch was followed by an evaluation.
    """
    evaluated = [row for row in history if row.test is not None]
    return min(evaluated, key=lambda row: row.test.loss if row.test else 0.0, default=None)


def has_stalled(history: Sequence[EpochMetrics], patience: int) -> bool:
    """Return whether that loss has not fallen for ``patience`` epochs; 0 waits for ever."""
    best = best_epoch(history)
    return bool(patience) and best is not None and history[-1].epoch - best.epoch >= patience
