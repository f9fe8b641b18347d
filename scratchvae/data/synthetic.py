"""Handwritten-looking digits drawn from strokes, so that everything runs without a network.

A digit is a few pen strokes (``strokes.py``). One of the ways of writing it is picked and bent a
little, and seven known factors (``factors.py``) then stretch, slant, turn and place it; the pen's
positions become a picture in ``ink.py``. The picture follows MNIST's conventions: 28×28 pixels, ink
255 on 0, at most 20×20 pixels of ink, and the centre of mass in the middle of the picture before
the shift.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scratchvae.data.factors import (
    FACTOR_NAMES,
    FACTORS,
    SHIFT,
    THICKNESS,
    Factor,
    check_factors,
    check_labels,
    named_factors,
)
from scratchvae.data.ink import SIDE, centre_of_mass, draw_ink
from scratchvae.data.strokes import SAMPLES, stroke_table
from scratchvae.validation import check_between, check_count, check_seed

__all__ = [
    "FACTORS",
    "FACTOR_NAMES",
    "Factor",
    "SyntheticDigits",
    "make_synthetic_digits",
    "named_factors",
]

BOX = 20.0
CENTRE = (SIDE - 1) / 2  # pixel centres are at whole coordinates
CHUNK = 250  # digits drawn at a time. Random streams belong to chunks: changing it changes digits

# How handwriting varies, in units of half the digit's height: the standard deviation of each point,
# of the coefficients of a smooth warp (second and third order in x and y), and of the pen's width.
JITTER = 0.04
WARP = 0.09
PEN = 0.10
MOST_STYLE = 10.0  # far beyond what is legible
PEN_WAVES = (0.5, 1.0, 2.5, 7.0)  # swings of the pen's width along a digit


@dataclass(frozen=True)
class SyntheticDigits:
    """Digits and everything known about them.

    Attributes
    ----------
    images
        (N, 28, 28, 1) uint8, ink 255 on 0.
    labels
        (N,) uint8, the digits 0 to 9.
    factors
        (N, 7) float32, in the order of ``FACTOR_NAMES`` and the units of ``FACTORS``.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    factors: NDArray[np.float32]


