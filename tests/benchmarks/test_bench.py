"""The whole benchmark: what it measures, writes and refuses.

Nothing here depends on how long anything takes.
"""

import json

import pytest
from bench_cases import BY_HAND, KERNEL_KEYS, RECIPE_KEYS, TINY
from helpers import refused

from scratchvae import cli, kernels
from scratchvae.benchmarks import Plan, format_bench, run_bench
from scratchvae.benchmarks import timing as bench_timing
from scratchvae.benchmarks.profile import REST
from scratchvae.benchmarks.report import table


def test_run_bench_measures_kernels_and_recipes_and_writes_them(tmp_path):
    lines = []
    path = tmp_path / "bench.json"
    result = run_bench(threads=1, json_path=path, plan=TINY, report=lines.append)
    assert json.loads(path.read_text(encoding="utf-8")) == result
    assert set(result) == {
        "ceiling_gflops",
        "ceiling_size",
        "threads",
        "cpu",
        "versions",
        "kernels",
        "recipes",
    }
    assert (result["threads"], result["ceiling_size"]) == (1, 8)
    assert result["cpu"]
    assert {"scratchvae", "python", "numpy", "numba"} <= set(result["versions"])
    assert all(set(kernel) == KERNEL_KEYS for kernel in result["kernels"])
    product, convolution = result["kernels"]
    assert (product["name"], product["shape"]) == ("matmul", "3×4×5")
    assert product["ratio_to"] == "np.dot of the same shape"
    assert convolution["ratio"] == convolution["share_of_ceiling"]
    assert product["gflops"] > 0
    (recipe,) = result["recipes"]
    assert set(recipe) == RECIPE_KEYS
    assert recipe["multiply_adds"] == 3 * BY_HAND["zhao-mlp"]
    assert (recipe["name"], recipe["batch"], recipe["threads"]) == ("zhao-mlp", 3, 1)
    assert lines == ["measuring 2 kernels on 1 thread", "measuring training steps of zhao-mlp"]
    assert "zhao-mlp" in format_bench(result)


def test_run_bench_against_pytorch_says_what_to_install(no_torch, tmp_path):
    path = tmp_path / "bench.json"
    with refused("PyTorch", "pip install 'scratchvae[bench]'"):
        run_bench(against="torch", json_path=path, plan=TINY)
    assert not path.exists()
    assert run_bench(plan=TINY)["recipes"]


def test_run_bench_refuses_bad_arguments_before_measuring(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_timing.Ceiling, "compare", lambda *_: pytest.fail("measured"))
    with refused("against", "torch", "'jax'"):
        run_bench(against="jax", plan=TINY)
    with refused("threads", "0"):
        run_bench(threads=0, plan=TINY)
    with refused("folder", "nowhere"):
        run_bench(json_path=tmp_path / "nowhere" / "bench.json", plan=TINY)
    (tmp_path / "taken").mkdir()
    with refused("cannot write", "taken", "it is a folder"):
        run_bench(json_path=tmp_path / "taken", plan=TINY)
    with refused("cannot write", "too long"):
        run_bench(json_path=tmp_path / (300 * "x"), plan=TINY)
    with refused("VAE", "autoencoder"):
        run_bench(plan=Plan(cases=(), recipes=("autoencoder",)))


