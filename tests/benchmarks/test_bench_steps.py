"""Our training step against a rival's: who is best, whose losses differ, what fails."""

from contextlib import nullcontext

import numpy as np
import pytest
from bench_cases import RIVAL_KEYS, TINY
from helpers import refused

from scratchvae.benchmarks import recipes as bench_recipes
from scratchvae.benchmarks import run_bench
from scratchvae.benchmarks.growth import dense_vae
from scratchvae.benchmarks.rivals import RIVALS, Rival
from scratchvae.benchmarks.steps import Contest
from scratchvae.benchmarks.timing import Timings
from scratchvae.errors import InputError
from scratchvae.randomness import stream
from scratchvae.training import Trainer


class Mirror:
    """A rival that is our own trainer, with what is wrong with it as an option."""

    def __init__(self, model, learning_rate, *, fails=False, refuses=False, wrong=False):
        if fails:
            raise RuntimeError("no working\ncompiler")
        if refuses:
            raise InputError("no counterpart")
        self.trainer = Trainer(model, learning_rate=learning_rate * (2 if wrong else 1))

    def images(self, x):
        return x

    def step(self, images, eps=None):
        number = self.trainer.optimiser.steps
        if eps is not None:  # the same noise as our own trainer's
            drawn = self.trainer.model.draw_noise(len(images), stream(0, "noise", number))
            np.testing.assert_array_equal(eps, drawn[0])
        return self.trainer.step_on_floats(images).loss


def mirror(**ways):
    """Return a rival with these configurations."""
    return Rival("mirror", "Mirror", (), lambda: None, nullcontext, Mirror, lambda *_: ways)


def contest(rivals):
    x = np.random.default_rng(0).random((4, 28, 28, 1), dtype=np.float32)
    return Contest("a model", lambda: dense_vae(3, 2), x, rivals, lambda line: None, thorough=True)


def test_a_rivals_best_is_the_fastest_of_all_configurations_in_the_rounds_measured():
    entered = contest([mirror(plain={}, one={}, two={})])
    times = {"ours": 1.0, "mirror: plain": 4.0, "mirror: one": 2.0, "mirror: two": 5.0}
    assert set(entered.work) == set(times)
    figures = entered.figures(Timings({name: [time, time] for name, time in times.items()}))
    rival = figures["rivals"]["mirror"]
    assert set(rival) == RIVAL_KEYS
    assert figures["ours_ms"] == 1e3
    assert (rival["plain"], rival["plain_ms"], rival["ratio"]) == ("plain", 4e3, 0.25)
    assert (rival["best"], rival["best_ms"], rival["ratio_best"]) == ("one", 2e3, 0.5)
    assert [each["ratio"] for each in rival["configurations"]] == [0.25, 0.5, 0.2]
    assert (rival["losses_agree"], rival["notes"]) == (True, [])


def test_a_best_is_by_the_ratio_within_rounds_and_may_be_the_plain_one():
    # The machine slows down in the second half, and no median of times would tell the two apart.
    seconds = {"ours": [1, 1, 9], "mirror: plain": [2, 2, 18], "mirror: one": [3, 3, 2]}
    figures = contest([mirror(plain={}, one={})]).figures(Timings(seconds))
    assert figures["rivals"]["mirror"]["best"] == "plain"


def test_losses_after_ten_steps_are_compared_in_every_configuration():
    timings = Timings({"ours": [1.0], "mirror: plain": [1.0], "mirror: other": [1.0]})
    entered = contest([mirror(plain={}, other={"wrong": True})])
    rival = entered.figures(timings)["rivals"]["mirror"]
    plain, other = (each["loss"] for each in rival["configurations"])
    assert plain == entered.loss
    assert abs(other - plain) > 1e-3 * abs(plain)
    assert not rival["losses_agree"]


def test_a_configuration_that_fails_is_noted_and_the_plain_one_must_not():
    entered = contest([mirror(plain={}, other={"fails": True})])
    rival = entered.figures(Timings({"ours": [1.0], "mirror: plain": [1.0]}))["rivals"]["mirror"]
    assert rival["notes"] == ["other failed: RuntimeError: no working compiler"]
    assert [each["name"] for each in rival["configurations"]] == ["plain"]
    with pytest.raises(RuntimeError):
        contest([mirror(plain={"fails": True})])
    with refused("no counterpart"):
        contest([mirror(plain={}, other={"refuses": True})])


def test_run_bench_has_the_figures_of_every_rival_and_their_mean(monkeypatch):
    rivals = {"torch": mirror(plain={}), "jax": mirror(plain={}, other={})}
    for name, rival in rivals.items():
        monkeypatch.setitem(RIVALS, name, rival)
    monkeypatch.setattr(bench_recipes, "peak_megabytes", lambda *_: 12.0)
    result = run_bench(["steps", "growth"], threads=1, against=["jax"], plan=TINY)
    (recipe,) = result["recipes"]
    figures = recipe["rivals"]["mirror"]
    assert set(figures) == RIVAL_KEYS | {"peak_mb"}
    assert recipe["ours_loss"] == figures["configurations"][0]["loss"]
    assert result["ratio_best_mean"] == {"mirror": pytest.approx(figures["ratio_best"])}
    (axis,) = result["growth"]
    assert all(set(point["rivals"]["mirror"]) == RIVAL_KEYS for point in axis["points"])
