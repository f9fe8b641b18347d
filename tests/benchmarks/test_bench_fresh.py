"""Measurements in processes of their own: peak memory, and the time to a bound."""

import json
import subprocess
import sys

import numpy as np
import pytest
from bench_cases import TINY
from helpers import refused

from scratchvae.benchmarks import bound as bench_bound
from scratchvae.benchmarks import format_bench, run_bench
from scratchvae.benchmarks import fresh as bench_fresh
from scratchvae.benchmarks.bound import BoundPlan, measure_bound
from scratchvae.benchmarks.child import Learner
from scratchvae.benchmarks.fresh import peak_megabytes, run_fresh
from scratchvae.benchmarks.rivals import RIVALS


def test_peak_memory_counts_what_was_given_back_and_never_falls():
    code = """
import numpy as np
from scratchvae.benchmarks.child import peak_memory
before = peak_memory()
np.ones(30_000_000)
print(before, peak_memory(), peak_memory())
"""
    # In a process of its own: in this one, other tests may have taken more before.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, later = map(float, done.stdout.split())
    assert after > before + 200  # 240 MB, at once given back; some of it may have been free
    assert later >= after


def test_peak_megabytes_are_the_childs_own():
    np.ones(50_000_000)  # 400 MB here must not show there
    assert 20 < peak_megabytes("ours", "zhao-mlp", 4, 1) < 400


def test_run_fresh_says_why_a_process_failed():
    with refused("ours", "no-such-recipe"):
        run_fresh("ours", "steps", 1, recipe="no-such-recipe", batch=4)


def test_run_fresh_gives_a_rival_the_threads_and_no_compiler(monkeypatch):
    environments = []
    start = subprocess.Popen

    def watched(command, env, **options):
        environments.append(env)
        return start([sys.executable, "-c", "print('{}')"], env=env, **options)

    monkeypatch.setattr(bench_fresh.subprocess, "Popen", watched)
    for side in ("ours", "torch"):
        assert set(run_fresh(side, "steps", 3, {"MINE": "yes"})) == {"wall_seconds"}
    ours, rival = environments
    assert (ours["SCRATCHVAE_KERNELS"], rival["SCRATCHVAE_KERNELS"]) == ("numba", "numpy")
    for name in ("SCRATCHVAE_THREADS", "OMP_NUM_THREADS", "NPROC"):
        assert (ours[name], rival[name]) == ("3", "3")
    assert ours["MINE"] == "yes"


def test_run_bench_measures_the_time_to_a_bound_with_and_without_compiled_kernels(
    data_dir, monkeypatch
):
    monkeypatch.setenv("SCRATCHVAE_DATA", str(data_dir))
    result = run_bench(["bound"], threads=1, plan=TINY)
    json.dumps(result)
    first, again = result["bound"]["sides"]
    assert (first["name"], again["name"]) == ("ours, first run", "ours")
    for side in (first, again):
        assert side["reached"]
        assert side["steps"] == 1
        assert side["seconds"] > 0
        assert side["evaluation_seconds"] > 0
        assert side["peak_mb"] > 20
    assert first["bound"] == again["bound"] < 0
    assert "kingma-welling to -1e+06 nats" in format_bench(result)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_rivals_bound_is_ours(name, data_dir, monkeypatch):
    pytest.importorskip(name)
    x = np.random.default_rng(0).random((1003, 28, 28, 1)).round().astype(np.float32)
    with RIVALS[name].threads(1):
        bounds = [Learner(side, "kingma-welling").bound(x) for side in ("ours", name)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-5)


def test_measure_bound_takes_turns_and_reports_the_round_with_the_median_time(monkeypatch):
    asked = []
    walls = iter([9.0, 3.0, 5.0, 4.0, 8.0, 6.0])

    def run(side, job, threads, environment, **arguments):
        asked.append((side, job, environment["XDG_CACHE_HOME"]))
        wall = next(walls)
        end = {"steps": 1, "bound": -1.0, "reached": True, "peak_mb": 1.0}
        return end | {"wall_seconds": wall, "evaluation_seconds": 1.0}

    monkeypatch.setattr(bench_bound, "run_fresh", run)
    result = measure_bound(BoundPlan(rounds=3), [], 1, lambda line: None)
    first, again = result["sides"]
    assert (first["seconds"], again["seconds"]) == (7.0, 3.0)  # medians of 8 4 7 and 2 3 5
    assert all(side == "ours" and job == "bound" for side, job, _ in asked)
    folders = [folder for _, _, folder in asked]
    assert folders[0::2] == folders[1::2]  # the second run has the kernels of the first
    assert len(set(folders)) == 3
