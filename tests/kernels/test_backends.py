"""Two backends with one interface, and how one of them is chosen at import."""

import inspect
import os
from pathlib import Path

import numpy as np
import pytest
from kernel_processes import run

from scratchvae import kernels
from scratchvae.kernels import reference

CACHE = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
WITHOUT_NUMBA = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
WITH_ANOTHER_NUMBA = """
import numba.core.serialize
del numba.core.serialize.dumps
"""
SAY_BACKEND = """
from scratchvae import kernels
print(kernels.BACKEND, kernels.matmul.__module__)
"""

# What the layers of a network ask for in a step, forward and backward.
STEP = """
import numpy as np
from scratchvae import kernels

random = np.random.default_rng(0)
x, w = (random.standard_normal(s).astype("f") for s in ((6, 9, 9, 1), (3, 3, 1, 4)))
v, b = (random.standard_normal(s).astype("f") for s in ((100, 5), 5))
h = kernels.convolution_forward(x, w, 2, 1)
mean, variance = kernels.channel_moments(h)
inverse_std, ones = 1 / np.sqrt(variance + np.float32(1e-5)), np.ones(4, "f")
n = kernels.batch_norm_forward(h, mean, inverse_std, ones, ones)
a = kernels.elu(n, 0.5)
logits = kernels.matmul(a.reshape(6, 100), v) + b
target = random.random((6, 5), dtype="f")
loss = kernels.bernoulli_cross_entropy(target, logits)

d_logits = kernels.bernoulli_gradient(target, logits)
db, dv = kernels.sum_rows(d_logits), kernels.matmul_transposed_left(a.reshape(6, 100), d_logits)
da = kernels.matmul_transposed_right(d_logits, v).reshape(a.shape)
dn = kernels.elu_backward(da, a, 0.5)
dh, d_scale, d_shift = kernels.batch_norm_backward(dn, h, mean, inverse_std, ones, True)
dw = kernels.convolution_weight_gradient(x, dh, (3, 3), 2, 1)
dx = kernels.convolution_input_gradient(dh, w, (9, 9), 2, 1)
moments = np.zeros((2, *w.shape), "f")
settings = dict(step=1, learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
kernels.adam_step(w, dw, *moments, **settings)
results = [loss, db, dv, d_scale, d_shift, dw, dx, w]
"""


def test_both_backends_have_the_same_functions_with_the_same_signatures():
    def parameters(function):
        signature = inspect.signature(function)
        return [(p.name, p.kind, p.default) for p in signature.parameters.values()]

    assert {*reference.__all__, "BACKEND", "get_threads", "set_threads"} == set(kernels.__all__)
    assert len(set(kernels.__all__)) == len(kernels.__all__)
    for name in reference.__all__:
        compiled, definition = getattr(kernels, name), getattr(reference, name)
        assert parameters(compiled) == parameters(definition), name
        assert (compiled is definition) == (kernels.BACKEND == "numpy"), name


def test_reference_exports_all_of_its_functions():
    functions = inspect.getmembers(reference, inspect.isfunction)
    assert sorted(reference.__all__) == reference.__all__
    assert reference.__all__ == [name for name, _ in functions if not name.startswith("_")]


def test_numpy_backend_needs_no_numba(tmp_path):
    save = f"np.savez({str(tmp_path / 'results.npz')!r}, *results)"
    ended = run(WITHOUT_NUMBA + STEP + save, CACHE, SCRATCHVAE_KERNELS="numpy")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    here = {}
    exec(STEP, here)
    with np.load(tmp_path / "results.npz") as there:
        for expected, found in zip(here["results"], there.values(), strict=True):
            assert found.dtype == expected.dtype
            largest = float(np.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * largest)


def test_numpy_backend_lets_the_package_be_imported_without_numba():
    code = """
import scratchvae, scratchvae.cli
from scratchvae import kernels
assert not {"numba", "llvmlite"} & set(sys.modules)
kernels.set_threads(10_000)
print(kernels.BACKEND, kernels.get_threads() >= 1)
kernels.set_threads(1)
print(kernels.get_threads())
try:
    kernels.set_threads(0)
except scratchvae.InputError as error:
    print(error)
"""
    ended = run(WITHOUT_NUMBA + code, CACHE, SCRATCHVAE_KERNELS="numpy")
    lines = ended.stdout.splitlines()
    assert lines[:2] == ["numpy True", "1"], ended.stderr
    assert "threads must be a positive integer" in lines[2]
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("before", "problem"),
    [
        (WITHOUT_NUMBA, "Numba cannot be imported (No module named "),
        (WITH_ANOTHER_NUMBA, "this version of Numba has no numba.core.serialize.dumps"),
    ],
)
def test_backend_is_numpy_with_one_line_where_numba_cannot_be_used(before, problem):
    ended = run(before + SAY_BACKEND, CACHE, SCRATCHVAE_KERNELS="")
    assert (ended.returncode, ended.stdout) == (0, "numpy scratchvae.kernels.reference\n")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"scratchvae: computing with NumPy, since {problem}")
    assert "4 to 8 times" in line
    assert "SCRATCHVAE_KERNELS=numpy" in line
    ended = run(before + SAY_BACKEND, CACHE, SCRATCHVAE_KERNELS="numba")
    error = ended.stderr.splitlines()[-1]
    assert error.startswith("scratchvae.errors.InputError: SCRATCHVAE_KERNELS=numba cannot be had")
    assert problem in error


@pytest.mark.parametrize("choice", ["", "numba"])
def test_backend_is_numba_by_default(choice):
    ended = run(SAY_BACKEND, CACHE, SCRATCHVAE_KERNELS=choice)
    assert (ended.stdout, ended.stderr) == ("numba scratchvae.kernels.matrix_product\n", "")


def test_backend_must_have_a_name_that_is_known():
    ended = run(SAY_BACKEND, CACHE, SCRATCHVAE_KERNELS="cuda")
    expected = "scratchvae.errors.InputError: SCRATCHVAE_KERNELS must be numpy or numba, not 'cuda'"
    assert ended.stderr.splitlines()[-1].startswith(expected)


@pytest.mark.parametrize(
    ("variable", "value"), [("NUMBA_BOUNDSCHECK", "soon"), ("NUMBA_NUM_THREADS", "")]
)
def test_a_variable_that_numba_cannot_read_is_named_and_not_worked_around(variable, value):
    ended = run(SAY_BACKEND, CACHE, SCRATCHVAE_KERNELS="", **{variable: value})
    error = ended.stderr.splitlines()[-1]
    assert error.startswith(f"scratchvae.errors.InputError: Environment variable {variable!r}")
    assert error.endswith("correct it, or unset it")
    assert ended.stdout == ""
