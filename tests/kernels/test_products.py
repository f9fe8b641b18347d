"""Matrix products against their definition."""

import kernel_cases
import numpy as np
import pytest
from helpers import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.kernels import matrix_product, reference

sizes = st.integers(0, 70)
dtypes = st.sampled_from(["f", "d"])


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, sizes, dtypes, st.integers(0, 2**32 - 1))
def test_matmul_in_its_three_forms_is_its_definition(m, k, n, dtype, seed):
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal(s).astype(dtype) for s in ((m, k), (k, n)))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


@pytest.mark.parametrize("dtype", "fd")
def test_all_kernels_on_odd_shapes(dtype):
    kernel_cases.battery(kernel_cases.as_is, dtype)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), dtypes)
def test_products_take_any_strides_and_read_only_arrays(m, k, n, dtype):
    random = np.random.default_rng(0)
    a = random.standard_normal((2 * m, 3 * k)).astype(dtype)[::2, ::-3]
    b = random.standard_normal((n, k)).astype(dtype).T
    b.flags.writeable = False
    kernel_cases.close(matrix_product.matmul(a, b), reference.matmul(a, b))
    kernel_cases.close(
        matrix_product.matmul_transposed_left(a.T, b), reference.matmul_transposed_left(a.T, b)
    )
    kernel_cases.close(
        matrix_product.matmul_transposed_right(a, b.T), reference.matmul_transposed_right(a, b.T)
    )


@pytest.mark.large
@pytest.mark.parametrize("shape", [(300, 900, 70), (1000, 40, 33), (40, 1700, 20)])
def test_matmul_longer_than_a_block(shape):
    m, k, n = shape
    random = np.random.default_rng(1)
    a, b = random.standard_normal((m, k)), random.standard_normal((k, n))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


@pytest.mark.large
@pytest.mark.parametrize("rows", [20, 60])  # few enough to read B itself, and not
def test_matmul_of_more_panels_than_a_group(rows):
    random = np.random.default_rng(2)
    a, b = random.standard_normal((rows, 500)), random.standard_normal((500, 307))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


def test_matmul_does_not_change_its_arguments():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    matrix_product.matmul(a, b)
    assert (a == np.arange(6.0).reshape(2, 3)).all()
    assert (b == np.arange(12.0).reshape(3, 4)).all()


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("dtype", "fd")
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("matmul", ((40, 70), (70, 90))),
        ("matmul_transposed_left", ((70, 40), (70, 90))),
        ("matmul_transposed_right", ((40, 70), (90, 70))),
    ],
)
def test_product_tasks_give_the_bits_of_the_products(name, shapes, dtype, accumulate):
    a, b = (np.empty(shape, dtype) for shape in shapes)
    out = np.empty((40, 90), dtype)
    builder, product = (getattr(matrix_product, n) for n in (f"{name}_tasks", name))
    kernel_cases.check_tasks(
        lambda resources: builder(resources, a, b, out, accumulate),
        [a, b],
        [out],
        lambda: (product(a, b) + (out if accumulate else 0),),
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: matrix_product.matmul(a, a), ("(M, K) and (K, N)", "not (2, 3) and (2, 3)")),
        (lambda a: matrix_product.matmul(a, a[0]), ("matrices", "not (2, 3) and (3,)")),
        (lambda a: matrix_product.matmul(a, a.T.astype("f")), ("float64 and float32",)),
        (lambda a: matrix_product.matmul(a.astype(int), a.T.astype(int)), ("not int64 and int64",)),
        (lambda a: matrix_product.matmul(a, [[1.0]] * 3), ("not float64 and list",)),
        (lambda a: matrix_product.matmul_transposed_left(a, a.T), ("(K, M) and (K, N)",)),
        (lambda a: matrix_product.matmul_transposed_right(a, a.T), ("(M, K) and (N, K)",)),
    ],
)
def test_products_refuse_what_does_not_fit_in_one_line(call, words):
    with refused("matmul", *words):
        call(np.zeros((2, 3)))
