"""The benchmark: what it counts and compares. Nothing here depends on how long anything takes."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import refused

from scratchvae import kernels
from scratchvae.benchmarks import Plan, format_bench, run_bench
from scratchvae.benchmarks import profile as bench_profile
from scratchvae.benchmarks import recipes as bench_recipes
from scratchvae.benchmarks import timing as bench_timing
from scratchvae.benchmarks.arithmetic import forward_multiply_adds, step_multiply_adds, trace
from scratchvae.benchmarks.kernels import CASES, Convolution, Product, measure_kernel
from scratchvae.benchmarks.profile import REST, profile_step
from scratchvae.benchmarks.pytorch import TorchModel, import_torch, torch_threads
from scratchvae.benchmarks.recipes import compare_losses, measure_recipe, random_images
from scratchvae.benchmarks.report import table
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
from scratchvae.kernels import threads as bench_threads
from scratchvae.layers import Conv2D, Softplus
from scratchvae.models import build

RECIPES = ["zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv"]
LITTLE = Effort(rounds=2, seconds=0.0)
TINY = Plan(
    cases=(Product(3, 4, 5), Convolution("forward", 2, 5, 1, 2, 3)),
    recipes=("zhao-mlp",),
    batch=3,
    ceiling_size=8,
    kernel_effort=LITTLE,
    recipe_effort=LITTLE,
)


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it now fails


# --- counting ------------------------------------------------------------------------------------

# One image's forward pass, layer by layer, then three times their sum without the first layer's
# input gradient.
MLP = (784 * 300 + 300 * 100 + 100 * 10 + 10 * 4) + (2 * 10 + 10 * 100 + 100 * 300 + 300 * 784)
KINGMA = (784 * 500 + 500 * 40) + (20 * 500 + 500 * 784)
CNN_FIRST = 14 * 14 * 9 * 1 * 32
CNN_ENCODER = CNN_FIRST + 7 * 7 * 9 * 32 * 64 + 4 * 4 * 9 * 64 * 32 + 512 * 4
CNN_DECODER = (
    2 * 512
    + 4 * 4 * 9 * 32 * 64  # of a transposed convolution each input pixel meets every tap
    + 7 * 7 * 9 * 64 * 32
    + 14 * 14 * 9 * 32 * 32
    + 28 * 28 * 9 * 32 * 1
)
CONV_FIRST = 28 * 28 * 1 * 1 * 32
CONV_ENCODER = CONV_FIRST + 32 * (
    24 * 24 * 25 * 32 + 20 * 20 * 25 * 32 + 9 * 9 * 16 * 32 + 4 * 4 * 9 * 32 + 16 * 64
)
CONV_DECODER = 32 * (
    16 * 32 + 4 * 4 * 9 * 32 + 9 * 9 * 16 * 32 + 20 * 20 * 25 * 32 + 24 * 24 * 25 * 1
)
BY_HAND = {
    "zhao-mlp": 3 * MLP - 784 * 300,
    "kingma-welling": 3 * KINGMA - 784 * 500,
    "zhao-cnn": 3 * (CNN_ENCODER + CNN_DECODER) - CNN_FIRST,
    "fleuret-conv": 3 * (CONV_ENCODER + CONV_DECODER) - CONV_FIRST,
}


@pytest.mark.parametrize("name", RECIPES)
def test_multiply_adds_of_a_step_are_those_counted_by_hand(name):
    assert step_multiply_adds(build(name), 1) == BY_HAND[name]
    assert step_multiply_adds(build(name), 7) == 7 * BY_HAND[name]


def test_a_trace_tells_every_layer_with_its_shapes():
    steps = trace(build("fleuret-conv").encoder, (28, 28, 1))
    convolutions = [step for step in steps if isinstance(step[0], Conv2D)]
    assert [out[0] for _, _, out in convolutions] == [28, 24, 20, 9, 4, 1]
    assert steps[-1][1:] == ((1, 1, 64), (64,))
    assert forward_multiply_adds(steps[1]) == 0  # a ReLU


def direct_multiply_adds(case):
    """Count what a kernel of ones does: the sum of its result is the number of products."""
    if isinstance(case, Product):
        a = np.ones((case.rows, case.steps))
        b = np.ones((case.steps, case.columns))
        return (a @ b).sum()
    x = np.ones((case.images, case.side, case.side, case.channels), np.float32)
    w = np.ones((case.kernel_size, case.kernel_size, case.channels, case.filters), np.float32)
    return kernels.convolution_forward(x, w, case.stride).sum()


@pytest.mark.parametrize(
    "case",
    [
        Product(2, 3, 4),
        Convolution("forward", 2, 5, 3, 4, 3),
        Convolution("weight_gradient", 1, 7, 2, 3, 3, 2),
    ],
)
def test_multiply_adds_of_a_kernel_are_the_products_that_it_sums(case):
    assert case.multiply_adds == direct_multiply_adds(case)


def test_the_listed_kernels_exist_and_their_layers_are_those_of_the_recipes():
    assert all(hasattr(kernels, case.name) for case in CASES)
    assert len({(case.name, case.shape) for case in CASES}) == len(CASES)
    listed = {
        (c.images, c.side, c.channels, c.filters, c.kernel_size, c.stride, c.padding)
        for c in CASES
        if isinstance(c, Convolution)
    }
    used = set()
    for name, batch in (("zhao-cnn", 256), ("fleuret-conv", 100)):
        model = build(name)
        stacks = ((model.encoder, (28, 28, 1)), (model.decoder, (model.latent_dim,)))
        for layer, shape_in, shape_out in (step for stack in stacks for step in trace(*stack)):
            if hasattr(layer, "geometry"):
                g, transposed = layer.geometry, not isinstance(layer, Conv2D)
                channels = (g.in_channels, g.out_channels)
                image = shape_out if transposed else shape_in
                ends = channels[::-1] if transposed else channels
                used.add((batch, image[0], *ends, g.kernel_size, g.stride, g.padding))
    assert used == listed


@pytest.mark.parametrize("form", ["", "_transposed_left", "_transposed_right"])
def test_numpy_multiplies_the_matrices_that_our_kernel_multiplies(form):
    work = Product(3, 4, 5, form).prepare()
    ours, numpy = work["ours"](), work["numpy"]()
    assert ours.shape == (3, 5)
    np.testing.assert_allclose(ours, numpy, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operation", ["forward", "input_gradient", "weight_gradient"])
def test_every_operation_of_a_convolution_runs(operation):
    case = Convolution(operation, 2, 5, 3, 4, 3, 2, 1)
    shapes = {"forward": (2, 3, 3, 4), "input_gradient": (2, 5, 5, 3)}
    assert case.prepare()["ours"]().shape == shapes.get(operation, (3, 3, 3, 4))
    assert case.shape == "2×5×5×3 → 3×3×4, 3×3 stride 2 padding 1"


# --- timing --------------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_the_medians():
    timings = Timings({"a": [1.0, 8.0, 9.0], "b": [2.0, 2.0, 3.0]})
    assert timings.ratio("a", "b") == 3.0
    assert timings.ratio("b", "a") == pytest.approx(1 / 3)
    assert timings.median("a") == 8.0


def test_pieces_of_work_take_turns_and_take_turns_at_being_first(monkeypatch):
    monkeypatch.setattr(bench_timing, "_WARM_UP", 0.0)
    calls = []
    timings = take_turns(
        {name: lambda name=name: calls.append(name) for name in "abc"}, Effort(3, 0.0)
    )
    assert "".join(calls) == "aabbcc" + "abc" + "bca" + "cab"
    assert {name: len(times) for name, times in timings.seconds.items()} == dict.fromkeys("abc", 3)


def test_short_work_is_repeated_and_its_time_is_that_of_one_run(monkeypatch):
    clock = iter(range(1000))  # every look at the clock is a second later than the last
    monkeypatch.setattr(bench_timing, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(bench_timing, "wait_until_idle", lambda: None)
    for warm_up, untimed in ((2.0, 2), (0.25, 0)):  # work that is long needs no warming up
        monkeypatch.setattr(bench_timing, "_WARM_UP", warm_up)
        calls = []
        timings = take_turns({"a": lambda calls=calls: calls.append(1)}, Effort(2, 4.0))
        assert timings.seconds == {"a": [1 / 4, 1 / 4]}
        assert len(calls) == 2 + 2 * (untimed + 4)


def test_rates_and_shares_count_two_operations_a_multiply_add():
    assert rate(5 * 10**8, 0.5) == 2.0
    ceiling = Ceiling(10)
    timings = Timings({"ours": [2.0], "ceiling": [1.0]})
    assert ceiling.share(timings, "ours", 500) == 0.25  # half the work in twice the time
    ceiling.seconds = [1e-6, 3e-6, 2e-6]
    assert ceiling.gflops() == pytest.approx(1.0)


def timed(monkeypatch, **seconds):
    """Let every comparison come out at these seconds."""
    timings = Timings({name: [value] for name, value in seconds.items()})
    monkeypatch.setattr(Ceiling, "compare", lambda *_: timings)


def test_a_kernels_ratio_is_its_speed_over_that_of_numpy(monkeypatch):
    timed(monkeypatch, ours=1e-6, numpy=3e-6, ceiling=1e-6)
    figures = measure_kernel(Product(10, 10, 10), Ceiling(20), LITTLE)
    assert figures["ratio"] == pytest.approx(3.0)  # above 1: ours is faster
    assert figures["share_of_ceiling"] == pytest.approx(1 / 8)
    assert figures["gflops"] == pytest.approx(2.0)


def test_comparing_with_the_ceiling_keeps_every_time_of_it():
    ceiling = Ceiling(4)
    ceiling.compare({"a": lambda: None}, LITTLE)
    ceiling.compare({"b": lambda: None}, LITTLE)
    assert len(ceiling.seconds) == 4


def test_a_profile_counts_each_kernels_calls_and_shares_out_the_whole_step():
    a, x = np.ones((5, 7)), np.ones(9)

    def step():
        kernels.matmul(a, a.T)
        kernels.matmul(a, a.T)
        kernels.activation_forward("tanh", x)

    step()
    entries = profile_step(step, Effort(rounds=3, seconds=0.0))
    assert {entry["kernel"]: entry["calls"] for entry in entries} == {
        "matrix_product.multiply": 2.0,
        "activation.forward": 1.0,
        REST: 0.0,
    }
    assert entries[-1]["kernel"] == REST
    assert sum(entry["share"] for entry in entries) == pytest.approx(1)
    milliseconds = [entry["ms"] for entry in entries]
    assert min(milliseconds) > 0
    shares = [entry["share"] * sum(milliseconds) for entry in entries]
    assert shares == pytest.approx(milliseconds)


def test_a_profile_is_per_step_and_of_the_whole_step(monkeypatch):
    clock = SimpleNamespace(now=5.0)
    fake = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr(bench_profile, "time", fake)
    monkeypatch.setattr(bench_threads, "time", fake)

    def lasting(name, seconds):
        def kernel(part, parts):
            clock.now += seconds

        kernel.__module__, kernel.__name__ = "some.file", name
        return kernel

    short, long = lasting("_short", 0.001), lasting("_long", 0.003)

    def step():
        for kernel in (short, long, long):
            bench_threads.run_parts(kernel, 0)
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


def test_after_a_profile_that_fails_nothing_is_observed():
    def step():
        raise InputError("wrong")

    with pytest.raises(InputError):
        profile_step(step, LITTLE)
    assert bench_threads._observer is None


def test_waiting_for_idle_threads_ends_even_if_they_never_are(monkeypatch):
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


def test_the_blas_gets_as_many_threads_as_our_kernels_and_both_get_theirs_back():
    before, blas_before = kernels.get_threads(), blas_threads()
    with limited_threads(2) as count:
        assert kernels.get_threads() == count
        assert all(threads == count for threads in blas_threads())
    assert (kernels.get_threads(), blas_threads()) == (before, blas_before)
    with limited_threads(None) as count:
        assert count == before


def test_a_missing_threadpoolctl_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with refused("threadpoolctl", "pip install 'scratchvae[bench]'"), limited_threads(1):
        pass


# --- the whole -----------------------------------------------------------------------------------

KERNEL_KEYS = {
    "name",
    "shape",
    "multiply_adds",
    "gflops",
    "share_of_ceiling",
    "ratio",
    "ratio_to",
}
RECIPE_KEYS = {"name", "batch", "threads", "ours_ms", "multiply_adds", "share_of_ceiling"}
RECIPE_KEYS |= {"profile"}
TORCH_KEYS = {
    "torch_ms",
    "torch_best_ms",
    "torch_best",
    "ratio",
    "ratio_best",
    "ours_loss",
    "torch_loss",
    "losses_agree",
    "notes",
}


def test_a_run_tells_kernels_and_recipes_and_writes_them_down(tmp_path):
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


def test_without_pytorch_the_comparison_says_what_to_install(no_torch, tmp_path):
    path = tmp_path / "bench.json"
    with refused("PyTorch", "pip install 'scratchvae[bench]'"):
        run_bench(against="torch", json_path=path, plan=TINY)
    assert not path.exists()
    assert run_bench(plan=TINY)["recipes"]


def test_what_makes_no_sense_is_refused_before_anything_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_timing.Ceiling, "compare", lambda *_: pytest.fail("measured"))
    with refused("against", "torch", "'jax'"):
        run_bench(against="jax", plan=TINY)
    with refused("threads", "0"):
        run_bench(threads=0, plan=TINY)
    with refused("folder", "nowhere"):
        run_bench(json_path=tmp_path / "nowhere" / "bench.json", plan=TINY)
    with refused("VAE", "autoencoder"):
        run_bench(plan=Plan(cases=(), recipes=("autoencoder",)))


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


def test_the_tables_hold_each_figure_in_its_column():
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


def test_the_table_of_shares_begins_with_the_largest_of_any_recipe_and_ends_with_the_rest():
    first = example_result()["recipes"][0]
    tile = {"kernel": "tile", "calls": 1.0, "ms": 1.0, "share": 0.25}
    second = first | {"name": "other", "profile": [tile, first["profile"][1]]}
    lines = format_bench(example_result(recipes=[first, second])).splitlines()[-4:]
    assert [line.split("  ")[0] for line in lines[1:]] == ["tile", "adam.step", REST]
    assert lines[1].split()[1:] == ["25.0"]
    assert lines[2].split()[1:] == ["10.0"]
    assert [line.rstrip()[-4:] for line in lines[1:]] == ["25.0", "10.0", "90.0"]
    assert lines[2].index("10.0") < lines[1].index("25.0")  # each under its recipe


def test_the_tables_against_pytorch_hold_ratios_losses_and_what_went_wrong():
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


def test_a_table_keeps_its_columns_as_wide_as_their_widest_cell():
    lines = table(["a", "b"], [["long", "1"], ["x", "1000"]], 1).splitlines()
    assert lines == ["a        b", "long     1", "x     1000"]


# --- PyTorch -------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
@pytest.mark.parametrize("name", RECIPES)
def test_pytorchs_model_has_our_loss_and_every_one_of_our_gradients(name, dtype, tolerance, torch):
    model = build(name, dtype=dtype)
    rival = TorchModel(model, 1e-3)
    x = random_images(model, 3)
    eps = model.draw_noise(len(x), np.random.default_rng(1))
    loss = rival.loss(rival.images(x), torch.from_numpy(eps[0]))
    loss.backward()
    ours = model.forward(x, eps).loss
    model.zero_grad()
    model.backward()
    assert loss.item() == pytest.approx(ours, rel=tolerance)
    assert set(rival.parameters) == set(model.parameters)
    for key, parameter in model.parameters.items():
        mine, theirs = rival.layouts[key](parameter.grad), rival.parameters[key].grad.numpy()
        # A bias before a batch norm changes nothing: what is left of its gradient is rounding.
        scale = max(np.abs(mine).max(), 1e-2 * np.abs(loss.item()))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale, err_msg=key)


@pytest.mark.parametrize("name", RECIPES)
def test_pytorchs_encoder_and_decoder_give_what_ours_give(name, torch):
    model = build(name, dtype=np.float64)
    rival = TorchModel(model, 1e-3)
    x = random_images(model, 3)
    z = np.random.default_rng(1).standard_normal((3, model.latent_dim))
    with torch.no_grad():
        hidden = rival.encoder(rival.images(x)).numpy()
        decoded = rival.decoder(torch.from_numpy(z)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(hidden, model.encoder.forward(x, training=True), atol=1e-9)
    np.testing.assert_allclose(decoded, model.decoder.forward(z, training=True), atol=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_losses_agree_after_some_steps_from_equal_weights(name, torch):
    figures = compare_losses(name, random_images(build(name), 8), 3)
    assert figures["losses_agree"], figures


def test_losses_that_differ_are_seen(torch, monkeypatch):
    x = random_images(build("zhao-mlp"), 3)
    monkeypatch.setattr(bench_recipes, "TOLERANCE", 0.0)
    monkeypatch.setattr(
        bench_recipes, "TorchModel", lambda model, rate: TorchModel(model, 1.1 * rate)
    )
    assert not compare_losses("zhao-mlp", x, 2)["losses_agree"]


@pytest.mark.parametrize("options", [{"channels_last": True}, {"fused": True}])
def test_what_makes_pytorch_faster_leaves_its_losses_as_they_are(options, torch):
    losses = []
    for chosen in ({}, options):
        model = build("zhao-cnn")
        rival = TorchModel(model, 1e-3, **chosen)
        images, eps = rival.images(random_images(model, 4)), torch.zeros(4, model.latent_dim)
        losses.append([rival.step(images, eps) for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0][0] > losses[0][-1]


def test_a_run_against_pytorch_tells_both_ratios_and_survives_a_compiler_that_fails(
    torch, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("no working\ncompiler")

    monkeypatch.setattr(torch, "compile", fail)
    result = run_bench(threads=1, against="torch", plan=TINY)
    (recipe,) = result["recipes"]
    assert set(recipe) == RECIPE_KEYS | TORCH_KEYS
    assert recipe["torch_best"] in ("plain eager", "fused Adam")
    assert recipe["losses_agree"]
    assert recipe["notes"] == [
        "fused Adam + torch.compile failed: RuntimeError: no working compiler"
    ]
    assert result["ratio_best_mean"] == pytest.approx(recipe["ratio_best"])
    assert "torch" in result["versions"]
    assert "no working compiler" in format_bench(result)


def test_pytorch_gets_as_many_threads_as_are_asked_for_and_gets_its_own_back(torch):
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_ratios_to_pytorch_are_our_time_over_its(torch, monkeypatch):
    steps = {"plain eager": lambda: None}, "plain eager"
    monkeypatch.setattr(bench_recipes, "_torch_steps", lambda *_: steps)
    timed(monkeypatch, ours=0.001, torch=0.004, best=0.002, ceiling=0.001)
    recipe = measure_recipe(
        "zhao-mlp",
        2,
        Ceiling(8),
        LITTLE,
        against_torch=True,
        threads=1,
        report=lambda line: None,
    )
    assert (recipe["ratio"], recipe["ratio_best"]) == (0.25, 0.5)  # below 1: ours is faster
    assert [recipe[key] for key in ("ours_ms", "torch_ms", "torch_best_ms")] == [1.0, 4.0, 2.0]


def test_a_model_that_has_no_counterpart_is_refused(torch):
    model = build("zhao-mlp")
    model.variance_head = Softplus()
    with refused("PyTorch", "Softplus"):
        TorchModel(model, 1e-3)
    with refused("one z per image", "2"):
        TorchModel(build("zhao-mlp", samples=2), 1e-3)


def test_importing_pytorch_says_how_to_get_it(no_torch):
    with refused("pip install 'scratchvae[bench]'"):
        import_torch()
