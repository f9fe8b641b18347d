"""The result of the benchmark as tables."""

from collections.abc import Sequence
from typing import Any

from scratchvae.benchmarks.profile import REST

# The columns of each table: the head, and how an entry of the result is shown below it.
_KERNELS = {
    "kernel": "{name}",
    "shape": "{shape}",
    "GFLOP/s": "{gflops:.1f}",
    "of ceiling": "{share_of_ceiling:.2f}",
    "of np.dot, same shape": "{of_numpy}",
}
_STEPS = {
    "training step": "{name}",
    "batch": "{batch}",
    "million multiply-adds": "{millions:.1f}",
    "ms": "{ours_ms:.2f}",
    "of ceiling": "{share_of_ceiling:.2f}",
}
_RIVALS = {
    "against PyTorch": "{name}",
    "its best": "{torch_best}",
    "our ms": "{ours_ms:.2f}",
    "plain ms": "{torch_ms:.2f}",
    "ours/plain": "{ratio:.2f}",
    "best ms": "{torch_best_ms:.2f}",
    "ours/best": "{ratio_best:.2f}",
}
_LOSSES = {
    "loss after 10 steps from equal weights": "{name}",
    "ours": "{ours_loss:.4f}",
    "PyTorch": "{torch_loss:.4f}",
    "to 1e-3": "{agree}",
}


def format_bench(result: dict[str, Any]) -> str:
    """Return the tables of what ``run_bench`` measured."""
    threads, size = result["threads"], result["ceiling_size"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    blocks = [
        f"{result['cpu']}, {threads} thread{'s'[: threads != 1]}; {versions}\n"
        f"the ceiling, np.dot of two {size}×{size} float32 matrices: "
        f"{result['ceiling_gflops']:.1f} GFLOP/s"
    ]
    kernels, recipes = result["kernels"], result["recipes"]
    if kernels:
        ratios = ["" if k["ratio_to"] == "the ceiling" else f"{k['ratio']:.2f}" for k in kernels]
        shown = [k | {"of_numpy": ratio} for k, ratio in zip(kernels, ratios, strict=True)]
        blocks.append(_filled(_KERNELS, shown, 2))
    if recipes:
        shown = [r | {"millions": r["multiply_adds"] / 1e6} for r in recipes]
        blocks += [_filled(_STEPS, shown, 1), _profiles(recipes)]
    if "ratio_best_mean" in result:
        mean = f"geometric mean of ours/best {result['ratio_best_mean']:.2f}"
        blocks.append(f"{_filled(_RIVALS, recipes, 2)}\nbelow 1, ours is faster; {mean}")
        shown = [r | {"agree": "agree" if r["losses_agree"] else "DIFFER"} for r in recipes]
        blocks.append(_filled(_LOSSES, shown, 1))
        notes = [f"{r['name']}: {note}" for r in recipes for note in r["notes"]]
        blocks += ["\n".join(notes)] if notes else []
    return "\n\n".join(blocks)


def _filled(columns: dict[str, str], entries: Sequence[dict[str, Any]], texts: int) -> str:
    rows = [[cell.format_map(entry) for cell in columns.values()] for entry in entries]
    return table(list(columns), rows, texts)


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


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """Return lines with columns of equal width, the first ``texts`` of them flush left."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    sides = ["<"] * texts + [">"] * (len(heads) - texts)
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in (heads, *rows)
    )
