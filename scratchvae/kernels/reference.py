"""What each kernel computes, in plain NumPy: these functions are the definitions.

The fast kernels have the same names and signatures, and are held to these by the tests.

Dimensions: M rows, N columns, K the length of the reduction.
"""

from scratchvae.arrays import FloatArray


def matmul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``a b``: (M, K) times (K, N) gives (M, N)."""
    return a @ b


def matmul_transposed_left(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``aᵀ b``: (K, M) and (K, N) give (M, N). A dense layer's weight gradient."""
    return a.T @ b


def matmul_transposed_right(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``a bᵀ``: (M, K) and (N, K) give (M, N). A dense layer's input gradient."""
    return a @ b.T
