"""The result of the benchmark as tables."""

from collections.abc import Sequence
from typing import Any

from scratchvae.benchmarks.profile import REST


def format_bench(result: dict[str, Any]) -> str:
    """Return the tables of what ``run_bench`` measured."""
    threads, size = result["threads"], result["ceiling_size"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    blocks = [
        f"{result['cpu']}, {threads} thread{'s'[: threads != 1]}; {versions}\n"
        f"the ceiling, np.dot of two {size}×{size} float32 matrices: "
        f"{result['ceiling_gflops']:.1f} GFLOP/s"
    ]
    if result["kernels"]:
        blocks.append(_kernels(result["kernels"]))
    if result["recipes"]:
        blocks += [_recipes(result["recipes"]), _profiles(result["recipes"])]
    if "ratio_best_mean" in result:
        blocks += [_rivals(result["recipes"], result["ratio_best_mean"]), _losses(result)]
        notes = [f"{r['name']}: {note}" for r in result["recipes"] for note in r["notes"]]
        blocks += ["\n".join(notes)] if notes else []
    return "\n\n".join(blocks)


def _kernels(kernels: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            kernel["name"],
            kernel["shape"],
            f"{kernel['gflops']:.1f}",
            f"{kernel['share_of_ceiling']:.2f}",
            f"{kernel['ratio']:.2f}" if kernel["ratio_to"] != "the ceiling" else "",
        ]
        for kernel in kernels
    ]
    return table(["kernel", "shape", "GFLOP/s", "of ceiling", "of np.dot, same shape"], rows, 2)


def _recipes(recipes: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            recipe["name"],
            str(recipe["batch"]),
            f"{recipe['multiply_adds'] / 1e6:.1f}",
            f"{recipe['ours_ms']:.2f}",
            f"{recipe['share_of_ceiling']:.2f}",
        ]
        for recipe in recipes
    ]
    return table(["training step", "batch", "million multiply-adds", "ms", "of ceiling"], rows, 1)


def _profiles(recipes: Sequence[dict[str, Any]]) -> str:
    shares = [{entry["kernel"]: entry["share"] for entry in r["profile"]} for r in recipes]
    # First the kernel with the largest share of any step; last the time outside of kernels.
    names = {name: max(each.get(name, 0) for each in shares) for each in shares for name in each}
    order = sorted(names, key=lambda name: (name == REST, -names[name]))
    rows = [
        [name, *(f"{100 * each[name]:.1f}" if name in each else "" for each in shares)]
        for name in order
    ]
    return table(["where a step's time goes, in %", *(r["name"] for r in recipes)], rows, 1)


def _rivals(recipes: Sequence[dict[str, Any]], mean: float) -> str:
    rows = [
        [
            recipe["name"],
            recipe["torch_best"],
            f"{recipe['ours_ms']:.2f}",
            f"{recipe['torch_ms']:.2f}",
            f"{recipe['ratio']:.2f}",
            f"{recipe['torch_best_ms']:.2f}",
            f"{recipe['ratio_best']:.2f}",
        ]
        for recipe in recipes
    ]
    heads = ["against PyTorch", "its best", "our ms", "plain ms", "ours/plain", "best ms"]
    return (
        table([*heads, "ours/best"], rows, 2)
        + f"\nbelow 1, ours is faster; geometric mean of ours/best {mean:.2f}"
    )


def _losses(result: dict[str, Any]) -> str:
    rows = [
        [
            recipe["name"],
            f"{recipe['ours_loss']:.4f}",
            f"{recipe['torch_loss']:.4f}",
            "agree" if recipe["losses_agree"] else "DIFFER",
        ]
        for recipe in result["recipes"]
    ]
    return table(["loss after 10 steps from equal weights", "ours", "PyTorch", "to 1e-3"], rows, 1)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """Return lines with columns of equal width, the first ``texts`` of them flush left."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
