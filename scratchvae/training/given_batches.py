"""Batches that the user makes: of data that are no array, and may be more than memory holds.

Dimensions: N images of a batch, … the shape of one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.data.stored import StoredImages
from scratchvae.errors import InputError, shown
from scratchvae.randomness import stream
from scratchvae.training.callables import check_callable
from scratchvae.training.protocol import Trainable
from scratchvae.training.trainer import Trainer
from scratchvae.validation import FloatArray

_ARRAYS = (list, tuple, str, bytes, Mapping, StoredImages)


class GivenBatches:
    """An epoch after the other of batches, each images (N, …) or a pair (images, labels).

    Parameters
    ----------
    given
        A function that returns an epoch's batches, and is called for each epoch; or a sequence of
        them, an object with a length whose items are batches, or another object that can be looped
        over again and again, as PyTorch's ``DataLoader`` is: once through it is an epoch. Or a
        generator, which is one epoch and no more.
    model
        What is trained on them; it must take the first batch.
    y
        ``None``: the labels come with the batches.
    epochs
        How many times they are gone through.
    settings
        What was chosen for this training.

    Raises
    ------
    InputError
        If there is nothing for so many epochs, the first batch does not fit the model, or something
        was chosen that batches have by themselves.
    """

    def __init__(
        self, given: Any, model: Trainable, y: Any, epochs: int, settings: Mapping[str, Any]
    ) -> None:
        if y is not None:
            raise InputError("labels come with the batches, as pairs: leave y out")
        _check_of_torch(given)
        if "batch_size" in settings:
            raise InputError("batches come in the size that they have", "leave out `batch_size`")
        self._again: Callable[[], Iterable[Any]]
        self.count: int | None = None
        self._once: Iterator[Any] | None = None
        if isinstance(given, type):
            self._again = given
        elif hasattr(given, "__next__"):
            self._once = given
        elif hasattr(given, "__getitem__") and hasattr(given, "__len__"):
            self.count = len(given)
            self._again = lambda: (given[place] for place in range(len(given)))
        elif hasattr(given, "__iter__"):
            self.count = len(given) if hasattr(given, "__len__") else None
            self._again = lambda: given
        else:
            self._again = given
        if self._once is not None and epochs > 1:
            raise InputError(
                f"a generator is exhausted after one epoch, and {epochs} are wanted: give the "
                "function that makes it (not its result), a sequence of batches, or epochs=1"
            )
        self._begin = model.as_images(self._first())

    def begin(self, model: Trainable) -> None:
        """Let the model begin with the images of the first batch, before the first step."""
        model.begin(self._begin)

    def _first(self) -> Any:
        """Return the images of the first batch; the epoch begins with it all the same."""
        batches = self._epoch()
        batch = next(batches, None)
        if self._once is not None and batch is not None:
            self._once = chain([batch], batches)
        if batch is None:
            raise InputError("training expects at least one batch, and there is none")
        return _taken_apart(batch, 0)[0]

    def pairs(self, trainer: Trainer) -> Iterator[tuple[FloatArray, NDArray[Any] | None]]:
        """Yield the batches of an epoch as floats, with the labels where the model needs them."""
        model, reading = trainer.model, trainer.settings.pixels
        number = -1
        for number, batch in enumerate(self._epoch()):
            images, labels = _taken_apart(batch, number)
            try:
                images = model.as_images(images)
                if not len(images):
                    raise InputError("it has no images")
                chosen = labels if getattr(model, "classes", 0) else None
                ys = model.as_labels(chosen, len(images))
            except InputError as error:
                raise InputError(f"batch {number} of this epoch: {error}") from None
            rng = stream(trainer.seed, "pixels", trainer.epoch, number)
            reads = reading if images.dtype == "uint8" else "grey"
            yield read_pixels(images[:], model.dtype, reads, rng), ys
        if number < 0:
            raise InputError(f"epoch {trainer.epoch + 1} has no batches: give some for each epoch")

    def _epoch(self) -> Iterator[Any]:
        if self._once is not None:
            return self._once
        check_callable(self._again, "the function that makes an epoch's batches")
        batches = self._again()
        if not hasattr(batches, "__iter__"):
            raise InputError(
                f"the function that makes an epoch's batches must return them, not {shown(batches)}"
            )
        return iter(batches)


def are_batches(given: Any) -> bool:
    """Tell whether these are batches, or what makes them, rather than images."""
    if isinstance(given, _ARRAYS) or hasattr(given, "__array__") or hasattr(given, "shape"):
        return isinstance(given, type)
    sequence = hasattr(given, "__getitem__") and hasattr(given, "__len__")
    return callable(given) or hasattr(given, "__iter__") or sequence


def _taken_apart(batch: Any, number: int) -> tuple[Any, Any]:
    """Return the images and the labels of a batch."""
    if isinstance(batch, list) and batch and _is_of_torch(batch[0], "Tensor"):
        # PyTorch's loaders give lists; one of images has them all of one shape.
        shapes = {tuple(each.shape) for each in batch}
        batch = tuple(batch) if len(batch) == 1 or len(shapes) > 1 else batch
    if not isinstance(batch, tuple):
        return batch, None
    if len(batch) == 1:
        return batch[0], None
    if len(batch) != 2:
        raise InputError(
            f"batch {number} must be images, or a pair of images and labels, not a tuple of "
            f"{len(batch)}"
        )
    return batch


def _is_of_torch(value: Any, name: str) -> bool:
    """Tell whether a value is of a class of PyTorch, which is not imported for that."""
    kinds = type(value).__mro__
    return any(kind.__name__ == name and kind.__module__.startswith("torch") for kind in kinds)


def _check_of_torch(given: Any) -> None:
    """Raise ``InputError`` for what PyTorch gives as single images; they are no batches."""
    wrapped = "DataLoader(dataset, batch_size=128, shuffle=True)"
    if _is_of_torch(given, "Dataset"):
        raise InputError(f"a Dataset of PyTorch has images one by one: give {wrapped}")
    if _is_of_torch(given, "DataLoader") and given.batch_size is None and not given.batch_sampler:
        raise InputError(f"this DataLoader gives images one by one: give {wrapped}")
