"""Pen positions drawn as ink, and where the centre of the ink is."""

import numpy as np
from numpy.typing import NDArray

SIDE = 28  # pixels across and down a picture

# The drawing is a soft minimum over pen positions; this is how sharp it is, per square pixel.
SHARPNESS = 1.6
# Width in pixels of the grey rim of a line.
RIM = 1.2
# Beyond this the terms of the soft minimum are negligible, and their products underflow float32.
FARTHEST = 40.0


def draw_ink(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    length: NDArray[np.float32],
    radius: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Draw pen positions as ink: (N, SAMPLES) arrays in pixels to (N, 28, 28) uint8.

    With β the sharpness, l the piece lengths and d_k a pixel's distance to pen position k,

        D² = R² - (1/β) log( √(β/π) Σ_k l_k exp(-β (d_k² - r_k²)) ),

    R the mean radius, is a smooth minimum over k of d_k² - r_k² + R²: on a long straight line of
    even width it is the squared distance to the line exactly, since ∫ exp(-β s²) ds = √(π/β). As
    the Gaussian of a distance is a product of one in x and one in y, the sum is a product of two
    small matrices. Ink is 1 where D < R, and falls to 0 over a rim of width ``RIM`` around D = R.
    """
    pixel = np.arange(SIDE, dtype=np.float32)[:, None]
    mean_radius = radius.mean(axis=1)[:, None, None]
    weight = length * np.exp(SHARPNESS * (radius * radius - mean_radius[:, 0] ** 2))
    across = _bell(pixel - x[:, None, :])
    down = _bell(pixel - y[:, None, :])
    down *= weight[:, None, :]
    field = down @ across.transpose(0, 2, 1)
    field *= np.float32(np.sqrt(SHARPNESS / np.pi))
    distance = np.sqrt(np.maximum(np.log(field) * np.float32(-1 / SHARPNESS), 0))
    ink = (mean_radius - distance) * np.float32(1 / RIM) + np.float32(0.5)
    np.clip(ink, 0, 1, out=ink)
    pixels: NDArray[np.uint8] = (ink * 255 + np.float32(0.5)).astype(np.uint8)
    return pixels


def _bell(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(-β distance²), in place."""
    distance *= distance
    distance *= -SHARPNESS
    np.maximum(distance, -FARTHEST, out=distance)
    return np.exp(distance, out=distance)


def centre_of_mass(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the x and y of the centre of the ink of images (N, 28, 28), as (N, 2)."""
    pixel = np.arange(SIDE, dtype=np.float32)
    columns = images.sum(axis=1, dtype=np.float32)
    rows = images.sum(axis=2, dtype=np.float32)
    mass = columns.sum(axis=1)
    return np.stack((columns @ pixel / mass, rows @ pixel / mass), axis=1)
