"""The mutual information gap, on cases whose value is known, and against the paper's estimator."""

from math import log

import numpy as np
import pytest
from helpers import normal, pixels, refused, small_vae
from scipy.integrate import quad
from scipy.stats import norm

from scratchvae import build
from scratchvae.evaluation import FactorInformation, factor_information, model_information
from scratchvae.evaluation.disentanglement import bin_masses, equal_classes, table_information
from scratchvae.models import ConditionalVAE

N = 10_000


def points(*latents):
    """Return latents without noise as mean and log-variance, (N, D) each."""
    mean = np.stack(latents, axis=1).astype(np.float64)
    return mean, np.full_like(mean, -np.inf)


def test_a_factor_that_is_one_latent_has_a_gap_of_one():
    factor, second, third = normal(3, N)
    found = factor_information(*points(second, factor, third), {"size": factor})
    # The bins lie within the classes, 50 to 10, so not even rounding of edges is lost.
    assert found.information[0, 1] == pytest.approx(log(10), rel=1e-12)
    assert found.entropies[0] == pytest.approx(log(10), rel=1e-12)
    # What is missing is what chance gives the others: 49 · 9 / 2N nats of log 10, about 0.01.
    assert found.gaps[0] == pytest.approx(1 - max(found.shares[0, [0, 2]]), rel=1e-12)
    assert 0.98 < found.score < 0.995
    # It takes a latent that falls where the factor rises for the same.
    turned = factor_information(*points(second, -(factor**3), third), {"size": factor})
    assert turned.score == pytest.approx(found.score, abs=1e-3)


