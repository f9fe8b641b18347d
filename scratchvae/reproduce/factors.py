"""Higgins et al. (2017) and Chen et al. (2018): whether a larger β disentangles factors.

Neither paper has these digits, so nothing here was published. Each β is trained from several seeds,
from which the images are drawn too, and the spread between them is reported beside the mean.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scratchvae.data import Dataset
from scratchvae.data.synthetic import named_factors
from scratchvae.evaluation.active_units import active_units
from scratchvae.evaluation.disentanglement import FactorInformation, model_information
from scratchvae.plots import draw_factor_shares, draw_factor_traversal, draw_spreads
from scratchvae.randomness import stream
from scratchvae.reproduce.experiments import Experiment, Results, Row, Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BETAS = (1.0, 2.0, 4.0, 8.0)
_SEEDS = (0, 1, 2)
_LATENTS = 10

_RUNS = {
    (beta, seed): Experiment(
        f"factors-beta{beta:g}-seed{seed}",
        "beta-vae",
        _LATENTS,
        {"beta": beta},
        {"epochs": 12},
        data="synthetic",
        seed=seed,
    )
    for beta in _BETAS
    for seed in _SEEDS
}


class _Measured(NamedTuple):
    """One run: its latents' information on the factors, that on shuffled ones, its test figures."""

    information: FactorInformation
    chance: float
    reconstruction: float
    kl: float
    active: int


# Rows, remarks and figures are all of the same measurements, which take a second or two each.
@lru_cache(maxsize=1)
def _measure(results: Results) -> dict[tuple[float, int], _Measured]:
    return {key: _measure_one(results, experiment) for key, experiment in _RUNS.items()}


def _measure_one(results: Results, experiment: Experiment) -> _Measured:
    data, model = results.data(*experiment.data_key), results.model(experiment.name)
    images, factors = data.test_images, _factors(data)
    test = results.run(experiment.name).history[-1].test
    assert test is not None
    order = stream(experiment.seed, "evaluate").permutation(len(images))
    information = model_information(model, images, factors)
    shuffled = {name: values[order] for name, values in factors.items()}
    chance = model_information(model, images, shuffled).score
    active = active_units(model.encode(images)).active
    return _Measured(information, chance, test.reconstruction, test.kl, active)


def _factors(data: Dataset) -> dict[str, np.ndarray]:
    assert data.test_factors is not None
    return named_factors(data.test_labels, data.test_factors)


def _over_seeds(results: Results, beta: float, figure: Callable[[_Measured], float]) -> list[float]:
    """Return a figure of each seed's run."""
    measured = _measure(results)
    return [figure(measured[beta, seed]) for seed in _SEEDS]


_FIGURES: dict[str, Callable[[_Measured], float]] = {
    "mutual information gap": lambda one: one.information.score,
    "gap with the factors shuffled": lambda one: one.chance,
    "test reconstruction": lambda one: one.reconstruction,
    "test KL": lambda one: one.kl,
    "active units": lambda one: one.active,
}


def _rows(results: Results) -> list[Row]:
    rows = []
    for beta in _BETAS:
        names = [_RUNS[beta, seed].name for seed in _SEEDS]
        for what, figure in _FIGURES.items():
            values = _over_seeds(results, beta, figure)
            mean = float(np.mean(values))
            rows.append(results.row(f"β = {beta:g}: {what}, mean over seeds", mean, *names))
            if what == "mutual information gap":
                rows.append(results.row(f"β = {beta:g}: {what}, lowest", min(values), *names))
                rows.append(results.row(f"β = {beta:g}: {what}, highest", max(values), *names))
    return rows


def _remarks(results: Results, rows: list[Row]) -> list[str]:
    gaps = {beta: _over_seeds(results, beta, _FIGURES["mutual information gap"]) for beta in _BETAS}
    return [_table(results), verdict(gaps), _table_of_factors(results)]


def _table(results: Results) -> str:
    """Return a table of the figures by β: mean, lowest and highest over the seeds."""
    lines = [
        f"| β ({len(_SEEDS)} seeds) | {' | '.join(_FIGURES)} |",
        "|---|" + "---:|" * len(_FIGURES),
    ]
    for beta in _BETAS:
        cells = [_spread(_over_seeds(results, beta, figure)) for figure in _FIGURES.values()]
        lines.append(f"| {beta:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table_of_factors(results: Results) -> str:
    """Return a table by β and factor: the share that the best latent explains, and its lead."""
    measured = _measure(results)
    names = measured[_BETAS[0], _SEEDS[0]].information.names
    lines = [
        "The share of each factor's entropy that the best latent explains, and its lead over the "
        "next latent, means over seeds:\n",
        f"| β | {' | '.join(names)} |",
        "|---|" + "---:|" * len(names),
    ]
    for beta in _BETAS:
        of_seeds = [measured[beta, seed].information for seed in _SEEDS]
        best = np.mean([one.shares.max(axis=1) for one in of_seeds], axis=0)
        lead = np.mean([one.gaps for one in of_seeds], axis=0)
        cells = [f"{share:.3f}, {gap:.3f}" for share, gap in zip(best, lead, strict=True)]
        lines.append(f"| {beta:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict(gaps: dict[float, list[float]]) -> str:
    """Say whether the gap grows with β, and whether the seeds differ less than the βs do."""
    means = [float(np.mean(values)) for values in gaps.values()]
    betas = list(gaps)
    grows = all(before < after for before, after in pairwise(means))
    best = betas[int(np.argmax(means))]
    text = f"The mean gap {'grows' if grows else 'does not grow'} from each β to the next. "
    other = betas[0] if best != betas[0] else betas[int(np.argmin(means))]
    apart = min(gaps[best]) > max(gaps[other])
    overlap = "do not overlap" if apart else "overlap, so the seeds do not settle which is larger"
    return text + (
        f"It is largest at β = {best:g}, {means[betas.index(best)]:.3f} beside "
        f"{means[betas.index(other)]:.3f} at β = {other:g}, and the ranges of the seeds of these "
        f"two {overlap}."
    )


def _spread(values: list[float]) -> str:
    low, mean, high = (f"{value:.4g}" for value in (min(values), np.mean(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _draw(results: Results) -> Iterator[tuple[str, "Figure"]]:
    measured = _measure(results)
    spreads = [
        (what, [_over_seeds(results, beta, _FIGURES[what]) for beta in _BETAS])
        for what in ("mutual information gap", "gap with the factors shuffled")
    ]
    names = [f"{beta:g}" for beta in _BETAS]
    title = "The mutual information gap by the weight of the KL, a dot for each seed"
    yield "factors-gap", draw_spreads(title, names, spreads, xlabel="β")
    panels = [(f"β = {beta:g}", measured[beta, _SEEDS[0]].information) for beta in _BETAS]
    yield (
        "factors-shares",
        draw_factor_shares(panels, "What the latents explain of each factor, seed 0"),
    )
    for beta in _BETAS:
        experiment = _RUNS[beta, _SEEDS[0]]
        figure = draw_factor_traversal(
            results.model(experiment.name),
            results.data(*experiment.data_key).test_images[:1],
            measured[beta, _SEEDS[0]].information,
            title=f"β = {beta:g}: each latent moved through the quantiles of its prior",
        )
        yield f"factors-traversal-beta{beta:g}", figure


SOURCE = Source(
    "Higgins et al., beta-VAE (2017), measured as in Chen et al. (2018)",
    list(_RUNS.values()),
    _rows,
    _draw,
    _remarks,
)
