"""What a reproduction is made of: experiments to train, and rows to report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scratchvae.data import Dataset
from scratchvae.models import LatentModel, find_recipe
from scratchvae.plots.figures import Figure
from scratchvae.runs.run import Run
from scratchvae.sweeps import Training
from scratchvae.training import LossTerms

Drawings = Iterable[tuple[str, Figure]]
"""A source's figures, each with the name of its file."""


@dataclass(frozen=True)
class Experiment:
    """One model to train on the data set ``data``, in a folder of its ``name``.

    Attributes
    ----------
    recipe, latent_dim, options, settings
        What is trained and how, where it differs from the recipe.
    published
        The final training loss that the source gives, in nats per image, if any.
    seed
        Fixes the initial parameters, the order of the images and all noise, and also the images
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

    def training(self, epochs: int | None) -> Training:
        """Return what is to be trained, for ``epochs`` if not for its own number."""
        return Training(
            self.name,
            self.recipe,
            latent_dim=self.latent_dim,
            options=self.options,
            settings=self.settings_for(epochs),
            data=self.data,
            seed=self.seed,
        )

    def settings_for(self, epochs: int | None) -> dict[str, Any]:
        """Return its settings, trained for ``epochs`` if not for the experiment's own number."""
        if epochs is None:
            return dict(self.settings)
        own = find_recipe(self.recipe).settings.changed(**self.settings)
        # What lasts a number of epochs keeps its share of the whole.
        share = epochs / own.epochs
        names = ("warm_up", "warm_up_every", "free_bits_epochs")
        lasting = {name: share * getattr(own, name) for name in names}
        return {**self.settings, "epochs": epochs, **lasting}

    @property
    def data_key(self) -> tuple[str, int]:
        """The name of the data set and the seed that its images are drawn from, else 0."""
        return self.data, self.seed if self.data == "synthetic" else 0


@dataclass(frozen=True)
class Row:
    """One figure of the report: what was measured, the source's figure, and ours.

    ``published`` is ``None`` where the source gives none; ``seconds`` is how long the training
    behind our figure took.
    """

    name: str
    published: float | None
    ours: float
    seconds: float


class Results:
    """The trained runs of a reproduction, and the data sets that they were trained on."""

    def __init__(self, runs: Mapping[str, Run], data: Mapping[tuple[str, int], Dataset]) -> None:
        self._runs = runs
        self._data = data

    def run(self, experiment: Experiment) -> Run:
        """Return an experiment's run."""
        return self._runs[experiment.name]

    def model(self, experiment: Experiment) -> LatentModel:
        """Return the model of an experiment's run."""
        return self.run(experiment).model

    def data(self, name: str = "mnist", seed: int = 0) -> Dataset:
        """Return a data set, as large as it was trained on, and drawn from ``seed``."""
        return self._data[name, seed]

    def seconds(self, *experiments: Experiment) -> float:
        """Return how long the training of some experiments took."""
        return sum(metrics.seconds for one in experiments for metrics in self.run(one).history)

    def row(
        self, what: str, ours: float, *experiments: Experiment, published: float | None = None
    ) -> Row:
        """Return a row with a figure from the runs of ``experiments``."""
        return Row(what, published, float(ours), self.seconds(*experiments))

    def training_loss(self, what: str, experiment: Experiment) -> Row:
        """Return the row of an experiment's training loss in its last epoch."""
        loss = self.run(experiment).history[-1].train.loss
        title = f"{what}: training loss"
        return self.row(title, loss, experiment, published=experiment.published)

    def loss_terms(self, what: str, experiment: Experiment, terms: LossTerms) -> list[Row]:
        """Return the rows of the two terms of an experiment's loss."""
        return [
            self.row(f"{what}: reconstruction", terms.reconstruction, experiment),
            self.row(f"{what}: KL", terms.kl, experiment),
        ]


@dataclass(frozen=True)
class Source:
    """One source of published figures, titled by who wrote it, and the models to train for it.

    ``rows`` measures the trained models, ``draw`` draws the source's figures, and ``remarks`` says
    in words what the measured figures show.
    """

    title: str
    experiments: Sequence[Experiment]
    rows: Callable[[Results], Iterable[Row]]
    draw: Callable[[Results], Drawings]
    remarks: Callable[[Results, list[Row]], list[str]] = lambda results, rows: []
