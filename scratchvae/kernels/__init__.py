"""The hot loops. ``reference`` defines each of them in a few lines of NumPy."""

from scratchvae.kernels.reference import matmul, matmul_transposed_left, matmul_transposed_right

__all__ = ["matmul", "matmul_transposed_left", "matmul_transposed_right"]
