"""Functions of each number by itself, written so that no input overflows or cancels."""

import numpy as np

from scratchvae.arrays import FloatArray


def sigmoid(x: FloatArray) -> FloatArray:
    """Return ``1 / (1 + e⁻ˣ)``, accurate to the last digits at both ends."""
    decay = np.exp(-np.abs(x))  # in (0, 1], so nothing overflows
    y: FloatArray = np.where(x >= 0, 1, decay) / (1 + decay)
    return y


def softplus(x: FloatArray) -> FloatArray:
    """Return ``log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)``; the second form never overflows."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def bernoulli_cross_entropy(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ``−x log p − (1 − x) log(1 − p)`` with p = sigmoid(logits), entry by entry.

    It is ``softplus(logits) − x·logits``, in an order that subtracts the large parts first: they
    cancel exactly where x is 0 or 1, and what is left keeps all its digits.
    """
    return (np.maximum(logits, 0) - x * logits) + np.log1p(np.exp(-np.abs(logits)))
