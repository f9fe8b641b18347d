"""Whether there is a compiler for the rungs that need one."""

from scratchvae.kernels import BACKEND


def _compiles() -> bool:
    if BACKEND != "numba":
        return False
    from scratchvae.kernels.machine.numba_interior import JIT_DISABLED

    return not JIT_DISABLED


COMPILED = _compiles()
"""Whether the rungs above NumPy can be climbed: not without Numba, nor where it is switched off."""