def test_a_factor_that_two_latents_know_has_no_gap():
    factor, third = normal(2, N)
    found = factor_information(*points(factor, -factor, third), {"size": factor})
    assert found.shares[0, :2] == pytest.approx([1, 1], abs=1e-3)
    assert abs(found.score) < 1e-3
    # Two bits, each of them in a latent of its own: each tells half of the entropy.
    bits = np.arange(N) % 4
    found = factor_information(*points(bits // 2, bits % 2), {"kind": bits})
    assert found.information[0] == pytest.approx([log(2), log(2)], rel=1e-12)
    assert found.shares[0] == pytest.approx([0.5, 0.5], rel=1e-12)
    assert found.score == 0


def test_the_score_is_the_mean_gap_over_factors():
    kind, third = np.arange(N) % 3, normal(N)
    factors = {"known": kind, "half known": np.arange(N) % 12 // 3}
    found = factor_information(*points(kind, factors["half known"] // 2, third), factors)
    assert found.names == ("known", "half known")
    assert found.entropies == pytest.approx([log(3), log(4)], abs=1e-6)
    assert found.gaps == pytest.approx([1, 0.5], abs=0.01)  # less the third latent's chance
    assert found.score == pytest.approx(found.gaps.mean())
    assert f"gap {found.score:.3f} (known {found.gaps[0]:.3f}" in str(found)


def test_an_independent_latent_seems_to_know_what_millers_formula_says():
    count, latents, bins, classes = 20_000, 50, 20, 10
    mean = normal(count, latents)
    found = factor_information(
        mean, np.full_like(mean, -np.inf), {"none": normal(count, seed=1)}, bins=bins
    )
    freedom = (bins - 1) * (classes - 1)
    expected = freedom / (2 * count)
    # 2N · I is χ² with this many degrees of freedom and a variance of twice their number.
    error = np.sqrt(2 * freedom) / (2 * count) / np.sqrt(latents)
    assert abs(found.information.mean() - expected) < 4 * error
    assert error < 0.02 * expected  # the comparison could fail
    assert 0 < found.score < expected


def test_a_collapsed_latent_knows_nothing_though_its_mean_would():
    factor = normal(N)
    mean = np.stack([1e-3 * factor, normal(N, seed=1)], axis=1)
    noisy = factor_information(mean, np.zeros_like(mean), {"size": factor})
    # A channel of signal to noise 10⁻⁶ carries at most ½ log(1 + 10⁻⁶) nats.
    assert 0 <= noisy.information[0, 0] < 0.5e-6 * 1.1
    assert noisy.kls[0] == pytest.approx(0.5e-6 * np.mean(factor**2), rel=1e-6)
    bare = factor_information(mean, np.full_like(mean, -np.inf), {"size": factor})
    assert bare.shares[0, 0] == pytest.approx(1, rel=1e-12)


def exact_information_of_two():
    """Return I(z; v) in nats for z ~ N(±1, 1) by the sign v, by quadrature."""

    def integrand(z):
        mixed = 0.5 * (norm.pdf(z, -1) + norm.pdf(z, 1))
        return norm.pdf(z, 1) * np.log(norm.pdf(z, 1) / mixed)

    return quad(integrand, -12, 12, epsabs=1e-12)[0]


def test_information_of_noisy_latents_is_that_of_quadrature_less_what_bins_lose():
    sign = np.arange(1000) % 2
    mean = np.stack([2.0 * sign - 1, np.zeros(1000)], axis=1)
    exact = exact_information_of_two()
    found = [
        factor_information(mean, np.zeros_like(mean), {"sign": sign}, bins=bins).information[0]
        for bins in (2, 8, 50, 400)
    ]
    values = [one[0] for one in found]
    assert values == sorted(values)
    assert values[-1] <= exact
    assert values[-1] == pytest.approx(exact, rel=1e-3)
    assert values[2] == pytest.approx(exact, rel=0.02)  # the usual number of bins
    assert values[0] < 0.8 * exact
    assert [one[1] for one in found] == pytest.approx([0] * 4, abs=1e-12)


def test_factor_information_agrees_with_the_papers_estimator():
    rng = np.random.default_rng(0)
    count, draws = 60, 200_000
    kind = np.arange(count) % 3
    mean = rng.standard_normal((count, 2)) + 0.7 * kind[:, None]
    log_variance = rng.uniform(-2, 0, (count, 2))
    found = factor_information(mean, log_variance, {"kind": kind}, bins=1000)
    # Chen et al.: the mean of log q(z | v) − log q(z) over z ~ q(z | x), x one of the images.
    image = rng.integers(0, count, draws)
    for latent in (0, 1):
        centre, deviation = mean[:, latent], np.exp(log_variance[:, latent] / 2)
        z = centre[image] + deviation[image] * rng.standard_normal(draws)
        densities = norm.pdf(z[:, None], centre, deviation)  # (draws, count)
        of_kind = np.stack([densities[:, kind == v].mean(axis=1) for v in range(3)], axis=1)
        gains = np.log(of_kind[np.arange(draws), kind[image]] / densities.mean(axis=1))
        error = gains.std() / np.sqrt(draws)
        assert abs(found.information[0, latent] - gains.mean()) < 4 * error
        assert gains.mean() > 50 * error


def test_bin_masses_are_those_of_the_gaussians():
    mean, deviation = normal(200), np.abs(normal(200, seed=1)) + 0.01
    masses = bin_masses(mean, deviation, 7)
    assert masses.shape == (200, 7)
    assert masses.sum(axis=1) == pytest.approx(np.ones(200))
    assert masses.sum(axis=0) == pytest.approx(np.full(7, 200 / 7), rel=0.05)  # about equal
    below = np.cumsum(masses, axis=1)[:, :-1]
    edges = mean[:, None] + deviation[:, None] * norm.ppf(below)
    inside = (below > 1e-6) & (below < 1 - 1e-6)
    for column, known in zip(edges.T, inside.T, strict=True):  # every image has the same edges
        assert np.ptp(column[known]) < 1e-6


def test_bin_masses_of_a_point_are_in_one_bin_and_of_equal_points_in_the_same():
    mean = np.array([3.0, 1.0, 3.0, 2.0, 1.0, 1.0])
    masses = bin_masses(mean, np.zeros(6), 12)
    assert sorted(np.unique(masses)) == [0, 1]
    bins = masses.argmax(axis=1)
    assert bins[0] == bins[2] > bins[3] > bins[1] == bins[4] == bins[5]


def test_equal_classes_have_equally_many_values_in_order():
    values = normal(1000)
    classes = equal_classes(values, 8)
    assert np.bincount(classes).tolist() == [125] * 8
    assert (np.diff(classes[np.argsort(values)]) >= 0).all()
    tied = equal_classes(np.array([0.0, 0.0, 0.0, 1.0]), 4)
    assert len(set(tied[:3])) == 1
    assert tied[3] > tied[0]


def test_table_information_of_a_diagonal_and_an_independent_table():
    assert table_information(np.diag([0.5, 0.25, 0.25])) == pytest.approx(1.5 * log(2))
    assert table_information(np.outer([0.3, 0.7], [0.2, 0.8])) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("count", [4, 260])  # a chunk, and more than one
def test_model_information_is_that_of_the_models_q(count):
    model, x = small_vae(), pixels(count, 3, 5, 1)
    factors = {"ink": x.mean(axis=(1, 2, 3))}
    found = model_information(model, x, factors)
    by_hand = factor_information(*model.encode_distribution(x), factors)
    for name in ("information", "entropies", "kls"):
        np.testing.assert_allclose(getattr(found, name), getattr(by_hand, name), rtol=1e-9)
    mean, log_variance = model.encode_distribution(x)
    kls = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).mean(axis=0)
    np.testing.assert_allclose(found.kls, kls, rtol=1e-9)


def test_model_information_of_a_conditional_model_and_an_autoencoder():
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    kind = np.arange(40) % 10
    conditional = build("conditional-vae", latent_dim=2)
    assert isinstance(conditional, ConditionalVAE)
    assert model_information(conditional, images, {"kind": kind}, kind).information.shape == (1, 2)
    with refused("labels"):
        model_information(conditional, images, {"kind": kind})
    found = model_information(build("autoencoder", latent_dim=3), images, {"kind": kind})
    assert np.isinf(found.kls).all()  # a point is infinitely far from N(0, 1)
    assert np.isfinite(found.information).all()


def test_factor_information_refuses_bad_input():
    mean = normal(6, 2)
    sound = {"kind": np.arange(6)}
    for bad_mean, log_variance, factors, words in (
        (mean[:, :1], mean[:, :1], sound, ["two latents or more", "(6, 1)"]),
        (mean[:1], mean[:1], {"kind": np.arange(1)}, ["two images"]),
        (mean, mean[:3], sound, ["mean and log_variance"]),
        (mean * np.nan, mean, sound, ["finite"]),
        (mean, mean * np.inf, sound, ["finite"]),
        (mean, mean, {}, ["at least one known factor"]),
        (mean, mean, {"kind": np.arange(5)}, ["kind", "6 numbers", "(5,)"]),
        (mean, mean, {"kind": list("abcdef")}, ["kind", "real numbers"]),
        (mean, mean, {"kind": np.full(6, np.nan)}, ["kind", "finite"]),
        (mean, mean, {"kind": np.full(6, 2.5)}, ["kind", "same for all images"]),
        (mean, mean, {"kind": np.zeros(6, int)}, ["kind", "same for all images"]),
    ):
        with refused(*words):
            factor_information(bad_mean, log_variance, factors)
    with refused("bins", "at least 2"):
        factor_information(mean, mean, sound, bins=1)
    with refused("classes", "at least 2"):
        factor_information(mean, mean, {"size": mean[:, 0]}, classes=1)


def test_gaps_are_between_the_two_largest_shares():
    information = np.array([[0.1, 0.5, 0.3], [0.2, 0.2, 0.2]])
    found = FactorInformation(("a", "b"), information, np.array([1.0, 2.0]), np.zeros(3))
    assert found.gaps == pytest.approx([0.2, 0.0])
    assert found.shares[1] == pytest.approx([0.1] * 3)
    assert found.score == pytest.approx(0.1)
