"""A loss of (x, reconstruction, mean, log-variance), taken apart by feeding it chosen values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.frameworks import Float64, seeded
from scratchvae.checks.doctor.patient import ROWS, Patient

CLOSE = 2e-3  # of a share: float32 losses of thousands of nats, of which a term is a small part
_SEED = 20131220
_OTHER_ROWS = 11  # where there are as many latents or pixels as rows
_CALLS = 200  # of a loss that draws: its mean is then known to a few per cent


@dataclass(frozen=True)
class Weight:
    """What a term's function is multiplied by.

    Attributes
    ----------
    value
        The factor, at a batch of ``rows``, on the sum over everything in the batch.
    exponent
        The power of the batch's size in it: 0 for a sum over the batch, −1 for a mean.
    rows
        The batch's size.
    """

    value: float
    exponent: float
    rows: int

    @property
    def per_image(self) -> float:
        """The factor on an image's own sum, whether the batch is summed or averaged."""
        return float(self.value * self.rows ** -round(self.exponent))


@dataclass(frozen=True)
class Sizes:
    """How many images a loss was given, of how many pixels, with how many latents each."""

    rows: int
    pixels: int
    latents: int


class Probe:
    """One of a patient's losses with inputs of our own.

    Parameters
    ----------
    patient
        Whose loss.
    which
        ``"loss"`` or ``"validation_loss"``.
    """

    def __init__(self, patient: Patient, which: str = "loss") -> None:
        self.patient = patient
        self.which = which
        rng = np.random.default_rng(_SEED)
        self.shape = self._image_shape()
        self.output_shape = self._output_shape()
        self.latents = patient.latents
        self.rows = _OTHER_ROWS if ROWS in (self.latents, self.pixels) else ROWS
        self._still: dict[int, float] = {}
        self._x = rng.uniform(0.05, 0.95, (2 * self.rows, *self.shape))
        self._r = rng.uniform(0.15, 0.85, (2 * self.rows, *self.output_shape))

    @property
    def sizes(self) -> Sizes:
        """Return what it feeds."""
        return Sizes(self.rows, self.pixels, self.latents)

    @property
    def pixels(self) -> int:
        """Numbers in an image."""
        return int(np.prod(self.shape))

    def _image_shape(self) -> tuple[int, ...]:
        data = self.patient.data
        return (12,) if data is None else data.shape[1:]

    def _output_shape(self) -> tuple[int, ...]:
        if self.patient.has("decode", "encode") and self.patient.data is not None:
            mean, _ = self.patient.encode(self.patient.images(ROWS))
            return self.patient.decode(mean).shape[1:]
        return self.shape

    def x(self, rows: int | None = None) -> Float64:
        """Return images of grey values in (0, 1), the same each time."""
        return self._x[: rows or self.rows]

    def reconstruction(self, rows: int | None = None) -> Float64:
        """Return reconstructions in (0, 1): in the range of probabilities, logits and means."""
        return self._r[: rows or self.rows]

    def value(self, x: Float64, r: Float64, mean: Float64, log_variance: Float64) -> float:
        """Return the loss; its mean over many calls, where it draws noise."""
        if not self.noisy:
            return self._once(x, r, mean, log_variance)
        return float(np.mean([self._once(x, r, mean, log_variance) for _ in range(_CALLS)]))

    @cached_property
    def noisy(self) -> bool:
        """Whether the loss draws random numbers of its own: then it is known by its mean."""
        moments = np.full((self.rows, self.latents), 0.5)
        values = {self._once(self.x(), self.reconstruction(), moments, moments) for _ in range(3)}
        return len(values) > 1

    def _once(self, *given: Float64) -> float:
        takes = self.patient.takes(self.which)
        value = self.patient.loss(*given[:takes], which=self.which)
        if not np.isfinite(value):
            raise CouldNotCheck(f"`{self.which}` is {value} at ordinary values")
        return value

    def still(self, rows: int) -> float:
        """Return the loss at our images and reconstructions, and moments of the prior."""
        if rows not in self._still:
            zero = np.zeros((rows, self.latents))
            with seeded(_SEED):
                value = self.value(self.x(rows), self.reconstruction(rows), zero, zero)
            self._still[rows] = value
        return self._still[rows]

    def of_moments(self, mean: Float64, log_variance: Float64) -> float:
        """Return what the loss grows by when the moments leave (0, 0), all else being the same."""
        rows = len(mean)
        with seeded(_SEED):
            moved = self.value(self.x(rows), self.reconstruction(rows), mean, log_variance)
        return moved - self.still(rows)

    def of_reconstruction(self, r: Float64) -> float:
        """Return what the loss grows by when the reconstruction leaves ours."""
        rows = len(r)
        zero = np.zeros((rows, self.latents))
        with seeded(_SEED):
            moved = self.value(self.x(rows), r, zero, zero)
        return moved - self.still(rows)


@dataclass(frozen=True)
class Fit:
    """A linear combination of known functions that gives a user's numbers."""

    coefficients: dict[str, float]
    error: float

    @property
    def exact(self) -> bool:
        """Whether it explains what was measured, to the rounding of float32."""
        return self.error < CLOSE


def fitted(columns: dict[str, Float64], measured: Float64) -> Fit:
    """Return the least-squares fit of ``measured`` by some functions' values."""
    names = list(columns)
    table = np.stack([columns[name] for name in names], axis=1)
    scale = np.abs(table).max(axis=0)
    solution, *_ = np.linalg.lstsq(table / scale, measured, rcond=None)
    size = float(np.abs(measured).max())
    error = float(np.abs(table / scale @ solution - measured).max()) / max(size, 1e-30)
    return Fit(dict(zip(names, (solution / scale).tolist(), strict=True)), error)
