"""What an epoch of training gave."""

from dataclasses import dataclass

from scratchvae.training.protocol import LossTerms


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch gave.

    Attributes
    ----------
    epoch
        Its number, from 1.
    train
        The mean over the epoch's batches, each measured before its step.
    test
        The mean over the test images after the epoch; ``None`` if there are none.
    seconds
        How long it took, the test included; of an epoch that was interrupted, its parts together.
    """

    epoch: int
    train: LossTerms
    test: LossTerms | None
    seconds: float

    def __str__(self) -> str:
        return self.line("test")

    def line(self, evaluated: str) -> str:
        """Return the metrics on a line; ``evaluated`` is what the images after an epoch are for."""
        # Within 80 columns, also of a validation loss.
        line = (
            f"epoch {self.epoch:2d}  loss {self.train.loss:7.2f}  "
            f"rec. {self.train.reconstruction:7.2f}  KL {self.train.kl:5.2f}"
        )
        test = "" if self.test is None else f"  {evaluated} loss {self.test.loss:7.2f}"
        return f"{line}{test} {self.seconds:5.1f} s"
