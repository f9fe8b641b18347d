"""What the benchmark counts: multiply-adds of steps and kernels."""

import numpy as np
import pytest
from bench_cases import BY_HAND, RECIPES

from scratchvae import kernels
from scratchvae.benchmarks.arithmetic import forward_multiply_adds, step_multiply_adds, trace
from scratchvae.benchmarks.kernels import CASES, Convolution, Product
from scratchvae.layers import Conv2D
from scratchvae.models import build


@pytest.mark.parametrize("name", RECIPES)
def test_step_multiply_adds_are_those_counted_by_hand(name):
    assert step_multiply_adds(build(name), 1) == BY_HAND[name]
    assert step_multiply_adds(build(name), 7) == 7 * BY_HAND[name]


def test_trace_returns_every_layer_with_its_shapes():
    steps = trace(build("fleuret-conv").encoder, (28, 28, 1))
    convolutions = [step for step in steps if isinstance(step[0], Conv2D)]
    assert [out[0] for _, _, out in convolutions] == [28, 24, 20, 9, 4, 1]
    assert steps[-1][1:] == ((1, 1, 64), (64,))
    assert forward_multiply_adds(steps[1]) == 0  # a ReLU


def direct_multiply_adds(case):
    """Count what a kernel of ones does: the sum of its result is the number of products."""
    if isinstance(case, Product):
        a = np.ones((case.rows, case.steps))
        b = np.ones((case.steps, case.columns))
        return (a @ b).sum()
    x = np.ones((case.images, case.side, case.side, case.channels), np.float32)
    w = np.ones((case.kernel_size, case.kernel_size, case.channels, case.filters), np.float32)
    return kernels.convolution_forward(x, w, case.stride).sum()


@pytest.mark.parametrize(
    "case",
    [
        Product(2, 3, 4),
        Convolution("forward", 2, 5, 3, 4, 3),
        Convolution("weight_gradient", 1, 7, 2, 3, 3, 2),
    ],
)
def test_case_multiply_adds_are_the_products_that_a_kernel_sums(case):
    assert case.multiply_adds == direct_multiply_adds(case)


def test_cases_are_kernels_on_the_layers_of_the_recipes():
    assert all(hasattr(kernels, case.name) for case in CASES)
    assert len({(case.name, case.shape) for case in CASES}) == len(CASES)
    listed = {
        (c.images, c.side, c.channels, c.filters, c.kernel_size, c.stride, c.padding)
        for c in CASES
        if isinstance(c, Convolution)
    }
    used = set()
    for name, batch in (("zhao-cnn", 256), ("fleuret-conv", 100)):
        model = build(name)
        stacks = ((model.encoder, (28, 28, 1)), (model.decoder, (model.latent_dim,)))
        for layer, shape_in, shape_out in (step for stack in stacks for step in trace(*stack)):
            if hasattr(layer, "geometry"):
                g, transposed = layer.geometry, not isinstance(layer, Conv2D)
                channels = (g.in_channels, g.out_channels)
                image = shape_out if transposed else shape_in
                ends = channels[::-1] if transposed else channels
                used.add((batch, image[0], *ends, g.kernel_size, g.stride, g.padding))
    assert used == listed


@pytest.mark.parametrize("form", ["", "_transposed_left", "_transposed_right"])
def test_product_has_numpy_multiply_the_same_matrices(form):
    work = Product(3, 4, 5, form).prepare()
    ours, numpy = work["ours"](), work["numpy"]()
    assert ours.shape == (3, 5)
    np.testing.assert_allclose(ours, numpy, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operation", ["forward", "input_gradient", "weight_gradient"])
def test_convolution_prepares_every_operation(operation):
    case = Convolution(operation, 2, 5, 3, 4, 3, 2, 1)
    shapes = {"forward": (2, 3, 3, 4), "input_gradient": (2, 5, 5, 3)}
    assert case.prepare()["ours"]().shape == shapes.get(operation, (3, 3, 3, 4))
    assert case.shape == "2×5×5×3 → 3×3×4, 3×3 stride 2 padding 1"
