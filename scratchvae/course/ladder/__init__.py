"""A product and a convolution up a ladder, from a loop in Python to what the package computes with.

Each rung is a file of at most thirty lines of code, for float32 in C order, and its tests hold it
against the rung below. Those above NumPy need Numba, and are left out without it.
"""

from collections.abc import Callable

from scratchvae.course.ladder import (
    convolution_loop,
    convolution_taps,
    outer_products,
    python_loop,
)
from scratchvae.course.ladder.available import COMPILED
from scratchvae.course.ladder.ceilings import attainable, ceilings
from scratchvae.course.ladder.stopwatch import Times, take_turns
from scratchvae.validation import Array

__all__ = [
    "COMPILED",
    "Times",
    "attainable",
    "ceilings",
    "convolutions",
    "products",
    "take_turns",
]

Rung = Callable[[Array, Array], Array]


def products() -> dict[str, Rung]:
    """Return the rungs of the product a b, lowest first."""
    rungs: dict[str, Rung] = {
        "Python loop": python_loop.multiply,
        "NumPy, outer products": outer_products.multiply,
    }
    if COMPILED:
        from scratchvae.course.ladder import (
            blocks,
            compiled_loop,
            loop_order,
            panels,
            threaded_product,
            tiled_product,
        )

        rungs |= {
            "the loop, compiled": compiled_loop.multiply,
            "row by row": loop_order.multiply,
            "blocks": blocks.multiply,
            "packed panels": panels.multiply,
            "register tile": tiled_product.multiply,
            "threads": threaded_product.multiply,
        }
    return rungs


def convolutions() -> dict[str, Rung]:
    """Return the rungs of the convolution of x with w (stride 1, no padding), lowest first."""
    rungs: dict[str, Rung] = {
        "Python loop": convolution_loop.convolve,
        "NumPy, a product for each tap": convolution_taps.convolve,
    }
    if COMPILED:
        from scratchvae.course.ladder import compiled_convolution, tiled_convolution, winograd

        rungs |= {
            "the loop, compiled": compiled_convolution.convolve,
            "register tile": tiled_convolution.convolve,
            "Winograd": winograd.convolve,
        }
    return rungs
