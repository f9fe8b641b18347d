"""The explorer on the site: a small VAE, trained on drawn digits when the site is built.

Neither a data set nor a network is needed, and the same seeds give the same page on one machine.
"""

from pathlib import Path

import scratchvae
from scratchvae import explorer
from scratchvae.data.synthetic import make_synthetic_digits

PAGE = Path(__file__).parent / "_static" / "latent_explorer.html"
_IMAGES, _EPOCHS, _SHOWN = 10_000, 8, 1000


def write_page() -> None:
    """Train the model and write its explorer, unless the page is newer than what makes it."""
    parts = [Path(__file__), *Path(explorer.__file__).parent.glob("*.*")]
    if PAGE.exists() and PAGE.stat().st_mtime > max(part.stat().st_mtime for part in parts):
        return
    training = make_synthetic_digits(_IMAGES, seed=0)
    shown = make_synthetic_digits(_SHOWN, seed=1)
    model = scratchvae.build("zhao-mlp", latent_dim=2, seed=0)
    model.fit(training.images, epochs=_EPOCHS, batch_size=100, progress=False)
    explorer.write(model, PAGE, shown.images, shown.labels)
