"""Convolutions against their definition, against each other, and against PyTorch."""

import kernel_cases
import numpy as np
import pytest
from helpers import refused
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scratchvae.kernels import reference
from scratchvae.kernels.convolution import convolution


@st.composite
def cases(draw):
    n, height, width = draw(st.integers(0, 20)), draw(st.integers(1, 16)), draw(st.integers(1, 16))
    channels, out_channels = draw(st.integers(1, 5)), draw(st.integers(1, 36))
    padding, stride = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    kh, kw = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    assume(kh <= height + 2 * padding and kw <= width + 2 * padding)
    return n, height, width, channels, out_channels, kh, kw, stride, padding


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from("fd"))
def test_convolutions_are_their_definitions(case, dtype):
    kernel_cases.check_convolution(kernel_cases.as_is, dtype, np.random.default_rng(2), *case)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 3))
def test_transposed_convolution_is_the_adjoint(case, output_padding):
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    assume(output_padding < stride)
    random = np.random.default_rng(3)
    w = random.standard_normal((kh, kw, channels, out_channels))
    y = random.standard_normal((n, height, width, out_channels))
    size = [
        (y.shape[a] - 1) * stride - 2 * padding + w.shape[a - 1] + output_padding for a in (1, 2)
    ]
    assume(min(size) >= 1)
    x = random.standard_normal((n, *size, channels))
    forward = convolution.convolution_forward(x, w, stride, padding)
    back = convolution.convolution_input_gradient(y, w, size, stride, padding)
    products = np.abs(forward).ravel() @ np.abs(y).ravel()
    assert abs(np.vdot(forward, y) - np.vdot(x, back)) <= 1e-12 * max(1, products)
    kernel_cases.close(back, reference.convolution_input_gradient(y, w, size, stride, padding))
    # And linear in w: ⟨conv(x, w), y⟩ = ⟨w, dw⟩.
    dw = convolution.convolution_weight_gradient(x, y, (kh, kw), stride, padding)
    assert abs(np.vdot(forward, y) - np.vdot(w, dw)) <= 1e-12 * max(1, products)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from([("float32", 1e-5), ("float64", 1e-10)]))
def test_pytorch_agrees(case, precision):
    torch = pytest.importorskip("torch")
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    dtype, tolerance = precision
    assume(n > 0)
    random = np.random.default_rng(4)
    x = random.standard_normal((n, height, width, channels)).astype(dtype)
    w = random.standard_normal((kh, kw, channels, out_channels)).astype(dtype)
    there = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    weight = torch.tensor(w.transpose(3, 2, 0, 1).copy(), requires_grad=True)
    result = torch.nn.functional.conv2d(there, weight, stride=stride, padding=padding)
    y = convolution.convolution_forward(x, w, stride, padding)
    dy = random.standard_normal(y.shape).astype(dtype)
    result.backward(torch.tensor(dy.transpose(0, 3, 1, 2).copy()))
    dx = convolution.convolution_input_gradient(dy, w, (height, width), stride, padding)
    dw = convolution.convolution_weight_gradient(x, dy, (kh, kw), stride, padding)
    expected = result.detach().numpy().transpose(0, 2, 3, 1)
    kernel_cases.close(y, expected, tolerance)
    kernel_cases.close(dx, there.grad.numpy().transpose(0, 2, 3, 1), tolerance)
    kernel_cases.close(dw, weight.grad.numpy().transpose(2, 3, 1, 0), tolerance)


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 3), st.sampled_from([("float32", 1e-5), ("float64", 1e-10)]))
def test_pytorch_agrees_on_transposed_convolution(case, output_padding, precision):
    torch = pytest.importorskip("torch")
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    dtype, tolerance = precision
    assume(n > 0 and output_padding < stride)
    assume((min(height, width) - 1) * stride - 2 * padding + min(kh, kw) + output_padding >= 1)
    random = np.random.default_rng(4)
    x = random.standard_normal((n, height, width, channels)).astype(dtype)
    w = random.standard_normal((kh, kw, out_channels, channels)).astype(dtype)
    there = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    weight = torch.tensor(w.transpose(3, 2, 0, 1).copy(), requires_grad=True)
    result = torch.nn.functional.conv_transpose2d(
        there, weight, stride=stride, padding=padding, output_padding=output_padding
    )
    size = [
        (x.shape[a] - 1) * stride - 2 * padding + w.shape[a - 1] + output_padding for a in (1, 2)
    ]
    y = convolution.convolution_input_gradient(x, w, size, stride, padding)
    dy = random.standard_normal(y.shape).astype(dtype)
    result.backward(torch.tensor(dy.transpose(0, 3, 1, 2).copy()))
    dx = convolution.convolution_forward(dy, w, stride, padding)
    dw = convolution.convolution_weight_gradient(dy, x, (kh, kw), stride, padding)
    kernel_cases.close(y, result.detach().numpy().transpose(0, 2, 3, 1), tolerance)
    kernel_cases.close(dx, there.grad.numpy().transpose(0, 2, 3, 1), tolerance)
    kernel_cases.close(dw, weight.grad.numpy().transpose(2, 3, 1, 0), tolerance)


