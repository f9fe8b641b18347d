"""The number of threads: who may choose it, and the same bits for any."""

import os
import threading
from pathlib import Path

import pytest
from kernel_processes import run
from thread_cases import works

from scratchvae.errors import InputError
from scratchvae.kernels.machine import tasks, threads


@pytest.fixture
def restored_threads():
    yield
    threads.set_threads(None)
    for function in (threads.available_threads, threads._default_threads):
        function.cache_clear()


def test_bits_do_not_depend_on_the_number_of_threads(restored_threads, monkeypatch):
    monkeypatch.setattr(tasks, "_WORTH_NANOSECONDS", 0)
    threads.set_threads(1)
    alone = works()
    threads.available_threads.cache_clear()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    for number in (2, 3, 5):  # also more than there are cores: then a thread runs several chunks
        threads.set_threads(number)
        assert threads.get_threads() == number
        for one, many in zip(alone, works(), strict=True):
            assert (one == many).all()


def test_two_python_threads_at_once():
    code = """
import threading
from thread_cases import works
from scratchvae.kernels.machine import tasks
tasks._WORTH_NANOSECONDS = 0
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


def test_set_threads_and_get_threads(restored_threads, monkeypatch):
    threads.set_threads(1)
    assert threads.get_threads() == 1
    threads.set_threads(10_000)
    assert threads.get_threads() == threads.available_threads()
    threads.set_threads(None)
    threads._default_threads.cache_clear()
    monkeypatch.setenv("SCRATCHVAE_THREADS", "1")
    assert threads.get_threads() == 1
    for text in ("none", "0"):
        threads._default_threads.cache_clear()
        monkeypatch.setenv("SCRATCHVAE_THREADS", text)
        with pytest.raises(InputError, match="SCRATCHVAE_THREADS"):
            threads.get_threads()
    for number in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="positive integer"):
            threads.set_threads(number)


def test_available_threads_are_no_more_than_numba_starts(restored_threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    for limit, expected in (("", 64), ("3", 3), ("100", 64), ("0", 1), ("many", 64)):
        threads.available_threads.cache_clear()
        monkeypatch.setenv("NUMBA_NUM_THREADS", limit)
        assert threads.available_threads() == expected


def test_threads_were_chosen_by_set_threads_or_the_variable(restored_threads, monkeypatch):
    monkeypatch.delenv("SCRATCHVAE_THREADS", raising=False)
    assert not threads.threads_were_chosen()
    threads.set_threads(1)
    assert threads.threads_were_chosen()
    threads.set_threads(None)
    monkeypatch.setenv("SCRATCHVAE_THREADS", "1")
    assert threads.threads_were_chosen()


@pytest.mark.parametrize("chosen", [None, 1])
def test_using_threads_leaves_the_choice_as_it_was(chosen, restored_threads):
    threads.set_threads(chosen)
    before = threads.get_threads()
    with threads.using_threads(1) as count:
        assert (count, threads.get_threads()) == (1, 1)
    assert (threads._chosen, threads.get_threads()) == (chosen, before)
    with pytest.raises(InputError), threads.using_threads(0):
        pass
    assert threads._chosen == chosen


def test_get_threads_sees_a_choice_made_in_another_python_thread(restored_threads):
    other = threading.Thread(target=threads.set_threads, args=(1,))
    other.start()
    other.join()
    assert threads.get_threads() == 1
