"""How many mistakes in textbook layers the gradient check catches, and how many it rightly names.

The tables are printed with ``-s``. Half of the mutants were kept apart while the diagnoses were
improved; both halves must reach the figures.
"""

import warnings
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from gradient_causes import CAUSES
from gradient_survey import check, chosen, mutants_of, outcome, telling_sizes, torch_says
from textbook_layers import LAYERS, STYLES, UNEVEN

CAUGHT, NAMED, FEWEST, SEEDS = 0.99, 0.80, 200, 50


@pytest.fixture(autouse=True)
def _frameworks():
    pytest.importorskip("torch")
    pytest.importorskip("jax")


@cache
def survey():
    """Return each mutant that changes a number, what is said of it, and what PyTorch says."""
    found = []
    for layer in LAYERS:
        sizes = {}

        def changing(mutant, sizes=sizes):
            sizes[mutant] = telling_sizes(mutant)
            return sizes[mutant] is not None

        for mutant in chosen(mutants_of(layer), changing):
            beside = None
            if layer.style == "torch":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    beside = torch_says(mutant, sizes[mutant])
            found.append((mutant, outcome(mutant, sizes[mutant]), beside))
    return found


def table(title, group):
    """Return lines with the figures of each group of mutants, by its key."""
    groups = defaultdict(list)
    for mutant, said, beside in survey():
        groups[group(mutant)].append((said, beside))
    lines = [f"{title:24}{'mutants':>8}{'caught':>8}{'named':>8}{'torch':>12}"]
    for key, members in groups.items():
        caught, named = (sum(getattr(s, of) for s, _ in members) for of in ("caught", "named"))
        others = [beside for _, beside in members if beside is not None]
        torch = f"{sum(others)} of {len(others)}" if others else "-"
        lines.append(f"{key:24}{len(members):8}{caught:8}{named:8}{torch:>12}")
    return "\n".join(lines)


def test_mistakes_are_caught_and_rightly_named():
    for title, group in (
        ("style", lambda mutant: mutant.layer.style),
        ("rule", lambda mutant: mutant.rule),
        ("half", lambda mutant: "kept apart" if mutant.held else "for tuning"),
    ):
        print("\n" + table(title, group))
    assert len(survey()) >= FEWEST
    assert {mutant.layer.style for mutant, _, _ in survey()} == set(STYLES)
    assert {mutant.rule for mutant, _, _ in survey()} == set(CAUSES)
    for held in (False, True):
        half = [said for mutant, said, _ in survey() if mutant.held == held]
        assert np.mean([said.caught for said in half]) >= CAUGHT
        assert np.mean([said.named for said in half]) >= NAMED


def test_no_right_layer_is_accused():
    accused = []
    for layer in LAYERS:
        for seed in range(SEEDS):
            report = check(layer, "", UNEVEN, seed)
            if not report.passed:
                accused.append((layer.name, seed, report))
    assert not accused
