"""The output padding of a transposed convolution: of rows and of columns."""

import numpy as np
import pytest
from helpers import normal, refused

import scratchvae
from scratchvae.layers import Conv2D, ConvTranspose2D


@pytest.mark.parametrize("sides", [(6, 7), (7, 6), (5, 5), (8, 8)])
def test_a_pair_brings_back_any_rows_and_columns(sides):
    options = {"stride": 2, "padding": 1, "dtype": np.float64}
    down = Conv2D(2, 3, 3, rng=0, **options)
    image = normal(2, *sides, 2)
    small = down.forward(image)
    more = tuple(1 - side % 2 for side in sides)
    up = ConvTranspose2D(3, 2, 3, output_padding=more, rng=1, **options)
    assert up.forward(small).shape == image.shape
    up.parameters["weight"].value[...] = down.parameters["weight"].value
    for layer in (up, down):
        layer.parameters["bias"].value[...] = 0
    # The two are each other's transpose: eq. 15.2.
    y = normal(*small.shape, seed=1)
    left, right = np.sum(down.forward(image) * y), np.sum(image * up.forward(y))
    np.testing.assert_allclose(left, right, rtol=1e-12)


def test_two_equal_numbers_are_as_one():
    one = ConvTranspose2D(2, 3, 3, stride=2, output_padding=1, rng=0)
    two = ConvTranspose2D(2, 3, 3, stride=2, output_padding=(1, 1), rng=0)
    x = normal(2, 4, 5, 2).astype(np.float32)
    np.testing.assert_array_equal(one.forward(x), two.forward(x))
    assert (one.output_paddings, two.output_paddings) == ((1, 1), (1, 1))


def test_gradients_with_a_pair_are_right():
    layer = ConvTranspose2D(
        2, 3, 3, stride=2, padding=1, output_padding=(0, 1), rng=0, dtype=np.float64
    )
    assert scratchvae.gradcheck(layer, normal(2, 3, 4, 2)).passed
    assert "output_padding=(0, 1)" in repr(layer)


@pytest.mark.parametrize("bad", [(0, 2), (2, 0), (1,), (0, 0, 0), (0, -1), "1", 0.5], ids=str)
def test_what_is_no_output_padding_is_refused(bad):
    with refused("output_padding"):
        ConvTranspose2D(2, 3, 3, stride=2, output_padding=bad)
