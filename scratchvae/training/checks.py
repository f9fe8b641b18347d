"""What is checked of a model before its first step, and after its last."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.errors import InputError, shown
from scratchvae.layers import Layer
from scratchvae.layers.sequential import each_layer
from scratchvae.training.protocol import LossTerms, Trainable
from scratchvae.validation import FloatArray, check_is


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
    buffers = copies(model.buffers)
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
        put_back(model.buffers, buffers)


def not_learned(model: Trainable) -> Iterator[str]:
    """Yield the layers with parameters that a model, or a layer of the reader's own, has forgotten.

    They run, and neither an optimiser nor a checkpoint knows of them.
    """
    layers = {
        f"{name}, layer {place}" if place else name: layer
        for name, network in model.networks.items()
        for place, layer in enumerate(each_layer(network))
        if not type(layer).__module__.startswith("scratchvae.layers.")
    }
    known = {id(parameter) for parameter in model.parameters.values()}
    owners: dict[str, Any] = {type(model).__name__: model, **layers}
    for where, owner in owners.items():
        for name, value in list(vars(owner).items()):
            parts = {f".{name}": value}
            if isinstance(value, list | tuple):
                parts = {f".{name}[{place}]": part for place, part in enumerate(value)}
            elif isinstance(value, Mapping):
                parts = {f".{name}[{key!r}]": part for key, part in value.items()}
            for path, part in parts.items():
                learned = part.parameters.values() if isinstance(part, Layer) else ()
                if any(id(parameter) not in known for parameter in learned):
                    yield f"{where}{path}, a {type(part).__name__},"


def copies(buffers: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Return copies of buffers by name; ``InputError`` if one cannot be trained."""
    check_writeable(buffers)
    return {name: buffer.copy() for name, buffer in buffers.items()}


def put_back(buffers: Mapping[str, FloatArray], before: Mapping[str, FloatArray]) -> None:
    """Give buffers the numbers that they had ``before``.

    They go by name, since a layer may put a new array in the place of the one before with each
    batch. What cannot be written to was not written to.
    """
    for name, buffer in buffers.items():
        if name in before and buffer.flags.writeable and buffer.shape == before[name].shape:
            buffer[...] = before[name]


def check_writeable(arrays: Mapping[str, Any]) -> None:
    """Raise ``InputError`` unless all of these are arrays that training can write to."""
    for name, array in arrays.items():
        check_is(array, name, np.ndarray)
        if not array.flags.writeable:
            raise InputError(f"{name} must be writeable to be trained, not read-only: give a copy")


def check_terms(model: object, terms: Any) -> LossTerms:
    """Return what a model's ``forward`` gave; ``InputError`` unless it is the terms of a loss."""
    if not isinstance(terms, LossTerms) or not isinstance(terms.loss, int | float | np.floating):
        kind = type(model).__name__
        raise InputError(
            f"{kind}.forward must return LossTerms of numbers, not {shown(terms)}: return "
            "LossTerms(loss, reconstruction, kl), as floats"
        )
    return terms


def check_state(model: Trainable, steps: int, learning_rate: float) -> None:
    """Raise ``InputError`` unless all that is learned or kept is finite after so many ``steps``."""
    arrays = {name: parameter.value for name, parameter in model.parameters.items()}
    for name, array in (arrays | dict(model.buffers)).items():
        if not np.isfinite(array).all():
            raise InputError(
                f"{name} became infinite or NaN by step {steps}",
                f"use a learning rate below {learning_rate:g}, or options less extreme",
            )
