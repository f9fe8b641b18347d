"""EECS 230, lecture 16: linear, non-linear, sparse and denoising autoencoders; single terms."""

from collections.abc import Iterator

import numpy as np

from scratchvae.data.batches import read_pixels
from scratchvae.models import DenoisingAutoencoder
from scratchvae.plots import draw_rows, draw_scatters
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source

_LINEAR = Experiment("linear-autoencoder", "linear-autoencoder")
_PLAIN = Experiment("autoencoder", "autoencoder", 10)
_DENSE = Experiment("sparse-autoencoder-free", "sparse-autoencoder", options={"sparsity": 0.0})
_SPARSE = Experiment("sparse-autoencoder", "sparse-autoencoder")
_DENOISING = Experiment("denoising-autoencoder", "denoising-autoencoder")
_TERMS = {
    "only reconstruction": Experiment("only-reconstruction", "zhao-mlp", 2, {"beta": 0.0}),
    "only KL": Experiment("only-kl", "zhao-mlp", 2, {"reconstruction_weight": 0.0}),
    "both": Experiment("zhao-mlp-z2", "zhao-mlp", 2),
}
_ZERO = 1e-6


def _rows(results: Results) -> Iterator[Row]:
    data = results.data()
    images = data.train_images
    optimum = principal_component_error(images, results.model(_LINEAR).latent_dim)
    error = results.model(_LINEAR).evaluate(images).reconstruction
    title = "linear autoencoder, z = 10, error on training images (published: PCA's optimum)"
    yield results.row(title, error, _LINEAR, published=optimum)
    error = results.model(_PLAIN).evaluate(images).reconstruction
    yield results.row("non-linear autoencoder, z = 10: the same", error, _PLAIN)
    for what, experiment in (("without the penalty", _DENSE), ("sparse", _SPARSE)):
        model = results.model(experiment)
        used = (np.abs(model.encode(data.test_images)) > _ZERO).mean()
        error = model.evaluate(data.test_images).reconstruction
        yield results.row(f"code of 1,000, {what}: share in use", used, experiment)
        yield results.row(f"code of 1,000, {what}: test error", error, experiment)
    denoised = _denoised(results)
    for what in ("noisy", "denoised"):
        error = 0.5 * ((denoised[what] - denoised["clean"]) ** 2).sum(axis=(1, 2, 3)).mean()
        yield results.row(f"½ squared error of {what} images", error, _DENOISING)
    for what, experiment in _TERMS.items():
        terms = results.model(experiment).evaluate(data.test_images)
        yield from results.loss_terms(what, experiment, terms)


def principal_component_error(images: np.ndarray, components: int) -> float:
    """Return half the squared error per image of the best linear code of that size.

    It is half the variance outside the largest principal components: eq. 4.6 of the lessons.
    """
    count, pixels = len(images), int(np.prod(images.shape[1:]))
    moments, sums = np.zeros((pixels, pixels)), np.zeros(pixels)
    for start in range(0, count, 5000):
        x = read_pixels(images[start : start + 5000], np.float64).reshape(-1, pixels)
        moments += x.T @ x
        sums += x.sum(axis=0)
    covariance = moments / count - np.outer(sums, sums) / count**2
    variances = np.linalg.eigvalsh(covariance)  # from the smallest to the largest
    return float(0.5 * variances[: pixels - components].sum())


def _denoised(results: Results) -> dict[str, np.ndarray]:
    model = results.model(_DENOISING)
    assert isinstance(model, DenoisingAutoencoder)
    clean = read_pixels(results.data().test_images[:1000], model.dtype)
    noisy = model.corrupt(clean)
    return {"clean": clean, "noisy": noisy, "denoised": model.reconstruct(noisy)}


def _draw(results: Results) -> Drawings:
    data = results.data()
    originals = read_pixels(data.test_images[:16], np.float32)
    rows = [
        ("original", originals),
        ("linear, z = 10", results.model(_LINEAR).reconstruct(originals)),
        ("non-linear, z = 10", results.model(_PLAIN).reconstruct(originals)),
        ("sparse", results.model(_SPARSE).reconstruct(originals)),
    ]
    yield "eecs230-autoencoders", draw_rows("Reconstructions", rows)
    rows = [(name, images[:16]) for name, images in _denoised(results).items()]
    yield "eecs230-denoising", draw_rows("Denoising autoencoder", rows)
    shown = data.test_images[:5000]
    panels = [(name, results.model(e).encode(shown)) for name, e in _TERMS.items()]
    title = "Latent means of test images, coloured by class"
    yield "eecs230-terms", draw_scatters(title, panels, data.test_labels)
    rows = [(name, results.model(e).sample(16)) for name, e in _TERMS.items()]
    yield "eecs230-terms-samples", draw_rows("Samples", rows)


SOURCE = Source(
    "EECS 230, lecture 16",
    [_LINEAR, _PLAIN, _DENSE, _SPARSE, _DENOISING, *_TERMS.values()],
    _rows,
    _draw,
)
