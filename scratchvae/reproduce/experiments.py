"""What a reproduction is made of: experiments to train, and rows to report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scratchvae.data import Dataset
from scratchvae.models import LatentModel, build
from scratchvae.runs.run import Run
from scratchvae.training import Settings

# Seconds an epoch of 60,000 images took on two cores of a laptop: shares of the progress display.
_COSTS = {"zhao-cnn": 20.0, "fleuret-conv": 60.0, "fleuret-autoencoder": 60.0}
_USUAL_COST = 3.0


@dataclass(frozen=True)
class Experiment:
    """One model to be trained.

    Attributes
    ----------
    name
        Its folder's name.
    recipe, latent_dim, options, settings
        What is trained and how, where it differs from the recipe.
    data
        The data set.
    published
        The final training loss that the source gives, in nats per image, if any.
    seed
        Fixes the initial parameters, the order of the images and all noise, and the images too
        where they are the synthetic digits.
    """

    name: str
    recipe: str
    latent_dim: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = "mnist"
    published: float | None = None
    seed: int = 0

    def build(self) -> LatentModel:
        """Return the model, untrained."""
        return build(self.recipe, latent_dim=self.latent_dim, seed=self.seed, **self.options)

    def settings_for(self, model: LatentModel, epochs: int | None) -> Settings:
        """Return how it is trained; ``epochs`` goes before the experiment's own number."""
        chosen = model.settings.changed(**self.settings)
        if epochs is None:
            return chosen
        # What lasts a number of epochs keeps its share of the whole.
        share = epochs / chosen.epochs
        return chosen.changed(
            epochs=epochs,
            warm_up=chosen.warm_up * share,
            free_bits_epochs=chosen.free_bits_epochs * share,
        )

    @property
    def data_key(self) -> tuple[str, int]:
        """The name of the data set and the seed that it is drawn from, 0 if it is not drawn."""
        return self.data, self.seed if self.data == "synthetic" else 0

    @property
    def cost(self) -> float:
        """About how many seconds an epoch takes, relative to the other experiments."""
        return _COSTS.get(self.recipe, _USUAL_COST)


@dataclass(frozen=True)
class Row:
    """One figure of the report.

    Attributes
    ----------
    name
        What was measured.
    published
        The source's figure; ``None`` where it gives none.
    ours
        What came out.
    seconds
        How long the training behind it took.
    """

    name: str
    published: float | None
    ours: float
    seconds: float


class Results:
    """The trained runs of a reproduction, by the names of their experiments."""

    def __init__(self, runs: Mapping[str, Run], data: Mapping[tuple[str, int], Dataset]) -> None:
        self._runs = runs
        self._data = data

    def run(self, name: str) -> Run:
        """Return a run."""
        return self._runs[name]

    def model(self, name: str) -> LatentModel:
        """Return a run's model."""
        return self._runs[name].model

    def data(self, name: str = "mnist", seed: int = 0) -> Dataset:
        """Return a data set, as large as it was trained on; ``seed`` is that of its drawing."""
        return self._data[name, seed]

    def seconds(self, *names: str) -> float:
        """Return how long the training of some runs took."""
        return sum(metrics.seconds for name in names for metrics in self._runs[name].history)

    def row(self, what: str, ours: float, *names: str, published: float | None = None) -> Row:
        """Return a row of a figure that the runs ``names`` gave."""
        return Row(what, published, float(ours), self.seconds(*names))

    def training_loss(self, what: str, experiment: Experiment) -> Row:
        """Return the row of an experiment's training loss in its last epoch."""
        loss = self._runs[experiment.name].history[-1].train.loss
        title = f"{what}: training loss"
        return self.row(title, loss, experiment.name, published=experiment.published)


@dataclass(frozen=True)
class Source:
    """One source of published figures.

    Attributes
    ----------
    title
        Who wrote it.
    experiments
        What has to be trained.
    rows
        Measures what was trained.
    draw
        Draws the source's figures into a folder, and returns where they are.
    remarks
        Says in words what the figures show, once they are there.
    """

    title: str
    experiments: Sequence[Experiment]
    rows: Callable[[Results], list[Row]]
    draw: Callable[[Results, Path], list[Path]]
    remarks: Callable[[Results, list[Row]], list[str]] = lambda results, rows: []
