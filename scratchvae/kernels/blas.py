"""Matrix products by NumPy's BLAS, for machines where that is faster than the tile.

``SCRATCHVAE_PRODUCTS`` says which computes them: ``tile`` (the default), ``blas``, or ``auto``,
which times both once for each shape and takes BLAS where it is clearly faster. It may be where it
reaches units that compiled loops do not, as Apple's Accelerate does.

It is not the default anywhere, since a BLAS promises no bits: how it cuts a product up, and so the
order of its sums, may depend on the number of its threads, which is its own and not
``SCRATCHVAE_THREADS``. And ``auto`` may choose otherwise the next time. With ``tile``, results have
the same bits for any number of threads.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from scratchvae.kernels.machine.tasks import Task, in_python, run
from scratchvae.validation import FloatArray, chosen_by_variable

_ROUNDS = 7
_CLEARLY = 0.9  # of the tile's time
_WORTH_NANOSECONDS = 20_000.0  # below this, calling a library takes as long as the product

Product = tuple[FloatArray, FloatArray, FloatArray, bool]
"""a, b, the result, and whether it is added to what is there; a and b may be transposed views."""

_faster: dict[tuple[object, ...], bool] = {}


def chosen(tile: Callable[[Product], Task], product: Product, threads: int) -> Task:
    """Return the task of a product: ``tile(product)``, or BLAS's where that is asked for.

    An `InputError` is raised if ``SCRATCHVAE_PRODUCTS`` is none of its three values.
    """
    wanted, task = chosen_by_variable("SCRATCHVAE_PRODUCTS"), tile(product)
    if wanted == "tile" or (wanted == "auto" and not _is_faster(tile, task, product, threads)):
        return task
    return Task(multiply_by_blas, 0.0, product)


@in_python
def multiply_by_blas(
    chunk: int, chunks: int, a: FloatArray, b: FloatArray, out: FloatArray, accumulate: bool
) -> None:
    """Compute a product whole: BLAS has threads of its own."""
    if accumulate:
        out += a @ b
    else:
        np.matmul(a, b, out=out)


def _is_faster(tile: Callable[[Product], Task], task: Task, product: Product, threads: int) -> bool:
    """Time both once for each shape, on other memory, and keep the answer."""
    if task.nanoseconds < _WORTH_NANOSECONDS:
        return False
    a, b, out, accumulate = product
    forms = tuple(array.flags.c_contiguous for array in (a, b))
    key = (a.shape, b.shape, forms, out.dtype, accumulate, threads)
    if key not in _faster:
        other = (np.ones_like(a), np.ones_like(b), np.ones_like(out), accumulate)
        works: list[Callable[[], None]] = [
            lambda: run([tile(other)], threads),
            lambda: multiply_by_blas(0, 1, *other),
        ]
        seconds: list[list[float]] = [[], []]
        for _ in range(_ROUNDS):
            for work, times in zip(works, seconds, strict=True):
                work()
                start = time.perf_counter()
                work()
                times.append(time.perf_counter() - start)
        ratios = [blas / ours for ours, blas in zip(*seconds, strict=True)]
        _faster[key] = median(ratios) < _CLEARLY
    return _faster[key]
