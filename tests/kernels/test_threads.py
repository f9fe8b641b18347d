"""Threads: the same bits on any number of them, and who runs the parts of a kernel."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from kernel_processes import run
from thread_cases import works

from scratchvae.errors import InputError
from scratchvae.kernels import matrix_product
from scratchvae.kernels.machine import threads
from scratchvae.kernels.machine.chunks import ALL
from scratchvae.kernels.passes import gaussian


@pytest.fixture
def restored_threads():
    yield
    threads.set_threads(None)


def test_bits_do_not_depend_on_the_number_of_threads(restored_threads, monkeypatch):
    monkeypatch.setattr(threads, "_WORTH_NANOSECONDS", 0)
    threads.set_threads(1)
    alone = works()
    threads.available_threads.cache_clear()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    for number in (2, 3, 5):
        threads.set_threads(number)
        for one, many in zip(alone, works(), strict=True):
            assert (one == many).all()
    threads.available_threads.cache_clear()


def test_two_python_threads_at_once():
    code = """
import threading
from thread_cases import works
from scratchvae.kernels.machine import threads
threads._WORTH_NANOSECONDS = 0
expected, wrong = works(), []
def work():
    for _ in range(20):
        wrong.extend(1 for a, b in zip(expected, works()) if not (a == b).all())
