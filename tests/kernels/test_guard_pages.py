"""Memory: scratch arrays, and the walls around every array that a kernel is given."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from kernel_processes import HERE, run

from scratchvae.kernels.machine.memory import thread_memory


def test_scratch_memory_is_reused_and_each_threads_own():
    first = thread_memory().scratch("test", 100, "f")
    assert first.ctypes.data % 64 == 0
    assert thread_memory().scratch("test", 50, "f") is first
    others = []
    other = threading.Thread(
        target=lambda: others.append(thread_memory().scratch("test", 100, "f"))
    )
    other.start()
    other.join()
    assert not np.shares_memory(first, others[0])


@pytest.mark.skipif(sys.platform == "win32", reason="protects pages with mprotect")
def test_no_kernel_touches_memory_beyond_its_arrays(tmp_path):
    code = """
import numpy as np
import guard_pages, kernel_cases
from scratchvae.kernels.machine.memory import Memory
for place in guard_pages.walls():
    def scratch(self, purpose, size, dtype):
        worst = np.nan if np.dtype(dtype).kind == "f" else -1
        return place(np.full(size, worst, dtype))
    Memory.scratch = scratch
    kernel_cases.battery(place)
print("untouched")
"""
    ended = run(code, os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    assert (ended.returncode, ended.stdout) == (0, "untouched\n"), ended.stderr


def test_the_walls_are_felt():
    code = """
import numpy as np, guard_pages
for place in guard_pages.walls():
    array = place(np.zeros(5))
    np.lib.stride_tricks.as_strided(array, (10,))[{}]
"""
    if sys.platform == "win32":
        pytest.skip("protects pages with mprotect")
    assert run(code.format("0"), HERE).returncode == 0
    assert run(code.format("5"), HERE).returncode < 0
