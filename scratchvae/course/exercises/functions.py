"""Functions that exercises of several lessons need and NumPy lacks."""

import numpy as np

from scratchvae.validation import FloatArray


def sigmoid(y: FloatArray) -> FloatArray:
    """Return 1 / (1 + e^(−y)), as a reader would write it: for logits of ordinary size."""
    probability: FloatArray = 1 / (1 + np.exp(-y))
    return probability
