"""A training run in a folder: its configuration, checkpoint, metrics and pictures."""

from scratchvae.runs.pictures import PICTURES, PICTURES_OF_DATA
from scratchvae.runs.run import Run

__all__ = ["PICTURES", "PICTURES_OF_DATA", "Run"]
