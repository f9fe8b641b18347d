"""Matrix products against their definition."""

import kernel_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchvae.errors import InputError
from scratchvae.kernels import matrix_product, reference

sizes = st.integers(0, 70)
dtypes = st.sampled_from(["f", "d"])


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, sizes, dtypes, st.integers(0, 2**32 - 1))
def test_the_three_forms_are_their_definitions(m, k, n, dtype, seed):
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal(s).astype(dtype) for s in ((m, k), (k, n)))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


@pytest.mark.parametrize("dtype", "fd")
def test_all_kernels_on_odd_shapes(dtype):
    kernel_cases.battery(kernel_cases.as_is, dtype)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), dtypes)
def test_any_strides_will_do(m, k, n, dtype):
    random = np.random.default_rng(0)
    a = random.standard_normal((2 * m, 3 * k)).astype(dtype)[::2, ::-3]
    b = random.standard_normal((n, k)).astype(dtype).T
    kernel_cases.close(matrix_product.matmul(a, b), reference.matmul(a, b))
    kernel_cases.close(
        matrix_product.matmul_transposed_left(a.T, b), reference.matmul_transposed_left(a.T, b)
    )
    kernel_cases.close(
        matrix_product.matmul_transposed_right(a, b.T), reference.matmul_transposed_right(a, b.T)
    )


@pytest.mark.parametrize("shape", [(300, 900, 70), (1000, 40, 33), (40, 1700, 20)])
def test_products_longer_than_a_block(shape):
    m, k, n = shape
    random = np.random.default_rng(1)
    a, b = random.standard_normal((m, k)), random.standard_normal((k, n))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


@pytest.mark.parametrize("rows", [20, 60])  # few enough to read B itself, and not
def test_products_of_more_panels_than_a_group(rows):
    random = np.random.default_rng(2)
    a, b = random.standard_normal((rows, 500)), random.standard_normal((500, 307))
    kernel_cases.check_products(kernel_cases.as_is, a, b)


def test_inputs_are_not_changed():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    matrix_product.matmul(a, b)
    assert (a == np.arange(6.0).reshape(2, 3)).all()
    assert (b == np.arange(12.0).reshape(3, 4)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: matrix_product.matmul(a, a), "(M, K) and (K, N)"),
        (lambda a: matrix_product.matmul(a, a[0]), "two matrices"),
        (lambda a: matrix_product.matmul(a, a.T.astype("f")), "float64 and float32"),
        (lambda a: matrix_product.matmul(a.astype(int), a.T.astype(int)), "float32 or two float64"),
        (lambda a: matrix_product.matmul(a, a.T, np.empty((2, 3))), "out of shape (2, 2)"),
        (lambda a: matrix_product.matmul(a, a.T, np.empty((2, 2), "f")), "float32"),
        (lambda a: matrix_product.matmul(a, a.T, np.empty((2, 4))[:, ::2]), "another order"),
        (lambda a: matrix_product.matmul(a, a.T, accumulate=True), "pass an array"),
        (lambda a: matrix_product.matmul_transposed_left(a, a.T), "(K, M) and (K, N)"),
        (lambda a: matrix_product.matmul_transposed_right(a, a.T), "(M, K) and (N, K)"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(call, message):
    with pytest.raises(InputError) as error:
        call(np.zeros((2, 3)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
