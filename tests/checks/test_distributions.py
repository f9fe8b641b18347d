"""The checks of distributions: what is right passes them, and each usual mistake fails."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.distributions import (
    DistributionReport,
    DistributionRow,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    kl_to_standard,
    reparameterise,
)

LIKELIHOODS = [
    BernoulliLikelihood(),
    GaussianLikelihood(1.0),
    GaussianLikelihood(0.05, include_constant=True),
    GaussianLikelihood(1e-4),
    LearnedVarianceLikelihood(),
    LearnedVarianceLikelihood(-np.inf),
]


@pytest.mark.parametrize("seed", range(5))
def test_the_right_sampler_and_kl_pass_for_any_seed(seed):
    for report in (
        check_reparameterisation(seed=seed, draws=20_000),
        check_kl(seed=seed, draws=20_000),
    ):
        assert report.passed, report


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
def test_every_likelihood_passes(likelihood):
    for seed in range(2):
        report = check_likelihood(likelihood, seed=seed)
        assert report.passed, report


@pytest.mark.parametrize("variance", [1e-8, 100.0])
def test_a_likelihood_much_narrower_or_wider_than_pixels_passes(variance):
    report = check_likelihood(GaussianLikelihood(variance))
    assert report.passed, report


SAMPLERS = {
    "variance for standard deviation": lambda m, v, eps: m + np.exp(v) * eps,
    "log-variance for log σ": lambda m, v, eps: m + np.exp(0.25 * v) * eps,
    "no noise": lambda m, v, eps: m + 0 * eps,
    "no mean": lambda m, v, eps: np.exp(0.5 * v) * eps,
    "mean subtracted": lambda m, v, eps: -m + np.exp(0.5 * v) * eps,
    "one draw for all": lambda m, v, eps: m + np.exp(0.5 * v) * np.repeat(eps[:1], len(eps), 0),
    "two percent too wide": lambda m, v, eps: m + 1.02 * np.exp(0.5 * v) * eps,
    "not a number": lambda m, v, eps: np.nan * eps,
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_wrong_sampler_fails(name):
    assert not check_reparameterisation(SAMPLERS[name]).passed


DIVERGENCES = {
    "half of it": lambda m, v: 0.5 * kl_to_standard(m, v),
    "twice it": lambda m, v: 2 * kl_to_standard(m, v),
    "its negative": lambda m, v: -kl_to_standard(m, v),
    "without the means": lambda m, v: kl_to_standard(0 * m, v),
    "without the variances": lambda m, v: kl_to_standard(m, 0 * v),
    "averaged over latents": lambda m, v: kl_to_standard(m, v) / m.shape[1],
    "arguments exchanged": lambda m, v: 0.5 * (np.exp(-v) * (1 + m**2) - 1 + v).sum(axis=1),
    "standard deviation for variance": lambda m, v: (
        0.5 * (np.exp(v / 2) - 1 - v + m**2).sum(axis=1)
    ),
    "a constant too much": lambda m, v: kl_to_standard(m, v) + 1e-3,
    "not a number": lambda m, v: np.full(len(m), np.nan),
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_wrong_divergence_fails(name):
    assert not check_kl(DIVERGENCES[name]).passed


class Changed(GaussianLikelihood):
    """A Gaussian with a factor and a constant in its nats, and a factor in its mean."""

    def __init__(self, factor=1.0, constant=0.0, mean=1.0):
        super().__init__(0.3)
        self.changes = factor, constant, mean

    def negative_log_likelihood(self, x, decoded):
        factor, constant, _ = self.changes
        return factor * super().negative_log_likelihood(x, decoded) + constant

    def mean(self, decoded):
        return self.changes[2] * decoded


@pytest.mark.parametrize(
    "changes", [{"factor": 2.0}, {"factor": 0.5}, {"constant": 1e-3}, {"mean": 1.001}]
)
def test_a_wrong_likelihood_fails(changes):
    assert check_likelihood(Changed()).passed
    assert not check_likelihood(Changed(**changes)).passed


def test_a_likelihood_averaged_over_pixels_fails():
    class Averaged(GaussianLikelihood):
        def negative_log_likelihood(self, x, decoded):
            return super().negative_log_likelihood(x, decoded) / x[0].size

        def gradient(self, x, decoded):
            return super().gradient(x, decoded) / x[0].size

        def omitted_constant(self, pixels):
            return super().omitted_constant(pixels) / pixels

    assert not check_likelihood(Averaged(0.3)).passed


def test_a_report_names_each_figure():
    report = check_reparameterisation(lambda m, v, eps: m + np.exp(v) * eps)
    assert [row.name for row in report.rows][:2] == ["mean of z[0]", "variance of z[0]"]
    passed = {row.name: row.passed for row in report.rows}
    assert all(passed[f"mean of z[{j}]"] for j in range(4))
    assert not any(passed[f"variance of z[{j}]"] for j in range(4))
    row = report.rows[1]
    assert row.expected == pytest.approx(np.exp(-3))
    assert row.found == pytest.approx(np.exp(-6), rel=0.05)
    title, head, *lines = str(report).splitlines()
    assert title == report.title
    assert head.split() == ["expected", "found", "std", "errors", "verdict"]
    assert [line.split()[-1] for line in lines] == ["ok", "WRONG"] * 4 + ["ok"]


def test_differences_are_in_standard_errors():
    # Noise whose mean is off by three standard errors is reported as three.
    noise_of_mean_zero = normal(10_000, 1, 4)

    def sampler(mean, log_variance, eps):
        centred = noise_of_mean_zero - noise_of_mean_zero.mean(axis=0)
        return reparameterise(mean, log_variance, centred + 3 / np.sqrt(10_000))

    report = check_reparameterisation(sampler, draws=10_000)
    for row in report.rows[:8:2]:
        assert row.standard_errors == pytest.approx(3, rel=1e-6)
        assert row.passed


def test_a_figure_that_is_no_number_does_not_pass():
    row = DistributionRow("figure", 1.0, float("nan"), float("nan"))
    assert not row.passed
    assert not DistributionReport("title", [row]).passed
    assert not DistributionReport("title", []).passed
