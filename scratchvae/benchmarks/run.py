"""The whole benchmark: what it measures, in which order, and what it refuses."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from scratchvae import kernels
from scratchvae.benchmarks.bound import BoundPlan, measure_bound
from scratchvae.benchmarks.growth import AXES, Axis, measure_growth
from scratchvae.benchmarks.growth_picture import draw_growth
from scratchvae.benchmarks.images import first_digits
from scratchvae.benchmarks.kernels import CASES, Case, measure_kernel
from scratchvae.benchmarks.machine import describe_machine, versions
from scratchvae.benchmarks.recipes import measure_recipe, vae
from scratchvae.benchmarks.rivals import RIVALS, Rival
from scratchvae.benchmarks.steps import Report
from scratchvae.benchmarks.timing import Ceiling, Effort, limited_threads
from scratchvae.data import find_local
from scratchvae.errors import InputError, shown, unknown_name
from scratchvae.files import AnyPath, as_path, check_writable
from scratchvae.json_files import write_json
from scratchvae.plots import save_figure
from scratchvae.plots.figures import as_picture_path
from scratchvae.validation import check_count

MEASUREMENTS = ("kernels", "steps", "bound", "growth")
USUAL = ("kernels", "steps")

_KERNEL_EFFORT = Effort(rounds=5, seconds=0.01)
_RECIPE_EFFORT = Effort(rounds=9, seconds=0.03)
_GROWTH_EFFORT = Effort(rounds=5, seconds=0.02)
_BOUND = BoundPlan()


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long each.

    Attributes
    ----------
    cases, kernel_effort
        The kernels.
    recipes, batch, recipe_effort
        The recipes whose training steps are measured, and the images per step; ``None`` is each
        recipe's own.
    ceiling_size
        The rows and the columns of the matrices whose product is the ceiling.
    bound
        The time from a fresh process to a good model.
    growth, growth_effort
        What grows.
    """

    cases: tuple[Case, ...] = CASES
    recipes: tuple[str, ...] = ("zhao-mlp", "kingma-welling", "zhao-cnn", "fleuret-conv")
    batch: int | None = None
    ceiling_size: int = 1024
    kernel_effort: Effort = _KERNEL_EFFORT
    recipe_effort: Effort = _RECIPE_EFFORT
    bound: BoundPlan = _BOUND
    growth: tuple[Axis, ...] = AXES
    growth_effort: Effort = _GROWTH_EFFORT


FULL = Plan()
QUICK = Plan(
    kernel_effort=Effort(rounds=3, seconds=0.005),
    recipe_effort=Effort(rounds=3, seconds=0.02),
    bound=BoundPlan(rounds=1),
    growth_effort=Effort(rounds=2, seconds=0.01),
)


