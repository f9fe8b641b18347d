"""What a user's callables answered, in NumPy: and which of them failed in every call, and how."""

from types import EllipsisType
from typing import Any

import numpy as np

from scratchvae.checks.arguments import described
from scratchvae.checks.doctor.description import CALLABLES
from scratchvae.checks.doctor.frameworks import Float64, as_numpy


class CouldNotCheck(Exception):  # noqa: N818  # a verdict, not a defect
    """An examination has not what it needs; the text says what is missing."""


class Answers:
    """The parts of a VAE that have been called, by name.

    A part may fail at what an examination feeds it and be right all the same; one that has never
    given anything usable cannot be.
    """

    def __init__(self) -> None:
        self._usable: set[str] = set()
        self._failures: dict[str, str] = {}

    @property
    def none(self) -> bool:
        """Whether nothing usable has come from any of them."""
        return not self._usable

    @property
    def failing(self) -> dict[str, str]:
        """What is wrong with each part that has failed in every call, in words.

        What comes first in a VAE is first here: it may be why others fail.
        """
        broken = [name for name in CALLABLES if name in self._failures.keys() - self._usable]
        return {name: self._failures[name] for name in broken}

    def forget_failures(self) -> None:
        """Forget what failed so far, as calls in another framework do."""
        self._failures.clear()

    def failed(self, name: str, how: str) -> CouldNotCheck:
        """Note a failure, as in ``"raised ValueError: no"``; returns what to raise for it."""
        self._failures.setdefault(name, how)
        return CouldNotCheck(f"`{name}` {how}")

    def came(self, name: str, *arrays: Float64) -> None:
        """Note what came; numbers that are not finite are nothing usable."""
        if all(np.isfinite(array).all() for array in arrays):
            self._usable.add(name)
        else:
            self._failures.setdefault(name, "returned NaN or infinity")

    def array(self, name: str, value: Any) -> Float64:
        """Return what a part gave as an array of real numbers."""
        wrong = f"returned {described(value)}, not an array of real numbers"
        if value is None or "complex" in str(getattr(value, "dtype", "")):
            raise self.failed(name, wrong)
        try:
            return as_numpy(value)
        except (TypeError, ValueError):
            raise self.failed(name, wrong) from None

    def shaped(self, name: str, value: Any, shape: tuple[int | EllipsisType, ...]) -> Float64:
        """Return an array of a shape, which may end in ``...``."""
        array = self.array(name, value)
        start = [size for size in shape if size is not ...]
        found = array.shape[: len(start)] if ... in shape else array.shape
        if [*found] != start or not array.size:
            expected = ", ".join("..." if size is ... else str(size) for size in shape)
            how = f"must return an array ({expected}), and its shape is {array.shape}"
            raise self.failed(name, how)
        self.came(name, array)
        return array

    def number(self, name: str, value: Any) -> float:
        """Return a loss."""
        array = self.array(name, value)
        if array.size != 1:
            raise self.failed(name, f"returned an array {array.shape}, not a number")
        self.came(name, array)
        return float(array.reshape(()))

    def spread_like(self, mean: Float64, spread: Float64, rows: int) -> Float64:
        """Return an encoder's spread in the mean's shape: it may be the same for all images."""
        fits = mean.ndim > 1 and len(mean) == rows and mean.size > 0
        try:
            spread = np.broadcast_to(spread, mean.shape)
        except ValueError:
            fits = False
        if not fits:
            how = f"must return (mean, spread), each ({rows}, D): they are {mean.shape} and "
            raise self.failed("encode", f"{how}{spread.shape}")
        self.came("encode", mean, spread)
        return spread