runners = [threading.Thread(target=work) for _ in range(3)]
for runner in runners: runner.start()
for runner in runners: runner.join()
print("wrong", len(wrong))
"""
    ended = run(
        code,
        os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"),
        NUMBA_THREADING_LAYER="workqueue",
        SCRATCHVAE_THREADS="2",  # or each would run alone, and never find the other inside
    )
    assert (ended.returncode, ended.stdout) == (0, "wrong 0\n"), ended.stderr


def test_number_of_threads(restored_threads, monkeypatch):
    threads.set_threads(1)
    assert threads.get_threads() == 1
    threads.set_threads(10_000)
    assert threads.get_threads() == threads.available_threads()
    threads.set_threads(None)
    threads._from_environment.cache_clear()
    monkeypatch.setenv("SCRATCHVAE_THREADS", "1")
    assert threads.get_threads() == 1
    for text in ("none", "0"):
        threads._from_environment.cache_clear()
        monkeypatch.setenv("SCRATCHVAE_THREADS", text)
        with pytest.raises(InputError, match="SCRATCHVAE_THREADS"):
            threads.get_threads()
    threads._from_environment.cache_clear()
    for number in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="positive integer"):
            threads.set_threads(number)


@pytest.mark.parametrize("chosen", [None, 2])
def test_threads_used_for_a_while_leave_the_choice_as_it_was(chosen, restored_threads):
    threads.set_threads(chosen)
    before = threads.get_threads()
    with threads.using_threads(1) as count:
        assert (count, threads.get_threads()) == (1, 1)
    assert (threads._chosen, threads.get_threads()) == (chosen, before)
    with pytest.raises(InputError), threads.using_threads(0):
        pass
    assert threads._chosen == chosen


def test_a_crowded_machine_is_left_alone_for_a_while():
    crowd = threads._Crowd()
    second = 1_000_000_000
    crowd.note(second, waited=False)
    assert crowd.alone_until == 0
    pauses = []
    for _ in range(8):
        crowd.note(second, waited=True)
        pauses.append(crowd.alone_until - second)
    assert pauses[:3] == [50_000_000, 100_000_000, 200_000_000]
    assert pauses[-1] == 3 * second
    for _ in range(1000):
        crowd.note(second, waited=False)
    crowd.note(second, waited=True)
    assert crowd.alone_until - second < 60_000_000


# Who runs a kernel's parts: where there is one core, or a busy one, only these tests would tell.
MUCH = 10 * threads._WORTH_NANOSECONDS


@pytest.fixture
def calls(monkeypatch):
    """Return what a kernel that only takes notes was called with, on a machine of two cores."""
    monkeypatch.setattr(threads, "JIT_DISABLED", False)
    monkeypatch.setattr(threads, "start_threads", lambda: None)
    monkeypatch.setattr(threads, "get_threads", lambda: 2)
    monkeypatch.setattr(threads, "numba", SimpleNamespace(set_num_threads=lambda number: None))
    monkeypatch.setattr(threads, "_called", set())
    monkeypatch.setattr(threads, "_crowded", threads._Crowd())
    return []


def test_large_work_is_shared_each_time_and_small_work_is_not(calls):
    def note(*arguments):
        calls.append(arguments)

    for work in (MUCH, MUCH, threads._WORTH_NANOSECONDS / 2):
        threads.run_parts(note, work, "x")
    assert calls == [(ALL, 2, "x"), (ALL, 2, "x"), (0, 1, "x")]


def test_no_more_parts_than_room_was_made_for(calls, monkeypatch):
    # Another Python thread may choose more threads between the making of room and the running.
    def note(part, parts, *arguments):
        calls.append((part, parts))

    monkeypatch.setattr(threads, "_WORTH_NANOSECONDS", 0)
    wanted = iter([2, 5, 3, 7])
    for module in (threads, matrix_product, gaussian):
        monkeypatch.setattr(module, "get_threads", lambda: next(wanted))
    monkeypatch.setattr(matrix_product, "multiply", note)
    monkeypatch.setattr(gaussian, "_squares", note)
    matrix_product.matmul(np.ones((40, 40)), np.ones((40, 40)))
    next(wanted)
    gaussian.squared_distances(np.ones((40, 40)), np.ones((40, 40)))
    assert calls == [(ALL, 2), (ALL, 3)]


def test_who_finds_the_entrance_taken_runs_alone_and_does_not_wait(calls):
    def note(*arguments):
        calls.append(arguments)

    with threads._entrance:
        other = threading.Thread(target=threads.run_parts, args=(note, MUCH), daemon=True)
        other.start()
        other.join(20)  # one that waits would go in as soon as it may
        waits = other.is_alive()
    assert (waits, calls) == (False, [(0, 1)])
    assert not threads._entrance.locked()


def test_an_error_does_not_leave_the_entrance_taken(calls):
    def fail(part, parts):
        raise InputError("wrong")

    with pytest.raises(InputError):
        threads.run_parts(fail, MUCH)
    assert not threads._entrance.locked()


@pytest.mark.parametrize("asked_for", [None, 2])
def test_after_a_wait_kernels_run_alone_unless_a_number_was_asked_for(
    asked_for, calls, monkeypatch
):
    clock = SimpleNamespace(now=10**9)
    monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter_ns=lambda: clock.now))
    monkeypatch.setattr(threads, "_chosen", asked_for)
    monkeypatch.setattr(threads, "_from_environment", lambda: None)

    def wait(part, parts):
        calls.append((part, parts))
        clock.now += 10**9

    for _ in range(5):
        threads.run_parts(wait, MUCH)
    shared, alone = (ALL, 2), (0, 1)
    # The first may have been compiling; a second alone is longer than the pauses.
    noticed = [shared, shared, alone, shared, alone]
    assert calls == (5 * [shared] if asked_for else noticed)


@pytest.mark.parametrize("way", ["set_threads", "variable"])
def test_a_number_asked_for_is_kept_to_even_within_a_pause(way, calls, monkeypatch):
    def note(*arguments):
        calls.append(arguments)

    monkeypatch.setattr(threads, "_chosen", 2 if way == "set_threads" else None)
    monkeypatch.setattr(threads, "_from_environment", lambda: 2 if way == "variable" else None)
    threads._crowded.alone_until = 10**30  # a wait noted before has the kernels run alone …
    threads.run_parts(note, MUCH)
    monkeypatch.setattr(threads, "_chosen", None)
    monkeypatch.setattr(threads, "_from_environment", lambda: None)
    threads.run_parts(note, MUCH)
    assert calls == [(ALL, 2), (0, 1)]  # … but for who said how many threads
