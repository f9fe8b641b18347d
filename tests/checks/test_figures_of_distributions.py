"""The figures of the checks of distributions: which they are, and in which units."""

import numpy as np
import pytest

from scratchvae.checks import distributions
from scratchvae.checks.bounds import check_bound_order, check_exact_likelihood
from scratchvae.checks.distributions import (
    DistributionReport,
    DistributionRow,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.checks.optimisers import check_adam, check_sgd
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    kl_to_standard,
    reparameterise,
)

FAR = 2**40  # a seed beyond all counts


def names(report):
    return [row.name for row in report.rows]


def figures(report):
    return [(row.expected, row.found) for row in report.rows]


@pytest.mark.parametrize(
    "check",
    [
        lambda seed: check_reparameterisation(seed=seed, draws=50),
        lambda seed: check_kl(seed=seed, draws=50),
        lambda seed: check_likelihood(GaussianLikelihood(), seed=seed),
        lambda seed: check_exact_likelihood(seed=seed, models=2),
        lambda seed: check_bound_order(seed=seed, images=3),
        lambda seed: check_adam(seed=seed),
        lambda seed: check_sgd(seed=seed),
    ],
    ids=["sampler", "kl", "likelihood", "elbo", "bound", "adam", "sgd"],
)
def test_a_seed_fixes_all_figures_and_may_be_any_whole_number(check):
    assert figures(check(0)) == figures(check(0))
    assert figures(check(0)) != figures(check(FAR))


def test_a_report_prints_a_row_for_each_figure():
    rows = [
        DistributionRow("mean", 1.5, 1.25, 4.96),
        DistributionRow("a longer name", 0.0, 1e-9, 5.04),
        DistributionRow("limit", 2.0, 2.0, 5.0),
    ]
    report = DistributionReport("some title", rows)
    assert [row.passed for row in rows] == [True, False, True]
    assert not report.passed
    assert str(report).splitlines() == [
        "some title",
        "                     expected         found  std errors  verdict",
        "  mean                    1.5          1.25         5.0  ok",
        "  a longer name             0         1e-09         5.0  WRONG",
        "  limit                     2             2         5.0  ok",
    ]


# Samplers, divergences, likelihoods.


def test_the_moments_of_a_sampler_are_in_units_of_their_own_errors():
    asked = []

    def off(mean, log_variance, eps):
        """Draws whose moments are three standard errors off, and whose noise is correlated."""
        asked.append((mean, log_variance, eps))
        count, sigma = len(eps), np.exp(0.5 * log_variance)
        noise = (eps - eps.mean(axis=0)) / eps.std(axis=0)
        first = noise[:, :, 0]
        rest = noise[:, :, 1] - (noise[:, :, 1] * first).mean() * first
        share = 3 / np.sqrt(count)
        noise[:, :, 1] = share * first + np.sqrt(1 - share**2) * rest / rest.std()
        return (
            mean + 3 * sigma / np.sqrt(count) + sigma * np.sqrt(1 + 3 * np.sqrt(2 / count)) * noise
        )

    report = check_reparameterisation(off, draws=5000)
    assert report.title == "reparameterise: moments of its draws"
    moments = [f"{moment} of z[{j}]" for j in range(4) for moment in ("mean", "variance")]
    assert names(report) == [*moments, "correlation of z[0] and z[1]"]
    for row in report.rows:
        assert row.standard_errors == pytest.approx(3, rel=1e-6)
    ((mean, log_variance, eps),) = asked
    assert [row.expected for row in report.rows[:8:2]] == mean[0].tolist()
    assert [row.expected for row in report.rows[1:8:2]] == pytest.approx(np.exp(log_variance[0]))
    assert report.rows[8].expected == 0
    # Where the variance is 1 a mix-up with the standard deviation does not show.
    assert (np.abs(log_variance) > 0.5).all()
    assert eps.shape == (5000, 1, 4)


