"""Stacks of layers, drawn so that they fit one another, and a layer that no engine knows."""

import numpy as np
from hypothesis import strategies as st

from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
)

ACTIVATIONS = [ReLU, lambda: ELU(0.7), Tanh, Sigmoid, Softplus]


class Stranger(Layer):
    """A layer that the engine does not know, which keeps all that it is given."""

    def __init__(self):
        super().__init__()
        self.kept, self.copies = [], []

    def note(self, array):
        self.kept.append(array)
        self.copies.append(array.copy())

    def forward(self, x, training=False):
        self.note(x)
        self.x = x
        return x**2

    def backward(self, dy):
        self.note(dy)
        return 2 * self.x * dy


@st.composite
def stacks(draw):
    """Draw layers that fit one another, what goes in, and whether in training."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    options = {"rng": draw(st.integers(0, 99)), "dtype": dtype}
    side, channels = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    shape = (draw(st.integers(1, 5)), side, side, channels)
    layers, flat = [], False
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["linear", "norm", "activation", "shape", "stranger"]))
        if kind == "activation":
            layers.append(draw(st.sampled_from(ACTIVATIONS))())
        elif kind == "stranger":
            layers.append(Stranger())
            layers.append(Tanh())  # squares of squares would soon be too large to compare
        elif kind == "norm":
            layers.append(BatchNorm(channels, dtype=dtype))
        elif kind == "shape":
            if flat:
                layers.append(Reshape((1, 1, channels)))
                side = 1
            else:
                layers.append(Flatten())
                channels *= side * side
            flat = not flat
        elif flat:
            wide = draw(st.integers(1, 9))
            layers.append(Dense(channels, wide, **options))
            channels = wide
        else:
            wide, kernel = draw(st.integers(1, 5)), draw(st.integers(1, 3))
            stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 1))
            if draw(st.booleans()) and side + 2 * padding >= kernel:
                layers.append(Conv2D(channels, wide, kernel, stride, padding, **options))
                side = (side + 2 * padding - kernel) // stride + 1
            elif 0 < (side - 1) * stride + kernel - 2 * padding <= 15:
                layers.append(ConvTranspose2D(channels, wide, kernel, stride, padding, **options))
                side = (side - 1) * stride + kernel - 2 * padding
            else:
                continue
            channels = wide
    training = draw(st.booleans())
    norms = any(isinstance(layer, BatchNorm) for layer in layers)
    # A channel of few values that are nearly the same is divided by nearly nothing.
    return layers, shape, dtype, training and not norms, draw(st.integers(0, 99))