def test_convolutions_take_any_strides_and_read_only_arrays():
    random = np.random.default_rng(6)
    x = random.standard_normal((3, 4, 9, 8)).transpose(0, 2, 3, 1)
    w = random.standard_normal((5, 4, 3, 3)).transpose(2, 3, 1, 0)
    w.flags.writeable = False
    y = convolution.convolution_forward(x, w, 2, 1)
    kernel_cases.close(y, reference.convolution_forward(x, w, 2, 1))
    dy = np.asfortranarray(y)
    kernel_cases.close(
        convolution.convolution_input_gradient(dy, w, (9, 8), 2, 1),
        reference.convolution_input_gradient(dy, w, (9, 8), 2, 1),
    )
    kernel_cases.close(
        convolution.convolution_weight_gradient(x, dy, (3, 3), 2, 1),
        reference.convolution_weight_gradient(x, dy, (3, 3), 2, 1),
    )


# With one panel and two; with a stride; with one output channel; with pixels of whole vectors; and
# with taps turned about, which is how a weight gradient of one output channel is computed.
SHAPES = [
    (5, 9, 8, 3, 5, 3, 2, 1, 0),
    (4, 9, 8, 2, 33, 3, 3, 2, 1),
    (3, 12, 11, 4, 1, 3, 3, 1, 1),
    (3, 12, 11, 4, 1, 3, 3, 2, 1),
    (3, 6, 6, 4, 32, 4, 4, 1, 2),
]


@pytest.mark.parametrize("dtype", "fd")
@pytest.mark.parametrize("case", SHAPES)
def test_convolution_tasks_give_the_bits_of_the_convolutions(case, dtype):
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    x = np.empty((n, height, width, channels), dtype)
    w, dx = np.empty((kh, kw, channels, out_channels), dtype), np.empty_like(x)
    y = np.empty_like(convolution.convolution_forward(x, w, stride, padding))
    dy, dw = np.empty_like(y), np.empty_like(w)
    geometry = (stride, padding)
    kernel_cases.check_tasks(
        lambda resources: convolution.convolution_forward_tasks(resources, x, w, y, *geometry),
        [x, w],
        [y],
        lambda: (convolution.convolution_forward(x, w, *geometry),),
    )
    kernel_cases.check_tasks(
        lambda resources: convolution.convolution_input_gradient_tasks(
            resources, dy, w, dx, *geometry
        ),
        [dy, w],
        [dx],
        lambda: (convolution.convolution_input_gradient(dy, w, (height, width), *geometry),),
    )
    kernel_cases.check_tasks(
        lambda resources: convolution.convolution_weight_gradient_tasks(
            resources, x, dy, dw, *geometry
        ),
        [x, dy],
        [dw],
        lambda: (convolution.convolution_weight_gradient(x, dy, (kh, kw), *geometry),),
    )


@pytest.mark.parametrize("dtype", "fd")
@pytest.mark.parametrize("case", SHAPES)
def test_convolution_weight_gradient_tasks_accumulate(case, dtype):
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    random = np.random.default_rng(7)
    x = random.standard_normal((n, height, width, channels)).astype(dtype)
    w = random.standard_normal((kh, kw, channels, out_channels)).astype(dtype)
    dy = convolution.convolution_forward(x, w, stride, padding)
    gradient = convolution.convolution_weight_gradient(x, dy, (kh, kw), stride, padding)
    out = w.copy()
    kernel_cases.run_built(
        convolution.convolution_weight_gradient_tasks, x, dy, out, stride, padding, accumulate=True
    )
    # Each tile's sum is added to what is there, so that the order of additions is another.
    kernel_cases.close(out, w + gradient)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: convolution.convolution_forward(x[0], w), ("four axes",)),
        (lambda x, w: convolution.convolution_forward(x, w.astype("f")), ("float64 and float32",)),
        (lambda x, w: convolution.convolution_forward(x, w[:, :, :1]), ("channels", "not 2 and 1")),
        (lambda x, w: convolution.convolution_forward(x[:, :2], w), ("within the padded image",)),
        (lambda x, w: convolution.convolution_forward(x, w, 0), ("stride", "at least 1, not 0")),
        (lambda x, w: convolution.convolution_forward(x, w, 1.0), ("stride", "whole", "not 1.0")),
        (lambda x, w: convolution.convolution_forward(x, w, 1, -1), ("padding", "at least 0")),
        (
            lambda x, w: convolution.convolution_input_gradient(x, w, (5, 5)),
            ("dy", "3 x 3 pixels, not 5 x 5"),
        ),
        (
            lambda x, w: convolution.convolution_weight_gradient(x, x, (3, 3)),
            ("dy", "3 x 3 pixels, not 5 x 5"),
        ),
        (
            lambda x, w: convolution.convolution_weight_gradient(x, np.zeros((4, 3, 3, 2)), (3, 3)),
            ("images", "not 1 and 4"),
        ),
        (
            lambda x, w: convolution.convolution_input_gradient(x, w, (-1, 4), 1, 2),
            ("at least 1 x 1 pixels, not -1 x 4",),
        ),
    ],
)
def test_convolutions_refuse_what_does_not_fit_in_one_line(call, words):
    with refused("convolution", *words):
        call(np.zeros((1, 5, 5, 2)), np.zeros((3, 3, 2, 2)))
