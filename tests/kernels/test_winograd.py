"""Winograd's convolutions: exact matrices, definitions in NumPy, and the fast kernels."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from helpers import refused
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import as_is, check_winograd, relative_error

import scratchvae
from scratchvae.kernels import reference
from scratchvae.kernels.convolution import convolution, cook_toom, winograd, winograd_tiles
from scratchvae.kernels.convolution.phases import forward_axis
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.simd import lanes
from scratchvae.kernels.machine.tasks import Resources, present_resources

EXACT = 1e-12  # in float64, where the transforms cost some two digits of sixteen
SINGLE = 1e-5  # and some two of the seven of float32


@pytest.mark.parametrize(("results", "taps"), [(4, 5), (4, 3), (5, 4), (3, 4)])
def test_the_matrices_are_exactly_a_convolution(results, taps):
    to_results, to_taps, to_inputs = cook_toom.transforms(results, taps)
    points = range(results + taps - 1)
    for i in range(results):
        for k in range(taps):
            for j in points:
                total = sum(to_results[i][p] * to_taps[p][k] * to_inputs[p][j] for p in points)
                assert total == Fraction(j == i + k)


@pytest.mark.parametrize("taps", [3, 5])
def test_entries_stay_small_and_exact_in_float32(taps):
    for results, count in ((4, taps), (taps, 4)):
        inputs = cook_toom.transforms(results, count).inputs
        assert max(abs(entry) for row in inputs for entry in row) < 6
        assert all(Fraction(float(np.float32(float(e)))) == e for row in inputs for e in row)


SHAPES = st.tuples(
    st.integers(0, 2), st.integers(1, 11), st.integers(1, 11), st.integers(1, 3), st.integers(1, 3)
)


def drawn(shape, taps, padding, dtype, seed=0):
    """Return x, w and dy of a convolution of stride 1; None if no pixel fits."""
    random = np.random.default_rng(seed)
    n, height, width, channels, out_channels = shape
    size = [side + 2 * padding - taps + 1 for side in (height, width)]
    if min(size) < 1:
        return None
    shapes = ((n, height, width, channels), (taps, taps, channels, out_channels))
    shapes += ((n, *size, out_channels),)
    return [random.standard_normal(each).astype(dtype) for each in shapes]


@given(SHAPES, st.sampled_from([3, 5]), st.integers(0, 6))
def test_the_definitions_are_convolutions(shape, taps, padding):
    arrays = drawn(shape, taps, padding, "d")
    if arrays is None:
        return
    x, w, dy = arrays
    size = x.shape[1:3]
    for got, expected in (
        (
            cook_toom.winograd_forward(x, w, padding),
            reference.convolution_forward(x, w, 1, padding),
        ),
        (
            cook_toom.winograd_input_gradient(dy, w, size, padding),
            reference.convolution_input_gradient(dy, w, size, 1, padding),
        ),
        (
            cook_toom.winograd_weight_gradient(x, dy, taps, padding),
            reference.convolution_weight_gradient(x, dy, (taps, taps), 1, padding),
        ),
    ):
        assert relative_error(got, expected) < EXACT


@given(SHAPES, st.sampled_from([3, 5]), st.integers(0, 6), st.sampled_from("fd"))
def test_the_kernels_compute_the_definitions(shape, taps, padding, dtype):
    n, height, width, channels, out_channels = shape
    vector = lanes(dtype)
    case = (n, height, width, channels * vector, out_channels * vector, taps, padding)
    if min(height, width) + 2 * padding < taps:
        return
    check_winograd(as_is, dtype, np.random.default_rng(1), *case)


def in_chunks(build, out, chunks):
    """Return what tasks built for so many threads leave in ``out``, chunk by chunk."""
    out[...] = 1
    for task in build(Resources(chunks, Memory())):
        shared = chunks if task.nanoseconds > 0 else 1
        for chunk in range(shared):
            task.kernel(chunk, shared, *task.arguments)
    return out.copy()


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("accumulate", [False, True])
def test_chunks_change_no_bit(dtype, accumulate):
    channels = 2 * lanes(dtype)
    x, w, dy = drawn((17, 14, 21, channels, channels), 5, 2, dtype)
    axes = forward_axis(14, 5, 1, 2) + forward_axis(21, 5, 1, 2)
    for out, build in (
        (np.empty_like(dy), lambda r, out: winograd.slide_tasks(r, x, w, out, axes, False)),
        (
            np.empty_like(w),
            lambda r, out: winograd.weight_gradient_tasks(r, x, dy, out, 2, accumulate),
        ),
    ):
        alone, *others = (in_chunks(partial(build, out=out), out, count) for count in (1, 2, 3, 7))
        for other in others:
            np.testing.assert_array_equal(other, alone)


def test_the_sum_has_pieces_that_do_not_depend_on_threads():
    x, w, dy = drawn((30, 20, 20, 32, 32), 5, 2, "f")
    few, many = (
        winograd.weight_gradient_tasks(Resources(threads, Memory()), x, dy, w.copy(), 2, False)
        for threads in (1, 7)
    )
    assert few[0].arguments[-1] == many[0].arguments[-1]
    assert winograd_tiles.Sizes(*few[0].arguments[-1]).pieces > 1


def kernels_of(x, w, dy, padding=2):
    resources = present_resources()
    names = ("forward", "input_gradient", "weight_gradient")
    ends = ((x, w, dy), (dy, w, x), (x, dy, w))
    return [
        [
            task.kernel.__name__
            for task in getattr(convolution, f"convolution_{name}_tasks")(
                resources, *(array.copy() for array in arrays), 1, padding
            )
        ]
        for name, arrays in zip(names, ends, strict=True)
    ]


OURS = [["transform_taps", "slide_tiles"], ["transform_taps", "slide_tiles"]]
OURS += [["sum_tiles", "finish_sums"]]


def test_many_channels_and_few_pixels_outside_choose_it():
    assert kernels_of(*drawn((2, 28, 28, 32, 32), 5, 2, "f")) == OURS
    for shape, taps in (
        ((2, 28, 28, 1, 32), 5),
        ((2, 28, 28, 32, 1), 5),
        ((2, 28, 28, 33, 32), 5),
        ((2, 28, 28, 32, 32), 4),
        ((2, 3, 3, 32, 32), 5),
    ):
        chosen = kernels_of(*drawn(shape, taps, 2, "f"))
        assert not {"slide_tiles", "sum_tiles"} & {name for names in chosen for name in names}


def test_a_variable_switches_it_off(monkeypatch):
    arrays = drawn((2, 28, 28, 32, 32), 5, 2, "f")
    monkeypatch.setenv("SCRATCHVAE_WINOGRAD", "off")
    direct = convolution.convolution_forward(*arrays[:2], 1, 2)
    assert kernels_of(*arrays)[0] == ["pack_taps", "correlate"]
    monkeypatch.setenv("SCRATCHVAE_WINOGRAD", "on")
    assert kernels_of(*arrays) == OURS
    ours = convolution.convolution_forward(*arrays[:2], 1, 2)
    assert 0 < relative_error(ours, direct) < SINGLE
    monkeypatch.setenv("SCRATCHVAE_WINOGRAD", "yes")
    with refused("SCRATCHVAE_WINOGRAD must be on or off, not 'yes': set one"):
        convolution.convolution_forward(*arrays[:2], 1, 2)


def test_any_memory_order_and_read_only_arrays():
    x, w, dy = drawn((2, 12, 12, 32, 32), 5, 2, "f")
    expected = convolution.convolution_forward(x, w, 1, 2)
    turned, backwards = np.asfortranarray(x), w[::-1].copy()[::-1]
    for array in (turned, backwards, dy):
        array.flags.writeable = False
    np.testing.assert_array_equal(
        convolution.convolution_forward(turned, backwards, 1, 2), expected
    )
    gradient = convolution.convolution_weight_gradient(turned, dy, (5, 5), 1, 2)
    expected = reference.convolution_weight_gradient(x.astype("d"), dy.astype("d"), (5, 5), 1, 2)
    assert relative_error(gradient, expected) < SINGLE


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_a_gradient_that_is_exactly_0_is_0(dtype):
    channels = 2 * lanes(dtype)
    x, w, dy = drawn((3, 9, 9, channels, channels), 5, 2, dtype)
    x[:, 1:] = x[:, :, 1:] = 0  # the corner meets the taps up to (2, 2)
    build = partial(winograd.weight_gradient_tasks, x=x, dy=dy, padding=2, accumulate=False)
    dw = in_chunks(lambda resources: build(resources, out=w), w, 1)
    assert (dw[:3, :3] != 0).all()
    assert not dw[3:].any()
    assert not dw[:, 3:].any()


def test_gradients_of_a_model(monkeypatch):
    def gradients(dtype, winograd):
        monkeypatch.setenv("SCRATCHVAE_WINOGRAD", winograd)
        model = scratchvae.build("fleuret-conv", seed=0, dtype=np.dtype(dtype))
        for name, value in weights.items():
            model.parameters[name].value[...] = value
        model.forward(x.astype(dtype), eps.astype(dtype))
        model.backward()
        return {name: parameter.grad for name, parameter in model.parameters.items()}

    rng = np.random.default_rng(0)
    x, eps = rng.random((4, 28, 28, 1), np.float32), rng.standard_normal((1, 4, 32), np.float32)
    weights = {k: p.value for k, p in scratchvae.build("fleuret-conv", seed=0).parameters.items()}
    exact, ours = gradients("d", "off"), gradients("f", "on")
    for name, expected in exact.items():
        # Relative to the largest entry: one convolution's 1e-5, through a stack of five.
        error = np.abs(ours[name] - expected).max() / np.abs(expected).max()
        assert error < 3e-5, name
    assert any((ours[name] != value).any() for name, value in gradients("f", "off").items())
