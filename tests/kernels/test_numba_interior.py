"""What the kernels assume of Numba's private parts: each test names the assumption that broke."""

import ast
import ctypes
import re

import numba
import numpy as np
import pytest
from kernel_processes import KERNELS
from numba import types
from numba.core import event
from numba.extending import intrinsic

from scratchvae.kernels.machine import numba_interior as interior
from scratchvae.kernels.machine import tasks
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.simd import INDEX
from scratchvae.kernels.machine.tasks import Task, run

pytestmark = pytest.mark.skipif(interior.JIT_DISABLED, reason="nothing is compiled")


def test_broken_assumptions_are_none():
    assert interior.broken_assumptions() == []


def test_broken_assumptions_are_named(monkeypatch):
    monkeypatch.delattr(interior.serialize, "dumps")
    monkeypatch.delattr(interior.codegen.CodeLibrary, "has_dynamic_globals")
    expected = ["numba.core.serialize.dumps", "CPUCodeLibrary.has_dynamic_globals"]
    assert interior.broken_assumptions() == expected


def test_only_numba_interior_uses_what_numba_does_not_promise():
    """Numba's manual describes what ``numba`` and ``numba.extending`` export."""
    for file in KERNELS.rglob("*.py"):
        if file.name == "numba_interior.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "numba":
                assert node.module in ("numba", "numba.extending"), file
                assert not {alias.name for alias in node.names} & {"config", "core"}, file
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("numba.") for alias in node.names), file
            elif isinstance(node, ast.Attribute):
                assert node.attr not in ("_cache", "overloads", "make_array", "config"), file


def plus_one(x):
    return x + 1


def test_code_cache_gives_back_what_was_compiled():
    kept = {}
    interior.CodeCache(numba.njit(plus_one), kept.get, kept.__setitem__)
    first, second = numba.njit(plus_one), numba.njit(plus_one)
    interior.CodeCache(first, kept.get, kept.__setitem__)
    assert first(2) == 3
    assert list(kept) == ["(int64,)"], "assumption 1: Numba no longer gives the cache its result"
    interior.CodeCache(second, kept.get, kept.__setitem__)
    with event.install_recorder("numba:compile") as recorder:
        assert second(2) == 3, "assumption 1: code from the cache does not compute the same"
    assert not recorder.buffer, "assumption 1: Numba no longer asks the cache before it compiles"


def test_code_cache_does_not_keep_an_address_of_this_process():
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(plus_one)
    compiled, kept = numba.njit(lambda x: function(x)), {}
    interior.CodeCache(compiled, kept.get, kept.__setitem__)
    compiled.compile((types.int64,))
    assert kept == {}, "assumption 1: has_dynamic_globals no longer tells of addresses"


def test_c_address_is_where_c_can_call():
    address = interior.c_address(numba.njit(plus_one), types.int64(types.int64))
    called = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(41)
    assert called == 42, "assumption 2: the C wrapper is not what it was"


@kernel()
def scale_in_chunks(chunk, chunks, x, factors, y, offset):
    if chunk == ALL:
        return run_all(chunks)
    first, last = bounds(chunk, chunks, x.size)
    for i in range(first, last):
        y[i] = factors[0] * x[i] + factors[1] + offset


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_chunk_entry_calls_a_kernel_again_with_the_same_arguments(threads, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0)
    x, y = np.arange(1001.0), np.zeros(1001)
    run([Task(scale_in_chunks, 1, (x, (2.0, 0.5), y, 3))], threads)
    assert (y == 2 * x + 3.5).all(), "assumption 3: another calling convention"


@intrinsic
def count_up(context, count):
    def generate(context, builder, signature, arguments):
        total = interior.cgutils.alloca_once_value(builder, INDEX(0))
        with interior.rolled_loop(builder, arguments[0]) as index:
            other = builder.icmp_signed("!=", index, INDEX(5))
            with builder.if_then(other):  # so the body does not end in the block it begins in
                builder.store(builder.add(builder.load(total), index), total)
        return builder.load(total)

    return types.int64(count), generate


def test_rolled_loop_tells_llvm_not_to_unroll():
    compiled = numba.njit(lambda n: count_up(n))
    assert compiled(10) == sum(range(10)) - 5
    code = "".join(compiled.inspect_llvm().values())
    marks = re.findall(r"br .*!llvm\.loop !(\d+)", code)
    assert marks, "assumption 4: the branch that closes a loop is elsewhere"
    found = [re.search(rf"!{mark} = distinct !\{{!{mark}, !(\d+)\b", code) for mark in marks]
    assert any(
        node and f'!{node[1]} = !{{!"llvm.loop.unroll.disable"}}' in code for node in found
    ), "assumption 4: llvmlite numbers metadata in another way"


def test_array_data_is_where_an_array_begins():
    @intrinsic
    def first(context, array):
        def generate(context, builder, signature, arguments):
            return builder.load(
                interior.array_data(context, builder, signature.args[0], arguments[0])
            )

        return array.dtype(array), generate

    assert numba.njit(lambda x: first(x))(np.array([7.0, 8.0])) == 7


def test_target_cpu_is_the_hosts():
    name, features = interior.target_cpu()
    assert name, "assumption 5: no name of the processor"
    assert all(feature[0] in "+-" for feature in features.split(",") if feature)
