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


def layers_of(style):
    return [layer for layer in LAYERS if layer.style == style]


@cache
def survey(style):
    """Return each mutant that changes a number, what is said of it, and what PyTorch says."""
    found = []
    for layer in layers_of(style):
        sizes = {}

        def changing(mutant, sizes=sizes):
            sizes[mutant] = telling_sizes(mutant)
            return sizes[mutant] is not None

        for mutant in chosen(mutants_of(layer), changing):
            beside = None
            if style == "torch":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    beside = torch_says(mutant, sizes[mutant])
            found.append((mutant, outcome(mutant, sizes[mutant]), beside))
    return found


def table(title, members, group):
    """Return lines with the figures of each group of mutants, by its key."""
    groups = defaultdict(list)
    for mutant, said, beside in members:
        groups[group(mutant)].append((said, beside))
    lines = [f"{title:24}{'mutants':>8}{'caught':>8}{'named':>8}{'torch':>12}"]
    for key, of_key in groups.items():
        caught, named = (sum(getattr(s, of) for s, _ in of_key) for of in ("caught", "named"))
        others = [beside for _, beside in of_key if beside is not None]
        torch = f"{sum(others)} of {len(others)}" if others else "-"
        lines.append(f"{key:24}{len(of_key):8}{caught:8}{named:8}{torch:>12}")
    return "\n".join(lines)


@pytest.mark.parametrize("style", STYLES)
def test_mistakes_are_caught_and_rightly_named(style):
    print("\n" + table(style, survey(style), lambda mutant: mutant.rule))
    for held, half in ((False, "for tuning"), (True, "kept apart")):
        members = [one for one in survey(style) if one[0].held == held]
        print("\n" + table(style, members, lambda mutant, half=half: half))
        for mutant, said, _ in members:
            if not (said.caught and said.named):
                print(mutant.layer.name, "|", mutant.rule, "|", *said.causes)
        assert np.mean([said.caught for _, said, _ in members]) >= CAUGHT
        assert np.mean([said.named for _, said, _ in members]) >= NAMED


def test_every_rule_made_mutants_and_there_are_enough():
    everything = [mutant for style in STYLES for mutant, _, _ in survey(style)]
    assert len(everything) >= FEWEST
    assert {mutant.rule for mutant in everything} == set(CAUSES)


@pytest.mark.parametrize("style", STYLES)
def test_no_right_layer_is_accused(style):
    accused = []
    for layer in layers_of(style):
        for seed in range(SEEDS):
            report = check(layer, "", UNEVEN, seed)
            if not report.passed:
                accused.append((layer.name, seed, report))
    assert not accused
