"""Images averaged down."""

import numpy as np
from helpers import each_dtype, pixels, refused

from scratchvae.data.shrink import shrink


@each_dtype
def test_a_small_image_has_the_means_of_blocks(dtype):
    images = pixels(3, 6, 6, 2, dtype=dtype)
    small = shrink(images, 3)
    assert (small.shape, small.dtype) == ((3, 3, 3, 2), dtype)
    for row, column in np.ndindex(3, 3):
        block = images[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_allclose(small[:, row, column], block.mean(axis=(1, 2)), rtol=1e-6)


def test_black_is_added_around_what_does_not_divide():
    images = np.full((2, 28, 28, 1), 255, np.uint8)
    small = shrink(images, 8)
    assert (small.shape, small.dtype) == ((2, 8, 8, 1), np.uint8)
    assert (small[:, 1:-1, 1:-1] == 255).all()
    assert (small[:, 0, 1:-1] == 128).all()  # two of four rows, rounded to even
    assert small[0, 0, 0] == 64
    np.testing.assert_array_equal(shrink(images, 28), images)


def test_what_is_not_square_is_refused():
    for images in (np.zeros((2, 5, 6, 1)), np.zeros((2, 5, 5)), np.zeros((2, 5, 5, 1))):
        with refused("images must be square", "8 or more"):
            shrink(images, 8)
    with refused("side"):
        shrink(np.zeros((2, 5, 5, 1)), 0)
