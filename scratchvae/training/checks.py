"""What is checked of a model before its first step, and after its last."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.training.protocol import Trainable


def check_last_batch(
    model: Trainable, images: NDArray[Any], labels: NDArray[Any] | None, batch_size: int
) -> None:
    """Raise ``InputError`` if an epoch's last batch is one image, and a layer refuses that.

    Batch norm needs several values per channel. So that training does not end there, one image
    takes a forward pass on a double before the first step; buffers are put back.
    """
    left = len(images) % batch_size or batch_size
    if min(left, len(images)) > 1 or not model.buffers:
        return
    buffers = [(buffer, buffer.copy()) for buffer in model.buffers.values()]
    x = read_pixels(images[:1], model.dtype)
    noise = model.draw_noise(1, np.random.default_rng(0))
    condition = {} if labels is None else {"labels": labels[:1]}
    try:
        with np.errstate(all="ignore"), looking_at(model) as double:
            double.forward(x, noise, training=True, **condition)
    except InputError as error:
        raise InputError(
            f"an epoch's last batch would hold one image of {len(images)}, and {error}"
        ) from None
    finally:
        for buffer, before in buffers:
            buffer[...] = before


def check_state(model: Trainable, steps: int, learning_rate: float) -> None:
    """Raise ``InputError`` unless all that is learned or kept is finite after so many ``steps``."""
    arrays = {name: parameter.value for name, parameter in model.parameters.items()}
    for name, array in (arrays | dict(model.buffers)).items():
        if not np.isfinite(array).all():
            raise InputError(
                f"{name} became infinite or NaN by step {steps}",
                f"use a learning rate below {learning_rate:g}, or options less extreme",
            )
