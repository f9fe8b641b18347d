"""Categorical distributions: probabilities, gradients and draws."""

import numpy as np
import pytest
from helpers import each_dtype, normal, refused
from scipy.special import log_softmax

from scratchvae.checks.gradients import check_gradients
from scratchvae.probability.categorical import (
    categorical_nll,
    categorical_nll_gradient,
    draw_categorical,
    one_hot,
    softmax,
)

LOGITS = normal(4, 3, 5, scale=2.0)
CODES = np.random.default_rng(1).integers(5, size=(4, 3))


def test_the_nll_is_minus_the_sum_of_log_softmax_at_the_codes():
    """eq. 24.7, against SciPy's log-softmax; logits of a thousand are no trouble."""
    for logits in (LOGITS, 1000 * LOGITS):
        chosen = np.take_along_axis(log_softmax(logits, axis=-1), CODES[..., None], axis=-1)
        np.testing.assert_allclose(categorical_nll(CODES, logits), -chosen.sum(axis=(1, 2)))


def test_its_gradient_is_the_softmax_less_the_code():
    """eq. 24.8, against finite differences."""
    upstream = normal(4, seed=2)
    gradient = categorical_nll_gradient(CODES, LOGITS)
    np.testing.assert_allclose(gradient.sum(axis=-1), 0, atol=1e-12)  # rounding of sums of five
    report = check_gradients(
        "categorical",
        lambda: float((categorical_nll(CODES, LOGITS) * upstream).sum()),
        {"logits": LOGITS},
        {"logits": gradient * upstream[:, None, None]},
        rng=np.random.default_rng(0),
    )
    assert report.passed, report


@each_dtype
def test_dtypes_are_kept(dtype):
    logits = LOGITS.astype(dtype)
    for array in (softmax(logits), categorical_nll(CODES, logits)):
        assert array.dtype == dtype
    assert categorical_nll_gradient(CODES, logits).dtype == one_hot(CODES, 5, dtype).dtype == dtype


@each_dtype
def test_draws_come_as_often_as_the_softmax_says(dtype):
    logits = np.array([0.0, -50.0, 1.5, -1.0], dtype)
    drawn = draw_categorical(np.broadcast_to(logits, (20_000, 4)), np.random.default_rng(0))
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    expected = softmax(logits)
    # Five standard errors of a share.
    assert (np.abs(shares - expected) <= 5 * np.sqrt(expected / len(drawn)) + 1e-12).all()


def test_codes_that_do_not_fit_are_refused():
    for codes in (CODES[:2], CODES + 1, CODES - 1, CODES + 0.5):
        with refused("codes must be"):
            categorical_nll(codes, LOGITS)
    with refused("logits"):
        softmax(np.array(1.0))
    with pytest.raises(TypeError):
        categorical_nll(CODES)
