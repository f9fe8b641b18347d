"""Two Jacobians of one array, as backward has it and as it is, and what can be asked of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

# Of the largest entry. Finite differences of one output have nine digits.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Jacobian:
    """∂output/∂entry as backward has it and as it is, (outputs, entries) both.

    Attributes
    ----------
    given, expected
        The two.
    output_shape, shape
        The shapes of the output and of the array that the entries are of.
    """

    given: FloatArray
    expected: FloatArray
    output_shape: tuple[int, ...]
    shape: tuple[int, ...]

    @cached_property
    def gap(self) -> FloatArray:
        """What is given too much."""
        return self._cleared(self.given - self.expected)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Which entries backward takes from which outputs."""
        return np.asarray(self._cleared(self.given) != 0)

    @cached_property
    def real(self) -> NDArray[np.bool_]:
        """Which outputs depend on which entries."""
        return np.asarray(self._cleared(self.expected) != 0)

    @cached_property
    def one_output_each(self) -> bool:
        """Whether each entry has to do with one output at most, in both."""
        return bool(((self.seen | self.real).sum(axis=0) <= 1).all())

    @cached_property
    def elementwise(self) -> bool:
        """Whether each output has to do with one entry at most as well, in both."""
        one_entry_each = ((self.seen | self.real).sum(axis=1) <= 1).all()
        return len(self.given) > 1 and self.one_output_each and bool(one_entry_each)

    def by_entry(self) -> tuple[FloatArray, FloatArray]:
        """Return what is given and expected for the one output of each entry, in its shape."""
        return self.given.sum(axis=0).reshape(self.shape), self.expected.sum(axis=0).reshape(
            self.shape
        )

    def _cleared(self, matrix: FloatArray) -> FloatArray:
        size = max(float(np.abs(self.expected).max(initial=0.0)), 1e-300)
        return np.where(np.abs(matrix) > TOLERANCE * size, matrix, 0.0)


def row_factors(given: FloatArray, expected: FloatArray) -> FloatArray | None:
    """Return the factor of each row, if each is a multiple of the expected one and that says much.

    Rows of a single number are always that, so there must be twice as many numbers as rows.
    """
    squares = (expected**2).sum(axis=1)
    if not squares.any():
        return None
    some = squares > TOLERANCE**2 * squares.max()
    factors = np.ones(len(given))
    factors[some] = (given * expected).sum(axis=1)[some] / squares[some]
    size = TOLERANCE * max(np.abs(given).max(), np.abs(expected).max())
    if np.abs(given - factors[:, None] * expected).max() > size:
        return None
    numbers = (np.abs(expected) > size).sum()
    return factors if numbers >= 2 * some.sum() else None


def groups_of(real: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Return a number for each output and entry, the same for those that depend on each other."""
    count = len(real)
    linked = np.zeros((sum(real.shape),) * 2, dtype=bool)
    linked[:count, count:] = real
    linked |= linked.T | np.eye(len(linked), dtype=bool)
    group = np.arange(len(linked))
    while True:
        least = np.where(linked, group[None, :], len(group)).min(axis=1)
        if (least == group).all():
            return group
        group = least


def is_of_rank_one(jacobian: Jacobian) -> bool:
    """Whether the difference is of rank one in each group of three by three or more."""
    gap, group = jacobian.gap, groups_of(jacobian.real | jacobian.seen)
    rows, columns = group[: len(gap)], group[len(gap) :]
    for one in np.unique(rows[gap.any(axis=1)]):
        block = gap[np.ix_(rows == one, columns == one)]
        block = block[block.any(axis=1)][:, block.any(axis=0)]
        if min(block.shape) < 3:
            return False
        sizes = np.linalg.svd(block, compute_uv=False)
        if sizes[1] > 10 * TOLERANCE * sizes[0]:
            return False
    return True


def is_of_rank_one_but_for_own(jacobian: Jacobian) -> bool:
    """Whether the difference is of rank one, but for what each entry has of its own output.

    Of a matrix u vᵀ any three rows and columns satisfy d_ij d_jk d_ki = d_ik d_kj d_ji.
    """
    if jacobian.output_shape != jacobian.shape:
        return False
    gap, group = jacobian.gap, groups_of(jacobian.real)[: len(jacobian.gap)]
    for one in np.unique(group[gap.any(axis=1)]):
        block = gap[np.ix_(group == one, group == one)]
        block = block / np.abs(block).max()
        np.fill_diagonal(block, 0.0)
        there = np.einsum("ij,jk,ki->ijk", block, block, block)
        back = np.einsum("ik,kj,ji->ijk", block, block, block)
        if not there.any() or np.abs(there - back).max() > 10 * TOLERANCE * np.abs(there).max():
            return False
    return True
