"""Images to learn from: MNIST, Fashion-MNIST, synthetic digits, and those of the user."""

from scratchvae.data.dataset import DATASET_NAMES, find_local, load
from scratchvae.data.idx import read_idx
from scratchvae.data.splits import Dataset

__all__ = ["DATASET_NAMES", "Dataset", "find_local", "load", "read_idx"]
