"""Kingma and Welling, Auto-Encoding Variational Bayes (2013): the bound and its estimators."""

from collections.abc import Iterator

from scratchvae.data.batches import read_pixels
from scratchvae.evaluation import compare_gradient_estimators
from scratchvae.models import VAE
from scratchvae.plots import draw_lines, draw_rows
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source

_BERNOULLI = Experiment("kingma-welling", "kingma-welling", settings={"epochs": 60})
_SAMPLES = Experiment("kingma-welling-L5", "kingma-welling", options={"samples": 5})
_GAUSSIAN = Experiment(
    "kingma-welling-gaussian", "kingma-welling", options={"likelihood": "gaussian"}
)
_BY_SAMPLES = {"L = 1": _BERNOULLI, "L = 5": _SAMPLES}
_IMAGES = 10
_DRAWS = 10_000


def _rows(results: Results) -> Iterator[Row]:
    data = results.data()
    bound = results.run(_BERNOULLI).evaluate(data)["elbo"]
    yield results.row("test bound, Bernoulli, L = 1", bound, _BERNOULLI, published=-100.0)
    curves = {what: _test_bounds(results, experiment) for what, experiment in _BY_SAMPLES.items()}
    same = min(map(len, curves.values()))  # epochs that both have
    for what, curve in curves.items():
        title = f"test bound after {same} epochs, {what}"
        yield results.row(title, curve[same - 1], _BY_SAMPLES[what])
    bound = results.run(_GAUSSIAN).evaluate(data)["elbo"]
    yield results.row("test bound, Gaussian with a decoded variance", bound, _GAUSSIAN)
    model = results.model(_BERNOULLI)
    assert isinstance(model, VAE)
    x = read_pixels(data.test_images[:_IMAGES], model.dtype)
    compared = compare_gradient_estimators(model, x, draws=_DRAWS)
    for what, figure in (
        ("ratio of variances", compared.variance_ratio),
        ("ratio with a baseline", compared.variance_ratio_with_baseline),
        ("largest difference of means, in standard errors", compared.largest_disagreement),
    ):
        title = f"score function beside reparameterisation, {_DRAWS:,} draws: {what}"
        yield results.row(title, figure, _BERNOULLI)


def _test_bounds(results: Results, experiment: Experiment) -> list[float]:
    return [-row.test.loss for row in results.run(experiment).history if row.test]


def _draw(results: Results) -> Drawings:
    lines = [(f"test, {what}", _test_bounds(results, one)) for what, one in _BY_SAMPLES.items()]
    title = "The bound on log p(x) of test images"
    yield "kingma-welling-bound", draw_lines(title, lines, "nats per image")
    gaussian = results.model(_GAUSSIAN)
    rows = [
        ("Bernoulli", results.model(_BERNOULLI).sample(32)),
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
