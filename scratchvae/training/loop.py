"""The training loop: epochs of batches, a progress bar, and an orderly end on Ctrl-C."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import count_batches, epoch_batches, label_batches
from scratchvae.data.stored import StoredImages
from scratchvae.engine import trained_by
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import Arena
from scratchvae.progress import progress_bar
from scratchvae.training.callables import check_callable
from scratchvae.training.checks import check_last_batch, check_state
from scratchvae.training.divergence import NotFiniteError, unwarned
from scratchvae.training.early_stopping import has_stalled
from scratchvae.training.epoch_metrics import EpochMetrics
from scratchvae.training.given_batches import GivenBatches
from scratchvae.training.interruption import OrderlyStop
from scratchvae.training.protocol import LossMean, LossTerms, Trainable
from scratchvae.training.trainer import Trainer
from scratchvae.validation import FloatArray, check_flag, check_is

_Batch = tuple[FloatArray, NDArray[Any] | None]  # images and their labels


def train(
    trainer: Trainer,
    images: NDArray[Any],
    test_images: NDArray[Any] | None = None,
    *,
    labels: NDArray[Any] | None = None,
    test_labels: NDArray[Any] | None = None,
    progress: bool = True,
    on_epoch: Callable[[EpochMetrics], None] | None = None,
    on_batch: Callable[[int], None] | None = None,
    earlier: Sequence[EpochMetrics] = (),
) -> list[EpochMetrics]:
    """Train until the settings' number of epochs is complete, from where the trainer stands.

    Returns the metrics of the epochs that were completed in this call.

    Parameters
    ----------
    trainer
        The model, the optimiser and the place reached so far.
    images, test_images
        (N, H, W, C), 8-bit or floats. The test images are evaluated after each epoch. 8-bit pixels
        are read as the settings say, floats are taken as they are, here as everywhere.
    labels, test_labels
        (N,), for a class-conditional model.
    progress
        Whether to show a progress bar (only where there is a terminal or a notebook to show it in).
    on_epoch
        Called with each complete epoch's metrics, to save them.
    on_batch
        Called after each step with its number of images, for a progress display of the caller's. It
        may use the model, and keep what the model returns.
    earlier
        The metrics of the epochs before this call, if any, which early stopping looks at as well.

    Raises
    ------
    InputError
        If there are no images, or any array does not fit the model, or the model is being trained
        already: before the first step. Or if the loss is not finite.
    Interrupted
        On Ctrl-C, after the step or the evaluation under way; standard error says so at once. A
        second Ctrl-C stops immediately, as the ``KeyboardInterrupt`` that it is anywhere else.
    """
    check_is(trainer, "trainer", Trainer, "Trainer(model)")
    check_flag(progress, "progress")
    for name, function in (("on_epoch", on_epoch), ("on_batch", on_batch)):
        if function is not None:
            check_callable(function, name, _CALLED_WITH[name], kind="a function or None")
    check_training_set(images, labels)
    images, labels = trainer.model.as_images(images), trainer.model.as_labels(labels, len(images))
    test_images, test_labels = _checked_tests(trainer.model, test_images, test_labels)
    return run_epochs(
        trainer,
        images,
        test_images,
        labels=labels,
        test_labels=test_labels,
        progress=progress,
        on_epoch=on_epoch,
        on_batch=on_batch,
        earlier=earlier,
    )


_CALLED_WITH = {"on_epoch": "the epoch's metrics", "on_batch": "a number of images"}


def run_epochs(
    trainer: Trainer,
    images: NDArray[Any] | GivenBatches,
    test_images: NDArray[Any] | None,
    *,
    labels: NDArray[Any] | None,
    test_labels: NDArray[Any] | None,
    progress: bool,
    on_epoch: Callable[[EpochMetrics], None] | None = None,
    on_batch: Callable[[int], None] | None = None,
    earlier: Sequence[EpochMetrics] = (),
) -> list[EpochMetrics]:
    """Do what ``train`` does, with arrays that are known to fit the model, or with batches."""
    settings = trainer.settings
    if settings.patience and test_images is None:
        raise InputError(
            f"patience={settings.patience} watches the loss of images that training does not see",
            "give `test_images` as well, or leave `patience` out",
        )
    count: int | None = None
    if isinstance(images, GivenBatches):
        batches = images.count
    else:
        count = len(images)
        batches = count_batches(count, settings.batch_size)
        _check_place(trainer, count)
    history: list[EpochMetrics] = []
    with (
        trained_by(trainer, trainer.model),
        _progress_bar(trainer, count, progress) as bar,
        OrderlyStop() as stop,
    ):
        if isinstance(images, GivenBatches):
            images.begin(trainer.model)
        else:
            check_last_batch(trainer.model, images, labels, settings.batch_size)
            if trainer.optimiser.steps == 0:
                trainer.model.begin(images)
        while trainer.epoch < settings.epochs:
            if has_stalled([*earlier, *history], settings.patience):
                break
            start = time.perf_counter() - trainer.running_seconds
            pairs = (
                images.pairs(trainer)
                if isinstance(images, GivenBatches)
                else _pairs(trainer, images, labels)
            )
            lends = trainer.engine.lends(trainer.model)
            for x, y in _drawn_in_turn(pairs) if lends else pairs:
                conditions = {} if y is None else {"labels": y}
                stop.raise_if_requested()
                share = trainer.batch / batches if batches else 0.0  # of the epoch
                trainer.schedule((trainer.epoch + share) / settings.epochs)
                terms = trainer.step_on_floats(x, **conditions)
                trainer.running.add(terms, len(x))
                trainer.batch += 1
                trainer.running_seconds = time.perf_counter() - start
                if trainer.batch % 20 == 1 or trainer.batch == batches:
                    bar.set_description_str(_describe(trainer), refresh=False)
                bar.update(len(x))
                if on_batch is not None:
                    on_batch(len(x))
            check_state(trainer.model, trainer.optimiser.steps, trainer.optimiser.learning_rate)
            test = _evaluate(trainer, test_images, test_labels)
            train_terms = _epoch_mean(trainer)
            trainer.epoch, trainer.batch = trainer.epoch + 1, 0
            trainer.running, trainer.running_seconds = LossMean(), 0.0
            metrics = EpochMetrics(trainer.epoch, train_terms, test, time.perf_counter() - start)
            history.append(metrics)
            if on_epoch is not None:
                bar.clear()
                on_epoch(metrics)
        stop.raise_if_requested()
    return history


def _pairs(trainer: Trainer, images: NDArray[Any], labels: NDArray[Any] | None) -> Iterator[_Batch]:
    """Yield the rest of an epoch's batches with their labels, in the order drawn for it."""
    order: dict[str, int] = {
        "batch_size": trainer.settings.batch_size,
        "seed": trainer.seed,
        "epoch": trainer.epoch,
        "first_batch": trainer.batch,
    }
    dtype, reading = trainer.model.dtype, trainer.settings.pixels
    xs = epoch_batches(images, dtype=dtype, reading=reading, **order)
    ys = itertools.repeat(None) if labels is None else label_batches(labels, **order)
    return zip(xs, ys, strict=False)


