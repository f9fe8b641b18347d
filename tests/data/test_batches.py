import numpy as np
import pytest
from helpers import refused
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.data.batches import count_batches, epoch_batches, read_pixels

IMAGES = np.arange(7 * 4, dtype=np.uint8).reshape(7, 2, 2, 1) * 9


def batches(images=IMAGES, **changes):
    options = {"batch_size": 3, "seed": 1, "epoch": 0} | changes
    return list(epoch_batches(images, **options))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grey_pixels_are_shares_of_white(dtype):
    grey = read_pixels(np.array([0, 51, 255], np.uint8), dtype)
    assert grey.dtype == dtype
    np.testing.assert_allclose(grey, [0, 0.2, 1], rtol=1e-6)
    # Pixels that are floats already are shares: only their dtype changes.
    np.testing.assert_array_equal(read_pixels(np.array([0.25, 1.0]), dtype), [0.25, 1])


def test_binarised_pixels_are_one_with_the_pixels_probability():
    values = np.array([0, 1, 51, 254, 255], np.uint8)
    pixels = np.repeat(values, 40_000).reshape(5, -1)
    drawn = read_pixels(pixels, np.float32, "binarised", np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert set(np.unique(drawn)) == {0, 1}
    assert drawn[0].max() == 0
    assert drawn[-1].min() == 1
    shares = values / 255
    error = np.abs(drawn.mean(axis=1) - shares)
    assert (error <= 5 * np.sqrt(shares * (1 - shares) / 40_000)).all()


def test_floats_have_been_read_already():
    floats = np.array([0, 0.25, 1])
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(read_pixels(floats, np.float64, "binarised", rng), floats)


def test_unknown_readings_are_refused():
    with refused("grey or binarised", "'colour'"):
        read_pixels(IMAGES, np.float32, "colour", np.random.default_rng(0))
    with refused("an rng"):
        read_pixels(IMAGES, np.float32, "binarised")


@given(images=st.integers(0, 40), batch_size=st.integers(1, 50), epoch=st.integers(0, 3))
def test_an_epoch_shows_every_image_once(images, batch_size, epoch):
    data = np.arange(images, dtype=np.float64).reshape(images, 1, 1, 1)
    drawn = batches(data, batch_size=batch_size, epoch=epoch, dtype=np.float64)
    assert len(drawn) == count_batches(images, batch_size)
    assert all(len(batch) == batch_size for batch in drawn[:-1])
    seen = np.concatenate([batch.ravel() for batch in drawn]) if drawn else np.empty(0)
    assert sorted(seen) == list(range(images))


@pytest.mark.parametrize("reading", ["grey", "binarised"])
def test_an_epoch_goes_on_in_the_middle_as_if_it_had_not_been_interrupted(reading):
    whole = batches(reading=reading)
    for first in range(4):
        rest = batches(reading=reading, first_batch=first)
        assert len(rest) == 3 - first
        for left, right in zip(rest, whole[first:], strict=True):
            np.testing.assert_array_equal(left, right)


def test_seed_and_epoch_change_the_order_and_the_coin_tosses():
    middle = np.full((7, 2, 2, 1), 127, np.uint8)
    for change in ({"seed": 2}, {"epoch": 1}):
        assert any((a != b).any() for a, b in zip(batches(), batches(**change), strict=True))
        first, second = (
            np.concatenate(batches(middle, reading="binarised", **c)) for c in ({}, change)
        )
        assert (first != second).any()


def test_batches_leave_the_data_alone():
    before = IMAGES.copy()
    for batch in batches():
        batch += 1
    np.testing.assert_array_equal(IMAGES, before)
    assert IMAGES.dtype == np.uint8
