"""The table of valid calls, and the arrays that they are made with."""

import numpy as np
from helpers import (
    IMAGE_SHAPE,
    normal,
    pixels,
)

IMAGES, LABELS = pixels(6, *IMAGE_SHAPE, seed=3), np.arange(6) % 3
FACTORS = {"slant": normal(6, seed=1), "digit": LABELS}
X, DY = normal(4, 3, seed=1), normal(4, 3, seed=2)
PLANES = normal(2, 6, 6, 3, seed=1)
COUNTS = {"dtype": np.float64, "rng": 0}
Q = {"mean": X, "log_variance": DY}
CALLS = {}


def add(name, call, /, **arguments):
    CALLS[name] = lambda: (call(), arguments)


def valued(function):
    return lambda: function
