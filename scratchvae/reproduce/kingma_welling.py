"""Kingma and Welling, Auto-Encoding Variational Bayes (2013): the bound and its estimators."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scratchvae.data.batches import read_pixels
from scratchvae.evaluation import GradientComparison, compare_gradient_estimators
from scratchvae.models import VAE
from scratchvae.plots import draw_lines, draw_rows
from scratchvae.reproduce.experiments import Experiment, Results, Row, Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BERNOULLI = Experiment("kingma-welling", "kingma-welling", settings={"epochs": 60})
_SAMPLES = Experiment("kingma-welling-L5", "kingma-welling", options={"samples": 5})
_GAUSSIAN = Experiment(
    "kingma-welling-gaussian", "kingma-welling", options={"likelihood": "gaussian"}
)
_IMAGES = 10
_DRAWS = 10_000


def _rows(results: Results) -> list[Row]:
    rows = [
        results.row(
            "test bound, Bernoulli, L = 1",
            results.run(_BERNOULLI.name).evaluate(results.data())["elbo"],
            _BERNOULLI.name,
            published=-100.0,
        )
    ]
    curve = results.run(_BERNOULLI.name).history
    several = results.run(_SAMPLES.name).history
    same = min(len(curve), len(several))  # epochs that both have
    for what, history, name in (
        ("L = 1", curve, _BERNOULLI.name),
        ("L = 5", several, _SAMPLES.name),
    ):
        test = history[same - 1].test
        assert test is not None
        rows.append(results.row(f"test bound after {same} epochs, {what}", -test.loss, name))
    gaussian = results.run(_GAUSSIAN.name).evaluate(results.data())["elbo"]
    rows.append(
        results.row("test bound, Gaussian with a decoded variance", gaussian, _GAUSSIAN.name)
    )
    comparison = _compare(results)
    what = f"score function beside reparameterisation, {_DRAWS:,} draws"
    rows += [
        results.row(f"{what}: {title}", figure, _BERNOULLI.name)
        for title, figure in (
            ("ratio of variances", comparison.variance_ratio),
            ("ratio with a baseline", comparison.variance_ratio_with_baseline),
            (
                "largest difference of means, in standard errors",
                comparison.largest_disagreement,
            ),
        )
    ]
    return rows


def _compare(results: Results) -> GradientComparison:
    model = results.model(_BERNOULLI.name)
    assert isinstance(model, VAE)
    x = read_pixels(results.data().test_images[:_IMAGES], model.dtype)
    return compare_gradient_estimators(model, x, draws=_DRAWS)


def _draw(results: Results) -> Iterator[tuple[str, "Figure"]]:
    lines = []
    for name, experiment in (("L = 1", _BERNOULLI), ("L = 5", _SAMPLES)):
        history = results.run(experiment.name).history
        lines.append((f"test, {name}", [-row.test.loss for row in history if row.test]))
    title = "The bound on log p(x) of test images"
    yield "kingma-welling-bound", draw_lines(title, lines, "nats per image")
    gaussian = results.model(_GAUSSIAN.name)
    rows = [
        ("Bernoulli", results.model(_BERNOULLI.name).sample(32)),
        ("Gaussian, mean", gaussian.sample(32)),
        ("Gaussian, drawn", gaussian.sample(32, pixel_noise=True)),
    ]
    yield "kingma-welling-samples", draw_rows("Samples", rows, lines=2)


SOURCE = Source(
    "D. Kingma and M. Welling, Auto-Encoding Variational Bayes (2013)",
    [_BERNOULLI, _SAMPLES, _GAUSSIAN],
    _rows,
    _draw,
)
