"""The whole benchmark: the ceiling, the kernels, the training steps, and PyTorch's."""

import platform
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from scratchvae import kernels
from scratchvae.benchmarks.kernels import CASES, Case, measure_kernel
from scratchvae.benchmarks.pytorch import import_torch, torch_threads
from scratchvae.benchmarks.recipes import Report, measure_recipe
from scratchvae.benchmarks.timing import Ceiling, Effort, limited_threads
from scratchvae.errors import InputError
from scratchvae.files import check_writable, write_json
from scratchvae.validation import check_count
from scratchvae.version import __version__

RIVALS = ("torch",)

_KERNEL_EFFORT = Effort(rounds=5, seconds=0.01)
_RECIPE_EFFORT = Effort(rounds=9, seconds=0.03)


@dataclass(frozen=True)
class Plan:
    """What is measured: kernels, and the training steps of recipes; and how long each.

    ``batch`` is the number of images per step, ``None`` each recipe's own; ``ceiling_size`` that of
    the rows and of the columns of the matrices whose product is the ceiling.
    """

    cases: tuple[Case, ...] = CASES
    recipes: tuple[str, ...] = ("zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv")
    batch: int | None = None
    ceiling_size: int = 1024
    kernel_effort: Effort = _KERNEL_EFFORT
    recipe_effort: Effort = _RECIPE_EFFORT


FULL = Plan()
QUICK = Plan(
    kernel_effort=Effort(rounds=3, seconds=0.005), recipe_effort=Effort(rounds=3, seconds=0.02)
)


def run_bench(
    *,
    threads: int | None = None,
    against: str | None = None,
    json_path: Path | None = None,
    quick: bool = False,
    plan: Plan | None = None,
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """Measure the kernels and the training steps of the recipes.

    Parameters
    ----------
    threads
        How many our kernels, NumPy's BLAS and PyTorch may use; ``None``: our kernels' default.
    against
        ``"torch"`` to measure the same training steps in PyTorch too.
    json_path
        A file to write the result to, whole or not at all.
    quick
        Whether to measure fewer rounds, for a rough answer.
    plan
        What to measure instead of the usual.
    report
        Called with a line as each measurement begins.

    Returns
    -------
    ``ceiling_gflops``, ``threads``, ``cpu``, ``versions``, ``kernels`` (see ``measure_kernel``),
    ``recipes`` (see ``measure_recipe``) and, with PyTorch, ``ratio_best_mean``: the geometric mean
    of the recipes' ``ratio_best``.

    Raises
    ------
    InputError
        If an argument makes no sense, PyTorch is requested and not installed, the file cannot be
        written, or there are no compiled kernels to measure.
    """
    if getattr(kernels, "BACKEND", "numba") != "numba":
        raise InputError(
            "the benchmark measures the compiled kernels, and NumPy computes here: install Numba, "
            "and unset SCRATCHVAE_KERNELS"
        )
    if threads is not None:
        check_count(threads, "threads")
    if against is not None and against not in RIVALS:
        raise InputError(f"against must be one of {', '.join(RIVALS)}, not {against!r}")
    if against:
        import_torch()
    if json_path is not None:
        if not json_path.parent.is_dir():
            raise InputError(
                f"cannot write {str(json_path)!r}: there is no folder {str(json_path.parent)!r}; "
                "make it first or name another one"
            )
        check_writable(json_path)
    plan = plan or (QUICK if quick else FULL)
    ceiling = Ceiling(plan.ceiling_size)
    beside = torch_threads if against else nullcontext
    with limited_threads(threads) as count, beside(count):
        report(f"measuring {len(plan.cases)} kernels on {count} thread{'s'[: count != 1]}")
        cases = [measure_kernel(case, ceiling, plan.kernel_effort) for case in plan.cases]
        recipes = [
            measure_recipe(
                name,
                plan.batch,
                ceiling,
                plan.recipe_effort,
                against_torch=against is not None,
                threads=count,
                report=report,
            )
            for name in plan.recipes
        ]
    result: dict[str, Any] = {
        "ceiling_gflops": ceiling.gflops(),
        "ceiling_size": plan.ceiling_size,
        "threads": count,
        "cpu": cpu_name(),
        "versions": _versions("numpy", "numba", "llvmlite", *([against] if against else [])),
        "kernels": cases,
        "recipes": recipes,
    }
    if against and recipes:
        result["ratio_best_mean"] = geometric_mean(recipe["ratio_best"] for recipe in recipes)
    if json_path is not None:
        write_json(json_path, result)
    return result


def cpu_name() -> str:
    """Return what the processor calls itself."""
    information = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions(*names: str) -> dict[str, str]:
    versions = {"scratchvae": __version__, "python": sys.version.split()[0]}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    return versions
