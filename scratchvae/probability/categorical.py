"""Categorical distributions: one of K codes at each of P places, from logits.

Dimensions: N examples, P places, K codes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.randomness import check_generator
from scratchvae.validation import FloatArray, as_array, check_floats


def one_hot(codes: NDArray[Any], count: int, dtype: Any) -> FloatArray:
    """Return a row for each code, 1 at its place and 0 elsewhere: (…) to (…, count)."""
    rows: FloatArray = np.eye(count, dtype=dtype)[codes]
    return rows


def softmax(logits: FloatArray) -> FloatArray:
    """Return eᵃ / Σ eᵃ along the last axis; logits of any size are no trouble."""
    check_floats(logits, "logits")
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise InputError(f"logits must be of shape (..., K), K of 1 or more, not {logits.shape}")
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: FloatArray = shares / shares.sum(axis=-1, keepdims=True)
    return probabilities


def categorical_nll(codes: NDArray[Any], logits: FloatArray) -> FloatArray:
    """Return −log p of each example's codes, in nats: (N, P) and (N, P, K) to (N,).

    −log softmax(a)ₖ = log Σⱼ exp(aⱼ) − aₖ at each place (eq. 24.7 of the lessons), and the places'
    terms add up: given what the logits were computed from, the places are independent; and where
    logit p was computed from the codes before p, the sum is −log of their joint probability, by the
    chain rule (eq. 24.6).
    """
    codes = check_codes(codes, logits)
    largest = logits.max(axis=-1)  # (N, P)
    totals = np.log(np.exp(logits - largest[..., None]).sum(axis=-1)) + largest  # (N, P)
    chosen = np.take_along_axis(logits, codes[..., None], axis=-1)[..., 0]  # (N, P)
    nll: FloatArray = (totals - chosen).sum(axis=1)
    return nll


def categorical_nll_gradient(codes: NDArray[Any], logits: FloatArray) -> FloatArray:
    """Return the gradient of each example's −log p: softmax(a) − one-hot(k), (N, P, K).

    It is eq. 24.8 of the lessons.
    """
    codes = check_codes(codes, logits)
    return softmax(logits) - one_hot(codes, logits.shape[-1], logits.dtype)


def draw_categorical(logits: FloatArray, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a draw from softmax(logits) along the last axis: (…, K) to (…).

    A uniform number falls between two of the running totals of the probabilities.
    """
    check_generator(rng)
    totals = softmax(logits).cumsum(axis=-1)
    uniform = rng.random(logits.shape[:-1]).astype(logits.dtype)
    drawn: NDArray[np.int64] = (uniform[..., None] * totals[..., -1:] >= totals).sum(axis=-1)
    most: NDArray[np.int64] = np.minimum(drawn, logits.shape[-1] - 1)
    return most  # the uniform number may have been rounded up to 1


def check_codes(codes: Any, logits: FloatArray) -> NDArray[np.int64]:
    """Return ``codes`` (N, P) as whole numbers if they are codes that the ``logits`` are of."""
    check_floats(logits, "logits")
    codes = as_array(codes, "codes")
    if logits.ndim != 3 or logits.shape[-1] == 0 or codes.shape != logits.shape[:2]:
        raise InputError(
            "codes must be of shape (N, P) and logits of (N, P, K), not "
            f"{codes.shape} and {logits.shape}: reshape them"
        )
    if (
        codes.size
        and not ((codes >= 0) & (codes < logits.shape[-1]) & (codes == np.rint(codes))).all()
    ):
        raise InputError(f"codes must be whole numbers from 0 to {logits.shape[-1] - 1}")
    whole: NDArray[np.int64] = codes.astype(np.int64)
    return whole
