"""The kernels on the shapes of the recipes, against the machine's matrix products.

A transposed convolution is the input gradient of a convolution, and vice versa, so each shape is
measured only as a convolution.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scratchvae.benchmarks.timing import Ceiling, Effort, Work, rate

OPERATIONS = ("forward", "input_gradient", "weight_gradient")


class Case(Protocol):
    """A kernel and the sizes of its arguments."""

    @property
    def name(self) -> str:
        """The kernel's name in ``scratchvae.kernels``."""

    @property
    def shape(self) -> str:
        """The sizes, for a reader."""

    @property
    def multiply_adds(self) -> int:
        """How many multiply-adds it takes."""

    def prepare(self) -> dict[str, Work]:
        """Return the work ``"ours"`` and, where one NumPy call does the same, ``"numpy"``."""


@dataclass(frozen=True)
class Product:
    """A matrix product of (M, K) and (K, N) in one of its three forms.

    Attributes
    ----------
    rows, steps, columns
        M, K and N.
    form
        ``""``, ``"_transposed_left"`` or ``"_transposed_right"``: which argument is passed
        transposed.
    """

    rows: int
    steps: int
    columns: int
    form: str = ""

    @property
    def name(self) -> str:
        """The kernel's name."""
        return f"matmul{self.form}"

    @property
    def shape(self) -> str:
        """M, K and N."""
        return f"{self.rows}×{self.steps}×{self.columns}"

    @property
    def multiply_adds(self) -> int:
        """M K N."""
        return self.rows * self.steps * self.columns

    def prepare(self) -> dict[str, Work]:
        """Return our kernel and ``np.dot``, on the same matrices."""
        rng = np.random.default_rng(0)
        left, right = self.form == "_transposed_left", self.form == "_transposed_right"
        a = _random(rng, *((self.steps, self.rows) if left else (self.rows, self.steps)))
        b = _random(rng, *((self.columns, self.steps) if right else (self.steps, self.columns)))
        out, numpy_out = (np.empty((self.rows, self.columns), np.float32) for _ in range(2))
        plain_a, plain_b = a.T if left else a, b.T if right else b

        from scratchvae.kernels import matrix_product

        return {
            "ours": _running(getattr(matrix_product, f"{self.name}_tasks"), a, b, out),
            "numpy": lambda: np.dot(plain_a, plain_b, out=numpy_out),
        }


@dataclass(frozen=True)
class Convolution:
    """A convolution of square images, or one of its two gradients.

    Attributes
    ----------
    operation
        ``"forward"``, ``"input_gradient"`` or ``"weight_gradient"``.
    images, side, channels
        How many, their rows and columns, their channels.
    filters, kernel_size, stride, padding
        As of ``Conv2D``.
    """

    operation: str
    images: int
    side: int
    channels: int
    filters: int
    kernel_size: int
    stride: int = 1
    padding: int = 0

    @property
    def name(self) -> str:
        """The kernel's name."""
        return f"convolution_{self.operation}"

    @property
    def side_out(self) -> int:
        """Rows and columns of the result of the forward pass."""
        return (self.side + 2 * self.padding - self.kernel_size) // self.stride + 1

    @property
    def shape(self) -> str:
        """Images, kernel and result."""
        image = f"{self.images}×{self.side}×{self.side}×{self.channels}"
        result = f"{self.side_out}×{self.side_out}×{self.filters}"
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        padding = f" padding {self.padding}" if self.padding else ""
        kernel = f"{self.kernel_size}×{self.kernel_size}{stride}{padding}"
        return f"{image} → {result}, {kernel}"

    @property
    def multiply_adds(self) -> int:
        """One for each output pixel, tap, channel and filter; the same in all three operations."""
        pixels = self.images * self.side_out**2
        return pixels * self.kernel_size**2 * self.channels * self.filters

    def prepare(self) -> dict[str, Work]:
        """Return only our kernel."""
        rng = np.random.default_rng(0)
        x = _random(rng, self.images, self.side, self.side, self.channels)
        w = _random(rng, self.kernel_size, self.kernel_size, self.channels, self.filters)
        dy = _random(rng, self.images, self.side_out, self.side_out, self.filters)
        arrays = {
            "forward": (x, w, dy),
            "input_gradient": (dy, w, x),
            "weight_gradient": (x, dy, w),
        }

        from scratchvae.kernels.convolution import convolution

        build = getattr(convolution, f"{self.name}_tasks")
        return {"ours": _running(build, *arrays[self.operation], self.stride, self.padding)}


def measure_kernel(case: Case, ceiling: Ceiling, effort: Effort) -> dict[str, Any]:
    """Return a kernel's rate, its share of the ceiling and its ratio to what NumPy does.

    Returns
    -------
    ``name``, ``shape``, ``multiply_adds``, ``gflops``, ``share_of_ceiling``; and ``ratio``, the
    rate over that of ``ratio_to``: ``np.dot`` on the same matrices for a product, and the ceiling
    for a convolution, since NumPy has none.
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
        product
        for examples, inputs, outputs in layers
        for product in (
            Product(examples, inputs, outputs),
            Product(inputs, examples, outputs, "_transposed_left"),
            Product(examples, outputs, inputs, "_transposed_right"),
        )
    ]


def _convolutions(images: int, shapes: Sequence[tuple[int, ...]]) -> list[Case]:
    """Return all three operations; no input gradient for one channel, which is the images."""
    return [
        Convolution(operation, images, *shape)
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
    *_convolutions(
        100,
        [
            (28, 1, 32, 1),
            (28, 32, 32, 5),
            (24, 32, 32, 5),
            (20, 32, 32, 4, 2),
            (9, 32, 32, 3, 2),
            (4, 32, 64, 4),
            (4, 32, 32, 4),
        ],
    ),
    # The decoder's last layer, whose forward pass is this input gradient.
    *(Convolution(operation, 100, 28, 1, 32, 5) for operation in OPERATIONS),
    # Of zhao-cnn.
    *_convolutions(
        256,
        [
            (28, 1, 32, 3, 2, 1),
            (14, 32, 64, 3, 2, 1),
            (7, 64, 32, 3, 2, 1),
            (28, 32, 32, 3, 2, 1),
            (28, 32, 1, 3, 1, 1),
        ],
    ),
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


def _random(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape, dtype=np.float32)
