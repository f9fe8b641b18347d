"""What the benchmark counts: multiply-adds of steps and kernels."""

import numpy as np
import pytest
from bench_cases import BY_HAND, RECIPES

from scratchvae import kernels
from scratchvae.benchmarks.arithmetic import forward_multiply_adds, step_multiply_adds, trace
from scratchvae.benchmarks.kernels import CASES, OPERATIONS, convolution, product
from scratchvae.layers import Conv2D, ConvTranspose2D
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


def test_product_multiply_adds_are_the_products_that_a_kernel_sums():
    # The sum of a product of ones is the number of multiply-adds.
    assert product(2, 3, 4).multiply_adds == (np.ones((2, 3)) @ np.ones((3, 4))).sum()


@pytest.mark.parametrize("sizes", [(2, 5, 3, 4, 3, 1), (1, 7, 2, 3, 3, 2)])
def test_convolution_multiply_adds_are_the_products_that_a_kernel_sums(sizes):
    images, side, channels, filters, kernel_size, stride = sizes
    x = np.ones((images, side, side, channels), np.float32)
    w = np.ones((kernel_size, kernel_size, channels, filters), np.float32)
    expected = kernels.convolution_forward(x, w, stride).sum()
    for operation in OPERATIONS:
        assert convolution(operation, *sizes).multiply_adds == expected


def test_cases_are_kernels_on_the_layers_of_the_recipes():
    assert all(hasattr(kernels, case.name) for case in CASES)
    assert len({(case.name, case.shape) for case in CASES}) == len(CASES)
    listed = {case.shape for case in CASES if case.name.startswith("convolution")}
    used = set()
    for name, batch in (("zhao-cnn", 256), ("fleuret-conv", 100)):
        model = build(name)
        stacks = ((model.encoder, (28, 28, 1)), (model.decoder, (model.latent_dim,)))
        for layer, shape_in, shape_out in (step for stack in stacks for step in trace(*stack)):
            if isinstance(layer, Conv2D | ConvTranspose2D):
                transposed = isinstance(layer, ConvTranspose2D)
                channels = (layer.in_channels, layer.out_channels)
                ends = channels[::-1] if transposed else channels
                side = (shape_out if transposed else shape_in)[0]
                sizes = (batch, side, *ends, layer.kernel_size, layer.stride, layer.padding)
                used.add(convolution("forward", *sizes).shape)
    assert used == listed


@pytest.mark.parametrize("form", ["", "_transposed_left", "_transposed_right"])
def test_product_has_numpy_multiply_the_same_matrices(form):
    work = product(3, 4, 5, form).prepare()
    ours, numpy = work["ours"](), work["numpy"]()
    assert ours.shape == (3, 5)
    np.testing.assert_allclose(ours, numpy, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operation", ["forward", "input_gradient", "weight_gradient"])
def test_convolution_prepares_every_operation(operation):
    case = convolution(operation, 2, 5, 3, 4, 3, 2, 1)
    shapes = {"forward": (2, 3, 3, 4), "input_gradient": (2, 5, 5, 3)}
    assert case.prepare()["ours"]().shape == shapes.get(operation, (3, 3, 3, 4))
    assert case.shape == "2x5x5x3 -> 3x3x4, 3x3 stride 2 padding 1"
