"""The picture of each bug: what a faulty and a right VAE make of the same digits."""

from pathlib import Path

import numpy as np

from scratchvae.course.wild.bug import Bug, images
from scratchvae.course.wild.minimal import Minimal
from scratchvae.plots.figures import save_figure
from scratchvae.plots.grids import draw_grid
from scratchvae.probability import kl_to_standard
from scratchvae.validation import FloatArray

IMAGES, BATCH, STEPS = 4000, 50, 800
SHOWN = 8


def trained(kind: type[Minimal], pixels: int, steps: int = STEPS) -> Minimal:
    """Return a VAE trained a little on synthetic digits."""
    x = images(IMAGES, pixels)
    vae = kind(x)
    rng = np.random.default_rng(1)
    for _ in range(steps):
        vae.train_step(x[rng.integers(len(x), size=BATCH)])
    return vae


def draw(bug: Bug, folder: Path, steps: int = STEPS) -> None:
    """Write the picture of a bug into a folder."""
    tests = images(SHOWN, bug.pixels, seed=3)
    pages, names = [tests, np.ones_like(tests)], ["digits"]
    for name, kind in (("as found", bug.faulty), ("right", bug.healthy)):
        pictures, kl = _shown(trained(kind, bug.pixels, steps), tests)
        pages.append(pictures)
        names.append(f"{name}, KL {kl:.0f}")
    page = np.concatenate(pages)
    side, channels = (28, 1) if bug.pixels == 784 else (64, 3)
    figure = draw_grid(
        page.reshape(-1, side, side, channels)[..., :1],
        2 * SHOWN,
        "left: digits and their reconstructions; right: samples",
        dots=1,
        row_names=names,
    )
    save_figure(figure, folder / f"{bug.picture}.png")


def _shown(vae: Minimal, tests: FloatArray) -> tuple[FloatArray, float]:
    """Return reconstructions at the mean of q and as many samples, (2 N, P), and the mean KL."""
    mean, spread = vae.encode(tests)
    z = np.random.default_rng(2).standard_normal(mean.shape)
    y = np.concatenate([vae.decode(mean), vae.decode(z)])
    log_variance = spread if vae.spread == "log-variance" else 2 * spread
    kl = float(kl_to_standard(mean, log_variance).mean())
    return 0.5 * (1 + np.tanh(y / 2)) if vae.decoder_gives == "logits" else np.clip(y, 0, 1), kl