def test_a_sampler_without_noise_has_no_correlation():
    report = check_reparameterisation(lambda mean, log_variance, eps: mean + 0 * eps, draws=50)
    assert (report.rows[8].found, report.rows[8].standard_errors) == (0, 0)
    for row in report.rows[:8:2]:
        assert row.found == pytest.approx(row.expected, rel=1e-12)  # a mean of 50 times the same


def test_the_checks_draw_a_hundred_thousand_times():
    seen = []

    def sampler(mean, log_variance, eps):
        seen.append(len(eps))
        return reparameterise(mean, log_variance, eps)

    assert check_reparameterisation(sampler).passed
    assert seen == [100_000]


def test_a_divergence_is_asked_for_four_gaussians_and_held_to_its_definition():
    asked = []

    def kl(mean, log_variance):
        asked.append((mean.tolist(), log_variance.tolist()))
        return kl_to_standard(mean, log_variance)

    report = check_kl(kl, draws=20_000)
    assert report.title == "KL to N(0, I): closed form against Monte Carlo"
    assert names(report) == ["equal to the prior", "shifted", "narrow", "wide and shifted"]
    prior, shifted, narrow, wide = asked
    assert prior == ([[0.0] * 3], [[0.0] * 3])
    assert shifted[1] == [[0.0] * 3] != shifted[0]
    assert narrow[0] == [[0.0] * 3]
    assert max(narrow[1][0]) < 0 < max(wide[1][0])
    assert any(wide[0][0])
    for row, (mean, log_variance) in zip(report.rows, asked, strict=True):
        exact = float(kl_to_standard(np.array(mean), np.array(log_variance))[0])
        assert row.found == exact
        assert row.expected == pytest.approx(exact, rel=0.05)  # thousands of draws
    assert figures(report)[0] == (0, 0)


def test_a_divergence_is_off_in_units_of_the_error_of_the_mean():
    few, many = (
        check_kl(lambda m, v: kl_to_standard(m, v) + 1.0, draws=draws).rows[1]
        for draws in (2_000, 200_000)
    )
    # log q − log p under q is m·ε + const where only the mean is shifted: its deviation is |m|.
    size = np.sqrt(1 + 4 + 0.25)
    assert few.standard_errors == pytest.approx(np.sqrt(2_000) / size, rel=0.1)
    assert many.standard_errors == pytest.approx(np.sqrt(200_000) / size, rel=0.02)


@pytest.mark.parametrize(
    "likelihood",
    [BernoulliLikelihood(), GaussianLikelihood(0.3), LearnedVarianceLikelihood()],
    ids=repr,
)
def test_a_likelihood_is_added_up_over_four_pixels(likelihood):
    report = check_likelihood(likelihood)
    assert report.title == f"{likelihood!r}: a distribution over pixels"
    of_pixels = [f"pixel {p}: {what}" for p in range(4) for what in ("total probability", "mean")]
    assert names(report) == [*of_pixels, "nats of an image of 4 pixels"]
    assert [row.expected for row in report.rows[:8:2]] == [1.0] * 4
    assert len({row.expected for row in report.rows[1:8:2]}) == 4
    for row in report.rows:
        assert row.found == pytest.approx(row.expected, rel=1e-9)


def test_what_is_wrong_with_a_likelihood_is_in_millionths():
    class Off(GaussianLikelihood):
        def negative_log_likelihood(self, x, decoded):
            return super().negative_log_likelihood(x, decoded) - np.log(1.25)

    report = check_likelihood(Off(0.3))
    for pixel in range(4):
        total, mean = report.rows[2 * pixel : 2 * pixel + 2]
        assert total.found == pytest.approx(1.25)
        assert total.standard_errors == pytest.approx(0.25e6)
        assert mean.found == pytest.approx(1.25 * mean.expected)
        assert mean.standard_errors == pytest.approx(0.25e6 * abs(mean.expected))
    assert report.rows[8].found - report.rows[8].expected == pytest.approx(3 * np.log(1.25))


def test_rounding_is_no_error():
    row = distributions._compare("figure", 1.0, 1.5, 0.0)
    assert row == DistributionRow("figure", 1.0, 1.5, 0.5e12)
    assert distributions._compare("figure", 2.0, 1.5, 0.25).standard_errors == 2
