"""Higgins et al. (2017) and Chen et al. (2018): whether a larger β disentangles factors.

Neither paper has these digits, so nothing here was published. Each β is trained from several seeds,
from which the images are drawn too, and the spread between them is reported beside the mean.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scratchvae.data.synthetic import named_factors
from scratchvae.evaluation.active_units import active_units
from scratchvae.evaluation.disentanglement import FactorInformation, model_information
from scratchvae.plots import draw_factor_shares, draw_factor_traversal, draw_spreads
from scratchvae.randomness import stream
from scratchvae.reproduce.experiments import Drawings, Experiment, Results, Row, Source
from scratchvae.reproduce.report import markdown_table

_BETAS = (1.0, 2.0, 4.0, 8.0)
_SEEDS = (0, 1, 2)
_LATENTS = 10
_GAP, _CHANCE = "mutual information gap", "gap with the factors shuffled"

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
    """One run: its latents' information on the factors, and the figures to report, by name."""

    information: FactorInformation
    figures: dict[str, float]


# Rows, remarks and figures are all of the same measurements, which take a second or two each.
@lru_cache(maxsize=1)
def _measure(results: Results) -> dict[float, list[_Measured]]:
    """Return for each β the measurements of its runs, in the order of ``_SEEDS``."""
    return {beta: [_measure_one(results, _RUNS[beta, seed]) for seed in _SEEDS] for beta in _BETAS}


def _measure_one(results: Results, experiment: Experiment) -> _Measured:
    data, model = results.data(*experiment.data_key), results.model(experiment)
    test = results.run(experiment).history[-1].test
    assert test is not None
    assert data.test_labels is not None
    assert data.test_factors is not None
    images, factors = data.test_images, named_factors(data.test_labels, data.test_factors)
    order = stream(experiment.seed, "evaluate").permutation(len(images))
    information = model_information(model, images, factors)
    shuffled = {name: values[order] for name, values in factors.items()}
    figures = {
        _GAP: information.score,
        _CHANCE: model_information(model, images, shuffled).score,
        "test reconstruction": test.reconstruction,
        "test KL": test.kl,
        "active units": active_units(model.encode(images)).active,
    }
    return _Measured(information, figures)


def _over_seeds(results: Results) -> dict[str, dict[float, list[float]]]:
    """Return for each figure, and then for each β, its values in the seeds' runs."""
    measured = _measure(results)
    return {
        what: {beta: [one.figures[what] for one in of] for beta, of in measured.items()}
        for what in measured[_BETAS[0]][0].figures
    }


def _rows(results: Results) -> Iterator[Row]:
    figures = _over_seeds(results)
    for beta in _BETAS:
        experiments = [_RUNS[beta, seed] for seed in _SEEDS]
        for what, of in figures.items():
            of_seeds = {"mean over seeds": float(np.mean(of[beta]))}
            if what == _GAP:
                of_seeds |= {"lowest": min(of[beta]), "highest": max(of[beta])}
            for which, value in of_seeds.items():
                yield results.row(f"β = {beta:g}: {what}, {which}", value, *experiments)


def _remarks(results: Results, rows: list[Row]) -> list[str]:
    figures = _over_seeds(results)
    lines = [[f"{b:g}", *(_spread(of[b]) for of in figures.values())] for b in _BETAS]
    table = markdown_table([f"β ({len(_SEEDS)} seeds)", *figures], lines)
    return [table, verdict(figures[_GAP]), _table_of_factors(results)]


def _table_of_factors(results: Results) -> str:
    """Return a table by β and factor: the share that the best latent explains, and its lead."""
    lines = []
    for beta, of_seeds in _measure(results).items():
        best = np.mean([one.information.shares.max(axis=1) for one in of_seeds], axis=0)
        lead = np.mean([one.information.gaps for one in of_seeds], axis=0)
        cells = [f"{share:.3f}, {gap:.3f}" for share, gap in zip(best, lead, strict=True)]
        lines.append([f"{beta:g}", *cells])
    names = of_seeds[0].information.names
    return (
        "The share of each factor's entropy that the best latent explains, and its lead over the "
        "next latent, means over seeds:\n\n" + markdown_table(["β", *names], lines)
    )


def verdict(gaps: dict[float, list[float]]) -> str:
    """Say whether the gap grows with β, and whether the seeds differ less than the βs do."""
    means = {beta: float(np.mean(values)) for beta, values in gaps.items()}
    grows = all(before < after for before, after in pairwise(means.values()))
    first, best = next(iter(means)), max(means, key=means.__getitem__)
    other = first if best != first else min(means, key=means.__getitem__)
    apart = min(gaps[best]) > max(gaps[other])
    overlap = "do not overlap" if apart else "overlap, so the seeds do not settle which is larger"
    return (
        f"The mean gap {'grows' if grows else 'does not grow'} from each β to the next. It is "
        f"largest at β = {best:g}, {means[best]:.3f} beside {means[other]:.3f} at β = {other:g}, "
        f"and the ranges of the seeds of these two {overlap}."
    )


def _spread(values: list[float]) -> str:
    low, mean, high = (f"{value:.4g}" for value in (min(values), np.mean(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _draw(results: Results) -> Drawings:
    figures = _over_seeds(results)
    spreads = [(what, list(figures[what].values())) for what in (_GAP, _CHANCE)]
    names = [f"{beta:g}" for beta in _BETAS]
    title = "The mutual information gap by the weight of the KL, a dot for each seed"
    yield "factors-gap", draw_spreads(title, names, spreads, xlabel="β")
    first = {beta: of_seeds[0].information for beta, of_seeds in _measure(results).items()}
    panels = [(f"β = {beta:g}", information) for beta, information in first.items()]
    title = "What the latents explain of each factor, seed 0"
    yield "factors-shares", draw_factor_shares(panels, title)
    for beta, information in first.items():
        experiment = _RUNS[beta, _SEEDS[0]]
        image = results.data(*experiment.data_key).test_images[:1]
        title = f"β = {beta:g}: each latent moved through the quantiles of its prior"
        figure = draw_factor_traversal(results.model(experiment), image, information, title=title)
        yield f"factors-traversal-beta{beta:g}", figure


SOURCE = Source(
    "Higgins et al., beta-VAE (2017), measured as in Chen et al. (2018)",
    list(_RUNS.values()),
    _rows,
    _draw,
    _remarks,
)