def test_run_bench_refuses_to_measure_the_numpy_kernels(monkeypatch, capsys):
    monkeypatch.setattr(kernels, "BACKEND", "numpy", raising=False)
    assert cli.main(["bench"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("scratchvae: error: the benchmark measures the compiled kernels")
    assert "SCRATCHVAE_KERNELS" in error
    assert error.count("\n") == 1


def example_result(**changes):
    kernel = {
        "name": "matmul",
        "shape": "3×4×5",
        "gflops": 12.34,
        "share_of_ceiling": 0.5,
        "ratio": 0.875,
        "ratio_to": "np.dot of the same shape",
    }
    convolution = kernel | {
        "name": "convolution_forward",
        "shape": "s",
        "ratio": 0.5,
        "ratio_to": "the ceiling",
    }
    recipe = {
        "name": "zhao-mlp",
        "batch": 256,
        "threads": 2,
        "ours_ms": 10.0,
        "multiply_adds": 348_700_000,
        "share_of_ceiling": 0.4,
        "profile": [
            {"kernel": "adam.step", "calls": 16.0, "ms": 1.0, "share": 0.1},
            {"kernel": REST, "calls": 0.0, "ms": 9.0, "share": 0.9},
        ],
    }
    return {
        "ceiling_gflops": 100.0,
        "ceiling_size": 1024,
        "threads": 2,
        "cpu": "a processor",
        "versions": {"numpy": "2.0"},
        "kernels": [kernel, convolution],
        "recipes": [recipe],
    } | changes


def with_torch(**changes):
    rival = {
        "torch_ms": 20.0,
        "torch_best_ms": 16.0,
        "torch_best": "fused Adam",
        "ratio": 0.5,
        "ratio_best": 0.625,
        "ours_loss": 1.0,
        "torch_loss": 1.0001,
        "losses_agree": True,
        "notes": [],
    }
    recipe = example_result()["recipes"][0] | rival | changes
    return example_result(recipes=[recipe], ratio_best_mean=0.625)


def test_format_bench_has_each_figure_in_its_column():
    assert format_bench(example_result()).splitlines() == [
        "a processor, 2 threads; numpy 2.0",
        "the ceiling, np.dot of two 1024×1024 float32 matrices: 100.0 GFLOP/s",
        "",
        "kernel               shape  GFLOP/s  of ceiling  of np.dot, same shape",
        "matmul               3×4×5     12.3        0.50                   0.88",
        "convolution_forward  s         12.3        0.50",
        "",
        "training step  batch  million multiply-adds     ms  of ceiling",
        "zhao-mlp         256                  348.7  10.00        0.40",
        "",
        "where a step's time goes, in %  zhao-mlp",
        "adam.step                           10.0",
        "Python, NumPy and small copies      90.0",
    ]


def test_format_bench_sorts_shares_by_the_largest_of_any_recipe_with_the_rest_last():
    first = example_result()["recipes"][0]
    tile = {"kernel": "tile", "calls": 1.0, "ms": 1.0, "share": 0.25}
    second = first | {"name": "other", "profile": [tile, first["profile"][1]]}
    lines = format_bench(example_result(recipes=[first, second])).splitlines()[-4:]
    assert [line.split("  ")[0] for line in lines[1:]] == ["tile", "adam.step", REST]
    assert lines[1].split()[1:] == ["25.0"]
    assert lines[2].split()[1:] == ["10.0"]
    assert [line.rstrip()[-4:] for line in lines[1:]] == ["25.0", "10.0", "90.0"]
    assert lines[2].index("10.0") < lines[1].index("25.0")  # each under its recipe


def test_format_bench_against_pytorch_has_ratios_losses_and_notes():
    text = format_bench(with_torch(notes=["torch.compile failed"]))
    assert text.splitlines()[14:] == [
        "against PyTorch  its best    our ms  plain ms  ours/plain  best ms  ours/best",
        "zhao-mlp         fused Adam   10.00     20.00        0.50    16.00       0.62",
        "below 1, ours is faster; geometric mean of ours/best 0.62",
        "",
        "loss after 10 steps from equal weights    ours  PyTorch  to 1e-3",
        "zhao-mlp                                1.0000   1.0001    agree",
        "",
        "zhao-mlp: torch.compile failed",
    ]
    assert "DIFFER" in format_bench(with_torch(losses_agree=False))


def test_table_has_columns_as_wide_as_their_widest_cell():
    lines = table(["a", "b"], [["long", "1"], ["x", "1000"]], 1).splitlines()
    assert lines == ["a        b", "long     1", "x     1000"]
