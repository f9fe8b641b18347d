"""The equations of lesson 26, "Find the bug": what instruments compare with, and what they see."""

import numpy as np
import pytest
from scipy import integrate, stats

from scratchvae.course.clinic import (
    HEALTHY,
    PATIENTS,
    bound_error,
    case,
    chart,
    coin_error,
    decoder,
    encoder,
    gradient_errors,
    kl_error,
    spread,
    vae,
)
from scratchvae.course.clinic.chart import HEADINGS, verdicts

# Which instruments must find something: both gradient checks, spread, KL, coins, bound.
SEEN_BY = {
    1: {"spread of z", "bound, nats off"},
    2: {"coins, nats off", "bound, nats off"},
    3: {"KL, nats off", "bound, nats off"},
    4: {"KL, nats off", "bound, nats off"},
    5: {"spread of z", "bound, nats off"},
    6: {"coins, nats off", "bound, nats off"},
    7: {"coins, nats off", "bound, nats off"},
    8: {"gradients, β = 1", "gradients, β = 3"},
    9: {"gradients, β = 3"},
}


def test_the_healthy_vae_is_found_healthy():
    assert verdicts(HEALTHY) == ["right"] * len(HEADINGS)


@pytest.mark.parametrize("number", PATIENTS)
def test_each_patient_is_seen_by_the_instruments_that_can_see_it_and_no_others(number):
    found = dict(zip(HEADINGS, verdicts(vae(PATIENTS[number])), strict=True))
    assert {name for name, verdict in found.items() if verdict != "right"} == SEEN_BY[number]


def test_the_chart_has_a_row_for_each_vae():
    table = chart({"one": HEALTHY}).splitlines()
    assert len(table) == 3
    assert table[2].startswith("| one | right |")


def test_the_spread_of_draws():
    """eq. 26.1: a draw with half of the noise has half of the spread."""
    assert spread(HEALTHY) == pytest.approx(1, abs=0.02)  # seven standard errors

    def timid(p, x, eps, beta):
        return HEALTHY(p, x, eps / 2, beta)

    assert spread(timid) == pytest.approx(spread(HEALTHY) / 2)


def test_the_kl_by_its_definition():
    """eq. 26.2: against SciPy's integral of q log(q / p)."""
    p, x, eps = case()
    _, mean, log_variance = encoder(p, x)

    def divergence(m, sd):
        q = stats.norm(m, sd)
        return integrate.quad(
            lambda z: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), m - 9 * sd, m + 9 * sd
        )[0]

    deviations = np.exp(log_variance / 2)
    exact = sum(map(divergence, mean.ravel(), deviations.ravel())) / len(x)
    assert HEALTHY(p, x, eps, 1.0)[1] == pytest.approx(exact)
    assert kl_error(HEALTHY) == pytest.approx(0, abs=1e-12)  # both are sums of a few numbers


def test_fair_coins():
    """eq. 26.3: P tosses of a fair coin, whatever falls."""
    p, x, eps = case()
    fair = p | {"w4": 0 * p["w4"], "b4": 0 * p["b4"]}
    pixels = x.shape[1]
    assert HEALTHY(fair, x, eps, 0.0)[0] == pytest.approx(-np.log(0.5**pixels))
    assert coin_error(HEALTHY) == pytest.approx(0, abs=1e-12)


def test_the_mean_loss_is_known_exactly():
    """eq. 26.4: against log p(x) by SciPy's integral in the plane, for one image."""
    p, x, _ = case()
    image = x[:1]
    _, mean, log_variance = encoder(p, image)
    sd = np.exp(log_variance / 2)[0]

    def joint(b, a):
        z = np.array([[a, b]])
        _, y = decoder(p, z)
        log_likelihood = (image * y - np.logaddexp(0, y)).sum()
        return np.exp(log_likelihood + stats.norm.logpdf(z).sum())

    evidence = integrate.dblquad(joint, -7, 7, -7, 7, epsabs=1e-10)[0]

    def gap(b, a):
        q = stats.norm.logpdf([a, b], mean[0], sd).sum()
        return np.exp(q) * (q - np.log(joint(b, a) / evidence))

    ends = [end for m, s in zip(mean[0], sd, strict=True) for end in (m - 8 * s, m + 8 * s)]
    expected = -np.log(evidence) + integrate.dblquad(gap, *ends, epsabs=1e-8)[0]
    eps = np.random.default_rng(0).standard_normal((100_000, 2))
    many = np.repeat(image, len(eps), axis=0)
    losses = [
        HEALTHY(p, many[i : i + 5000], eps[i : i + 5000], 1.0)[0] for i in range(0, 100_000, 5000)
    ]
    error = np.std(losses) / np.sqrt(len(losses))
    assert np.mean(losses) == pytest.approx(expected, abs=5 * error)
    found = bound_error(HEALTHY)
    assert abs(found.nats) < 5 * found.error


def test_every_gradient_of_the_healthy_vae_is_checked():
    """eq. 2.12"""
    errors = gradient_errors(HEALTHY, 2.5)
    assert set(errors) == set(case().p)
    assert max(errors.values()) < 1e-6
