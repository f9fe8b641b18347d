"""The doctor on losses: terms, reductions and weights, each fault beside its right twin."""

import re

import numpy as np
import pytest
from small_vaes import LATENTS, PIXELS, SmallVAE, cross_entropy, kl, sigmoid

import scratchvae


def of(loss, **others):
    """Return the report on a small VAE, as much of it as a loss needs, with this loss."""
    others = {"train_step": None, "draw": None, **others}
    return scratchvae.doctor(**SmallVAE().parts(loss=loss, **others))


def causes(report):
    return [finding.cause for finding in report.findings]


def bernoulli(x, p, m, v, *, by_pixels=1.0, by_latents=1.0, divergence=kl):
    terms = by_pixels * cross_entropy(x, p).sum() + by_latents * divergence(m, v).sum()
    return terms / len(x)


def gaussian(x, y, m, v, weight):
    return (weight * ((x - y) ** 2).sum() + kl(m, v).sum()) / len(x)


def wrong_axis(x, p, m, v):
    return cross_entropy(x, p).sum(1).mean() + kl(m, v).sum(0).mean()


def with_logits(x, a, m, v):
    return ((np.logaddexp(0, a) - x * a).sum() + kl(m, v).sum()) / len(x)


FAULTY = {
    "KL subtracted": ("KL sign", lambda *a: bernoulli(*a, by_latents=-1)),
    "½ missing": ("KL scale", lambda *a: bernoulli(*a, by_latents=2)),
    "KL by pixels": ("KL scale", lambda *a: bernoulli(*a, by_latents=1 / PIXELS)),
    "KL by latents": ("KL scale", lambda *a: bernoulli(*a, by_latents=1 / LATENTS)),
    "KL by the batch twice": ("KL scale", lambda *a: bernoulli(*a, by_latents=1 / len(a[0]))),
    "no KL": ("KL scale", lambda *a: bernoulli(*a, by_latents=0)),
    "mean over pixels": ("effective beta", lambda *a: bernoulli(*a, by_pixels=1 / PIXELS)),
    "β that nobody stated": ("effective beta", lambda *a: bernoulli(*a, by_latents=4)),
    "KL summed over the batch": (
        "effective beta",
        lambda *a: bernoulli(*a, by_latents=len(a[0])),
    ),
    "axes exchanged": ("wrong axis", wrong_axis),
    "square for exponential": (
        "KL formula",
        lambda *a: bernoulli(*a, divergence=lambda m, v: 0.5 * (m**2 + v**2 - 1 - v)),
    ),
    "no mean in the KL": (
        "KL formula",
        lambda *a: bernoulli(*a, divergence=lambda m, v: 0.5 * (np.exp(v) - 1 - v)),
    ),
    "log-deviation in the KL": (
        "log-variance for log-deviation",
        lambda *a: bernoulli(*a, divergence=lambda m, v: kl(m, 2 * v)),
    ),
    "half a cross-entropy": (
        "reconstruction formula",
        lambda x, p, m, v: (-(x * np.log(p)).sum() + kl(m, v).sum()) / len(x),
    ),
    "sigmoid twice": ("probabilities for logits", with_logits),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_loss_is_named(name):
    cause, loss = FAULTY[name]
    report = of(loss)
    assert causes(report)[:1] == [cause]
    assert report.findings[0].evidence


RIGHT = {
    "mean over the batch": bernoulli,
    "sum over the batch": lambda x, *a: len(x) * bernoulli(x, *a),
    "mean over everything, the KL as well": lambda *a: bernoulli(*a) / PIXELS,
    "in a tuple": lambda *a: (bernoulli(*a), 0.0, 0.0),
    "in a dict": lambda *a: {"kl": 0.0, "loss": bernoulli(*a)},
    "other names, another order": lambda recon_x, x, mu, logvar: bernoulli(x, recon_x, mu, logvar),
    "clipped": lambda x, p, m, v: bernoulli(x, np.clip(p, 1e-7, 1 - 1e-7), m, v),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_not_accused(name):
    report = of(RIGHT[name])
    assert causes(report) == []
    assert "could not be checked" not in [row.sentence for row in report.rows if row.cause == "KL"]
    assert any(row.cause == "effective beta" and row.kind == "ok" for row in report.rows)


def test_a_stated_beta_is_not_accused_and_a_missing_one_is_told():
    assert causes(of(lambda *a: bernoulli(*a, by_latents=4), beta=4.0)) == []
    told = of(bernoulli, beta=3.0).findings[0]
    assert told.cause == "effective beta"
    assert "β is 1" in told.sentence


def test_the_effective_beta_of_a_mean_over_pixels_is_their_number():
    (finding,) = of(lambda *a: bernoulli(*a, by_pixels=1 / PIXELS)).findings
    assert f"β is {PIXELS}" in finding.sentence


def test_a_squared_error_without_its_half_is_a_note_and_no_fault():
    means = SmallVAE().weights["decoder"]
    others = {"decode": lambda z: z @ means, "likelihood": "gaussian"}
    unsaid = of(lambda *a: gaussian(*a, 1.0), **others)
    assert causes(unsaid) == []
    assert [row.cause for row in unsaid.notes] == ["effective variance"]
    assert causes(of(lambda *a: gaussian(*a, 0.5), **others)) == []
    assert causes(of(lambda *a: gaussian(*a, 1 / 0.2), variance=0.1, **others)) == []
    assert causes(of(lambda *a: gaussian(*a, 1.0), variance=1.0, **others)) == [
        "effective variance"
    ]


def test_logits_where_probabilities_are_expected():
    weights = SmallVAE().weights["decoder"]

    def clipped(x, p, m, v):
        return bernoulli(x, np.clip(p, 1e-6, 1 - 1e-6), m, v)

    logits = {"decode": lambda z: z @ weights}
    assert causes(of(clipped, **logits))[:1] == ["logits for probabilities"]
    assert causes(of(with_logits, **logits)) == []


def test_pixels_of_a_bernoulli_lie_between_0_and_1():
    data = SmallVAE().data
    assert causes(of(bernoulli, data=255 * data))[:1] == ["pixels out of range"]
    assert causes(of(bernoulli, data=2 * data - 1))[:1] == ["pixels out of range"]


def test_a_kl_by_samples_is_known_by_its_mean():
    rng = np.random.default_rng(0)

    def sampled(m, v):
        e = rng.standard_normal(m.shape)
        z = m + np.exp(v / 2) * e
        return 0.5 * (z**2 - e**2 - v)

    assert causes(of(lambda *a: bernoulli(*a, divergence=sampled))) == []


def test_a_kl_with_a_floor_could_not_be_checked_and_is_not_accused():
    report = of(lambda *a: bernoulli(*a, divergence=lambda m, v: np.maximum(kl(m, v), 0.5)))
    assert causes(report) == []
    assert "KL" in [row.cause for row in report.unchecked]


def test_training_and_validation_have_one_loss():
    def doubled(*a):
        return bernoulli(*a, by_latents=2)

    differ = of(bernoulli, validation_loss=doubled)
    assert causes(differ) == ["training and validation losses differ"]
    assert causes(of(bernoulli, validation_loss=lambda *a: bernoulli(*a))) == []


def whole(vae, loss, *, at_mean=False):
    def of_images(x):
        mean, log_variance = vae.encode(x)
        z = mean if at_mean else np.random.normal(mean, np.exp(log_variance / 2))  # noqa: NPY002
        return loss(x, vae.decode(z), mean, log_variance)

    draw = lambda m, v: np.random.normal(m, np.exp(v / 2))  # noqa: E731, NPY002
    return scratchvae.doctor(**vae.parts(loss=of_images, draw=draw, train_step=None))


def test_a_loss_of_the_whole_model_is_taken_apart_as_well():
    vae = SmallVAE()
    right = whole(vae, bernoulli)
    assert causes(right) == []
    assert any(row.cause == "effective beta" and row.kind == "ok" for row in right.rows)
    by_pixels = whole(vae, lambda *a: bernoulli(*a, by_pixels=1 / PIXELS))
    assert causes(by_pixels) == ["effective beta"]
    assert causes(whole(vae, lambda *a: bernoulli(*a, by_latents=-1))) == ["KL sign"]
    assert causes(whole(vae, bernoulli, at_mean=True)) == ["mean for draw"]


def test_a_loss_that_is_not_finite_is_told():
    report = of(bernoulli, decode=lambda z: (sigmoid(z @ np.ones((LATENTS, PIXELS))) > 0.5) * 1.0)
    assert causes(report)[:1] == ["loss not finite"]


def exact_posterior(weights, bias, variance):
    """Return the encoder of a linear decoder's exact posterior, whose latents are independent."""
    covariance = np.linalg.inv(np.eye(LATENTS) + weights @ weights.T / variance)

    def encode(x):
        mean = (x - bias) @ weights.T @ covariance / variance
        return mean, np.log(np.tile(np.diag(covariance), (len(x), 1)))

    return encode


def linear(draw=None, *, variance=0.3, exact=False):
    """Return the report on a VAE with a linear decoder and Gaussian pixels."""
    vae = SmallVAE()
    weights = 0.3 * np.linalg.qr(vae.weights["decoder"].T)[0].T
    return scratchvae.doctor(
        **vae.parts(
            encode=exact_posterior(weights, 0.1, variance) if exact else vae.encode,
            decode=lambda z: z @ weights + 0.1,
            loss=lambda *a: gaussian(*a, 0.5 / variance),
            draw=draw or vae.draw,
            train_step=None,
            likelihood="gaussian",
            variance=variance,
        )
    )


def test_the_bound_of_a_linear_decoder_lies_below_its_exact_evidence():
    report = linear()
    assert causes(report) == []
    assert [row.kind for row in report.rows if row.cause == "bound"] == ["ok"]


def test_the_bound_of_the_exact_posterior_is_the_evidence_and_that_of_its_mean_above():
    right = linear(exact=True)
    assert causes(right) == []
    (row,) = [row for row in right.rows if row.cause == "bound"]
    bound, evidence = (float(word) for word in re.findall(r"is (-?[\d.]+)", row.evidence))
    assert abs(bound - evidence) < 2e-3 * abs(evidence)  # the mean over 40 draws of 20 images
    at_mean = linear(lambda m, v: m, exact=True)
    assert causes(at_mean) == ["mean for draw", "bound above evidence"]


def test_the_exact_evidence_is_that_of_the_full_covariance():
    from scratchvae.checks.doctor.evidence import _log_evidence

    rng = np.random.default_rng(0)
    weights, bias, x = rng.normal(size=(2, 5)), rng.normal(size=5), rng.normal(size=(4, 5))
    covariance = weights.T @ weights + 0.3 * np.eye(5)
    apart = x - bias
    full = -0.5 * (
        (apart * np.linalg.solve(covariance, apart.T).T).sum(1)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    np.testing.assert_allclose(_log_evidence(x, weights, bias, 0.3), full, rtol=1e-10)
