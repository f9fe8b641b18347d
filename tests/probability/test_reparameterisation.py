"""The reparameterisation: the spread of z, and what is refused."""

import numpy as np
import pytest
from helpers import each_dtype, normal, refused
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.probability import reparameterise, reparameterise_backward

seeds = st.integers(0, 1000)


@given(samples=st.integers(0, 3), count=st.integers(0, 4), latents=st.integers(1, 4), seed=seeds)
def test_reparameterise_scales_the_noise_by_the_standard_deviation(samples, count, latents, seed):
    mean, log_variance = normal(2, count, latents, seed=seed)
    eps, dz = normal(2, samples, count, latents, seed=seed)
    z = reparameterise(mean, log_variance, eps)
    gradients = reparameterise_backward(dz, log_variance, eps)
    d_mean, d_log_variance = np.zeros((2, count, latents))
    assert z.shape == eps.shape
    for index in np.ndindex(eps.shape):
        within = index[1:]
        deviation = np.sqrt(np.exp(log_variance[within]))
        assert z[index] == pytest.approx(mean[within] + deviation * eps[index])
        d_mean[within] += dz[index]
        d_log_variance[within] += dz[index] * eps[index] * deviation / 2
    np.testing.assert_allclose(gradients.mean, d_mean, atol=1e-12)
    np.testing.assert_allclose(gradients.log_variance, d_log_variance, atol=1e-12)


@each_dtype
def test_reparameterise_keeps_the_dtype(dtype):
    mean, log_variance = normal(2, 3, 2, dtype=dtype)
    eps = normal(4, 3, 2, dtype=dtype)
    assert reparameterise(mean, log_variance, eps).dtype == dtype
    for gradient in reparameterise_backward(eps, log_variance, eps):
        assert gradient.dtype == dtype


def test_no_noise_and_no_variance_give_the_mean():
    mean = normal(3, 2)
    assert (reparameterise(mean, normal(3, 2), np.zeros((2, 3, 2))) == mean).all()
    assert (reparameterise(mean, np.full((3, 2), -np.inf), normal(2, 3, 2)) == mean).all()


def test_reparameterise_refuses_noise_that_does_not_fit():
    mean = normal(3, 2)
    for shape in ((3, 2), (1, 3, 1), (1, 2, 3), (1, 1, 3, 2)):
        with refused("eps must be of shape (L, 3, 2)", str(shape)):
            reparameterise(mean, mean, np.zeros(shape))
    with refused("eps is float32"):
        reparameterise(mean, mean, np.zeros((1, 3, 2), np.float32))
    with refused("dz and eps"):
        reparameterise_backward(np.zeros((2, 3, 2)), mean, np.zeros((1, 3, 2)))
