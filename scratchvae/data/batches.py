"""From 8-bit pixels to the batches of floats that a model sees.

The data set stays ``uint8`` in memory, an eighth of its size in float64: a batch is converted when
its turn comes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.data.stored import StoredImages
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import empty
from scratchvae.randomness import stream
from scratchvae.validation import FloatArray

PIXEL_READINGS = ("grey", "binarised")


def read_pixels(
    pixels: NDArray[Any],
    dtype: DTypeLike,
    reading: str = "grey",
    rng: np.random.Generator | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return pixels as floats in [0, 1].

    Parameters
    ----------
    pixels
        Images of any shape: 8-bit, 0 for black to 255 for white, or floats from 0 to 1.
    dtype
        ``float32`` or ``float64``.
    reading
        Of 8-bit pixels. ``"grey"``: values / 255 (eq. 1.1 of the lessons). ``"binarised"``: 1 with
        that probability, else 0. Floats have been read already, and are taken as they are.
    rng
        Where the coin tosses of ``"binarised"`` come from.
    out
        Where to put the result.
    """
    eight_bit = pixels.dtype == np.uint8
    if reading == "grey" or not eight_bit:
        factor = np.asarray(1 / 255 if eight_bit else 1.0, dtype=dtype)
        grey: FloatArray = np.multiply(pixels, factor, dtype=dtype, out=out)
        return grey
    if reading != "binarised" or rng is None:
        raise InputError(
            f"pixels are read as {' or '.join(PIXEL_READINGS)} (the latter with an rng), "
            f"not {reading!r}"
        )
    # A pixel of v is 1 for v of the 255 equally likely values 0 … 254: exactly v / 255.
    ones = rng.integers(0, 255, pixels.shape, dtype=np.uint8) < pixels
    if out is None:
        return ones.astype(dtype)
    out[...] = ones
    return out


def epoch_batches(
    images: NDArray[Any],
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    first_batch: int = 0,
    dtype: DTypeLike = np.float32,
    reading: str = "grey",
) -> Iterator[FloatArray]:
    """Yield every image once, in an order drawn for this epoch, as batches of floats.

    Order and coin tosses depend only on ``seed``, ``epoch`` and the batch's number, so an
    interrupted epoch continues at ``first_batch`` as if it had never stopped.
    """
    order = stream(seed, "shuffle", epoch).permutation(len(images))
    for batch in range(first_batch, count_batches(len(images), batch_size)):
        places = order[batch * batch_size : (batch + 1) * batch_size]
        shape = (len(places), *images.shape[1:])
        if isinstance(images, StoredImages):
            chosen = images[places]
        else:
            chosen = empty(shape, images.dtype)
            # The places are valid; with "clip" instead of "raise" nothing is copied to make sure.
            np.take(images, places, axis=0, out=chosen, mode="clip")
        rng = stream(seed, "pixels", epoch, batch) if reading == "binarised" else None
        out = empty(shape, np.dtype(dtype))
        yield read_pixels(chosen, dtype, reading, rng, out)


def label_batches(
    labels: NDArray[Any], *, batch_size: int, seed: int, epoch: int, first_batch: int = 0
) -> Iterator[NDArray[Any]]:
    """Yield the labels of the batches of ``epoch_batches``, in its order."""
    order = stream(seed, "shuffle", epoch).permutation(len(labels))
    for batch in range(first_batch, count_batches(len(labels), batch_size)):
        yield labels[order[batch * batch_size : (batch + 1) * batch_size]]


def count_batches(images: int, batch_size: int) -> int:
    """Return how many batches an epoch has; the last may be smaller than the others."""
    return -(-images // batch_size)
