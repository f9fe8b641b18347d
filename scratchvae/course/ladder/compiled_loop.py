"""The lines of the lowest rung, compiled.

``kernel()`` is ``numba.njit`` with the options that all kernels of the package share.
"""

from scratchvae.course.ladder import python_loop
from scratchvae.kernels.machine.compilation import kernel

multiply = kernel()(python_loop.multiply)
