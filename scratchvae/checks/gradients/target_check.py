"""The check of one target: at the given point, then at others where mistakes do not hide."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.comparison import (
    KINK_TOLERANCE,
    SMOOTH_TOLERANCE,
    RetryPoint,
    check_gradients,
    check_settings,
)
from scratchvae.checks.gradients.passes import run_passes
from scratchvae.checks.gradients.points import other_points, size_of
from scratchvae.checks.gradients.probes import probe
from scratchvae.checks.gradients.report import GradientReport
from scratchvae.checks.gradients.snapshot import Snapshot
from scratchvae.checks.gradients.target import Target, same
from scratchvae.checks.gradients.unseen import unseen_arrays
from scratchvae.validation import FloatArray, check_count, check_positive


class Settings:
    """How to check, refused before anything runs if it makes no sense."""

    def __init__(
        self,
        seed: int,
        max_coordinates: int,
        directions: int,
        tolerance: float | None,
        kinks: bool | Mapping[str, NDArray[Any]],
        burn_in: int,
    ) -> None:
        self.seed = check_count(seed, "seed", 0, None)
        check_settings(max_coordinates, directions, SMOOTH_TOLERANCE)
        self.max_coordinates, self.directions = max_coordinates, directions
        self.tolerance = None if tolerance is None else check_positive(tolerance, "tolerance")
        self.kinks = kinks
        self.burn_in = check_count(burn_in, "burn_in", 0)

    def rng(self) -> np.random.Generator:
        """Return a generator whose numbers are not those of the same seed in the user's program.

        A dy that is the x that they drew would let pass what confuses the two.
        """
        return np.random.default_rng([self.seed, 1])


def check_target(target: Target, rng: np.random.Generator, settings: Settings) -> GradientReport:
    """Check a target, and leave all that it holds as it was."""
    gradients = [getattr(parameter, "grad", None) for parameter in target.parameters.values()]
    snapshot = Snapshot(target.sources, gradients)
    start = {name: array.copy() for name, array in target.arrays.items()}
    try:
        fresh = target.fresh_output()
        report = _check_here(target, rng, settings, settings.max_coordinates, fresh)
        for words, moved, coordinates in other_points(target, start, settings.burn_in, rng):
            if not report.passed:
                break
            for name, array in target.arrays.items():
                array[...] = start[name]
            if moved():
                entries = settings.max_coordinates if coordinates else 0
                report = report.and_at(words, _check_here(target, rng, settings, entries))
        return report
    finally:
        target.restore()
        snapshot.restore()


def _check_here(
    target: Target,
    rng: np.random.Generator,
    settings: Settings,
    max_coordinates: int,
    fresh: FloatArray | None = None,
) -> GradientReport:
    smooth = target.smooth and not settings.kinks
    tolerance = settings.tolerance or (SMOOTH_TOLERANCE if smooth else KINK_TOLERANCE)

    def retry() -> RetryPoint:
        for array in target.arrays.values():
            array += 0.01 * size_of(array) * rng.standard_normal(array.shape)
        # With the same dy: an error that depends on it would go away with another.
        moved = run_passes(target, rng, passes.dy)
        return RetryPoint(moved.value, moved.gradients, moved.repeated)

    passes = run_passes(target, rng)
    fits_first = fresh is None or not passes.repeats or same(fresh, target.forward(), 1e-12)
    unseen = unseen_arrays(target, passes.kept) if passes.repeats else []
    report = check_gradients(
        target.title,
        passes.value,
        target.arrays,
        passes.gradients,
        rng=rng,
        max_coordinates=max_coordinates,
        directions=settings.directions,
        tolerance=tolerance,
        retry=retry if passes.repeats else None,
        smooth=smooth,
        repeated=passes.repeated,
        probe=lambda: probe(target, passes.dy),
        loss_terms=passes.loss_terms,
        rounding=passes.rounding,
        not_judged=settings.kinks if isinstance(settings.kinks, Mapping) else None,
    )
    if report.passed and not fits_first:
        report = replace(report, rows=[row.of_first_call() for row in report.rows])
    return replace(report, unseen=[*unseen, *target.unchecked()], notes=target.blind_spots())
