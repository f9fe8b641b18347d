"""Bits per dimension, in which publications on 8-bit images give their likelihoods."""

from math import log, prod
from typing import Any

import numpy as np

from scratchvae.errors import InputError, shown
from scratchvae.validation import FloatArray, as_array, check_sizes


def bits_per_dimension(nats: Any, image_shape: tuple[int, ...]) -> FloatArray:
    """Return nats per image in bits per dimension: nats / (D log 2), for the D numbers of an image.

    Comparable are those of a probability of 8-bit images, as ``DiscretisedLogisticLikelihood`` has;
    a density of grey pixels depends on the unit that they are in.

    Parameters
    ----------
    nats
        −log P(x), or minus a bound on it (``-model.elbo(images)``): a number, or an array.
    image_shape
        (H, W, C), as of ``model.image_shape``: D = H W C.

    Raises
    ------
    InputError
        If ``nats`` are no numbers, or ``image_shape`` holds anything but counts.
    """
    found = as_array(nats, "nats")
    if found.dtype.kind not in "fiu":
        raise InputError(f"nats must be numbers, not {shown(nats)}: give -model.elbo(images)")
    dimensions = prod(check_sizes(image_shape, "image_shape"))
    bits: FloatArray = np.asarray(found / (dimensions * log(2)))
    return bits
