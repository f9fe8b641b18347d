"""How long from the start of a process until a model is good: import, compilation and training."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scratchvae.benchmarks.fresh import run_fresh
from scratchvae.benchmarks.rivals import Rival
from scratchvae.benchmarks.steps import OURS, Report
from scratchvae.data.dataset import cache_folder


@dataclass(frozen=True)
class BoundPlan:
    """How good, and how it is found out.

    Attributes
    ----------
    recipe
        Whose loss is minus the bound.
    target
        The mean bound over the test images to be reached, in nats.
    every, most_epochs
        After how many steps it is looked at, and when to give up.
    rounds
        How often all of it is done, in turn.
    """

    recipe: str = "kingma-welling"
    target: float = -105.0
    every: int = 100
    most_epochs: int = 30
    rounds: int = 3


def measure_bound(
    plan: BoundPlan, rivals: Sequence[Rival], threads: int, report: Report
) -> dict[str, Any]:
    """Return how long each side takes from the start of its process to the bound.

    Each process loads MNIST and trains on the same batches from the same weights. Ours runs twice:
    with no compiled kernels on disk, then with those of that run.

    Returns
    -------
    ``recipe``, ``target`` and ``sides``, each with ``name``, ``seconds`` (the evaluations of the
    bound left out), ``evaluation_seconds``, ``peak_mb``, ``steps``, ``bound`` and ``reached``: of
    its round with the median time.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    job: dict[str, Any] = {
        "recipe": plan.recipe,
        "target": plan.target,
        "every": plan.every,
        "most_epochs": plan.most_epochs,
        # The folder of downloads would move with the variable that moves compiled code.
        "cache_dir": str(cache_folder()),
    }
    for number in range(plan.rounds):
        with tempfile.TemporaryDirectory() as folder:
            kernels = {"XDG_CACHE_HOME": folder}
            sides = [("ours, first run", OURS, kernels), ("ours", OURS, kernels)]
            sides += [(f"{rival.title}, plain", rival.name, {}) for rival in rivals]
            for name, side, environment in sides:
                report(f"{plan.recipe} to {plan.target:g} nats: {name} ({number + 1})")
                run = run_fresh(side, "bound", threads, environment, **job)
                run["seconds"] = run.pop("wall_seconds") - run["evaluation_seconds"]
                runs.setdefault(name, []).append(run)
    entries = [
        {"name": name, **min(each, key=lambda run: abs(run["seconds"] - _middle(each)))}
        for name, each in runs.items()
    ]
    return {"recipe": plan.recipe, "target": plan.target, "sides": entries}


def _middle(runs: list[dict[str, Any]]) -> float:
    return float(median(run["seconds"] for run in runs))
