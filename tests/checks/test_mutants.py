"""The checks checked: every broken thing is caught, and no right one accused.

The gradient check catches a backward pass that is not the derivative of the forward pass. What is
differentiated correctly but computes the wrong thing passes it, and is caught by another check.
"""

from collections import Counter

import numpy as np
import pytest
from helpers import normal, pixels, refused, small_parts

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.mutants import BROKEN, CHECKS, find_broken
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

each_broken = pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
OF_GRADIENTS = [broken for broken in BROKEN if broken.caught_by == "gradient"]
RIGHT = list({id(broken.right): broken for broken in BROKEN}.values())


def failed_rows(report):
    return {row.name for row in report.rows if not row.passed}


def is_named(broken, report):
    return any(row.cause == broken.cause and broken.says in row.diagnosis for row in report.rows)


def test_there_are_enough_of_every_kind_and_each_is_described():
    assert len(BROKEN) == 60  # what the changelog says
    assert len({broken.name for broken in BROKEN}) == len(BROKEN)
    caught = Counter(broken.caught_by for broken in BROKEN)
    assert set(caught) == set(CHECKS)
    assert min(caught.values()) >= 4
    for broken in BROKEN:
        assert min(len(broken.name), len(broken.wrong), len(broken.whose)) > 10
        assert bool(broken.cause) == (broken.caught_by == "gradient")


@each_broken
def test_every_broken_thing_is_caught(broken):
    for seed in range(3):
        report = broken.check(seed)
        assert not report.passed, f"seed {seed}\n{report}"


@pytest.mark.parametrize("broken", RIGHT, ids=[f"not {broken.name}" for broken in RIGHT])
def test_no_right_thing_is_accused_over_50_seeds(broken):
    for seed in range(50):
        report = broken.right(seed)
        assert report.passed, f"seed {seed}\n{report}"


@pytest.mark.parametrize(
    "broken",
    [broken for broken in BROKEN if broken.unseen_by],
    ids=[broken.name for broken in BROKEN if broken.unseen_by],
)
def test_what_is_wrong_throughout_is_not_seen_by_a_gradient_check(broken):
    assert broken.caught_by != "gradient"
    for seed in range(3):
        report = broken.unseen_by(seed)
        assert report.passed, report


@pytest.mark.parametrize("broken", OF_GRADIENTS, ids=[broken.name for broken in OF_GRADIENTS])
def test_the_diagnosis_names_the_cause_or_nothing(broken):
    for seed in range(3):
        report = broken.check(seed)
        if broken.cause == "unnamed":
            assert not any(row.cause for row in report.rows), report
        else:
            assert is_named(broken, report), report
            assert "likely cause" in str(report)


def test_four_fifths_of_the_wrong_gradients_are_named():
    named = [is_named(broken, broken.check(5)) for broken in OF_GRADIENTS]
    assert np.mean(named) >= 0.8


def test_the_wrong_rows_are_those_of_the_arrays_that_are_wrong():
    for name, rows in (
        ("dense: weight not transposed on the way back", {"x"}),
        ("dense: no gradient for the bias", {"bias"}),
        ("dense: bias gradient averaged", {"bias"}),
        ("dense: gradients assigned", {"weight", "bias"}),
        ("affine functions: bias gradient not summed", {"b"}),
        ("sampler: variance for deviation", {f"variance of z[{j}]" for j in range(4)}),
        ("sampler: one noise for all latents", {"correlation of z[0] and z[1]"}),
    ):
        assert failed_rows(find_broken(name).check(0)) == rows
    report = find_broken("KL: of the wrong sign").check(0)
    assert [row.name for row in report.rows if row.passed] == ["equal to the prior"]
    # A wrong KL, or noise drawn anew, reaches the encoder alone.
    for name in ("VAE: gradient of the KL doubled", "VAE: noise drawn again"):
        wrong = failed_rows(find_broken(name).check(0))
        assert wrong == {n for n in small_vae(VAE, 0).parameters if n.startswith("encoder")}


def test_kinks_excuse_no_gradient_that_is_assigned():
    options = {"rng": 0, "dtype": np.float64}
    network = Sequential(GradientsOverwritten(4, 5, **options), ReLU(), Dense(5, 3, **options))
    report = gradcheck(network, normal(6, 4))
    assert failed_rows(report) == {"0.weight", "0.bias"}
    assert {row.cause for row in report.rows if not row.passed} == {"overwritten"}


@pytest.mark.parametrize(
    ("layer_class", "wrong"),
    [
        (WeightNotTransposed, {"0.weight", "0.bias"}),
        (BiasForgotten, {"2.bias"}),
        (BiasOfFirstExample, {"2.bias"}),
        (BiasAveraged, {"2.bias"}),
    ],
)
def test_a_wrong_layer_inside_a_model_is_caught_and_named(layer_class, wrong):
    rng = np.random.default_rng(0)
    encoder, _ = small_parts()
    decoder = Sequential(
        Dense(2, 15, rng=rng, dtype=np.float64),
        Tanh(dtype=np.float64),
        layer_class(15, 15, rng=rng, dtype=np.float64),
    )
    vae = VAE(encoder, decoder, BernoulliLikelihood(), image_shape=(15,), latent_dim=2)
    found = failed_rows(gradcheck(vae, pixels(4, 15, seed=7)))
    named = {f"decoder.{name}" for name in wrong}
    if layer_class is WeightNotTransposed:  # all that is further back is wrong as well
        named |= {name for name in vae.parameters if name.startswith("encoder")}
    assert found == named


def test_a_broken_thing_is_found_by_its_name():
    assert find_broken(BROKEN[3].name) is BROKEN[3]
    with refused("did you mean 'KL: of the wrong sign'"):
        find_broken("KL: wrong sign")
