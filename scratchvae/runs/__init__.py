"""A training run in a folder: its configuration, checkpoint, metrics and pictures."""

from scratchvae.runs.run import PICTURES, PICTURES_OF_DATA, Run

__all__ = ["PICTURES", "PICTURES_OF_DATA", "Run"]
