"""What every model is to its user: it is trained here, and answers as in ``answers.py``.

The names are scikit-learn's where it has one. A model's own mathematics (``forward`` and
``backward``) is in the file of that model.
"""

from collections.abc import Callable
from typing import Any, Self, Unpack

from numpy.typing import NDArray

from scratchvae.engine import trained_by
from scratchvae.errors import InputError
from scratchvae.models.answers import Answers
from scratchvae.models.kept_model import KeptModel
from scratchvae.models.last_good import LastGood
from scratchvae.models.summary import fitted, model_table, one_line
from scratchvae.models.training_set import training_set
from scratchvae.progress import in_notebook, say
from scratchvae.randomness import seed_of_round
from scratchvae.training import EpochMetrics, Trainer, check_last_batch
from scratchvae.training.callables import check_callable
from scratchvae.training.checks import check_writeable
from scratchvae.training.given_batches import GivenBatches
from scratchvae.training.loop import run_epochs
from scratchvae.training.settings import Changes
from scratchvae.validation import check_flag


class LatentModel(KeptModel, Answers):
    """An encoder, a decoder and a likelihood, with the methods that a user calls.

    A model defines ``draw_noise``, ``forward``, ``backward`` and ``encode_distribution``.

    Attributes
    ----------
    has_prior
        Whether there is a p(z), and so a bound on log p(x).
    classes
        The number of classes of a class-conditional model, else 0. Such a model takes ``labels``
        wherever it takes images or latents.
    """

    def fit(
        self,
        images: Any,
        y: object = None,
        *,
        test_images: NDArray[Any] | None = None,
        test_labels: NDArray[Any] | None = None,
        seed: int = 0,
        warm_start: bool = False,
        progress: bool = True,
        on_epoch: Callable[[EpochMetrics], object] | None = None,
        **settings: Unpack[Changes],
    ) -> Self:
        """Train the model, from the parameters that it had before its first ``fit``; return it.

        When it is done, a line on standard error says what it came to; in a notebook, where the bar
        stays, what it returns does. ``history_`` has the losses of each epoch.

        Parts that are frozen (``model.encoder.freeze()``) stay as they are.

        A fit that is stopped by Ctrl-C leaves the parameters of its last step, and ``history_`` has
        its complete epochs. One that ends in an error (the loss became infinite or NaN, say) leaves
        the model as it was after the last of these epochs; before the first, as it was before.

        With ``patience`` it stops early, and leaves the parameters of its best epoch.

        Other threads may encode, decode, sample and evaluate meanwhile, with the parameters of that
        moment; that does not change the training.

        Parameters
        ----------
        images
            8-bit pixels, or floats from 0 to 1: (N, H, W, C), or (N, …) with as many numbers each.
            A large array that is mapped from a file (``np.load(path, mmap_mode="r")``) stays there.
            Or batches, each images or a pair (images, labels), taken in the order and of the size
            that they have: a sequence of them or a ``DataLoader`` of PyTorch, which is one epoch; a
            function that returns an epoch's batches, and is called for each; or a generator, which
            is one epoch and no more.
        y
            The images' labels, for a class-conditional model. Others ignore it: scikit-learn's
            pipelines pass it to every model.
        test_images, test_labels
            Images to evaluate on after each epoch, for ``history_``, and their labels.
        seed
            Fixes the order of the images and all noise.
        warm_start
            Continue from the present parameters instead. Each such round has an order and noise of
            its own, and an optimiser that begins anew.
        progress
            Whether to show a progress bar, where there is a terminal or a notebook, and to say at
            the end what became of it.
        on_epoch
            Called with each complete epoch's metrics, when ``history_`` has them; it may use the
            model. What it raises ends the fit.
        settings
            Changes to the model's ``Settings``: ``epochs``, ``learning_rate``, …

        Raises
        ------
        InputError
            If the images or the settings do not fit the model, or an epoch's last batch would be
            one image and there is batch norm, or another thread or trainer trains the model at the
            moment: before anything changes. Or if the loss becomes infinite or NaN.
        """
        check_flag(warm_start, "warm_start")
        rounds = self._rounds + 1 if warm_start else 0
        trainer = Trainer(self, seed=seed_of_round(seed, rounds), **settings)
        images, labels = training_set(self, images, y, trainer.settings.epochs, settings)
        tests = None if test_images is None else self.as_images(test_images, "test_images")
        if tests is not None:
            if not len(tests):
                raise InputError("test_images has no images: give some, or leave it out")
            test_labels = self.as_labels(test_labels, len(tests))
        elif test_labels is not None:
            raise InputError("test_labels are of no use without test_images: give both")
        check_flag(progress, "progress")
        if on_epoch is not None:
            check_callable(on_epoch, "on_epoch", "the epoch's metrics", kind="a function or None")
        with trained_by(trainer, self):
            check_writeable(self._arrays())
            if not isinstance(images, GivenBatches):
                check_last_batch(self, images, labels, trainer.settings.batch_size)
            # From here on the model changes: input that is refused must not destroy a trained one.
            self._initial_values()  # recorded with the first fit
            kept = LastGood(self)
            if not warm_start:
                self._begin_again()
            self.history_, self._rounds = [], rounds

            def complete(epoch: EpochMetrics) -> None:
                kept.take(epoch)
                if on_epoch is not None:
                    on_epoch(epoch)

            try:
                run_epochs(
                    trainer,
                    images,
                    tests,
                    labels=labels,
                    test_labels=test_labels,
                    progress=progress,
                    on_epoch=complete,
                )
                if trainer.settings.patience:
                    kept.put_back_best()
            except Exception:
                kept.put_back()
                raise
            finally:
                self._note_owners()
        if progress and not in_notebook():
            say(f"{type(self).__name__}: {fitted(self)}")
        return self

    def __repr__(self) -> str:
        """Return what the model is and whether it was fitted, on one line."""
        return one_line(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table of layers, settings and losses."""
        return model_table(self)
