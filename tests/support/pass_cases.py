"""What tests of the passes over memory share: shapes, draws, closeness, activations by name."""

import numpy as np
from hypothesis import strategies as st

DTYPES = (np.float32, np.float64)
# A few units in the last place of results of order 1 to 10; sums of up to 10,000 terms of order 1
# lose up to a hundredth of the square root of that many.
TOLERANCE = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 4e-15}
ALPHA = 0.75
ACTIVATIONS = ("relu", "elu", "tanh", "sigmoid", "softplus")

shapes = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple)
channel_shapes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 33))


def draw(seed, shape, dtype, spread=3.0):
    return (spread * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def assert_close(found, expected, scale=1.0):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    size = max(float(np.abs(expected).max(initial=0)), 1.0)
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=scale * size * TOLERANCE[expected.dtype]
    )


def activate(module, activation, x, alpha=ALPHA):
    """Return an activation of ``x`` by ``kernels`` or by ``reference``."""
    if activation == "identity":
        return x
    return getattr(module, activation)(x, *([alpha] if activation == "elu" else []))


def activate_backward(module, activation, dy, y, alpha=ALPHA):
    if activation == "identity":
        return dy
    backward = getattr(module, f"{activation}_backward")
    return backward(dy, y, *([alpha] if activation == "elu" else []))
