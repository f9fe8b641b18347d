"""A model's training step, in turn with every configuration of the rivals.

The best of a rival is found in the same rounds in which it is measured: chosen beforehand, by a
screening, it would now and then be one that is not the fastest after all.
"""

import warnings
from collections.abc import Callable, Sequence
from math import isclose
from typing import Any

from scratchvae.benchmarks.rivals import Rival, RivalModel
from scratchvae.benchmarks.timing import Timings, Work
from scratchvae.errors import InputError
from scratchvae.models import VAE
from scratchvae.randomness import stream
from scratchvae.training import Trainer
from scratchvae.validation import FloatArray

Report = Callable[[str], None]

OURS = "ours"
STEPS_COMPARED = 10
TOLERANCE = 1e-3


class Contest:
    """Our training step of a model and every configuration of the rivals, ready to be timed.

    Parameters
    ----------
    name
        Of the model, for the lines that ``report`` is called with before anything takes long.
    make
        Makes the model, the same at each call.
    x
        The images of every step, (N, H, W, C).
    rivals
        The frameworks to measure.
    thorough
        Whether in all of their configurations, or only in those that are often the fastest.

    Attributes
    ----------
    work
        What takes a step, by a name for each.
    loss
        Ours after ten steps.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], VAE],
        x: FloatArray,
        rivals: Sequence[Rival],
        report: Report,
        *,
        thorough: bool,
    ) -> None:
        self.name, self.make, self.x, self.report = name, make, x, report
        self.rivals = rivals
        trainer = Trainer(make())
        self.work: dict[str, Work] = {OURS: lambda: trainer.step_on_floats(x)}
        # Steps of the comparison also warm up: the last of these losses is the one after ten steps.
        self.loss = [trainer.step_on_floats(x).loss for _ in range(STEPS_COMPARED + 1)][-1]
        self._losses: dict[str, dict[str, float]] = {rival.name: {} for rival in rivals}
        self._notes: dict[str, list[str]] = {rival.name: [] for rival in rivals}
        for rival in rivals:
            for number, (label, way) in enumerate(rival.ways(make(), thorough).items()):
                self._prepare(rival, label, way, needed=number == 0)

    def figures(self, timings: Timings) -> dict[str, Any]:
        """Return what was measured: ``ours_ms``; and with rivals ``ours_loss`` and ``rivals``.

        The latter has by name of the rival ``configurations``, each with ``name``, ``ms``,
        ``ratio`` (ours / theirs) and ``loss`` after ten steps from equal weights; of the first,
        plain one ``plain``, ``plain_ms`` and ``ratio``; of the fastest ``best``, ``best_ms`` and
        ``ratio_best``; ``losses_agree``, whether all losses are ours; and ``notes``, what failed.
        """
        figures: dict[str, Any] = {"ours_ms": 1e3 * timings.median(OURS)}
        if not self.rivals:
            return figures
        rivals = {rival.name: self._rival_figures(rival.name, timings) for rival in self.rivals}
        return figures | {"ours_loss": self.loss, "rivals": rivals}

    def _rival_figures(self, rival: str, timings: Timings) -> dict[str, Any]:
        configurations: list[dict[str, Any]] = [
            {
                "name": label,
                "ms": 1e3 * timings.median(_key(rival, label)),
                "ratio": timings.ratio(OURS, _key(rival, label)),
                "loss": loss,
            }
            for label, loss in self._losses[rival].items()
        ]
        plain, best = configurations[0], max(configurations, key=lambda each: each["ratio"])
        losses = self._losses[rival].values()
        return {
            "plain": plain["name"],
            "plain_ms": plain["ms"],
            "ratio": plain["ratio"],
            "best": best["name"],
            "best_ms": best["ms"],
            "ratio_best": best["ratio"],
            "losses_agree": all(isclose(self.loss, one, rel_tol=TOLERANCE) for one in losses),
            "configurations": configurations,
            "notes": self._notes[rival],
        }

    def _prepare(self, rival: Rival, label: str, way: dict[str, bool], *, needed: bool) -> None:
        """Have a rival ready in one configuration; note if one that is not ``needed`` fails."""
        self.report(f"{self.name}: preparing {rival.title} ({label})")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a compiler's advice on hardware that isn't there
                self._add(rival, label, way)
        except Exception as error:  # a compiler may raise anything: the other ways still count
            if needed or isinstance(error, InputError):
                raise
            reason = " ".join(str(error).split())[:200]
            self._notes[rival.name].append(f"{label} failed: {type(error).__name__}: {reason}")

    def _add(self, rival: Rival, label: str, way: dict[str, bool]) -> None:
        model = self.make()
        theirs: RivalModel = rival.model(model, model.settings.learning_rate, **way)
        images = theirs.images(self.x)
        for step in range(STEPS_COMPARED + 1):
            # Our trainer draws its noise from this stream: the rival gets the same.
            loss = theirs.step(images, model.draw_noise(len(self.x), stream(0, "noise", step))[0])
        theirs.step(images)  # and with noise of its own, as it is timed
        self._losses[rival.name][label] = loss
        self.work[_key(rival.name, label)] = lambda: theirs.step(images)


def _key(rival: str, label: str) -> str:
    return f"{rival}: {label}"
