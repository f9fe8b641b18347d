"""Cutting a loop over numbers or rows into parts, one or more for each thread."""

from collections.abc import Callable

from numba import prange

from scratchvae.kernels.compilation import kernel

Kernel = Callable[..., None]


def in_parallel(serial: Kernel) -> Kernel:
    """Return the kernel that runs all parts of ``serial(part, parts, *arguments)`` at once."""

    def run(parts, *arguments):  # type: ignore[no-untyped-def]
        for part in prange(parts):
            serial(part, parts, *arguments)

    # The compiled code is kept under the function's name, which must be its own.
    original = getattr(serial, "py_func", serial)
    run.__module__, run.__qualname__ = original.__module__, f"{original.__qualname__}_parallel"
    return kernel(parallel=True)(run)


@kernel()
def bounds(part: int, parts: int, size: int) -> tuple[int, int]:
    """Return where one of ``parts`` nearly equal parts of ``size`` numbers begins and ends."""
    return size * part // parts, size * (part + 1) // parts
