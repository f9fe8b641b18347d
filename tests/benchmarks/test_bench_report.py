"""The benchmark's result as tables."""

import re

from scratchvae.benchmarks.profile import REST
from scratchvae.benchmarks.report import format_bench, table


def example_result(**changes):
    kernel = {
        "name": "matmul",
        "shape": "3x4x5",
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
        "peak_mb": 123.4,
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
        "instructions": ["avx2", "fma"],
        "digits": "MNIST's first 4,096 images",
        "versions": {"numpy": "2.0"},
        "kernels": [kernel, convolution],
        "recipes": [recipe],
    } | changes


def with_rivals(**changes):
    rival = {
        "plain": "plain eager",
        "plain_ms": 20.0,
        "ratio": 0.5,
        "best": "fused Adam",
        "best_ms": 16.0,
        "ratio_best": 0.625,
        "losses_agree": True,
        "configurations": [
            {"name": "plain eager", "ms": 20.0, "ratio": 0.5, "loss": 1.0001},
            {"name": "fused Adam", "ms": 16.0, "ratio": 0.625, "loss": 1.0},
        ],
        "notes": [],
        "peak_mb": 300.0,
    }
    both = {"ours_loss": 1.0, "rivals": {"torch": rival | changes}}
    recipe = example_result()["recipes"][0] | both
    return example_result(recipes=[recipe], ratio_best_mean={"torch": 0.625})


def test_format_bench_has_each_figure_in_its_column():
    assert format_bench(example_result()).splitlines() == [
        "a processor (avx2, fma), 2 threads; numpy 2.0",
        "trained on MNIST's first 4,096 images",
        "the ceiling, np.dot of two 1024x1024 float32 matrices: 100.0 GFLOP/s",
        "",
        "kernel               shape  GFLOP/s  of ceiling  of np.dot, same shape",
        "matmul               3x4x5     12.3        0.50                   0.88",
        "convolution_forward  s         12.3        0.50",
        "",
        "training step  batch  million multiply-adds     ms  of ceiling  peak MB",
        "zhao-mlp         256                  348.7  10.00        0.40      123",
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


def test_format_bench_against_a_rival_has_ratios_losses_and_notes():
    text = format_bench(with_rivals(notes=["torch.compile failed"]))
    lines = [re.split(r"  +", line) for line in text.splitlines()[15:]]
    assert lines == [
        [
            *("against PyTorch", "its best", "our ms", "plain ms", "ours/plain", "best ms"),
            *("ours/best", "peak MB", "loss after 10 steps", "ours", "to 1e-3"),
        ],
        [
            *("zhao-mlp", "fused Adam", "10.00", "20.00", "0.50", "16.00", "0.62", "300"),
            *("1.0001", "1.0000", "agree"),
        ],
        ["below 1, ours is faster; geometric mean of ours/best 0.62"],
        [""],
        ["ours/PyTorch", "zhao-mlp"],
        ["plain eager", "0.50"],
        ["fused Adam", "0.62"],
        [""],
        ["zhao-mlp: torch.compile failed"],
    ]
    assert "DIFFER" in format_bench(with_rivals(losses_agree=False))


def test_format_bench_has_the_time_to_the_bound_or_says_that_it_was_not_reached():
    side = {
        "name": "ours",
        "seconds": 12.34,
        "evaluation_seconds": 2.5,
        "peak_mb": 200.0,
        "steps": 2400,
        "bound": -104.9,
        "reached": True,
    }
    sides = [side, side | {"name": "PyTorch, plain", "bound": -110.0, "reached": False}]
    bound = {"recipe": "kingma-welling", "target": -105.0, "sides": sides}
    lines = format_bench(example_result(kernels=[], recipes=[], bound=bound)).splitlines()[4:]
    assert [re.split(r"  +", line) for line in lines[:3]] == [
        ["kingma-welling to -105 nats", "s", "steps", "bound", "evaluations, s", "peak MB"],
        ["ours", "12.3", "2400", "-104.90", "2.50", "200"],
        ["PyTorch, plain", "not reached", "2400", "-110.00", "2.50", "200"],
    ]


def test_format_bench_has_a_line_for_each_size():
    figures = with_rivals()["recipes"][0]["rivals"]
    point = {"value": 1024, "ours_ms": 10.0, "rivals": figures}
    axis = {"name": "batch", "title": "images per step", "model": "dense", "points": [point]}
    lines = format_bench(example_result(kernels=[], recipes=[], growth=[axis])).splitlines()[4:]
    assert [re.split(r"  +", line.strip()) for line in lines] == [
        ["dense"],
        ["images per step", "our ms", "PyTorch, plain", "ours/plain", "its best", "ours/best"],
        ["1,024", "10.00", "20.00", "0.50", "16.00", "0.62"],
    ]


def test_table_has_columns_as_wide_as_their_widest_cell():
    lines = table(["a", "b"], [["long", "1"], ["x", "1000"]], 1).splitlines()
    assert lines == ["a        b", "long     1", "x     1000"]
