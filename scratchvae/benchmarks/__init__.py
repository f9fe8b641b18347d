"""How fast the kernels and the training steps are, on the machine at hand.

Speed is told as a share of what the machine can do (its matrix products) and, where asked for, as
a ratio to PyTorch doing the same work.
"""

from scratchvae.benchmarks.report import format_bench
from scratchvae.benchmarks.run import Plan, run_bench

__all__ = ["Plan", "format_bench", "run_bench"]
