"""F. Fleuret, Deep learning, lecture 7.4: a VAE and an autoencoder, β, learned variances."""

from collections.abc import Iterator

import numpy as np

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.models.recipes.convolutional import PIXEL_VARIANCE
from scratchvae.plots import draw_rows, draw_scatters
from scratchvae.probability import reparameterise
from scratchvae.randomness import stream
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source
from scratchvae.validation import FloatArray

_VAE = Experiment("fleuret-conv", "fleuret-conv")
_AUTOENCODER = Experiment("fleuret-autoencoder", "fleuret-autoencoder")
_BETAS = {
    beta: Experiment(f"beta-vae-{beta:g}", "beta-vae", options={"beta": beta})
    for beta in (1.0, 4.0)
}
_LEARNED = Experiment("learned-variance", "learned-variance")
_FIXED = Experiment(
    "learned-variance-fixed", "learned-variance", options={"variance": PIXEL_VARIANCE}
)
_SCATTERED = 1000


def _rows(results: Results) -> Iterator[Row]:
    yield results.training_loss("VAE", _VAE)
    yield results.training_loss("autoencoder", _AUTOENCODER)
    latents = _aggregate(results)
    yield results.row("VAE, 1,000 test images: mean", latents.mean(), _VAE, published=0.0)
    yield results.row("VAE, 1,000 test images: variance", latents.var(), _VAE, published=1.0)
    largest = np.abs(latents.mean(axis=0)).max()
    yield results.row("VAE: largest mean of one latent", largest, _VAE)
    plain = results.model(_AUTOENCODER).encode(results.data().test_images[:_SCATTERED])
    yield results.row("autoencoder: variance of its latents", plain.var(), _AUTOENCODER)
    for beta, experiment in _BETAS.items():
        last = results.run(experiment).history[-1].train
        yield from results.loss_terms(f"beta-vae, beta = {beta:g}", experiment, last)
    for what, images, experiments in _by_variance(results):
        yield results.row(f"grain of {what}", grain(images), *experiments)


def grain(images: FloatArray) -> float:
    """Return the mean absolute difference of neighbours in a row, of pixels clipped to [0, 1]."""
    return float(np.abs(np.diff(np.clip(images, 0, 1), axis=2)).mean())


def _by_variance(results: Results) -> list[tuple[str, FloatArray, list[Experiment]]]:
    learned, fixed = results.model(_LEARNED), results.model(_FIXED)
    real = read_pixels(results.data().test_images[:96], np.float32)
    return [
        ("test images", real, []),
        ("samples, learned variance", learned.sample(96, pixel_noise=True), [_LEARNED]),
        ("samples, learned, only its mean", learned.sample(96), [_LEARNED]),
        ("samples, fixed variance, then 0", fixed.sample(96), [_FIXED]),
    ]


def _aggregate(results: Results) -> FloatArray:
    """Return a draw of z from the VAE's q(z | x) for each of 1,000 test images, (1000, D)."""
    model = results.model(_VAE)
    x = read_pixels(results.data().test_images[:_SCATTERED], model.dtype)
    chunks = []
    for number, start in enumerate(range(0, len(x), 250)):
        with looking_at(model) as double:
            mean, log_variance = map(np.array, double.encode_distribution(x[start : start + 250]))
        eps = stream(0, "draw", 4, number).standard_normal((1, *mean.shape), dtype=model.dtype)
        chunks.append(reparameterise(mean, log_variance, eps)[0])
    return np.concatenate(chunks)


def _draw(results: Results) -> Drawings:
    images, vae = results.data().test_images, results.model(_VAE)
    autoencoder = results.model(_AUTOENCODER)
    originals = read_pixels(images[:24], np.float32)
    rows = [
        ("original", originals),
        ("autoencoder", autoencoder.reconstruct(originals)),
        ("VAE", vae.reconstruct(originals)),
    ]
    yield "fleuret-reconstructions", draw_rows("Reconstructions", rows, lines=2)
    rows = [("autoencoder", autoencoder.sample(48)), ("VAE", vae.sample(48))]
    yield "fleuret-samples", draw_rows("Decoded from N(0, I) in 32 dimensions", rows, lines=3)
    pair = sorted(stream(0, "draw", 5).choice(vae.latent_dim, 2, replace=False))
    panels = [
        ("autoencoder", autoencoder.encode(images[:_SCATTERED])[:, pair]),
        ("VAE", _aggregate(results)[:, pair]),
        ("N(0, I)", stream(0, "draw", 6).standard_normal((_SCATTERED, 2))),
    ]
    title = f"Latents {pair[0] + 1} and {pair[1] + 1} of 1,000 test images"
    names = (f"latent {pair[0] + 1}", f"latent {pair[1] + 1}")
    yield "fleuret-latents", draw_scatters(title, panels, axes_names=names)
    rows = [(what.replace("samples, ", ""), some[:24]) for what, some, _ in _by_variance(results)]
    title = "A learned variance gives grainy samples; its mean, or a fixed variance, does not"
    yield "fleuret-learned-variance", draw_rows(title, rows, lines=2)


SOURCE = Source(
    "F. Fleuret, Deep learning, lecture 7.4",
    [_VAE, _AUTOENCODER, *_BETAS.values(), _LEARNED, _FIXED],
    _rows,
    _draw,
)
