"""The training step of each recipe, by itself and against the rivals."""

from collections.abc import Sequence
from typing import Any

from scratchvae.benchmarks.arithmetic import step_multiply_adds
from scratchvae.benchmarks.fresh import peak_megabytes
from scratchvae.benchmarks.images import Digits
from scratchvae.benchmarks.profile import profile_step
from scratchvae.benchmarks.rivals import Rival
from scratchvae.benchmarks.steps import OURS, Contest, Report
from scratchvae.benchmarks.timing import Ceiling, Effort
from scratchvae.errors import InputError
from scratchvae.models import VAE, build


def measure_recipe(
    name: str,
    batch: int | None,
    digits: Digits,
    ceiling: Ceiling,
    effort: Effort,
    *,
    rivals: Sequence[Rival],
    threads: int,
    report: Report,
) -> dict[str, Any]:
    """Return the time of a recipe's training step and its share of the ceiling.

    Parameters
    ----------
    name, batch, digits
        A recipe whose model is a VAE, the images per step (``None`` takes the recipe's), and where
        they come from.
    ceiling, effort
        The matrix product to compare with, and how long to measure.
    rivals
        Frameworks to measure the same steps in, in turn with ours.
    threads
        How many are in use.
    report
        Called with a line before anything that takes long.

    Returns
    -------
    ``name``, ``batch``, ``threads``, ``ours_ms``, ``multiply_adds``, ``share_of_ceiling``,
    ``profile`` (see ``profile_step``) and ``peak_mb``, the memory of a process that takes steps.
    With rivals also what ``Contest.figures`` returns, and for each of them its ``peak_mb``.
    """
    report(f"measuring training steps of {name}")
    model = vae(name)
    batch = batch or model.settings.batch_size
    multiply_adds = step_multiply_adds(model, batch)
    x = digits.batch(model, batch)
    contest = Contest(name, lambda: vae(name), x, rivals, report, thorough=True)
    timings = ceiling.compare(contest.work, effort)
    figures = contest.figures(timings)
    for rival in rivals:
        figures["rivals"][rival.name]["peak_mb"] = peak_megabytes(rival.name, name, batch, threads)
    return {
        "name": name,
        "batch": batch,
        "threads": threads,
        "multiply_adds": multiply_adds,
        "share_of_ceiling": ceiling.share(timings, OURS, multiply_adds),
        "profile": profile_step(contest.work[OURS], effort),
        "peak_mb": peak_megabytes(OURS, name, batch, threads),
        **figures,
    }


def vae(name: str) -> VAE:
    """Return a recipe's model, which must be a VAE."""
    model = build(name)
    if not isinstance(model, VAE):
        raise InputError(f"the benchmark measures VAEs, and {name} is not one: name another")
    return model
