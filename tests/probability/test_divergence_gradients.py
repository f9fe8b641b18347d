"""The gradients of the closed-form KLs."""

import numpy as np
import pytest
from helpers import covariance, normal
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.checks.gradients import check_gradients
from scratchvae.probability import (
    kl_diagonal,
    kl_diagonal_gradients,
    kl_full,
    kl_full_gradients,
    kl_to_standard,
    kl_to_standard_gradients,
)

seeds = st.integers(0, 1000)


@given(size=st.integers(1, 5), seed=seeds)
def test_gradients_of_each_kl_are_a_case_of_the_one_before(size, seed):
    mean_1, log_variance_1, mean_2, log_variance_2 = normal(4, 1, size, seed=seed)
    full = kl_full_gradients(
        mean_1[0],
        np.diag(np.exp(log_variance_1[0])),
        mean_2[0],
        np.diag(np.exp(log_variance_2[0])),
    )
    diagonal = kl_diagonal_gradients(mean_1, log_variance_1, mean_2, log_variance_2)
    for found, expected in (
        (diagonal.mean_1, full.mean_1),
        (diagonal.mean_2, full.mean_2),
        # ∂/∂l = v ∂/∂v, for a variance v = e^l.
        (diagonal.log_variance_1, np.exp(log_variance_1) * np.diag(full.covariance_1)),
        (diagonal.log_variance_2, np.exp(log_variance_2) * np.diag(full.covariance_2)),
    ):
        np.testing.assert_allclose(found[0], expected.reshape(size), rtol=1e-8, atol=1e-10)
    zeros = np.zeros((1, size))
    standard = kl_to_standard_gradients(mean_1, log_variance_1)
    diagonal = kl_diagonal_gradients(mean_1, log_variance_1, zeros, zeros)
    np.testing.assert_allclose(standard.mean, diagonal.mean_1)
    np.testing.assert_allclose(standard.log_variance, diagonal.log_variance_1)


def test_gradients_share_no_memory_with_arguments():
    arrays = tuple(normal(4, 2, 3))
    copies = [a.copy() for a in arrays]
    for gradient in (*kl_to_standard_gradients(*arrays[:2]), *kl_diagonal_gradients(*arrays)):
        gradient.fill(7)
    np.testing.assert_array_equal(arrays, copies)


@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_the_diagonal_kls(seed):
    rng = np.random.default_rng(seed)
    arrays = dict(zip("abcd", rng.standard_normal((4, 3, 2)), strict=True))
    upstream = rng.standard_normal(3)
    for function, gradients, names in (
        (kl_diagonal, kl_diagonal_gradients, "abcd"),
        (kl_to_standard, kl_to_standard_gradients, "ab"),
    ):
        used = {name: arrays[name] for name in names}
        found = gradients(*used.values())
        report = check_gradients(
            function.__name__,
            lambda function=function, used=used: float((function(*used.values()) * upstream).sum()),
            used,
            {n: g * upstream[:, None] for n, g in zip(names, found, strict=True)},
            rng=rng,
            tolerance=1e-8,
        )
        assert report.passed, report


@pytest.mark.parametrize("size", [1, 2, 4])
def test_gradients_of_the_full_kl(size):
    # Each entry of a covariance is moved together with its mirror image.
    means = {"m1": normal(size, seed=1), "m2": normal(size, seed=2)}
    halves = {"c1": covariance(size, 3), "c2": covariance(size, 4)}

    def symmetric(name):
        return 0.5 * (halves[name] + halves[name].T)

    def value():
        return kl_full(means["m1"], symmetric("c1"), means["m2"], symmetric("c2"))

    gradients = kl_full_gradients(means["m1"], symmetric("c1"), means["m2"], symmetric("c2"))
    for gradient in (gradients.covariance_1, gradients.covariance_2):
        np.testing.assert_allclose(gradient, gradient.T)
    report = check_gradients(
        "kl_full",
        value,
        means | halves,
        {
            "m1": gradients.mean_1,
            "m2": gradients.mean_2,
            "c1": gradients.covariance_1,
            "c2": gradients.covariance_2,
        },
        rng=np.random.default_rng(0),
    )
    assert report.passed, report
