"""Many trainings of one recipe, over a grid of choices, on all cores or on a cluster."""

from scratchvae.sweeps.sweep import sweep
from scratchvae.sweeps.training import DataSource, Training

__all__ = ["DataSource", "Training", "sweep"]
