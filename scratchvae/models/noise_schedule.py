"""How much of an image each layer of a diffusion holds.

Dimensions: N layers that are asked for, of T.
"""

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.validation import FloatArray, as_array

TIME_FEATURES = 8
_MOST_LOG_SNR = 350  # either way: e to the power of their difference is still a number


@dataclass(frozen=True)
class NoiseSchedule:
    """Layers z_t = α_t x + σ_t ε, the log of whose ratio α_t² / σ_t² falls in equal steps.

    It is eq. 25.2 and eq. 25.3 of the lessons, with α_t² + σ_t² = 1.

    Attributes
    ----------
    steps
        T, 2 or more.
    highest, lowest
        The logarithm of the ratio at layer 1 and at layer T.
    """

    steps: int
    highest: float
    lowest: float

    @property
    def step_size(self) -> float:
        """Δ, by which the logarithm falls from a layer to the next."""
        return (self.highest - self.lowest) / (self.steps - 1)

    def log_snr(self, t: Any) -> FloatArray:
        """Return log (α_t² / σ_t²) of the layers ``t`` (N,), in float64."""
        ratio: FloatArray = self.highest - self.step_size * (self.check_layers(t) - 1.0)
        return ratio

    def signal_and_noise(self, t: Any) -> tuple[FloatArray, FloatArray]:
        """Return α_t and σ_t of the layers ``t``, both (N,), in float64.

        With r = α² / σ² and α² + σ² = 1 they are the roots of r / (1 + r) and 1 / (1 + r).
        """
        ratio = np.exp(self.log_snr(t))
        return np.sqrt(ratio / (1 + ratio)), np.sqrt(1 / (1 + ratio))

    def levels(self, *layers: int) -> list[tuple[float, float]]:
        """Return α and σ² of some layers."""
        signal, noise = self.signal_and_noise(np.array(layers))
        return list(zip(signal.tolist(), (noise**2).tolist(), strict=True))

    def features(self, t: Any) -> FloatArray:
        """Return cosines and sines of the layers ``t``, four of each: (N, 8)."""
        share = (self.check_layers(t) - 1)[:, None] / (self.steps - 1)
        turns = np.pi * share * np.array([0.5, 1, 2, 4])
        return np.concatenate([np.cos(turns), np.sin(turns)], axis=1)

    def check_layers(self, t: Any) -> NDArray[np.int64]:
        """Return layers ``t`` (N,); ``InputError`` unless each is a whole number from 1 to T."""
        found = as_array(t, "t")
        if found.ndim != 1 or found.dtype.kind not in "iu":
            raise InputError(
                f"t must be of shape (N,) and whole numbers, not {found.dtype} of shape "
                f"{found.shape}: give the layer of each image"
            )
        if found.size and not 1 <= found.min() <= found.max() <= self.steps:
            raise InputError(
                f"t must be from 1 to {self.steps}, not from {found.min()} to {found.max()}"
            )
        return found.astype(np.int64)


def noise_schedule(steps: int, variance: float, lowest: float) -> NoiseSchedule:
    """Return the schedule from the ratio 1 / ``variance`` to that of the logarithm ``lowest``.

    Raises
    ------
    InputError
        If they are in the wrong order, or one is so extreme that its ratio is no number to compute
        with. Each may have been changed since it was checked by itself.
    """
    highest = -log(variance)
    for name, value, ratio in (("variance", variance, highest), ("lowest_log_snr", lowest, lowest)):
        if abs(ratio) > _MOST_LOG_SNR:
            raise InputError(
                f"{name} must give a log signal-to-noise ratio from -{_MOST_LOG_SNR} to "
                f"{_MOST_LOG_SNR}, not {ratio:.3g}: {value:g} is too extreme"
            )
    if lowest >= highest:
        most = f"-log(variance) = {highest:.3g}, where the first layer is"
        raise InputError(f"lowest_log_snr must be below {most}, not {lowest!r}")
    return NoiseSchedule(steps, highest, lowest)
