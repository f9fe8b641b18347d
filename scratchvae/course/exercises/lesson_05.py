"""The exercises of lesson 5, "Sparse, denoising, and where the codes lie".

Dimensions: N examples of I numbers, M corrupted examples.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import best_denoiser, soft_threshold
from scratchvae.validation import FloatArray


def sparse_denoising_loss(
    clean: FloatArray, corrupted: FloatArray, decoded: FloatArray, z: FloatArray, price: float
) -> tuple[float, FloatArray, FloatArray]:
    """Return the loss of eq. 5.3 with the price of eq. 5.1, and its gradients at decoded and at z.

    clean, corrupted and decoded are (N, I), and z, (N, D), is the code of the corrupted images.
    """
    squared = 0.5 * ((clean - decoded) ** 2).sum()
    loss = float(squared + price * np.abs(z).sum()) / len(clean)
    return loss, (decoded - clean) / len(clean), price / len(clean) * np.sign(z)


def _shares(
    corrupted: FloatArray, images: FloatArray, divisor: float, axis: int = 1, power: int = 2
) -> FloatArray:
    """Return exp(−distance^power / divisor), divided by its sum along an axis, (M, N)."""
    distance = np.sqrt(((corrupted[:, None] - images) ** 2).sum(axis=2))
    exponent = -(distance**power) / divisor
    shares: FloatArray = np.exp(exponent - exponent.max(axis=axis, keepdims=True))
    shares /= shares.sum(axis=axis, keepdims=True)
    return shares


def _divided_by_columns(corrupted: FloatArray, images: FloatArray, sigma: float) -> FloatArray:
    shares = _shares(corrupted, images, 2 * sigma**2)
    exponentials = shares / shares.max(axis=1, keepdims=True)
    guess: FloatArray = exponentials / exponentials.sum(axis=0) @ images
    return guess


def _nothing_far_away(corrupted: FloatArray, images: FloatArray, sigma: float) -> FloatArray:
    squares = ((corrupted[:, None] - images) ** 2).sum(axis=2)
    reached = np.exp(-squares / (2 * sigma**2)).sum(axis=1, keepdims=True) > 0
    guess: FloatArray = reached * best_denoiser(corrupted, images, sigma)
    return guess


def _unshifted(corrupted: FloatArray, images: FloatArray, sigma: float) -> FloatArray:
    squares = ((corrupted[:, None] - images) ** 2).sum(axis=2)
    weights = np.exp(-squares / (2 * sigma**2))
    guess: FloatArray = weights @ images / weights.sum(axis=1, keepdims=True)
    return guess


def _draw_codes(random: np.random.Generator) -> tuple[FloatArray, float]:
    count, features, _ = _sizes(random)
    # About half of the entries lie within the price of 0.
    return random.standard_normal((count, features)), float(random.uniform(0.5, 0.9))


def _draw_corrupted(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    count, features, few = _sizes(random)
    images = random.standard_normal((count, features))
    sigma = float(random.uniform(0.6, 0.9))
    corrupted = images[:few] + sigma * random.standard_normal((few, features))
    # So far away that every exponential is 0 as a float64; with both signs, so that an answer that
    # only fails there is not said to fail for positive entries.
    corrupted[0] += 60 * (-1.0) ** np.arange(features)
    return corrupted, images, sigma


def _draw_sparse_denoising(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    count, features, few = _sizes(random)
    clean, noise, decoded = random.standard_normal((3, count, features))
    z = random.standard_normal((count, few))
    return clean, clean + noise, decoded, z, float(random.uniform(0.3, 0.9))


def _sizes(random: np.random.Generator) -> tuple[int, int, int]:
    """Return three sizes that differ, the last one the smallest: a code is short."""
    count, features = unequal_sizes(random, 2, smallest=5, largest=9)
    return count, features, int(random.integers(2, 5))


WHICH_MAPS = Question(
    name="which-maps-are-free",
    kind="prove",
    answer="C",
    mistakes={
        "turn the whole space: does N(0, I) change?": "A",
        "a shift moves the mean, which must stay 0": "B",
        "a linear map with the matrix A gives the covariance A Aᵀ, which must be I": "D",
    },
    hints=(
        "The density of N(0, I) depends on the length of z only.",
        "Which maps keep all lengths?",
    ),
)

WHICH_PROPERTY = Question(
    name="which-property",
    kind="explain",
    answer="C",
    mistakes={
        "neighbouring codes decode to similar images: that is what continuous means": "A",
        "what it decodes looks like the data: that is what meaningful means": "B",
        "then its draws would show all ten digits": "D",
    },
    hints=(
        "Where are the codes of the digits that the draws do not show?",
        "Far from the origin. Which property speaks of distances between kinds of images?",
    ),
)


def _with(
    loss: float = 1.0, decoded: float = 1.0, z: float = 1.0
) -> Callable[..., tuple[float, FloatArray, FloatArray]]:
    """Return the right answer with factors on its three results."""

    def scaled(*arguments: Any) -> tuple[float, FloatArray, FloatArray]:
        right = sparse_denoising_loss(*arguments)
        return loss * right[0], decoded * right[1], z * right[2]

    return scaled


SPARSE_DENOISING_LOSS = Exercise(
    name="sparse-denoising-loss",
    answer=sparse_denoising_loss,
    draw=_draw_sparse_denoising,
    mistakes={
        "the target is the clean image, not the corrupted one": (
            lambda clean, corrupted, decoded, z, price: sparse_denoising_loss(
                corrupted, clean, decoded, z, price
            )
        ),
        "the price's gradient has the sign of z, not z itself": (
            lambda clean, corrupted, decoded, z, price: (
                *sparse_denoising_loss(clean, corrupted, decoded, z, price)[:2],
                price / len(clean) * z,
            )
        ),
        "the loss is right; where it has 1/N, so have both gradients": lambda clean, *rest: _with(
            1.0, len(clean), len(clean)
        )(clean, *rest),
        "the price's gradient has the 1/N of the loss as well": lambda clean, *rest: _with(
            z=len(clean)
        )(clean, *rest),
        "the gradient at the decoded image has the wrong sign": _with(decoded=-1.0),
        "the price is a mean over the images too: divide it and its gradient by N": (
            lambda clean, corrupted, decoded, z, price: sparse_denoising_loss(
                clean, corrupted, decoded, z, len(clean) * price
            )
        ),
        "the slope of |z| is the sign of z, not |z| itself": (
            lambda clean, corrupted, decoded, z, price: (
                *sparse_denoising_loss(clean, corrupted, decoded, z, price)[:2],
                price / len(clean) * np.abs(z),
            )
        ),
    },
    hints=(
        "(5.3) compares with the clean image, and (5.1) adds the price of z; both have 1/N.",
        "dL/d decoded is (decoded − clean) / N, and the price adds price / N · sign(z).",
    ),
    returns=("the loss", "the gradient at decoded", "the price's part at z"),
)

EXERCISES: list[Exercise | Question] = [
    Exercise(
        name="soft-threshold",
        piece="soft_threshold",
        answer=soft_threshold,
        draw=_draw_codes,
        mistakes={
            "that is only right for positive a; a negative one is pulled up towards 0": (
                lambda a, price: np.maximum(a - price, 0)
            ),
            "you keep what is larger than the price as it is; but every unit of z costs the "
            "price, so the large ones move too": lambda a, price: a * (np.abs(a) > price),
            "where |a| is below the price you went past 0 to the other side; at 0 the slope of the "
            "price changes, and it pays to stop": lambda a, price: a - price * np.sign(a),
            "that is right for a price on z², which only shrinks; |z| has the same slope however "
            "small z is": lambda a, price: a / (1 + 2 * price),
            "that is right for a price on ½ z², which only shrinks; |z| has the same slope however "
            "small z is": lambda a, price: a / (1 + price),
            "that is right only where a exceeds the price; below that, z is 0 or moves up": (
                lambda a, price: a - price
            ),
            "that is the part that the price takes from a; what is left of a is asked for": (
                lambda a, price: np.clip(a, -price, price)
            ),
            "that moves z away from 0; the price draws it towards 0": lambda a, price: (
                a + price * np.sign(a)
            ),
        },
        hints=(
            "Take z > 0 first. There |z| is z. Where is the derivative zero, and for which a is "
            "that place positive?",
            "For z > 0 it is z = a − price, which needs a > price. For z < 0 it is z = a + price, "
            "which needs a < −price. What is left in between?",
            "The sign of a, times the larger of |a| − price and 0.",
        ),
        returns=("z",),
    ),
    Exercise(
        name="best-denoiser",
        piece="best_denoiser",
        answer=best_denoiser,
        draw=_draw_corrupted,
        mistakes={
            "the weights of each corrupted image must add up to 1, not those of each clean one": (
                lambda corrupted, images, s: _shares(corrupted, images, 2 * s**2, axis=0) @ images
            ),
            "you divided by sums over the corrupted images; the weights of each of those must add "
            "up to 1, so sum over the clean ones": _divided_by_columns,
            "where every exponential is 0 you give 0; subtract each row's largest exponent first, "
            "and no sum is 0": _nothing_far_away,
            "where every exponential is 0 you divide 0 by 0; subtract each row's largest exponent "
            "first, and no sum is 0": _unshifted,
            "the distance is not squared in your exponent": (
                lambda corrupted, images, s: _shares(corrupted, images, 2 * s**2, power=1) @ images
            ),
            "you divided by 2σ; the density has 2σ² in its exponent": (
                lambda corrupted, images, s: _shares(corrupted, images, 2 * s) @ images
            ),
            "you divided by σ²; the density has 2σ² in its exponent": (
                lambda corrupted, images, s: _shares(corrupted, images, s**2) @ images
            ),
            "you did not divide the weights by their sum": lambda corrupted, images, s: (
                _shares(corrupted, images, 2 * s**2)
                / _shares(corrupted, images, 2 * s**2).max(axis=1, keepdims=True)
                @ images
            ),
            "that is the nearest image; it has the largest weight, but the others have some too": (
                lambda corrupted, images, s: images[_shares(corrupted, images, s).argmax(axis=1)]
            ),
            "these are means of all images, as if none were nearer than another": (
                lambda corrupted, images, s: np.tile(images.mean(axis=0), (len(corrupted), 1))
            ),
        },
        hints=(
            "First the squared distances of every corrupted image from every clean one, (M, N): "
            "corrupted[:, None] - images, squared, summed over its last axis.",
            "Far from all images every exponential is 0 as a float64, and 0/0 is nan. A common "
            "factor cancels in the weights: subtract each row's largest exponent first.",
            "exponent = −distances / (2σ²), minus its row's maximum; weights = exp(exponent), "
            "divided by its row's sum; the guess is weights @ images.",
        ),
        returns=("the guess",),
    ),
    SPARSE_DENOISING_LOSS,
    WHICH_MAPS,
    WHICH_PROPERTY,
]
