"""The doctor on draws: each usual fault is named, and right draws are not accused."""

import numpy as np
import pytest

import scratchvae

RNG = np.random.default_rng(0)


def noise(like):
    return RNG.standard_normal(like.shape)


FAULTY = {
    "variance for deviation": lambda m, v: m + np.exp(v) * noise(m),
    "log-variance for deviation": lambda m, v: m + v * noise(m),
    "mean for draw": lambda m, v: m,
    "shared noise": lambda m, v: m + np.exp(v / 2) * noise(m[:1]),
    "same noise each step": lambda m, v: (
        m + np.exp(v / 2) * np.random.default_rng(0).standard_normal(m.shape)
    ),
    "noise not normal": lambda m, v: m + np.exp(v / 2) * RNG.random(m.shape),
    "draw formula": lambda m, v: m + np.exp(-v / 2) * noise(m),
}

# Of each spread, the right draw.
RIGHT = {
    "log-variance": lambda m, s: m + np.exp(s / 2) * noise(m),
    "variance": lambda m, s: m + np.sqrt(s) * noise(m),
    "deviation": lambda m, s: m + s * noise(m),
    "log-deviation": lambda m, s: m + np.exp(s) * noise(m),
}


@pytest.mark.parametrize("cause", FAULTY)
def test_a_faulty_draw_is_named(cause):
    report = scratchvae.doctor(draw=FAULTY[cause])
    assert [finding.cause for finding in report.findings] == [cause]
    assert not report.passed
    assert report.findings[0].evidence
    assert report.findings[0].remedy


@pytest.mark.parametrize("spread", RIGHT)
def test_a_right_draw_is_not_accused(spread):
    report = scratchvae.doctor(draw=RIGHT[spread], spread=spread)
    assert report.findings == []
    assert report.passed


def test_noise_of_one_latent_for_all_is_shared():
    report = scratchvae.doctor(draw=lambda m, v: m + np.exp(v / 2) * noise(m[:, :1]))
    assert [finding.cause for finding in report.findings] == ["shared noise"]
    assert "latent" in report.findings[0].sentence


def test_noise_of_the_right_moments_that_is_not_normal():
    def draw(mean, log_variance):
        signs = RNG.choice([-1.0, 1.0], mean.shape) + 1e-3 * noise(mean)
        return mean + np.exp(log_variance / 2) * signs

    assert [each.cause for each in scratchvae.doctor(draw=draw).findings] == ["noise not normal"]


def test_a_draw_that_takes_its_noise_is_fed_with_it():
    right = scratchvae.doctor(draw=lambda m, v, e: m + np.exp(v / 2) * e)
    wrong = scratchvae.doctor(draw=lambda m, v, e: m + np.exp(v) * e)
    assert right.passed
    assert [finding.cause for finding in wrong.findings] == ["variance for deviation"]


def test_the_variance_times_the_noise_where_the_encoder_gives_the_variance():
    report = scratchvae.doctor(draw=lambda m, s: m + s * noise(m), spread="variance")
    assert [finding.cause for finding in report.findings] == ["variance for deviation"]
