"""A sample of the survey in ``tests/long``: mistakes made by rule in textbook layers."""

from collections import Counter

from gradient_causes import CAUSES
from gradient_survey import check, chosen, mutants_of, outcome, telling_sizes
from textbook_layers import LAYERS, UNEVEN

FEW = (
    *("classes Dense", "classes Tanh", "classes Softmax", "functions layer_norm"),
    *("functions softplus", "course softmax_loss"),
)


def sample():
    """Return the first mutant of each rule in a few layers, with the sizes that it shows at."""
    for layer in (layer for layer in LAYERS if layer.name in FEW):
        found = chosen(mutants_of(layer), lambda mutant: telling_sizes(mutant) is not None)
        rules = Counter()
        for mutant in (one for one in found if not one.held):
            rules[mutant.rule] += 1
            if rules[mutant.rule] == 1:
                yield mutant, telling_sizes(mutant)


def test_mistakes_made_by_rule_are_caught_and_most_are_rightly_named():
    said = {mutant: outcome(mutant, sizes) for mutant, sizes in sample()}
    assert len(said) >= 20
    assert {mutant.rule for mutant in said} <= set(CAUSES)
    assert [mutant for mutant, one in said.items() if not one.caught] == []
    unnamed = [(mutant, one.causes) for mutant, one in said.items() if not one.named]
    assert len(unnamed) <= 0.2 * len(said), unnamed


def test_the_layers_that_the_mistakes_are_made_in_are_right():
    for layer in (layer for layer in LAYERS if layer.name in FEW):
        assert check(layer, "", UNEVEN).passed
