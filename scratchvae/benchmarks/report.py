"""The result of the benchmark as tables."""

from collections.abc import Sequence
from typing import Any

from scratchvae.benchmarks.profile import REST
from scratchvae.benchmarks.rivals import RIVALS

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
    "peak MB": "{peak_mb:.0f}",
}
_RIVAL = {
    "against {title}": "{name}",
    "its best": "{best}",
    "our ms": "{ours_ms:.2f}",
    "plain ms": "{plain_ms:.2f}",
    "ours/plain": "{ratio:.2f}",
    "best ms": "{best_ms:.2f}",
    "ours/best": "{ratio_best:.2f}",
    "peak MB": "{peak_mb:.0f}",
    "loss after 10 steps": "{loss:.4f}",
    "ours": "{ours_loss:.4f}",
    "to 1e-3": "{agree}",
}
_BOUND = {
    "{recipe} to {target:g} nats": "{name}",
    "s": "{shown_seconds}",
    "steps": "{steps}",
    "bound": "{bound:.2f}",
    "evaluations, s": "{evaluation_seconds:.2f}",
    "peak MB": "{peak_mb:.0f}",
}


def format_bench(result: dict[str, Any]) -> str:
    """Return the tables of what ``run_bench`` measured."""
    threads = result["threads"]
    package_versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    cpu = f"{result['cpu']} ({', '.join(result['instructions']) or 'instructions unknown'})"
    heading = [f"{cpu}, {threads} thread{'s'[: threads != 1]}; {package_versions}"]
    if "digits" in result:
        heading.append(f"trained on {result['digits']}")
    if "ceiling_gflops" in result:
        size = result["ceiling_size"]
        heading.append(
            f"the ceiling, np.dot of two {size}x{size} float32 matrices: "
            f"{result['ceiling_gflops']:.1f} GFLOP/s"
        )
    blocks = ["\n".join(heading)]
    if kernels := result.get("kernels"):
        ratios = ["" if k["ratio_to"] == "the ceiling" else f"{k['ratio']:.2f}" for k in kernels]
        shown = [k | {"of_numpy": ratio} for k, ratio in zip(kernels, ratios, strict=True)]
        blocks.append(_filled(_KERNELS, shown, 2))
    if recipes := result.get("recipes"):
        shown = [r | {"millions": r["multiply_adds"] / 1e6} for r in recipes]
        blocks += [_filled(_STEPS, shown, 1), _profiles(recipes)]
    for name, mean in result.get("ratio_best_mean", {}).items():
        blocks += _rival(RIVALS[name].title, name, recipes, mean)
    if bound := result.get("bound"):
        blocks.append(_bound(bound))
    blocks += [_growth(axis) for axis in result.get("growth", ())]
    return "\n\n".join(blocks)


def _rival(title: str, name: str, recipes: Any, mean: float) -> list[str]:
    """Return the tables of one rival: its best, and all of its configurations."""
    entries = [recipe | recipe["rivals"][name] | {"name": recipe["name"]} for recipe in recipes]
    shown = [
        entry
        | {
            "loss": entry["configurations"][0]["loss"],
            "agree": "agree" if entry["losses_agree"] else "DIFFER",
        }
        for entry in entries
    ]
    columns = {head.format(title=title): cell for head, cell in _RIVAL.items()}
    blocks = [
        f"{_filled(columns, shown, 2)}\n"
        f"below 1, ours is faster; geometric mean of ours/best {mean:.2f}"
    ]
    labels = dict.fromkeys(each["name"] for entry in entries for each in entry["configurations"])
    ratios = [
        {each["name"]: f"{each['ratio']:.2f}" for each in entry["configurations"]}
        for entry in entries
    ]
    rows = [[label, *(each.get(label, "") for each in ratios)] for label in labels]
    blocks.append(table([f"ours/{title}", *(entry["name"] for entry in entries)], rows, 1))
    notes = [f"{entry['name']}: {note}" for entry in entries for note in entry["notes"]]
    return blocks + (["\n".join(notes)] if notes else [])


def _bound(bound: dict[str, Any]) -> str:
    sides = [
        side | {"shown_seconds": f"{side['seconds']:.1f}" if side["reached"] else "not reached"}
        for side in bound["sides"]
    ]
    columns = {head.format_map(bound): cell for head, cell in _BOUND.items()}
    return (
        f"{_filled(columns, sides, 1)}\n"
        "from the start of a process, with import and compilation, without the evaluations"
    )


def _growth(axis: dict[str, Any]) -> str:
    points = axis["points"]
    names = list(points[0].get("rivals", ()))
    heads = [axis["title"], "our ms"]
    for name in names:
        heads += [f"{RIVALS[name].title}, plain", "ours/plain", "its best", "ours/best"]
    rows = []
    for point in points:
        row = [f"{point['value']:,}", f"{point['ours_ms']:.2f}"]
        for name in names:
            rival = point["rivals"][name]
            row += [f"{rival['plain_ms']:.2f}", f"{rival['ratio']:.2f}"]
            row += [f"{rival['best_ms']:.2f}", f"{rival['ratio_best']:.2f}"]
        rows.append(row)
    return f"{axis['model']}\n{table(heads, rows, 0)}"


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