def check_training_set(images: NDArray[Any], labels: NDArray[Any] | None) -> None:
    """Raise ``InputError`` unless there are images, and a label for each if there are labels."""
    for array, name in ((images, "images"), (labels, "labels")):
        if isinstance(array, StoredImages) and name == "images":
            continue
        if array is not None or name == "images":
            check_is(array, name, np.ndarray)
    if images.ndim < 2 or len(images) == 0:
        raise InputError("training expects at least one image, and there is none")
    if labels is not None and (labels.ndim == 0 or len(labels) != len(images)):
        raise InputError(f"expected a label for each of {len(images)} images, not {labels.size}")


def _checked_tests(
    model: Trainable, images: NDArray[Any] | None, labels: NDArray[Any] | None
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return test images and labels as the model takes them: they are used after an epoch only."""
    if images is None:
        if labels is not None:
            raise InputError("test_labels are of no use without test_images: give both")
        return None, None
    try:
        images = model.as_images(images)
    except InputError as error:
        raise InputError(f"test {error}") from None
    return images, model.as_labels(labels, len(images))


def _check_place(trainer: Trainer, images: int) -> None:
    """Raise ``InputError`` unless the trainer can stand where it does in an epoch of so many."""
    batch, size = trainer.batch, trainer.settings.batch_size
    seen = min(batch * size, images)
    if batch and (trainer.running.images != seen or (batch - 1) * size >= images):
        raise InputError(
            f"the trainer stands after batch {batch} and {trainer.running.images} images of an "
            f"epoch, which cannot be with {images} images in batches of {size}",
            "train on the same images as before",
        )


def _drawn_in_turn(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """Yield the batches, each written where the one before it was.

    The arena is in force only while a batch is drawn: an array that somebody else makes between
    two steps must not be written over by the next.
    """
    arena = Arena()
    while True:
        arena.rewind()
        with arena:
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _epoch_mean(trainer: Trainer) -> LossTerms:
    """Return the mean loss of the epoch's steps, whose sum may be beyond all numbers."""
    terms = trainer.running.terms()
    if not math.isfinite(terms.loss):
        raise InputError(
            f"the mean loss of epoch {trainer.epoch + 1} became {terms.loss}, and that of each of "
            "its steps was finite",
            "give smaller weights to the terms of the loss",
        )
    return terms


def _evaluate(
    trainer: Trainer, images: NDArray[Any] | None, labels: NDArray[Any] | None
) -> LossTerms | None:
    if images is None or len(images) == 0:
        return None
    after = f"after epoch {trainer.epoch + 1}, which ended with step {trainer.optimiser.steps}"
    remedy = f"use a learning rate below {trainer.settings.learning_rate:g}"
    # Where the last step has ruined the parameters, an error now keeps them out of a checkpoint.
    try:
        with unwarned():
            terms = trainer.model.evaluate(images, labels=labels, seed=trainer.seed)
    except NotFiniteError as error:
        problem = f"the test loss became {error.loss} {after}, first in {error.where}"
        raise InputError(problem, remedy) from None
    if terms is not None and not math.isfinite(terms.loss):
        raise InputError(f"the test loss became {terms.loss} {after}", remedy)
    return terms


def _describe(trainer: Trainer) -> str:
    terms = trainer.running.terms()
    # Short enough for the whole line to fit into 80 columns.
    return (
        f"epoch {trainer.epoch + 1}/{trainer.settings.epochs}  loss {terms.loss:.1f}  "
        f"rec. {terms.reconstruction:.1f}  KL {terms.kl:.1f}"
    )


def _progress_bar(trainer: Trainer, images: int | None, wanted: bool) -> Any:
    done = trainer.epoch * (images or 0) + trainer.batch * trainer.settings.batch_size
    return progress_bar(
        wanted,
        desc=f"epoch {min(trainer.epoch + 1, trainer.settings.epochs)}/{trainer.settings.epochs}",
        total=None if images is None else max(trainer.settings.epochs * images, done),
        initial=done,
        unit=" images",
        unit_scale=True,
        bar_format="{desc} |{bar}| {rate_fmt}  {remaining} left",
    )