def run_bench(
    measurements: Sequence[str] = USUAL,
    *,
    threads: int | None = None,
    against: Sequence[str] = (),
    json_path: AnyPath | None = None,
    picture_path: AnyPath | None = None,
    quick: bool = False,
    plan: Plan | None = None,
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """Measure how fast this machine computes and trains.

    Parameters
    ----------
    measurements
        ``"kernels"``, ``"steps"`` (of training), ``"bound"`` (the time from a fresh process to a
        good model, which needs MNIST) and ``"growth"`` (of a step's time with its sizes).
    threads
        How many our kernels, NumPy's BLAS and the rivals may use; ``None``: our kernels' default.
    against
        Frameworks to measure as well, in turn with ours: ``"torch"``, ``"jax"``.
    json_path
        A file to write the result to, whole or not at all.
    picture_path
        A .png, .svg or .pdf file to draw the growth in.
    quick
        Whether to measure fewer rounds, for a rough answer.
    plan
        What to measure instead of the usual.
    report
        Called with a line as each measurement begins.

    Returns
    -------
    ``threads``, ``cpu``, ``instructions`` and ``cores`` (see ``describe_machine``), ``versions``
    and ``digits``, what was trained on; and of what was measured ``ceiling_gflops`` and
    ``ceiling_size``, ``kernels`` (see ``measure_kernel``), ``recipes`` (see ``measure_recipe``),
    ``bound`` (see ``measure_bound``) and ``growth`` (see ``measure_growth``). With recipes and
    rivals also ``ratio_best_mean``: by rival, the geometric mean of the recipes' ``ratio_best``.

    Raises
    ------
    InputError
        If an argument makes no sense, a rival is not installed, MNIST is needed and not here, a
        file cannot be written, or there are no compiled kernels to measure.
    """
    if getattr(kernels, "BACKEND", "numba") != "numba":
        raise InputError(
            "the benchmark measures the compiled kernels, and NumPy computes here: install Numba, "
            "and unset SCRATCHVAE_KERNELS"
        )
    for what, names in (("measurements", measurements), ("against", against)):
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise InputError(f"{what} must be a list of names, not {shown(names)}")
    json_path = None if json_path is None else as_path(json_path)
    picture_path = None if picture_path is None else as_path(picture_path)
    plan = plan or (QUICK if quick else FULL)
    rivals = [_rival(name) for name in against]
    _check(measurements, threads, json_path, picture_path, plan)
    packages = [package for rival in rivals for package in rival.packages]
    result: dict[str, Any] = {
        **describe_machine(),
        "versions": versions(["numpy", "numba", "llvmlite", *packages]),
    }
    ceiling = Ceiling(plan.ceiling_size)
    digits = first_digits() if {"steps", "growth"} & set(measurements) else None
    if digits is not None:
        result["digits"] = digits.origin
    with ExitStack() as held:
        count = held.enter_context(limited_threads(threads))
        for rival in rivals:
            held.enter_context(rival.threads(count))
        result["threads"] = count
        report(f"measuring on {count} thread{'s'[: count != 1]}")
        if "kernels" in measurements:
            result["kernels"] = [
                measure_kernel(case, ceiling, plan.kernel_effort) for case in plan.cases
            ]
        if "steps" in measurements and digits is not None:
            result["recipes"] = [
                measure_recipe(
                    name,
                    plan.batch,
                    digits,
                    ceiling,
                    plan.recipe_effort,
                    rivals=rivals,
                    threads=count,
                    report=report,
                )
                for name in plan.recipes
            ]
        if "growth" in measurements and digits is not None:
            result["growth"] = measure_growth(
                plan.growth, digits, plan.growth_effort, rivals, report
            )
        if "bound" in measurements:
            result["bound"] = measure_bound(plan.bound, rivals, count, report)
    if ceiling.seconds:
        result |= {"ceiling_gflops": ceiling.gflops(), "ceiling_size": plan.ceiling_size}
    if rivals and result.get("recipes"):
        result["ratio_best_mean"] = {
            rival.name: geometric_mean(
                recipe["rivals"][rival.name]["ratio_best"] for recipe in result["recipes"]
            )
            for rival in rivals
        }
    if json_path is not None:
        write_json(json_path, result)
    if picture_path is not None:
        title = f"A training step on {result['cpu']}, {count} thread{'s'[: count != 1]}"
        save_figure(draw_growth(result["growth"], title), picture_path)
    return result


def _rival(name: str) -> Rival:
    """Return a rival that is installed."""
    if not isinstance(name, str) or name not in RIVALS:
        raise unknown_name("framework to measure against", name, RIVALS)
    RIVALS[name].check()
    return RIVALS[name]


def _check(
    measurements: Sequence[str],
    threads: int | None,
    json_path: Path | None,
    picture_path: Path | None,
    plan: Plan,
) -> None:
    """Raise ``InputError`` if something could not be measured or written later."""
    for name in measurements:
        if not isinstance(name, str) or name not in MEASUREMENTS:
            raise unknown_name("measurement", name, MEASUREMENTS)
    if threads is not None:
        check_count(threads, "threads")
    if picture_path is not None and "growth" not in measurements:
        raise InputError("there is a picture of the growth only: measure growth, or leave it out")
    if picture_path is not None:
        as_picture_path(picture_path)
    for path in (json_path, picture_path):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise InputError(
                f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}; "
                "make it first or name another one"
            )
        check_writable(path)
    if "steps" in measurements:
        for name in plan.recipes:
            vae(name)
    if "bound" in measurements and find_local("mnist") is None:
        raise InputError(
            "the time to a bound is measured on MNIST, which is not on this machine: put it into "
            "a folder and set SCRATCHVAE_DATA to it, or download it by "
            'scratchvae.data.load("mnist")'
        )
