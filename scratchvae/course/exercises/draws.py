"""Random arguments that exercises of several lessons draw."""

import numpy as np

from scratchvae.validation import FloatArray


def unequal_sizes(
    random: np.random.Generator, count: int, smallest: int = 3, largest: int = 8
) -> tuple[int, ...]:
    """Return ``count`` sizes that differ, so that no transposed result has the right shape."""
    sizes = random.permutation(np.arange(smallest, largest + 1))
    return tuple(int(size) for size in sizes[:count])


def draw_covariance(random: np.random.Generator, size: int) -> FloatArray:
    """Return a full covariance (size, size), its eigenvalues at least 0.3."""
    root = random.standard_normal((size, size))
    covariance: FloatArray = root @ root.T + 0.3 * np.eye(size)
    return covariance
