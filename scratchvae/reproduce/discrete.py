"""Van den Oord, Vinyals and Kavukcuoglu (2017): discrete latents, and a prior that is learned.

The paper has no MNIST, so nothing here was published. A classifier that was trained on the same
digits reads the draws: how many of them it takes for some digit with confidence. Beside them are a
VAE's draws from N(0, I), and test images. A model whose draws are all alike could be read with
confidence too, so the effective number of digits among them is reported: it is 10 if all are
equally frequent.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.evaluation.digit_classifier import DigitClassifier, train_digit_classifier
from scratchvae.models import VQVAE
from scratchvae.plots import draw_lines, draw_rows
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source
from scratchvae.validation import FloatArray

CONFIDENT = 0.9
_DRAWS = 1000

_CODES = Experiment("vq-vae", "vq-vae")
_VAE = Experiment("kingma-welling-12", "kingma-welling", settings={"epochs": 12})
_BY_NAME = {"VQ-VAE": _CODES, "VAE": _VAE}


def judge(classifier: DigitClassifier, images: NDArray[np.generic]) -> tuple[float, float]:
    """Return the share of images read with confidence, and the effective number of their classes.

    That number is the exponential of the entropy of the classes' shares (eq. 13.1 of the lessons).
    """
    probabilities = classifier.probabilities(images)
    shares = np.bincount(probabilities.argmax(axis=1)) / len(images)
    shares = shares[shares > 0]
    read = float((probabilities.max(axis=1) > CONFIDENT).mean())
    return read, float(np.exp(-(shares * np.log(shares)).sum()))


def _rows(results: Results) -> Iterator[Row]:
    data = results.data()
    classifier = train_digit_classifier(data.train_images, data.train_labels, epochs=12)
    read, digits = judge(classifier, data.test_images)
    title = f"share read with confidence above {CONFIDENT:g}"
    yield results.row(f"test images: {title}", read)
    yield results.row("test images: effective number of digits", digits)
    for name, experiment in _BY_NAME.items():
        model = results.model(experiment)
        read, digits = judge(classifier, model.sample(_DRAWS))
        yield results.row(f"{name}, {_DRAWS:,} draws: {title}", read, experiment)
        yield results.row(f"{name}, draws: effective number of digits", digits, experiment)
        yield results.row(f"{name}: test bound", model.elbo(data.test_images).mean(), experiment)
        terms = model.evaluate(data.test_images)
        yield from results.loss_terms(name, experiment, terms)
    used, number = codes_in_use(results.model(_CODES).encode(data.test_images))
    yield results.row("VQ-VAE: codes in use", used, _CODES)
    yield results.row("VQ-VAE: effective number of codes", number, _CODES)


def codes_in_use(codes: FloatArray) -> tuple[int, float]:
    """Return how many codes occur at all, and the exponential of the entropy of their shares."""
    _, counts = np.unique(codes, return_counts=True)
    shares = counts / counts.sum()
    return len(counts), float(np.exp(-(shares * np.log(shares)).sum()))


def _draw(results: Results) -> Drawings:
    data = results.data()
    model = results.model(_CODES)
    assert isinstance(model, VQVAE)
    rows = [(name, results.model(experiment).sample(48)) for name, experiment in _BY_NAME.items()]
    yield "discrete-samples", draw_rows("Samples", rows, lines=3)
    originals = read_pixels(data.test_images[:16], np.float32)
    rows = [("test images", originals)]
    rows += [(name, results.model(e).reconstruct(originals)) for name, e in _BY_NAME.items()]
    yield "discrete-reconstructions", draw_rows("Reconstructions", rows)
    lines = []
    for name, experiment in _BY_NAME.items():
        history = results.run(experiment).history
        bounds = [-(row.test.reconstruction + row.test.kl) for row in history if row.test]
        lines.append((name, bounds))
    yield "discrete-bound", draw_lines("The bound on log p(x) of test images", lines, "nats")


SOURCE = Source(
    "A. van den Oord and others, Neural discrete representation learning (2017)",
    [_CODES, _VAE],
    _rows,
    _draw,
)
