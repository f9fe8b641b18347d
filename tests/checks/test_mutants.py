"""The checks checked: every mutant is caught, and nothing right is accused.

The gradient check catches a backward pass that is not the derivative of the forward pass. What is
differentiated correctly but computes the wrong thing passes it, and is caught by another check.
"""

from collections import Counter

import numpy as np
import pytest
from helpers import normal, pixels, refused, small_parts

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.mutants import CHECKS, MUTANTS, find_mutant
from scratchvae.checks.mutants.dense_layers import (
    BiasAveraged,
    BiasForgotten,
    BiasOfFirstExample,
    GradientsOverwritten,
    WeightNotTransposed,
)
from scratchvae.checks.mutants.models import small_vae
from scratchvae.layers import Dense, ReLU, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood

OF_GRADIENTS = [mutant for mutant in MUTANTS if mutant.caught_by == "gradient"]
UNSEEN = [mutant for mutant in MUTANTS if mutant.passes_check]
RIGHT = list({id(mutant.right): mutant for mutant in MUTANTS}.values())


def each_of(mutants):
    return pytest.mark.parametrize("mutant", mutants, ids=[mutant.name for mutant in mutants])


def failed_rows(report):
    return {row.name for row in report.rows if not row.passed}


def is_named(mutant, report):
    return any(row.cause == mutant.cause and mutant.says in row.diagnosis for row in report.rows)


def test_mutants_are_of_every_kind_and_described():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    caught = Counter(mutant.caught_by for mutant in MUTANTS)
    assert set(caught) == set(CHECKS)
    assert min(caught.values()) >= 4
    for mutant in MUTANTS:
        assert len({mutant.name, mutant.bug, mutant.origin, ""}) == 4, mutant
        assert bool(mutant.cause) == (mutant.caught_by == "gradient")


@each_of(MUTANTS)
def test_every_mutant_is_caught(mutant):
    for seed in range(3):
        report = mutant.check(seed)
        assert not report.passed, f"seed {seed}\n{report}"


@pytest.mark.parametrize("mutant", RIGHT, ids=[f"not {mutant.name}" for mutant in RIGHT])
def test_nothing_right_is_accused_over_50_seeds(mutant):
    for seed in range(50):
        report = mutant.right(seed)
        assert report.passed, f"seed {seed}\n{report}"


@each_of(UNSEEN)
def test_a_mutant_with_a_matching_gradient_passes_the_gradient_check(mutant):
    assert mutant.caught_by != "gradient"
    for seed in range(3):
        report = mutant.passes_check(seed)
        assert report.passed, report


@each_of(OF_GRADIENTS)
def test_the_diagnosis_of_a_mutant_names_its_cause_or_nothing(mutant):
    for seed in range(3):
        report = mutant.check(seed)
        if mutant.cause == "unnamed":
            assert not any(row.cause for row in report.rows), report
        else:
            assert is_named(mutant, report), report
            assert "likely cause" in str(report)


def test_four_fifths_of_the_wrong_gradients_are_named():
    named = [is_named(mutant, mutant.check(5)) for mutant in OF_GRADIENTS]
    assert np.mean(named) >= 0.8


def test_the_failed_rows_of_a_mutant_are_those_of_its_wrong_arrays():
    for name, rows in (
        ("dense: weight not transposed on the way back", {"x"}),
        ("dense: no gradient for the bias", {"bias"}),
        ("dense: bias gradient averaged", {"bias"}),
        ("dense: gradients assigned", {"weight", "bias"}),
        ("affine functions: bias gradient not summed", {"b"}),
        ("sampler: variance for standard deviation", {f"variance of z[{j}]" for j in range(4)}),
        ("sampler: one noise for all latents", {"correlation of z[0] and z[1]"}),
    ):
        assert failed_rows(find_mutant(name).check(0)) == rows
    report = find_mutant("KL: wrong sign").check(0)
    assert [row.name for row in report.rows if row.passed] == ["equal to the prior"]
    # A wrong KL, or noise that is drawn again, only reaches the encoder.
    for name in ("VAE: gradient of the KL doubled", "VAE: noise drawn again"):
        wrong = failed_rows(find_mutant(name).check(0))
        assert wrong == {n for n in small_vae(VAE, 0).parameters if n.startswith("encoder")}


def test_gradcheck_does_not_blame_a_kink_for_an_assigned_gradient():
    options = {"rng": 0, "dtype": np.float64}
    network = Sequential(GradientsOverwritten(4, 5, **options), ReLU(), Dense(5, 3, **options))
    report = gradcheck(network, normal(6, 4))
    assert failed_rows(report) == {"0.weight", "0.bias"}
    assert {row.cause for row in report.rows if not row.passed} == {"overwritten"}


@pytest.mark.parametrize(
    ("layer_class", "expected"),
    [
        (WeightNotTransposed, {"0.weight", "0.bias"}),
        (BiasForgotten, {"2.bias"}),
        (BiasOfFirstExample, {"2.bias"}),
        (BiasAveraged, {"2.bias"}),
    ],
)
def test_a_mutant_layer_inside_a_model_is_caught_and_named(layer_class, expected):
    rng = np.random.default_rng(0)
    encoder, _ = small_parts()
    decoder = Sequential(
        Dense(2, 15, rng=rng, dtype=np.float64),
        Tanh(dtype=np.float64),
        layer_class(15, 15, rng=rng, dtype=np.float64),
    )
    vae = VAE(encoder, decoder, BernoulliLikelihood(), image_shape=(15,), latent_dim=2)
    found = failed_rows(gradcheck(vae, pixels(4, 15, seed=7)))
    named = {f"decoder.{name}" for name in expected}
    if layer_class is WeightNotTransposed:  # everything before it is wrong as well
        named |= {name for name in vae.parameters if name.startswith("encoder")}
    assert found == named


def test_find_mutant_by_name():
    assert find_mutant(MUTANTS[3].name) is MUTANTS[3]
    with refused("did you mean 'KL: wrong sign'"):
        find_mutant("KL: of the wrong sign")
