"""How the benchmark times: turns, ratios, threads, shares.

Nothing here depends on how long anything takes.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from bench_cases import LITTLE, timed
from helpers import refused

from scratchvae import kernels
from scratchvae.benchmarks import profile as bench_profile
from scratchvae.benchmarks import timing as bench_timing
from scratchvae.benchmarks.kernels import measure_kernel, product
from scratchvae.benchmarks.profile import REST, profile_step
from scratchvae.benchmarks.timing import (
    Ceiling,
    Effort,
    Timings,
    limited_threads,
    rate,
    take_turns,
    wait_until_idle,
)
from scratchvae.errors import InputError
from scratchvae.kernels.machine import tasks as bench_tasks
from scratchvae.kernels.machine import threads as bench_threads


def test_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_the_medians():
    timings = Timings({"a": [1.0, 8.0, 9.0], "b": [2.0, 2.0, 3.0]})
    assert timings.ratio("a", "b") == 3.0
    assert timings.ratio("b", "a") == pytest.approx(1 / 3)
    assert timings.median("a") == 8.0


def test_take_turns_has_each_piece_of_work_first_in_turn(monkeypatch):
    monkeypatch.setattr(bench_timing, "_WARM_UP", 0.0)
    calls = []
    timings = take_turns(
        {name: lambda name=name: calls.append(name) for name in "abc"}, Effort(3, 0.0)
    )
    assert "".join(calls) == "aabbcc" + "abc" + "bca" + "cab"
    assert {name: len(times) for name, times in timings.seconds.items()} == dict.fromkeys("abc", 3)


def test_take_turns_repeats_short_work_and_returns_the_time_of_one_run(monkeypatch):
    clock = iter(range(1000))  # every look at the clock is a second later than the last
    monkeypatch.setattr(bench_timing, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(bench_timing, "wait_until_idle", lambda: None)
    for warm_up, untimed in ((2.0, 2), (0.25, 0)):  # work that is long needs no warming up
        monkeypatch.setattr(bench_timing, "_WARM_UP", warm_up)
        calls = []
        timings = take_turns({"a": lambda calls=calls: calls.append(1)}, Effort(2, 4.0))
        assert timings.seconds == {"a": [1 / 4, 1 / 4]}
        assert len(calls) == 2 + 2 * (untimed + 4)


def test_rate_and_share_count_two_operations_a_multiply_add():
    assert rate(5 * 10**8, 0.5) == 2.0
    ceiling = Ceiling(10)
    timings = Timings({"ours": [2.0], "ceiling": [1.0]})
    assert ceiling.share(timings, "ours", 500) == 0.25  # half the work in twice the time
    ceiling.seconds = [1e-6, 3e-6, 2e-6]
    assert ceiling.gflops() == pytest.approx(1.0)


def test_measure_kernel_has_a_ratio_of_its_speed_over_that_of_numpy(monkeypatch):
    timed(monkeypatch, ours=1e-6, numpy=3e-6, ceiling=1e-6)
    figures = measure_kernel(product(10, 10, 10), Ceiling(20), LITTLE)
    assert figures["ratio"] == pytest.approx(3.0)  # above 1: ours is faster
    assert figures["share_of_ceiling"] == pytest.approx(1 / 8)
    assert figures["gflops"] == pytest.approx(2.0)


def test_compare_keeps_every_time_of_the_ceiling():
    ceiling = Ceiling(4)
    ceiling.compare({"a": lambda: None}, LITTLE)
    ceiling.compare({"b": lambda: None}, LITTLE)
    assert len(ceiling.seconds) == 4


def test_profile_step_counts_calls_and_shares_out_the_whole_step():
    a, x = np.ones((5, 7)), np.ones(9)

    def step():
        kernels.matmul(a, a.T)
        kernels.matmul(a, a.T)
        kernels.tanh(x)

    step()
    entries = profile_step(step, Effort(rounds=3, seconds=0.0))
    assert {entry["kernel"]: entry["calls"] for entry in entries} == {
        "matrix_product.multiply": 2.0,
        "elementwise.each_number.tanh": 1.0,
        REST: 0.0,
    }
    assert entries[-1]["kernel"] == REST
    assert sum(entry["share"] for entry in entries) == pytest.approx(1)
    milliseconds = [entry["ms"] for entry in entries]
    assert min(milliseconds) > 0
    shares = [entry["share"] * sum(milliseconds) for entry in entries]
    assert shares == pytest.approx(milliseconds)


def test_profile_step_is_per_step_and_of_the_whole_step(monkeypatch):
    clock = SimpleNamespace(now=5.0)
    fake = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr(bench_profile, "time", fake)
    monkeypatch.setattr(bench_tasks, "time", fake)

    def lasting(name, seconds):
        def kernel(part, parts):
            clock.now += seconds

        kernel.__module__, kernel.__name__ = "some.file", name
        return kernel

    short, long = lasting("_short", 0.001), lasting("_long", 0.003)

    def step():
        for kernel in (short, long, long):
            bench_tasks.run([bench_tasks.Task(kernel, 0, ())], 1)
        clock.now += 0.003  # Python's own

    # Steps of 10 ms: 2 rounds of 25 ms are 5 of them, although 2 would do for the rounds alone.
    entries = profile_step(step, Effort(rounds=2, seconds=0.0249))
    assert clock.now == pytest.approx(5.05)
    found = [tuple(entry.values()) for entry in entries]
    expected = [
        ("file.long", 2.0, 6.0, 0.6),
        ("file.short", 1.0, 1.0, 0.1),
        (REST, 0.0, 3.0, 0.3),
    ]
    for one, other in zip(found, expected, strict=True):
        assert one[0] == other[0]
        assert one[1:] == pytest.approx(other[1:])


def test_profile_step_that_fails_leaves_nothing_observed():
    def step():
        raise InputError("wrong")

    with pytest.raises(InputError):
        profile_step(step, LITTLE)
    assert bench_tasks._observer is None


def test_wait_until_idle_ends_even_if_threads_never_are(monkeypatch):
    slept = []
    clock = iter(range(1000))
    fake = SimpleNamespace(process_time=lambda: next(clock), sleep=slept.append)
    monkeypatch.setattr(bench_timing, "time", fake)
    wait_until_idle()
    assert 1 < len(slept) < 100
    slept.clear()
    monkeypatch.setattr(bench_timing.time, "process_time", lambda: 0.0)
    wait_until_idle()
    assert len(slept) == 1


def blas_threads():
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_limited_threads_sets_ours_and_the_blas_and_restores_both():
    before, blas_before = kernels.get_threads(), blas_threads()
    with limited_threads(2) as count:
        assert kernels.get_threads() == count
        assert all(threads == count for threads in blas_threads())
    assert (kernels.get_threads(), blas_threads()) == (before, blas_before)
    with limited_threads(None) as count:
        assert count == before


@pytest.mark.parametrize("chosen", [None, 1])
def test_limited_threads_restores_a_default_as_a_default(chosen, monkeypatch):
    monkeypatch.setattr(bench_threads, "_chosen", chosen)
    for asked_for in (None, 1):
        with limited_threads(asked_for):
            assert bench_threads._chosen is not None
        assert bench_threads._chosen == chosen
        with pytest.raises(InputError), limited_threads(asked_for):
            raise InputError("wrong")
        assert bench_threads._chosen == chosen


def test_limited_threads_says_that_threadpoolctl_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with refused("threadpoolctl", "pip install threadpoolctl"), limited_threads(1):
        pass
