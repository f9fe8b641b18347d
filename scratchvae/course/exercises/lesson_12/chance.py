"""What lesson 12 adds to the reader's own program: images that are tossed, and noise."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import noise, toss
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]


def _dtype(seed: int) -> Any:
    """Return one of the two types of number that a program is used with."""
    return np.float32 if seed % 2 else np.float64


def _of_dtype(returned: Any, dtype: Any, what: str, how: str) -> Any:
    """Return it; ``UnusableError`` if it is an array of another type of number."""
    if isinstance(returned, np.ndarray) and returned.dtype != dtype:
        raise UnusableError(
            "dtype", f"{what} must be {np.dtype(dtype)} here, and yours are {returned.dtype}: {how}"
        )
    return returned


def _draw_grey(random: np.random.Generator) -> tuple[FloatArray, int]:
    sizes, seed = unequal_sizes(random, 2), int(random.integers(1000))
    return random.random(sizes, dtype=_dtype(seed)), seed


def _used_toss(function: Any) -> Answer:
    def run(grey: FloatArray, seed: int) -> Any:
        images = function(grey, np.random.default_rng(seed))
        return _of_dtype(images, grey.dtype, "the images", "they have the dtype of grey")

    return run


TOSS = Exercise(
    name="toss",
    piece="toss",
    answer=toss,
    use=_used_toss,
    draw=_draw_grey,
    mistakes={
        "that rounds; a pixel is 1 with the probability of its grey": (
            lambda grey, rng: (grey > 0.5).astype(grey.dtype)
        ),
        "that takes other random numbers: compare those of rng.random(grey.shape, "
        "dtype=grey.dtype)": lambda grey, rng: rng.binomial(1, grey).astype(grey.dtype),
        "rng.random lacks its dtype=grey.dtype: its float64 numbers are others": (
            lambda grey, rng: (rng.random(grey.shape) < grey).astype(grey.dtype)
        ),
        "a bright pixel should be 1 more often, and here it is so less often": (
            lambda grey, rng: (rng.random(grey.shape, dtype=grey.dtype) > grey).astype(grey.dtype)
        ),
    },
    hints=(
        "A uniform number is below p with probability p.",
        "(rng.random(grey.shape, dtype=grey.dtype) < grey).astype(grey.dtype)",
    ),
    returns=("the images",),
)


def _used_noise(function: Any) -> Answer:
    def run(count: int, latents: int, seed: int) -> Any:
        eps = function(np.random.default_rng(seed), count, latents, _dtype(seed))
        return _of_dtype(eps, _dtype(seed), "the draws", "hand dtype to rng.standard_normal")

    return run


NOISE = Exercise(
    name="noise",
    piece="noise",
    answer=noise,
    use=_used_noise,
    draw=lambda random: (*unequal_sizes(random, 2), int(random.integers(1000))),
    mistakes={
        "these are uniform numbers; N(0, I) comes from rng.standard_normal": (
            lambda rng, count, latents, dtype: rng.random((count, latents), dtype=dtype)
        ),
        "hand dtype to rng.standard_normal: float64 draws, rounded afterwards, are others": (
            lambda rng, count, latents, dtype: rng.standard_normal((count, latents)).astype(dtype)
        ),
    },
    hints=("One call of rng.", "rng.standard_normal((count, latents), dtype=dtype)"),
    returns=("eps",),
)
