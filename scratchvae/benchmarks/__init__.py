"""How fast the kernels and the training steps are on this machine.

Speed is given as a share of what the machine can do (its matrix products) and, on request, as a
ratio to PyTorch or JAX doing the same work.
"""

from scratchvae.benchmarks.report import format_bench
from scratchvae.benchmarks.run import Plan, run_bench

__all__ = ["Plan", "format_bench", "run_bench"]
