"""The whole benchmark: what it measures, writes and refuses.

Nothing here depends on how long anything takes.
"""

import json
import sys

import pytest
from bench_cases import BY_HAND, KERNEL_KEYS, RECIPE_KEYS, TINY
from helpers import refused

from scratchvae import cli, kernels
from scratchvae.benchmarks import Plan, run_bench
from scratchvae.benchmarks import recipes as bench_recipes
from scratchvae.benchmarks import run as bench_run
from scratchvae.benchmarks import timing as bench_timing
from scratchvae.benchmarks.report import format_bench

MACHINE = {"cpu", "instructions", "cores", "versions", "threads"}


@pytest.fixture
def no_processes(monkeypatch):
    """Have no process started for the sake of its memory."""
    monkeypatch.setattr(bench_recipes, "peak_megabytes", lambda *_: 1.0)


def test_run_bench_measures_kernels_and_recipes_and_writes_them(tmp_path, no_processes):
    lines = []
    path = tmp_path / "bench.json"
    result = run_bench(threads=1, json_path=path, plan=TINY, report=lines.append)
    assert json.loads(path.read_text(encoding="utf-8")) == result
    measured = {"ceiling_gflops", "ceiling_size", "kernels", "recipes", "digits"}
    assert set(result) == MACHINE | measured
    assert (result["threads"], result["ceiling_size"]) == (1, 8)
    assert result["cpu"]
    assert {"scratchvae", "python", "numpy", "numba"} <= set(result["versions"])
    assert all(set(kernel) == KERNEL_KEYS for kernel in result["kernels"])
    product, convolution = result["kernels"]
    assert (product["name"], product["shape"]) == ("matmul", "3x4x5")
    assert product["ratio_to"] == "np.dot of the same shape"
    assert convolution["ratio"] == convolution["share_of_ceiling"]
    assert product["gflops"] > 0
    (recipe,) = result["recipes"]
    assert set(recipe) == RECIPE_KEYS
    assert recipe["multiply_adds"] == 3 * BY_HAND["zhao-mlp"]
    assert (recipe["name"], recipe["batch"], recipe["threads"]) == ("zhao-mlp", 3, 1)
    assert lines == ["measuring on 1 thread", "measuring training steps of zhao-mlp"]
    assert "zhao-mlp" in format_bench(result)


def test_run_bench_measures_only_what_it_is_asked_for(tmp_path):
    picture = tmp_path / "growth.png"
    result = run_bench(["growth"], threads=1, picture_path=picture, plan=TINY)
    assert set(result) == MACHINE | {"digits", "growth"}
    (axis,) = result["growth"]
    assert [point["value"] for point in axis["points"]] == [2, 3]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "hidden units" in format_bench(result)
    result = run_bench(["kernels"], threads=1, plan=TINY)
    assert set(result) == MACHINE | {"ceiling_gflops", "ceiling_size", "kernels"}


@pytest.mark.parametrize(("name", "title"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_run_bench_says_what_to_install(name, title, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)  # importing it now fails
    path = tmp_path / "bench.json"
    with refused(title, "pip install 'scratchvae[bench]'"):
        run_bench(against=[name], json_path=path, plan=TINY)
    assert not path.exists()
    assert run_bench(["kernels"], plan=TINY)["kernels"]


def test_run_bench_refuses_bad_arguments_before_measuring(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_timing, "take_turns", lambda *_: pytest.fail("measured"))
    with refused("framework", "torch, jax", "'tensorflow'"):
        run_bench(against=["tensorflow"], plan=TINY)
    with refused("measurement", "'speed'", "kernels, steps, bound, growth"):
        run_bench(["kernels", "speed"], plan=TINY)
    with refused("threads", "0"):
        run_bench(threads=0, plan=TINY)
    with refused("folder", "nowhere"):
        run_bench(json_path=tmp_path / "nowhere" / "bench.json", plan=TINY)
    (tmp_path / "taken").mkdir()
    with refused("cannot write", "taken", "it is a folder"):
        run_bench(json_path=tmp_path / "taken", plan=TINY)
    with refused("cannot write", "too long"):
        run_bench(json_path=tmp_path / (300 * "x"), plan=TINY)
    with refused("picture", "growth"):
        run_bench(picture_path=tmp_path / "growth.png", plan=TINY)
    with refused(".png", "growth.jpg"):
        run_bench(["growth"], picture_path=tmp_path / "growth.jpg", plan=TINY)
    with refused("folder", "nowhere"):
        run_bench(["growth"], picture_path=tmp_path / "nowhere" / "growth.png", plan=TINY)
    with refused("VAE", "autoencoder"):
        run_bench(plan=Plan(cases=(), recipes=("autoencoder",)))
    monkeypatch.setattr(bench_run, "find_local", lambda name: None)
    with refused("MNIST", "SCRATCHVAE_DATA", "scratchvae.data.load"):
        run_bench(["kernels", "bound"], plan=TINY)


def test_run_bench_refuses_to_measure_the_numpy_kernels(monkeypatch, capsys):
    monkeypatch.setattr(kernels, "BACKEND", "numpy", raising=False)
    assert cli.main(["bench"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("scratchvae: error: the benchmark measures the compiled kernels")
    assert "SCRATCHVAE_KERNELS" in error
    assert error.count("\n") == 1


def test_bench_command_passes_its_options_on(monkeypatch, capsys, tmp_path):
    def stand_in(measurements, **options):
        asked.append((list(measurements), options))
        return {"cpu": "c", "instructions": [], "threads": 1, "versions": {}}

    asked = []
    monkeypatch.setattr("scratchvae.benchmarks.run_bench", stand_in)
    picture = str(tmp_path / "growth.png")
    assert cli.main(["bench", "growth", "--against", "torch,jax", "--picture", picture]) == 0
    assert cli.main(["bench", "--quick"]) == 0
    (first, options), (second, usual) = asked
    assert (first, second) == (["growth"], ["kernels", "steps"])
    assert (list(options["against"]), str(options["picture_path"])) == (["torch", "jax"], picture)
    assert (list(usual["against"]), usual["quick"]) == ([], True)
    assert cli.main(["bench", "--picture", "growth.jpg"]) == 2
    assert ".png" in capsys.readouterr().err


@pytest.mark.parametrize("against", ["", ",", "torch,"])
def test_a_rival_without_a_name_is_refused(against, capsys):
    assert cli.main(["bench", "--against", against]) == 2
    assert "scratchvae: error: " in capsys.readouterr().err
