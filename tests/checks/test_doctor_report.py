"""What the doctor takes and says: descriptions of any form, errors of one line, the table."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vaes import LATENTS, PIXELS, SmallVAE, cross_entropy, kl

import scratchvae
from scratchvae.checks.doctor import doctor_of
from scratchvae.checks.doctor.finding import ORDER


def wrong_draw(mean, log_variance):
    return mean + np.exp(log_variance) * np.random.standard_normal(mean.shape)  # noqa: NPY002


class WithOtherNames:
    """An object with the names of published code."""

    def reparameterize(self, mu, logvar):
        return wrong_draw(mu, logvar)


@pytest.mark.parametrize(
    "described",
    [
        {"draw": wrong_draw},
        SimpleNamespace(draw=wrong_draw),
        WithOtherNames(),
        WithOtherNames,
        lambda: {"draw": wrong_draw},
    ],
    ids=["dict", "names", "object", "class", "function"],
)
def test_a_description_of_any_form_says_the_same(described):
    report = doctor_of(described)
    assert [finding.cause for finding in report.findings] == ["variance for deviation"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "none came"),
        ({"drow": wrong_draw}, "did you mean 'draw'"),
        ({"draw": 3}, "must be a function"),
        ({"draw": wrong_draw, "spread": "sigma"}, "log-variance"),
        ({"draw": wrong_draw, "likelihood": "poisson"}, "bernoulli"),
        ({"draw": wrong_draw, "variance": -1.0}, "variance"),
        ({"draw": wrong_draw, "beta": "1"}, "beta"),
        ({"draw": wrong_draw, "data": "images"}, "array"),
        ({"draw": wrong_draw, "data": np.zeros(3)}, "batch"),
        ({"draw": wrong_draw, "data": np.full((2, 3), np.nan)}, "NaN"),
    ],
)
def test_wrong_input_gets_one_line(parts, said):
    with pytest.raises(scratchvae.InputError, match=said) as caught:
        scratchvae.doctor(**parts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [3, object(), lambda x: x, lambda: 1 / 0])
def test_an_object_that_describes_no_vae_gets_one_line(value):
    with pytest.raises(scratchvae.InputError) as caught:
        doctor_of(value)
    assert "\n" not in str(caught.value)


def test_a_part_that_raises_could_not_be_checked():
    def broken(mean, log_variance):
        raise KeyError("missing")

    report = scratchvae.doctor(draw=broken)
    assert report.findings == []
    assert not report.passed
    assert "`draw` raised KeyError: 'missing'" in str(report)
    assert "nothing could be checked" in str(report)


def test_the_table_begins_with_the_root_and_says_what_to_change():
    vae = SmallVAE()

    def by_pixels(x, p, mean, log_variance):
        return (cross_entropy(x, p).sum() / PIXELS + kl(mean, log_variance).sum()) / len(x)

    report = scratchvae.doctor(**vae.parts(draw=wrong_draw, loss=by_pixels, train_step=None))
    text = str(report)
    assert [finding.cause for finding in report.findings] == [
        *("variance for deviation", "effective beta")
    ]
    assert text.index("variance for deviation") < text.index("effective beta")
    assert "change" in text
    assert "2 things are wrong; begin with the first" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "<pre" in report._repr_html_()


def test_every_cause_that_is_named_has_a_place_in_the_order():
    assert len(set(ORDER)) == len(ORDER)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 40),
    shape=st.sampled_from([(5,), (4, 3), (3, 2, 2)]),
    latents=st.integers(1, 6),
    power=st.sampled_from([0, -1]),
    beta=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_right_losses_of_any_shape_are_not_accused(rows, shape, latents, power, beta):
    weights = np.random.default_rng(0).standard_normal((int(np.prod(shape)), 2 * latents))

    def encode(x):
        both = x.reshape(len(x), -1) @ weights
        return both[:, :latents], 0.1 * both[:, latents:]

    def loss(x, p, mean, log_variance):
        terms = cross_entropy(x, p).sum() + beta * kl(mean, log_variance).sum()
        return terms * float(len(x)) ** power

    data = np.random.default_rng(1).random((rows, *shape))
    report = scratchvae.doctor(data=data, encode=encode, loss=loss, beta=beta)
    assert report.findings == []
    assert any(row.cause == "effective beta" and row.kind == "ok" for row in report.rows)


def test_the_latents_of_a_small_vae_are_those_of_its_encoder():
    assert f"{LATENTS} latents" in str(scratchvae.doctor(**SmallVAE().parts(train_step=None)))
