"""Products by NumPy's BLAS: only where they are asked for, and the same up to rounding."""

import time

import numpy as np
import pytest
from helpers import refused
from kernel_cases import as_is, check_products, run_built

import scratchvae
from scratchvae import kernels
from scratchvae.kernels import blas, matrix_product, zero_skipping
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources

VARIABLE = "SCRATCHVAE_PRODUCTS"
FORMS = ("matmul", "matmul_transposed_left", "matmul_transposed_right")
pytestmark = pytest.mark.skipif(kernels.BACKEND != "numba", reason="NumPy has its BLAS anyway")


def built(rows=256, steps=128, columns=320):
    a, b = np.ones((rows, steps), "f"), np.ones((steps, columns), "f")
    out = np.zeros((rows, columns), "f")
    (task,) = matrix_product.matmul_tasks(Resources(1, Memory()), a, b, out)
    return task.kernel


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("sizes", [(0, 3, 4), (3, 0, 4), (1, 1, 1), (29, 40, 17), (70, 5, 130)])
def test_all_forms_compute_their_product(sizes, dtype, monkeypatch):
    monkeypatch.setenv(VARIABLE, "blas")
    m, k, n = sizes
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(dtype) for shape in ((m, k), (k, n)))
    check_products(as_is, a, b)
    for name in ("matmul_tasks", "matmul_transposed_left_tasks"):
        left, out = a if name == "matmul_tasks" else a.T.copy(), np.empty((m, n), dtype)
        run_built(getattr(zero_skipping, name), left, b, out)
        np.testing.assert_allclose(out, a @ b, atol=1e-5)


def test_the_tile_is_the_default_and_other_words_are_refused(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert built() is matrix_product.multiply
    monkeypatch.setenv(VARIABLE, "blas")
    assert built() is blas.multiply_by_blas
    monkeypatch.setenv(VARIABLE, "openblas")
    with refused(VARIABLE, "tile, blas or auto", "'openblas'"):
        built()


def slow(work):
    def slowly(*arguments):
        time.sleep(0.02)
        work(*arguments)

    return slowly


def test_auto_takes_the_faster_and_times_each_shape_once(monkeypatch):
    monkeypatch.setenv(VARIABLE, "auto")
    monkeypatch.setattr(blas, "_faster", {})
    plain = blas.multiply_by_blas
    monkeypatch.setattr(blas, "multiply_by_blas", slow(plain))
    assert built() is matrix_product.multiply
    monkeypatch.setattr(blas, "multiply_by_blas", plain)
    assert built() is matrix_product.multiply  # as was found before
    monkeypatch.setattr(blas, "run", slow(blas.run))
    assert built(columns=352) is plain
    assert built(2, 3, 4) is matrix_product.multiply  # too small to ask


def test_a_network_trains_by_blas(monkeypatch):
    x = np.random.default_rng(0).random((32, 28, 28, 1), dtype=np.float32)

    def losses(choice):
        monkeypatch.setenv(VARIABLE, choice)
        trainer = scratchvae.Trainer(scratchvae.build("zhao-mlp", seed=0), seed=0)
        return [trainer.step_on_floats(x).loss for _ in range(4)]

    # Sums in another order, four steps long.
    np.testing.assert_allclose(losses("blas"), losses("tile"), rtol=1e-5)
