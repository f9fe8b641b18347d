"""A forked process computes alone: its parent's threads do not exist in it."""

import os

import pytest
from kernel_processes import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PARENT = """
import multiprocessing, os, sys, threading
import numpy as np
import scratchvae
from scratchvae import kernels
from scratchvae.kernels.machine import tasks, threads

os.sched_getaffinity = lambda _: range(2)  # two threads, on a machine with one core as well
kernels.set_threads(2)
tasks._WORTH_NANOSECONDS = 0
x = np.random.default_rng(0).random((12, 28, 28, 1), dtype=np.float32)

def trained():
    model = scratchvae.build("zhao-mlp", seed=0)
    return model.fit(x, epochs=2, batch_size=5, progress=False)

def same(first, second):
    return all(np.array_equal(array, second[name]) for name, array in first.items())

def child(work):
    process = os.fork()
    if process == 0:
        code = 9
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
"""


def printed(code, **variables):
    """Return what Python prints, in a process of its own, after the definitions above."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    variables = {"SCRATCHVAE_THREADS": "", "NUMBA_NUM_THREADS": "2", **variables}
    done = run(PARENT + code, cache, timeout=120, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_a_forked_child_has_its_parents_bits(layer):
    code = """
model = trained()
known = model.state()

def go_on():
    one = kernels.get_threads() == 1 and threads.lost_threads()
    again = model.fit(x, epochs=2, batch_size=5, progress=False)
    return 0 if one and same(again.state(), known) and same(trained().state(), known) else 1

assert child(go_on) == 0
assert child(lambda: child(go_on)) == 0  # and so has a child's child
assert kernels.get_threads() == 2 and same(trained().state(), known)
"""
    printed(code, NUMBA_THREADING_LAYER=layer)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_comes_back(method, tmp_path):
    # Processes that are spawned read the program again, so it needs a file.
    program = tmp_path / "program.py"
    program.write_text(
        PARENT
        + f"""
if __name__ == "__main__":
    model = trained()
    known = model.encode(x)
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        for code in pool.map(model.encode, [x, x, x]):
            assert np.array_equal(code, known)
    print("all")
"""
    )
    code = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    if method != "fork":
        code = (
            f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, {str(program)!r}]))"
        )
    assert printed(code).endswith("all\n")


def test_more_threads_in_a_child_are_refused_only_if_the_parent_had_some():
    code = """
def choose():
    try:
        kernels.set_threads(2)
    except scratchvae.InputError as error:
        return 2 if "spawn" in str(error) and "\\n" not in str(error) else 3
    return 0 if kernels.get_threads() == 2 and trained() is not None else 1

def default():
    return kernels.get_threads()

print(child(default), child(choose))
trained()
print(child(default), child(choose))
kernels.set_threads(1)
"""
    assert printed(code) == "1 0\n1 2\n"


def test_a_fork_within_using_threads_keeps_the_child_alone():
    code = """
trained()
def within():
    kernels.set_threads(1)
    return 0
with threads.using_threads(2):
    process = os.fork()
if process == 0:
    os._exit(kernels.get_threads())
print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
    assert printed(code) == "1\n"


def test_forks_while_another_thread_trains():
    # Its first fit loads the kernels, or compiles them, under the compiler's lock; the thread
    # trains on until there were three forks, however long the first of them took.
    code = """
trained_in_thread, model = [], scratchvae.build("zhao-mlp", seed=0)
forked_often = threading.Event()
def work():
    while len(trained_in_thread) < 3 or not forked_often.is_set():
        model.fit(x, epochs=2, batch_size=5, progress=False)
        trained_in_thread.append(model.state())
thread = threading.Thread(target=work)
thread.start()
codes = []
def fit():
    return 0 if np.isfinite(model.fit(x, epochs=1, progress=False).encode(x)).all() else 1
while len(codes) < 3 or len(trained_in_thread) < 3:
    codes.append(child(fit))
forked_often.set()
thread.join()
print(set(codes), all(same(s, trained_in_thread[0]) for s in trained_in_thread))
"""
    assert printed(code) == "{0} True\n"


def test_a_child_does_not_find_the_locks_of_threads_that_it_lacks():
    code = """
from scratchvae.engine.turns import alone_with, trained_by
model, held, done = scratchvae.build("zhao-mlp"), threading.Event(), threading.Event()
def hold():
    with tasks._entrance, trained_by("trainer", model), alone_with(model):
        held.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
def free():
    with trained_by("another", model), alone_with(model):
        return 0 if tasks._entrance.acquire(timeout=5) else 1
print(child(free))
done.set()
thread.join()
"""
    assert printed(code) == "0\n"
