"""Ho, Jain and Abbeel (2020): a bound of a hundred layers, beside one of a single layer.

The paper has no small digits, so nothing here was published. A diffusion and a VAE of about as many
parameters learn digits of 8 × 8 pixels with the same variance of their pixels, so that their bounds
can be compared; a classifier that was trained on the same digits reads their draws.
"""

from collections.abc import Iterator
from math import sqrt
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.data.shrink import shrink
from scratchvae.evaluation.digit_classifier import train_digit_classifier
from scratchvae.layers import ELU, Dense, Flatten, Reshape, Sequential
from scratchvae.models import VAE
from scratchvae.plots import draw_rows
from scratchvae.probability import GaussianLikelihood
from scratchvae.randomness import stream
from scratchvae.reproduce.discrete import CONFIDENT, judge
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source

_DIFFUSION = Experiment("diffusion", "diffusion")
_DRAWS = 1000
_LATENTS, _WIDTH = 16, 512


def _rows(results: Results) -> Iterator[Row]:
    tests = shrink(results.data().test_images, _side(results))
    for name, model in _models(results).items():
        bounds = model.elbo(tests).astype(np.float64)
        yield results.row(f"{name}: test bound", bounds.mean(), _DIFFUSION)
        error = bounds.std() / sqrt(len(bounds))
        yield results.row(f"{name}: its standard error", error, _DIFFUSION)
        terms = model.evaluate(tests)
        yield from results.loss_terms(name, _DIFFUSION, terms)
    data = results.data()
    train = shrink(data.train_images, _side(results))
    classifier = train_digit_classifier(train, data.train_labels, epochs=12)
    title = f"share read with confidence above {CONFIDENT:g}"
    drawn = {"test images": tests, **_draws(results, _DRAWS)}
    for name, images in drawn.items():
        read, digits = judge(classifier, images)
        yield results.row(f"{name}: {title}", read, _DIFFUSION)
        yield results.row(f"{name}: effective number of digits", digits, _DIFFUSION)


def _draw(results: Results) -> Drawings:
    tests = read_pixels(shrink(results.data().test_images[:48], _side(results)), np.float32)
    rows = [("test images", tests), *_draws(results, 48).items()]
    yield "diffusion-samples", draw_rows("Samples", rows, lines=3)


def _draws(results: Results, count: int) -> dict[str, NDArray[Any]]:
    return {name: model.sample(count).clip(0, 1) for name, model in _models(results).items()}


def _side(results: Results) -> int:
    side: int = results.model(_DIFFUSION).image_shape[0]
    return side


_known: WeakKeyDictionary[Results, dict[str, Any]] = WeakKeyDictionary()


def _models(results: Results) -> dict[str, Any]:
    """Return the diffusion, and a VAE trained as long on the same digits, once."""
    if results not in _known:
        _known[results] = {"diffusion": results.model(_DIFFUSION), "VAE": _trained_vae(results)}
    return _known[results]


def _trained_vae(results: Results) -> VAE:
    model: Any = results.model(_DIFFUSION)
    run = results.run(_DIFFUSION)
    vae = _small_vae(model.image_shape, model.likelihood.variance)
    settings = run.trainer.settings
    vae.fit(
        shrink(results.data().train_images, _side(results)),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        schedule=settings.schedule,
        learning_rate=1e-3,
        progress=False,
    )
    return vae


def _small_vae(image_shape: tuple[int, ...], variance: float) -> VAE:
    pixels, rng = int(np.prod(image_shape)), stream(0, "initialise")

    def dense(*sizes: int) -> list[Any]:
        first, second, third, last = sizes
        layers = (Dense(first, second, rng=rng), ELU(), Dense(second, third, rng=rng), ELU())
        return [*layers, Dense(third, last, rng=rng)]

    return VAE(
        Sequential(Flatten(), *dense(pixels, _WIDTH, _WIDTH, 2 * _LATENTS)),
        Sequential(*dense(_LATENTS, _WIDTH, _WIDTH, pixels), Reshape(image_shape)),
        GaussianLikelihood(variance, include_constant=True),
        image_shape=image_shape,
        latent_dim=_LATENTS,
    )


SOURCE = Source(
    "J. Ho and others, Denoising diffusion probabilistic models (2020)",
    [_DIFFUSION],
    _rows,
    _draw,
)
