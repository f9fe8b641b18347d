"""Short runs on small data: begun, trained to their end, and their metrics read."""

import pytest
from helpers import latents_of
from small_runs import interrupt_in_step, names_in, small_dataset

from scratchvae.runs import Run

DATA = small_dataset()
COLUMNS = (
    "epoch,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds"
)


def begin(folder, recipe="pytorch-example", epochs=3, seed=0, latent_dim=2, **changes):
    settings = {"epochs": epochs, "batch_size": 16, **changes}
    return Run.begin(
        recipe,
        folder,
        data="mnist",
        latent_dim=latents_of(recipe, latent_dim),
        seed=seed,
        settings=settings,
    )


def finish(run):
    lines = []
    run.train(DATA, lines.append, progress=False)
    return lines


def table(folder):
    """Return the rows of metrics.csv as numbers, without the seconds."""
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert header == COLUMNS
    return [[float(cell) for cell in row.split(",")[:-1]] for row in rows]


def stop_before_anything_is_saved(monkeypatch, folder):
    """Begin a run and leave it with nothing but its configuration."""
    interrupt_in_step(monkeypatch, 1, times=2)
    with pytest.raises(KeyboardInterrupt):
        finish(begin(folder))
    monkeypatch.undo()
    assert names_in(folder) == {"config.json"}
