"""The running of tasks: on which threads, in which order, and what an observer sees.

On a machine with one core, or a busy one, only these tests would notice a mistake.
"""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.kernels.machine import tasks
from scratchvae.kernels.machine.backoff import Backoff
from scratchvae.kernels.machine.chunks import ALL
from scratchvae.kernels.machine.tasks import Task, observing, run

MUCH = 10 * tasks._WORTH_NANOSECONDS
CHOSEN_BY_OTHERS = 7


def numba_with(set_num_threads):
    return SimpleNamespace(
        get_num_threads=lambda: CHOSEN_BY_OTHERS, set_num_threads=set_num_threads
    )


@pytest.fixture
def calls(monkeypatch):
    """Return what a kernel that only takes notes is called with, where threads can be had."""
    monkeypatch.setattr(tasks, "JIT_DISABLED", False)
    monkeypatch.setattr(tasks, "start_threads", lambda: None)
    monkeypatch.setattr(tasks, "MOST_THREADS", 2)
    monkeypatch.setattr(tasks, "numba", numba_with(set_num_threads=lambda number: None))
    monkeypatch.setattr(tasks, "_called", set())
    monkeypatch.setattr(tasks, "_backoff", Backoff())
    monkeypatch.setattr(tasks, "backs_off", lambda: True)
    monkeypatch.setattr(tasks, "threads_were_chosen", lambda: False)
    return []


def noting(calls):
    def note(*arguments):
        calls.append(arguments)

    return note


def test_run_shares_large_work_each_time_and_small_work_never(calls):
    note = noting(calls)
    work = (MUCH, MUCH, tasks._WORTH_NANOSECONDS / 2, MUCH)
    run([Task(note, nanoseconds, (i,)) for i, nanoseconds in enumerate(work)], 2)
    assert calls == [(ALL, 2, 0), (ALL, 2, 1), (0, 1, 2), (ALL, 2, 3)]


def test_run_on_one_thread_shares_nothing(calls):
    with tasks._entrance:
        run([Task(noting(calls), MUCH, ("x",))], 1)
    assert calls == [(0, 1, "x")]


def test_run_without_a_compiler_shares_nothing(calls, monkeypatch):
    monkeypatch.setattr(tasks, "JIT_DISABLED", True)
    run([Task(noting(calls), MUCH, ("x",))], 2)
    assert calls == [(0, 1, "x")]


def test_run_cuts_work_into_the_chunks_that_it_was_built_for(calls, monkeypatch):
    # Another Python thread may choose another number in between; and Numba may have fewer threads.
    started = []
    monkeypatch.setattr(tasks, "numba", numba_with(set_num_threads=started.append))
    monkeypatch.setattr(tasks, "get_threads", lambda: 7)
    run([Task(noting(calls), MUCH, ()), Task(noting(calls), MUCH, ())], 3)
    # And what somebody else has chosen for Numba is put back.
    assert (calls, started) == ([(ALL, 3), (ALL, 3)], [2, CHOSEN_BY_OTHERS])


def test_run_starts_no_threads_for_small_work(calls, monkeypatch):
    monkeypatch.setattr(tasks, "start_threads", lambda: pytest.fail("threads were started"))
    run([Task(noting(calls), 1, ())], 2)
    assert calls == [(0, 1)]


def test_run_enters_once_a_list(calls, monkeypatch):
    entered = []

    class Lock:
        def acquire(self, blocking):
            entered.append(blocking)
            return True

        def release(self):
            entered.append("released")

    monkeypatch.setattr(tasks, "_entrance", Lock())
    run([Task(noting(calls), MUCH, ())] * 3, 2)
    assert entered == [False, "released"]


def test_run_does_not_wait_for_another_python_thread(calls):
    arguments = ([Task(noting(calls), MUCH, ())], 2)
    with tasks._entrance:
        other = threading.Thread(target=run, args=arguments, daemon=True)
        other.start()
        other.join(20)  # one that waits would go in as soon as it may
        waits = other.is_alive()
    assert (waits, calls) == (False, [(0, 1)])
    assert not tasks._entrance.locked()


def test_an_error_in_run_does_not_leave_the_entrance_taken(calls):
    def fail(chunk, chunks):
        raise InputError("wrong")

    with pytest.raises(InputError):
        run([Task(fail, MUCH, ())], 2)
    assert not tasks._entrance.locked()


@pytest.mark.parametrize("reason", [None, "a number was chosen", "it is switched off"])
def test_run_backs_off_after_a_wait(reason, calls, monkeypatch):
    clock = SimpleNamespace(now=10**9)
    monkeypatch.setattr(tasks, "time", SimpleNamespace(perf_counter_ns=lambda: clock.now))
    monkeypatch.setattr(tasks, "threads_were_chosen", lambda: reason == "a number was chosen")
    monkeypatch.setattr(tasks, "backs_off", lambda: reason != "it is switched off")

    def wait(chunk, chunks):
        calls.append((chunk, chunks))
        clock.now += 10**9

    run([Task(wait, MUCH, ())] * 5, 2)
    shared, alone = (ALL, 2), (0, 1)
    # The first may have been compiling; a second on one thread is longer than the delays.
    noticed = [shared, shared, alone, shared, alone]
    assert calls == (noticed if reason is None else 5 * [shared])


@pytest.mark.parametrize("threads", [1, 2])
def test_observing_sees_each_task_and_its_seconds(threads, calls, monkeypatch):
    clock = SimpleNamespace(now=5.0)
    monkeypatch.setattr(
        tasks,
        "time",
        SimpleNamespace(perf_counter=lambda: clock.now, perf_counter_ns=lambda: 10**9 * clock.now),
    )

    def lasting(seconds):
        def kernel(chunk, chunks):
            calls.append((chunk, chunks))
            clock.now += seconds

        return kernel

    short, long = lasting(0.25), lasting(0.5)
    seen = []
    with observing(lambda ran, seconds: seen.extend(zip(ran, seconds, strict=True))):
        run([Task(short, MUCH, ()), Task(long, MUCH, ())], threads)
    run([Task(short, MUCH, ())], threads)
    assert [(task.kernel, each) for task, each in seen] == [(short, 0.25), (long, 0.5)]
    assert calls[:2] == ([(0, 1)] * 2 if threads == 1 else [(ALL, 2)] * 2)


def test_a_kernel_asks_once_how_many_threads_there_are(monkeypatch):
    # Another Python thread may choose another number between the building and the running.
    asked = []
    monkeypatch.setattr(tasks, "get_threads", lambda: asked.append("once") or 1)
    x = np.ones((4, 5, 5, 2), np.float32)
    for kernel, arguments in (
        (kernels.matmul, (np.ones((40, 40)), np.ones((40, 40)))),
        (kernels.convolution_forward, (x, np.ones((3, 3, 2, 3), np.float32))),
        (kernels.channel_moments, (x,)),
        (kernels.squared_distances, (x, x)),
        (kernels.elu, (x,)),
    ):
        asked.clear()
        kernel(*arguments)
        assert asked == ["once"], kernel