def make_synthetic_digits(
    count: int,
    *,
    seed: int = 0,
    labels: ArrayLike | None = None,
    factors: ArrayLike | None = None,
    style: float = 1.0,
) -> SyntheticDigits:
    """Draw digits.

    The same arguments give the same bytes for any number of threads. Digit i depends on the seed,
    i, and its own label and factors, not on the other digits or on how many there are. Labels are
    uniform on 0 to 9 and each factor is triangular, as ``FACTORS`` says, all independent of one
    another.

    Parameters
    ----------
    count
        N ≥ 0, how many digits.
    seed
        A whole number ≥ 0.
    labels
        The digits to draw, (N,); ``None``: at random.
    factors
        The factors to draw with, (N, 7), in the order of ``FACTOR_NAMES``; ``None``: at random.
    style
        How strong the variation is that is not one of the factors: which way of writing the digit,
        how it is bent, how it wobbles. At 0 there is none, and an image is a function of only its
        label and factors; 1 looks like many people's handwriting; at most 10.

    Raises
    ------
    InputError
        If a number is negative, a label is not a digit, or a factor is missing or out of bounds.
    """
    count = check_count(count, "count", 0)
    seed = check_seed(seed)
    style = check_between(style, "style", 0, MOST_STYLE)  # 0 is no variation
    chosen_labels = None if labels is None else check_labels(labels, count)
    chosen_factors = None if factors is None else check_factors(factors, count)
    low, mode, high = np.array([(f.low, f.mode, f.high) for f in FACTORS.values()]).T
    drawn = SyntheticDigits(
        np.empty((count, SIDE, SIDE, 1), np.uint8),
        np.empty(count, np.uint8),
        np.empty((count, len(FACTORS)), np.float32),
    )

    def draw(start: int) -> None:
        # Always a full chunk, cut short only at the end, so that no pixel depends on `count`.
        rows = slice(start, min(start + CHUNK, count))
        size = rows.stop - start
        random = np.random.default_rng([seed, start // CHUNK])
        chunk_labels = random.integers(0, 10, CHUNK, dtype=np.uint8)
        chunk_factors = random.triangular(low, mode, high, (CHUNK, len(FACTORS))).astype(np.float32)
        if chosen_labels is not None:
            chunk_labels[:size] = chosen_labels[rows]
        if chosen_factors is not None:
            chunk_factors[:size] = chosen_factors[rows]
        skeleton, step, pen = _write(chunk_labels, style, random)
        x, y, length = _shape(skeleton, step, chunk_factors)
        radius = pen * chunk_factors[:, THICKNESS, None] * np.float32(0.5)
        # Where lines cross, the ink counts once, so its centre is measured on a first drawing.
        offset = CENTRE - centre_of_mass(draw_ink(x, y, length, radius)) + chunk_factors[:, SHIFT]
        image = draw_ink(x + offset[:, :1], y + offset[:, 1:], length, radius)
        drawn.images[rows, :, :, 0] = image[:size]
        drawn.labels[rows] = chunk_labels[:size]
        drawn.factors[rows] = chunk_factors[:size]

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for _ in threads.map(draw, range(0, count, CHUNK)):
            pass  # NumPy releases the interpreter's lock; iterating raises the threads' errors
    return drawn


def _write(
    labels: NDArray[np.uint8], style: float, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return handwritten digits, before the known factors.

    Returns pen positions (N, SAMPLES, 2) in a box of height 1, the pieces of stroke around them
    (N, SAMPLES, 2), and the pen's width at each (N, SAMPLES), relative to the mean.
    """
    table = stroke_table()
    size = len(labels)
    # A draw is made whether or not it is used: the stream must not depend on labels or style.
    uniform = random.random((size, 3))
    normal = random.standard_normal
    jitter = normal((size, table.points.shape[2], 2), np.float32)
    bend = normal((size, 7, 2), np.float32)
    waves = normal((size, len(PEN_WAVES)), np.float32)
    phases = random.random((size, len(PEN_WAVES)), np.float32)

    chosen = (uniform[:, :1] >= table.shares[labels]).sum(axis=1)
    form = np.where(uniform[:, 1] < style, chosen, table.first_of_digit[labels])
    between = (0.5 + min(style, 1.0) * (uniform[:, 2] - 0.5)).astype(np.float32)[:, None, None]
    points = (1 - between) * table.points[form, 0] + between * table.points[form, 1]
    x, y = points[..., 0], points[..., 1]
    powers = np.stack((x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3), axis=2)
    points = points + np.float32(style) * (JITTER * jitter + WARP * (powers @ bend))

    position = table.middles[form] @ points
    step = table.steps[form] @ points
    low = position.min(axis=1, keepdims=True)
    high = position.max(axis=1, keepdims=True)
    tall = (high - low)[:, :, 1:]
    along = np.linspace(0, 2 * np.pi, SAMPLES, dtype=np.float32)
    angle = along * np.array(PEN_WAVES, np.float32)[:, None]
    pen = np.ones((size, SAMPLES), np.float32)
    for wave in range(len(PEN_WAVES)):
        swing = np.sin(angle[wave] + 2 * np.pi * phases[:, wave, None])
        pen += np.float32(style * PEN) * waves[:, wave, None] * swing
    return (position - low) / tall, step / tall, np.clip(pen, 0.6, 1.5)


def _shape(
    skeleton: NDArray[np.float32], step: NDArray[np.float32], factors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Apply all factors but the shift; return x, y and piece length in pixels, (N, SAMPLES).

    The digit's box is left in the middle of the picture.
    """
    slant, turn, width, height, thickness = factors.T[: SHIFT.start, :, None]
    slant, turn = np.tan(np.deg2rad(slant)), np.deg2rad(turn)
    inner = BOX - thickness  # the pen's own width counts as part of the box
    cos, sin = np.cos(turn), np.sin(turn)
    # One matrix [[a, b], [c, d]]: stretch, then slant, then turn (y points down).
    a, b = inner * width * cos, -inner * height * (slant * cos + sin)
    c, d = inner * width * sin, inner * height * (cos - slant * sin)
    x = a * skeleton[..., 0] + b * skeleton[..., 1]
    y = c * skeleton[..., 0] + d * skeleton[..., 1]
    length = np.hypot(a * step[..., 0] + b * step[..., 1], c * step[..., 0] + d * step[..., 1])
    # As in MNIST, what would stick out of the box is shrunk, keeping its proportions; the line's
    # thickness stays what the factor says.
    extent = np.maximum(np.ptp(x, axis=1), np.ptp(y, axis=1))[:, None]
    shrink = np.minimum(1, inner / extent)
    x -= (x.min(axis=1, keepdims=True) + x.max(axis=1, keepdims=True)) / 2
    y -= (y.min(axis=1, keepdims=True) + y.max(axis=1, keepdims=True)) / 2
    return x * shrink + CENTRE, y * shrink + CENTRE, length * shrink
