"""The doctor on what an encoder gives as mean and log-variance."""

import numpy as np
import pytest
from small_vaes import SmallVAE

import scratchvae

VAE = SmallVAE()


def findings(encode, **others):
    return scratchvae.doctor(data=VAE.data, encode=encode, **others).findings


def of_one_layer(x):
    mean, _ = VAE.encode(x)
    return mean, mean.copy()


def rectified(*which):
    def encode(x):
        moments = zip(("mean", "log-variance"), VAE.encode(x), strict=True)
        return tuple(np.maximum(each, 0) if name in which else each for name, each in moments)

    return encode


def test_the_mean_in_place_of_the_log_variance_is_named():
    (finding,) = findings(of_one_layer)
    assert finding.cause == "mean for log-variance"
    assert "equal" in finding.evidence


@pytest.mark.parametrize("which", [("mean",), ("log-variance",), ("mean", "log-variance")])
def test_moments_behind_a_relu_are_named(which):
    (finding,) = findings(rectified(*which))
    assert finding.cause == "moments cut off"
    assert f"encoder's {' and '.join(which)} cannot" in finding.sentence


def test_moments_that_happen_to_be_positive_are_not_accused():
    def encode(x):
        mean, log_variance = VAE.encode(x)
        return np.abs(mean) + 0.1, 0 * log_variance  # a constant log-variance is a right one

    assert findings(encode) == []
    assert findings(lambda x: (VAE.encode(x)[0], np.exp(VAE.encode(x)[1])), spread="variance") == []


def test_moments_that_are_not_finite_are_not_called_right():
    broken = lambda x: (x * np.nan, x)  # noqa: E731
    report = scratchvae.doctor(data=VAE.data, encode=broken, draw=VAE.draw)
    assert "moments" in [row.cause for row in report.unchecked]
    assert [row.cause for row in report.failing] == ["encode"]
