"""The exercises of lesson 4, "Autoencoders".

Dimensions: N examples of I numbers, D numbers in a code.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import principal_components
from scratchvae.validation import FloatArray


def tied_gradient(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Return ∂L/∂W (I, D) for x̂ = x W Wᵀ, with x (N, I): eq. 4.4, its two gradients added."""
    residual = (x @ weight @ weight.T - x) / len(x)  # (N, I)
    gradient: FloatArray = (x.T @ residual + residual.T @ x) @ weight
    return gradient


def best_encoder(decoder_weight: FloatArray) -> FloatArray:
    """Return the encoder (I, D) that projects onto the rows of the decoder's weight (D, I).

    It is where the encoder's gradient, eq. 4.4, is zero for any data; decoding what it gives is
    the orthogonal projection of eq. 4.5.
    """
    encoder: FloatArray = np.linalg.solve(decoder_weight @ decoder_weight.T, decoder_weight).T
    return encoder


def _used_components(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray, count: int) -> Any:
        found = function(x, count)
        if not isinstance(found, tuple | list) or len(found) != 2:
            return found
        mean, columns = (np.asarray(array) for array in found)
        # The sign of a component is nobody's choice.
        signs = np.sign(np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], axis=0))
        return mean, columns * signs

    return run


def _smallest_first(x: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    mean, columns = principal_components(x, x.shape[1])
    return mean, columns[:, ::-1][:, :count]


def _without_mean(x: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    _, vectors = np.linalg.eigh(x.T @ x / len(x))
    return x.mean(axis=0), vectors[:, ::-1][:, :count]


def _draw_rows(random: np.random.Generator) -> tuple[FloatArray, int]:
    count, features, code = _sizes(random)
    scales = 3.0 ** -np.arange(features)  # so that no two components are alike
    return 1 + random.standard_normal((3 * count, features)) * scales, code


def _draw_tied(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, features, code = _sizes(random)
    return random.standard_normal((count, features)), random.standard_normal((features, code))


def _draw_decoder(random: np.random.Generator) -> tuple[FloatArray]:
    _, features, code = _sizes(random)
    return (random.standard_normal((code, features)),)


def _sizes(random: np.random.Generator) -> tuple[int, int, int]:
    """Return three sizes that differ, the last one the smallest: a code is short."""
    count, features = unequal_sizes(random, 2, smallest=5, largest=9)
    return count, features, int(random.integers(2, 5))


def _residual(x: FloatArray, weight: FloatArray) -> FloatArray:
    return (x @ weight @ weight.T - x) / len(x)


WHY_THE_PLATEAU = Question(
    name="why-the-plateau",
    kind="explain",
    answer="B",
    mistakes={
        "there is no noise in this descent, and yet it gets away; a minimum would keep it": "A",
        "the rate is the same as in the other run, which is quick": "C",
        "they have, from the first step: the start is the same direction for both": "D",
    },
    hints=(
        "What is the gradient in the narrow direction itself? The cell above asserts it.",
        "It gets away without a push. So there must be a way down.",
    ),
)

LEFT_OUT = Question(
    name="left-out-eigenvalues",
    kind="predict",
    answer=1.0,
    mistakes={
        "the loss is half the squared error": 2.0,
        "that is what the components keep; the loss is what they leave out": 4.0,
        "that is what the components keep, and not halved either": 8.0,
        "that is the loss without any code": 5.0,
    },
    hints=("Which eigenvalues are left out with D = 2?", "(4.6): half of their sum."),
)

PRINCIPAL_COMPONENTS = Exercise(
    name="principal-components",
    piece="principal_components",
    answer=principal_components,
    use=_used_components,
    draw=_draw_rows,
    mistakes={
        "these are the components with the smallest variance: eigh sorts in ascending order": (
            _smallest_first
        ),
        "subtract the mean before you compute the covariance": _without_mean,
    },
    hints=(
        "Subtract the mean of the rows first; the covariance of what is left is (I, I).",
        "np.linalg.eigh(covariance) returns eigenvalues and eigenvectors, the smallest first. "
        "Reverse the columns with [:, ::-1].",
    ),
    returns=("the mean", "the components"),
)

EXERCISES: list[Exercise | Question] = [
    Exercise(
        name="tied-weights-gradient",
        answer=tied_gradient,
        draw=_draw_tied,
        mistakes={
            "that is only the encoder's path; W is the decoder's weight as well, and what comes "
            "back along the two paths is added": lambda x, w: x.T @ _residual(x, w) @ w,
            "that is only the decoder's path; W is the encoder's weight as well, and what comes "
            "back along the two paths is added": lambda x, w: _residual(x, w).T @ x @ w,
            "you took one path twice: the two bring different gradients, because xᵀr is not "
            "symmetric": lambda x, w: 2 * x.T @ _residual(x, w) @ w,
            "you took the decoder's path twice: the two bring different gradients, because xᵀr is "
            "not symmetric": lambda x, w: 2 * _residual(x, w).T @ x @ w,
            "the residual is x̂ − x, and you started from x̂": lambda x, w: (
                (x.T @ (x @ w @ w.T) + (x @ w @ w.T).T @ x) @ w / len(x)
            ),
        },
        hints=(
            "W is used twice: as the encoder's weight, and transposed as the decoder's. Take both "
            "gradients of (4.4), and remember what lesson 2 said about two paths.",
            "The decoder's weight is Wᵀ, so its gradient zᵀr has the shape (D, I). Transpose it "
            "before you add it.",
            "With r = (x W Wᵀ − x)/N: the encoder's path brings xᵀ(r W), the decoder's (zᵀr)ᵀ with "
            "z = x W.",
        ),
        returns=("d_weight",),
    ),
    WHY_THE_PLATEAU,
    LEFT_OUT,
    PRINCIPAL_COMPONENTS,
    Exercise(
        name="best-encoder",
        answer=best_encoder,
        draw=_draw_decoder,
        mistakes={
            "the transpose is right only if the rows are orthonormal: of length 1 and at right "
            "angles": lambda w: w.T,
            "dividing each row by its squared length is right only if the rows are at right angles "
            "to each other": lambda w: (w / (w**2).sum(axis=1, keepdims=True)).T,
            "the inverse is missing: you multiplied by W_g W_gᵀ": lambda w: w.T @ w @ w.T,
            "these are orthonormal axes of the same space; what they give is not what this decoder "
            "takes": lambda w: np.linalg.qr(w.T)[0],
        },
        hints=(
            "By (4.4) the encoder's gradient is zero for any data if (W_f W_g − I) W_gᵀ = 0. "
            "Multiply it out.",
            "It says W_f (W_g W_gᵀ) = W_gᵀ. The matrix in brackets is (D, D). Is it invertible?",
            "Multiply by the inverse of W_g W_gᵀ from the right; np.linalg.inv has it.",
        ),
        returns=("the encoder's weight",),
    ),
]
