"""The kernels on the shapes of the recipes, against the machine's matrix products.

A transposed convolution is the input gradient of a convolution, and vice versa, so each shape is
measured only as a convolution.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchvae.benchmarks.timing import Ceiling, Effort, Work, rate

OPERATIONS = ("forward", "input_gradient", "weight_gradient")


@dataclass(frozen=True)
class Case:
    """A kernel by its name in ``scratchvae.kernels``, and the sizes of its arguments, to read.

    ``prepare`` returns the work ``"ours"`` and, where one NumPy call does the same, ``"numpy"``.
    """

    name: str
    shape: str
    multiply_adds: int
    prepare: Callable[[], dict[str, Work]]


def product(rows: int, steps: int, columns: int, form: str = "") -> Case:
    """Return the matrix product of (rows, steps) and (steps, columns), beside ``np.dot``.

    ``form`` is ``""``, ``"_transposed_left"`` or ``"_transposed_right"``: which argument is passed
    transposed.
    """

    def prepare() -> dict[str, Work]:
        from scratchvae.kernels import matrix_product

        left, right = form == "_transposed_left", form == "_transposed_right"
        a, b = _random(
            (steps, rows) if left else (rows, steps),
            (columns, steps) if right else (steps, columns),
        )
        plain_a, plain_b = a.T if left else a, b.T if right else b
        out, numpy_out = (np.empty((rows, columns), np.float32) for _ in range(2))
        return {
            "ours": _running(getattr(matrix_product, f"matmul{form}_tasks"), a, b, out),
            "numpy": lambda: np.dot(plain_a, plain_b, out=numpy_out),
        }

    return Case(f"matmul{form}", f"{rows}x{steps}x{columns}", rows * steps * columns, prepare)


def convolution(
    operation: str,
    images: int,
    side: int,
    channels: int,
    filters: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
) -> Case:
    """Return a convolution of square images, or one of its two gradients.

    ``operation`` is one of ``OPERATIONS``, ``side`` is the number of rows and of columns; the rest
    is as in ``Conv2D``. All three operations take one multiply-add for each output pixel, tap,
    channel and filter.
    """
    side_out = (side + 2 * padding - kernel_size) // stride + 1

    def prepare() -> dict[str, Work]:
        from scratchvae.kernels.convolution import convolution as module

        w_shape = (kernel_size, kernel_size, channels, filters)
        x, w, dy = _random(
            (images, side, side, channels), w_shape, (images, side_out, side_out, filters)
        )
        ends = {"forward": (x, w, dy), "input_gradient": (dy, w, x), "weight_gradient": (x, dy, w)}
        build = getattr(module, f"convolution_{operation}_tasks")
        return {"ours": _running(build, *ends[operation], stride, padding)}

    shape = f"{images}x{side}x{side}x{channels} -> {side_out}x{side_out}x{filters}, "
    shape += f"{kernel_size}x{kernel_size}"
    shape += f" stride {stride}" if stride > 1 else ""
    shape += f" padding {padding}" if padding else ""
    multiply_adds = images * side_out**2 * kernel_size**2 * channels * filters
    return Case(f"convolution_{operation}", shape, multiply_adds, prepare)


def measure_kernel(case: Case, ceiling: Ceiling, effort: Effort) -> dict[str, Any]:
    """Return a kernel's rate, its share of the ceiling and its ratio to what NumPy does.

    ``ratio`` is the rate over that of ``ratio_to``: ``np.dot`` on the same matrices for a product,
    and the ceiling for a convolution, since NumPy has none.
    """
    work = case.prepare()
    timings = ceiling.compare(work, effort)
    share = ceiling.share(timings, "ours", case.multiply_adds)
    in_numpy = "numpy" in work
    return {
        "name": case.name,
        "shape": case.shape,
        "multiply_adds": case.multiply_adds,
        "gflops": rate(case.multiply_adds, timings.median("ours")),
        "share_of_ceiling": share,
        "ratio": timings.ratio("numpy", "ours") if in_numpy else share,
        "ratio_to": "np.dot of the same shape" if in_numpy else "the ceiling",
    }


def _products(layers: Sequence[tuple[int, int, int]]) -> list[Case]:
    """Return the three products of each dense layer: (examples, inputs, outputs)."""
    return [
        case
        for examples, inputs, outputs in layers
        for case in (
            product(examples, inputs, outputs),
            product(inputs, examples, outputs, "_transposed_left"),
            product(examples, outputs, inputs, "_transposed_right"),
        )
    ]


def _convolutions(images: int, shapes: Sequence[tuple[int, ...]]) -> list[Case]:
    """Return all three operations; no input gradient for one channel, which is the images."""
    return [
        convolution(operation, images, *shape)
        for shape in shapes
        for operation in OPERATIONS
        if operation != "input_gradient" or shape[1] > 1
    ]


CASES: tuple[Case, ...] = (
    # Of kingma-welling and zhao-mlp; and what a convolution would be as one product.
    *_products([(100, 784, 500), (100, 500, 784), (256, 784, 300)]),
    *_products([(512, 512, 512), (25600, 800, 32)]),
    # Of fleuret-conv: side, channels, filters, kernel, stride, padding. The last is the mirror
    # of the decoder's first.
    *_convolutions(100, [(28, 1, 32, 1), (28, 32, 32, 5), (24, 32, 32, 5), (20, 32, 32, 4, 2)]),
    *_convolutions(100, [(9, 32, 32, 3, 2), (4, 32, 64, 4), (4, 32, 32, 4)]),
    # The decoder's last layer, whose forward pass is this input gradient.
    *(convolution(operation, 100, 28, 1, 32, 5) for operation in OPERATIONS),
    # Of zhao-cnn.
    *_convolutions(256, [(28, 1, 32, 3, 2, 1), (14, 32, 64, 3, 2, 1), (7, 64, 32, 3, 2, 1)]),
    *_convolutions(256, [(28, 32, 32, 3, 2, 1), (28, 32, 1, 3, 1, 1)]),
)


def _running(build: Callable[..., Any], first: Any, second: Any, out: Any, *move: int) -> Work:
    """Return what runs a kernel's tasks, built once as for a plan, and returns ``out``."""
    from scratchvae.kernels.machine.tasks import present_resources, run

    resources = present_resources()
    tasks = build(resources, first, second, out, *move)

    def work() -> Any:
        run(tasks, resources.threads)
        return out

    return work


def _random(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
