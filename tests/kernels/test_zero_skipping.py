"""Products that leave out zeros: the bits of the dense ones, whatever the numbers are."""

import kernel_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.kernels import matrix_product, zero_skipping
from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.skipping_tile import skipping_vectors
from scratchvae.kernels.machine.tasks import Resources

NAMES = ["matmul_tasks", "matmul_transposed_left_tasks"]
each_product = pytest.mark.parametrize("name", NAMES)
each_dtype = pytest.mark.parametrize("dtype", ["f", "d"])
sizes, dtypes, seeds = st.integers(0, 150), st.sampled_from("fd"), st.integers(0, 2**32 - 1)


def inked(random, shape, dtype, density):
    """Return numbers of which only so many are not 0; some whole rows and columns are 0."""
    x = random.standard_normal(shape).astype(dtype)
    x[random.random(shape) >= density] = 0
    if density < 1:
        x[random.random(shape[0]) < 0.2] = 0
        x[:, random.random(shape[1]) < 0.2] = 0
    return x


def run_in_chunks(build, arrays, out, accumulate, chunks):
    for kernel, _, arguments in build(Resources(chunks, Memory()), *arrays, out, accumulate):
        for chunk in range(chunks):
            kernel(chunk, chunks, *arguments)
    return out


def assert_same_bits(name, x, right, accumulate=False, chunks=1, seed=0):
    """Hold the product of x, or its transpose, to the dense one; a 0 may have another sign."""
    rows = x.shape[1] if name == "matmul_transposed_left_tasks" else x.shape[0]
    before = np.random.default_rng(seed).standard_normal((rows, right.shape[1])).astype(x.dtype)
    dense, skipping = (
        run_in_chunks(getattr(module, name), (x, right), before.copy(), accumulate, chunks)
        for module in (matrix_product, zero_skipping)
    )
    np.testing.assert_array_equal(skipping, dense, strict=True)


@each_product
@settings(max_examples=100, deadline=None)
@given(sizes, sizes, sizes, dtypes, st.booleans(), st.integers(1, 3), st.floats(0, 1), seeds)
def test_bits_are_those_of_the_dense_product(name, m, k, n, dtype, accumulate, chunks, ink, seed):
    random = np.random.default_rng(seed)
    x = inked(random, (m, k), dtype, ink)
    right = random.standard_normal((k if name == "matmul_tasks" else m, n)).astype(dtype)
    assert_same_bits(name, x, right, accumulate, chunks, seed)


@pytest.mark.large
@each_dtype
@each_product
@pytest.mark.parametrize("shape", [(40, 1700, 300), (700, 40, 40), (33, 784, 500)])
@pytest.mark.parametrize("chunks", [1, 2])
def test_bits_of_reductions_longer_than_a_block(name, dtype, shape, chunks):
    rows, steps, columns = shape
    random = np.random.default_rng(0)
    x = inked(random, (rows, steps), dtype, 0.2)
    if name == "matmul_transposed_left_tasks":
        x = np.ascontiguousarray(x.T)
    right = random.standard_normal((steps, columns)).astype(dtype)
    for accumulate in (False, True):
        assert_same_bits(name, x, right, accumulate, chunks)


@each_dtype
@each_product
def test_bits_of_every_width_of_the_tile(name, dtype):
    lanes = simd.lanes(dtype)
    random = np.random.default_rng(1)
    for vectors in range(1, skipping_vectors() + 3):
        for columns in {vectors * lanes - 1, vectors * lanes, vectors * lanes + 1}:
            for rows in (1, 2, 3, 4, 5):
                x = inked(random, (rows, 70), dtype, 0.3)
                if name == "matmul_transposed_left_tasks":
                    x = np.ascontiguousarray(x.T)
                assert_same_bits(name, x, random.standard_normal((70, columns)).astype(dtype), True)


@each_product
@settings(max_examples=100, deadline=None)
@given(
    dtypes,
    st.booleans(),
    st.integers(1, 2),
    st.lists(
        st.tuples(
            st.sampled_from(["x", "right"]),
            st.sampled_from([np.inf, -np.inf, np.nan]),
            st.integers(0, 2**16),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    seeds,
)
def test_infinities_and_nan_come_out_as_they_do_of_the_dense_product(
    name, dtype, accumulate, chunks, wrong, seed
):
    random = np.random.default_rng(seed)
    x = inked(random, (30, 90), dtype, 0.2)
    steps = 90 if name == "matmul_tasks" else 30
    right = random.standard_normal((steps, 70)).astype(dtype)
    meeting = x.any(axis=0 if name == "matmul_tasks" else 1)
    for where, value, place, at_ink in wrong:
        if where == "x":
            places = np.flatnonzero((x != 0) == at_ink)
            x.reshape(-1)[places[place % len(places)]] = value
        else:  # where it meets a number of x that is not 0, or only zeros
            rows = np.flatnonzero(meeting == at_ink)
            right[rows[place % len(rows)], place % 70] = value
    with np.errstate(invalid="ignore"):
        assert_same_bits(name, x, right, accumulate, chunks, seed)


@each_dtype
@each_product
def test_a_sum_that_overflows_is_infinite(name, dtype):
    x = np.zeros((60, 60), dtype)
    x[5, :20] = x[:20, 5] = np.finfo(dtype).max
    right = np.full((60, 40), 4, dtype)
    with np.errstate(over="ignore"):
        assert_same_bits(name, x, right)


def leaves_out(name, x, right):
    """Tell whether zeros are left out: then nothing is added to where no product is, not even 0.

    0 added to −0 is 0.
    """
    x[:, :9] = x[:9] = 0
    rows = x.shape[1] if name == "matmul_transposed_left_tasks" else x.shape[0]
    out = np.full((rows, right.shape[1]), -0.0, x.dtype)
    run_in_chunks(getattr(zero_skipping, name), (x, right), out, True, 1)
    kept = np.signbit(out[:9])
    assert kept.all() or not kept.any()
    return bool(kept.all())


@each_dtype
@each_product
def test_zeros_are_left_out_where_most_numbers_are_and_nowhere_else(name, dtype):
    random = np.random.default_rng(2)
    right = random.standard_normal((300, 50)).astype(dtype)
    for density, wanted in ((0.0, True), (0.2, True), (0.8, False), (1.0, False)):
        x = random.standard_normal((300, 300)) * (random.random((300, 300)) < density)
        assert leaves_out(name, x.astype(dtype), right) == wanted, density
    right[150, 20] = np.nan
    assert not leaves_out(name, inked(random, (300, 300), dtype, 0.2), right)


@each_product
def test_choice_follows_the_numbers_from_run_to_run(name):
    random = np.random.default_rng(3)
    x, right, out, dense = np.empty((90, 90)), np.empty((90, 40)), np.empty((90, 40)), None
    resources = Resources(1, Memory())
    ((kernel, _, arguments),) = getattr(zero_skipping, name)(resources, x, right, out)
    for density in (0.1, 1.0, 0.3):
        x[...] = inked(random, x.shape, "d", density)
        right[...] = random.standard_normal(right.shape)
        kernel(0, 1, *arguments)
        dense = run_in_chunks(getattr(matrix_product, name), (x, right), out.copy(), False, 1)
        np.testing.assert_array_equal(out, dense)


def test_products_are_their_definition():
    random = np.random.default_rng(4)
    for dtype in "fd":
        for shape in kernel_cases.MATRICES:
            kernel_cases.check_zero_skipping(kernel_cases.as_is, dtype, random, *shape)
