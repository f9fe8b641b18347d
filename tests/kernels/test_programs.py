"""Programs: the compiled loop over stored calls does what running task by task does."""

import ast
import ctypes
import gc
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from kernel_processes import KERNELS
from kernel_processes import run as run_process

from scratchvae.kernels.machine import stored_calls, tasks
from scratchvae.kernels.machine.backoff import Backoff
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED
from scratchvae.kernels.machine.tasks import Program, Resources, Task, observing, run
from scratchvae.kernels.matrix_product import matmul_tasks
from scratchvae.kernels.passes.bias import activation_backward_bias_tasks, bias_activation_tasks

compiled = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
MUCH = 10 * tasks._WORTH_NANOSECONDS


@kernel()
def add_to_each(chunk, chunks, x, y, number):
    if chunk == ALL:
        return run_all(chunks)
    first, last = bounds(chunk, chunks, x.size)
    x, y = x[first:last], y[first:last]
    for i in range(x.size):
        y[i] += x[i] + number


def arrays(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    shapes = {"x": (37, 23), "w": (23, 19), "b": 19, "y": (37, 19), "dy": (37, 19), "d": (37, 19)}
    made = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return made | {"grad": np.zeros(19, dtype)}


def a_layers_tasks(a, threads):
    resources = Resources(threads, Memory())
    return [
        *matmul_tasks(resources, a["x"], a["w"], a["y"]),
        *bias_activation_tasks(resources, a["y"], a["b"], "elu"),
        *activation_backward_bias_tasks(resources, a["dy"], a["y"], a["d"], a["grad"], "elu"),
    ]


def assert_same(found, expected):
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_program_is_its_tasks_one_after_the_other(threads, dtype, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0)
    expected, found = arrays(dtype=dtype), arrays(dtype=dtype)
    program = Program(a_layers_tasks(found, threads), threads)
    for _ in range(4):
        run(a_layers_tasks(expected, 1), 1)
        program.run()
        assert_same(found, expected)


@compiled
def test_a_program_calls_no_kernel_from_python_after_its_second_run():
    def note(*arguments):
        called.append(arguments[:1])
        add_to_each(*arguments)

    called, x, y = [], np.ones(5), np.zeros(5)
    program = Program([Task(note, 0, (x, y, 2.0))], 1)
    for _ in range(5):
        program.run()
    assert called == [(0,), (ALL,)]
    assert (y == 15).all()


@compiled
def test_a_program_keeps_its_arrays_alive():
    x, y = np.ones(100_000), np.zeros(100_000)
    program = Program([Task(add_to_each, 0, (x, y, 1.0))], 1)
    program.run()
    program.run()
    address = y.ctypes.data
    del x, y
    gc.collect()
    others = [np.full(100_000, np.nan) for _ in range(20)]  # where the arrays were, if they are not
    program.run()
    y = np.ctypeslib.as_array((ctypes.c_double * 100_000).from_address(address))
    assert (y == 6).all()
    assert all(np.isnan(other).all() for other in others)


@compiled
def test_a_program_reads_what_is_given_where_it_is():
    own, y = np.zeros(6), np.zeros(6)
    views = (own[:3], own[3:])
    program = Program(
        [Task(add_to_each, 0, (view, y[3 * i : 3 * i + 3], 0.0)) for i, view in enumerate(views)],
        1,
        [own],
    )
    for value in range(1, 5):
        given = np.arange(6.0) + value
        before = y.copy()
        (read,) = program.run(given)
        np.testing.assert_array_equal(y - before, given)
        assert (read is given) == (value > 1)  # the first time, calls are not stored yet
    kept = own.copy()
    for apart in (np.arange(12.0)[::2], np.broadcast_to(np.float64(3), 6)):
        before = y.copy()
        (read,) = program.run(apart)
        assert read is own
        np.testing.assert_array_equal(y - before, apart)
    assert not (own == kept).all()
    (read,) = program.run(np.ones(6), copies=True)
    assert read is own
    assert program.run(own)[0] is own
    assert (own == 1).all()


@compiled
def test_observing_a_program_sees_each_task_and_its_time():
    x, y = np.ones(1_000_000), np.zeros(1_000_000)
    program = Program([Task(add_to_each, 0, (x, y, 1.0))] * 3, 1)
    program.run()
    seen = []
    with observing(lambda ran, seconds: seen.extend(zip(ran, seconds, strict=True))):
        start = time.perf_counter()
        program.run()
        whole = time.perf_counter() - start
    assert [task.kernel for task, _ in seen] == [add_to_each] * 3
    assert all(seconds > 1e-5 for _, seconds in seen)
    assert sum(seconds for _, seconds in seen) <= whole
    program.run()
    assert len(seen) == 3


@compiled
@pytest.mark.parametrize("chosen", [False, True])
def test_a_program_backs_off_after_a_wait(chosen, monkeypatch):
    shared = []

    def calls(table, times, first, threads, loop, worth, clock, stops):
        shared.extend([loop != 0] * (len(table) - first))
        if loop and stops:  # the first call of the rest waits a second
            times[first] = 10**9
            del shared[-(len(table) - first - 1) :]
            return first + 1
        return len(table)

    clock = SimpleNamespace(now=10**12)
    monkeypatch.setattr(tasks, "time", SimpleNamespace(perf_counter_ns=lambda: clock.now))
    monkeypatch.setattr(tasks, "run_stored_calls", calls)
    monkeypatch.setattr(tasks, "_backoff", Backoff())
    monkeypatch.setattr(tasks, "backs_off", lambda: True)
    monkeypatch.setattr(tasks, "threads_were_chosen", lambda: chosen)
    x = np.ones(4)
    program = Program([Task(add_to_each, MUCH, (x, np.zeros(4), 0.0))] * 3, 2)
    program.run()
    tasks._backoff.until = 0  # the first run may have been compiling
    for later in (0, 1, 10**9):
        clock.now += later
        program.run()
    waited, alone = [True, False, False], 3 * [False]
    assert shared == (9 * [True] if chosen else [*waited, *alone, *waited])


@compiled
def test_stored_calls_stop_after_one_that_took_too_long_on_several_threads():
    loop = tasks._start(2)
    x = np.ones(50_000)
    outs = [np.zeros(50_000) for _ in range(3)]
    stored = [stored_calls.stored_call(add_to_each, (x, out, 1.0)) for out in outs]
    longest = (10**12, 0, 10**12)  # nanoseconds
    table = np.array(
        [(e, a.ctypes.data, 5, n) for (e, a), n in zip(stored, longest, strict=True)], np.int64
    )
    times = np.zeros(3, np.int64)

    def call(first, loop, stops, worth=0):
        clock = stored_calls.CLOCK
        return stored_calls.run_stored_calls(table, times, first, 2, loop, worth, clock, stops)

    assert call(0, loop, True) == 2
    assert [out[0] for out in outs] == [2, 2, 0]
    assert (times > 0).tolist() == [True, True, False]
    assert call(2, 0, True) == 3
    assert [(out == 2).all() for out in outs] == [True] * 3
    assert call(0, loop, False) == call(0, 0, True) == call(0, loop, True, worth=5) == 3
    assert [(out == 8).all() for out in outs] == [True] * 3


@compiled
def test_a_program_runs_alone_while_another_thread_is_inside(monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0)
    x, y = np.ones(9), np.zeros(9)
    program = Program([Task(add_to_each, 1, (x, y, 1.0))], 2)
    program.run()
    with tasks._entrance:
        program.run()  # nor does it store its calls
        assert program._calls is None
    program.run()
    monkeypatch.setattr(tasks, "_start", lambda threads: pytest.fail("went in"))
    with tasks._entrance:
        program.run()
    assert (y == 8).all()
    assert not tasks._entrance.locked()


def test_programs_in_several_python_threads_at_once():
    code = """
import threading
import numpy as np
import scratchvae
from scratchvae.kernels.machine import tasks
tasks._WORTH_NANOSECONDS = 0
x = np.random.default_rng(0).random((20, 28, 28, 1), dtype=np.float32)
def train(found):
    trainer = scratchvae.Trainer(scratchvae.build("zhao-mlp"))
    found += [trainer.step_on_floats(x).loss for _ in range(15)]
expected, found = [], [[], [], []]
train(expected)
runners = [threading.Thread(target=train, args=(each,)) for each in found]
for runner in runners: runner.start()
for runner in runners: runner.join()
print("equal", [each == expected for each in found])
"""
    cache = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    settings = {"NUMBA_THREADING_LAYER": "workqueue", "SCRATCHVAE_THREADS": "2"}
    ended = run_process(code, cache, **settings)
    assert (ended.returncode, ended.stdout) == (0, "equal [True, True, True]\n"), ended.stderr


def test_training_on_one_thread_does_not_start_numbas():
    code = """
import numpy as np, numba
import scratchvae
from scratchvae.kernels.machine import chunks
trainer = scratchvae.Trainer(scratchvae.build("zhao-mlp"))
for _ in range(4):
    trainer.step_on_floats(np.ones((2, 28, 28, 1), np.float32))
print(chunks._slot.value)
numba.threading_layer()
"""
    cache = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    ended = run_process(code, cache, SCRATCHVAE_THREADS="1")
    assert ended.stdout == "0\n", ended.stderr
    assert "not initialized" in ended.stderr, "Numba's threads have started"


def test_every_kernel_in_chunks_begins_with_the_line_that_stores_its_arguments():
    found = 0
    for file in KERNELS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            names = [argument.arg for argument in node.args.args]
            marks = " ".join(map(ast.unparse, node.decorator_list))
            if names[:2] != ["chunk", "chunks"] or "inside" in marks or marks == "in_python":
                continue
            if file.name in ("chunks.py", "stored_calls.py"):
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            first = ast.unparse(body[0])
            assert first == "if chunk == ALL:\n    return run_all(chunks)", (file, node.name)
            found += 1
    assert found > 15
