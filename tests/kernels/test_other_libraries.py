"""What the kernels leave alone: how many threads other libraries use."""

import os

import pytest
from kernel_processes import run

from scratchvae import kernels

COUNTS = """
import os, sys
import numba
import numpy as np
from threadpoolctl import ThreadpoolController
try:
    import numba.np.ufunc.omppool  # its library of OpenMP, before the kernels come to it
except ImportError:
    pass
if "numba" in sys.argv:
    numba.set_num_threads(1)  # for functions of the program's own
libraries = [__import__(name) for name in sys.argv[1:]]

def counts():
    found = {each.filepath: each.num_threads for each in ThreadpoolController().lib_controllers}
    for library in libraries:
        found[library.__name__] = library.get_num_threads()
    return found

before, differences = counts(), []

def look(after):
    now = counts()
    differences.extend((after, k, n, now[k]) for k, n in before.items() if now[k] != n)

os.sched_getaffinity = lambda _: range(2)
import scratchvae
from scratchvae.kernels.machine import tasks
look("import")
tasks._WORTH_NANOSECONDS = 0
scratchvae.kernels.set_threads(2)
look("set_threads")
scratchvae.kernels.matmul(np.ones((64, 64)), np.ones((64, 64)))
look("a kernel")
images = np.random.default_rng(0).random((12, 28, 28, 1))
scratchvae.build("zhao-mlp").fit(images, epochs=2, batch_size=4, progress=False)
look("a fit")
print(len(before), differences)
"""


@pytest.mark.parametrize("number", ["1", "5"])
@pytest.mark.parametrize("library", [None, "torch", "numba"])
@pytest.mark.skipif(kernels.BACKEND != "numba", reason="other kernels start no threads")
def test_other_libraries_keep_their_number_of_threads(library, number):
    if library:
        pytest.importorskip(library)
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    names = [library] if library else []
    done = run(
        f"import sys; sys.argv[1:] = {names!r}\n{COUNTS}",
        cache,
        OMP_NUM_THREADS=number,
        OPENBLAS_NUM_THREADS=number,
        NUMBA_NUM_THREADS="2",
        SCRATCHVAE_THREADS="",
    )
    assert done.returncode == 0, done.stderr
    looked_at, differences = done.stdout.split(maxsplit=1)
    assert (int(looked_at) > 1, differences) == (True, "[]\n")
