"""What the doctor takes and says: descriptions of any form, errors of one line, the table."""

import ast
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vaes import LATENTS, PIXELS, SmallVAE, cross_entropy, kl

import scratchvae
import scratchvae.checks.doctor as doctor_package
from scratchvae.checks.doctor import DoctorReport, Finding, doctor_of
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
        ({"draw": wrong_draw, "data": np.full((2, 3), 1j)}, "complex"),
        ({"loss": lambda x, y, kl: 1.0}, r"not \(x, y, kl\)"),
        ({"loss": lambda recon_x, x, mu, logvar, beta: 1.0}, "mean, spread"),
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

    vae = SmallVAE()
    report = scratchvae.doctor(data=vae.data, encode=vae.encode, draw=broken)
    assert report.findings == []
    assert not report.passed
    assert "`draw` raised KeyError: 'missing'" in str(report)
    assert str(report).splitlines()[-1].startswith("  mend draw first; ")
    with pytest.raises(scratchvae.InputError, match=r"nothing to examine: `draw` raised KeyError"):
        scratchvae.doctor(draw=broken)


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


def named_causes():
    """Return every string that the doctor's code has where a cause stands in ``Finding(...)``."""
    for file in Path(doctor_package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
            if called and node.args:
                constants = (n for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant))
                yield from (n.value for n in constants if isinstance(n.value, str))


def test_every_cause_that_is_named_has_a_place_in_the_order():
    assert len(set(ORDER)) == len(ORDER)
    named = set(named_causes())
    assert len(named) > 20
    assert named <= set(ORDER)


def test_a_cause_stands_before_what_it_brings_about():
    brought = {
        "logits for probabilities": "effective beta",
        "mean for draw": "bound above evidence",
        "KL sign": "does not learn",
        "KL cut off": "does not learn",
        "batch norm mode": "training and validation losses differ",
        "latents unused": "encoder cut off",
    }
    for root, consequence in brought.items():
        rows = [Finding(consequence, "second"), Finding(root, "first")]
        assert [each.cause for each in DoctorReport("", rows).findings] == [root, consequence]


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


def test_a_console_of_plain_characters_can_show_a_report(monkeypatch):
    report = DoctorReport("a VAE", [Finding("KL formula", "½ Σ mean² is 1 − σ")])
    assert "mean²" in str(report)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert "1/2 sum of mean^2 is 1 - sigma" in str(report)
    assert str(report).isascii()
