"""A loop that keeps a machine at the ceiling of its arithmetic."""

from scratchvae.course.ladder.panels import WIDTH
from scratchvae.course.ladder.tiled_product import fill
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array


@kernel()
def multiply_again(a: Array, b: Array, c: Array, times: int) -> None:
    """Compute one tile of a product so many times, all of it in the first-level cache."""
    panels = b.reshape(1, len(b), WIDTH)
    for _ in range(times):
        fill(a, panels, c)
