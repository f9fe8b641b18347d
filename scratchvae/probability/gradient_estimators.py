"""Two estimators of the gradient of an expectation, ∇ E_q[f(z)] with q = N(mean, e^log_variance).

That is the gradient of eq. 10.1 of the lessons:

==================  ============================================  ============================
                    ∂/∂mean                                       ∂/∂log_variance = ∂/∂l
==================  ============================================  ============================
score function      f(z) ∂ log q/∂mean = f(z) ε e^(−l/2)          f(z) ½ (ε² − 1)
reparameterisation  f′(z)                                         f′(z) ½ e^(l/2) ε
==================  ============================================  ============================

Both are right on average. The score function needs only the value of f, so it also works where f
has no derivative. In return it multiplies the noise by all of f, hundreds of nats, where the
reparameterisation multiplies it by the slope. Source: Kingma and Welling (2013), section 2.2, after
Paisley, Blei and Jordan (2012); derived as eq. 10.4 with eq. 10.5, and as eq. 10.8.

Dimensions: L draws per example, N examples, D latents.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.errors import InputError
from scratchvae.probability.densities import check_alike
from scratchvae.probability.reparameterisation import check_noise
from scratchvae.validation import FloatArray, as_array, check_broadcast, check_floats


class GradientDraws(NamedTuple):
    """An estimate of each gradient from each single draw, (L, N, D); their mean is the gradient."""

    mean: FloatArray
    log_variance: FloatArray


def score_function_gradients(
    f: FloatArray, log_variance: FloatArray, eps: FloatArray, baseline: FloatArray | float = 0.0
) -> GradientDraws:
    """Return the score-function estimate of each draw.

    Parameters
    ----------
    f
        f at z = mean + e^(l/2) ε, one number per draw: (L, N).
    log_variance
        l, (N, D).
    eps
        ε, (L, N, D).
    baseline
        Subtracted from f, (N,) or one number. A score is 0 on average, so a baseline that does not
        depend on the draw leaves the mean unchanged; one near E[f] removes most of the variance
        (eq. 10.6).
    """
    check_noise(eps, log_variance)
    check_floats(f, "f", eps.dtype)
    if f.shape != eps.shape[:2]:
        raise InputError(f"f must be of shape {eps.shape[:2]}, one per draw, not {f.shape}")
    subtracted = as_array(baseline, "baseline").astype(f.dtype)
    check_broadcast(f=f, baseline=subtracted)
    weight = (f - subtracted)[..., None]  # (L, N, 1)
    return GradientDraws(
        mean=weight * eps * np.exp(-0.5 * log_variance),
        log_variance=weight * 0.5 * (eps * eps - 1),
    )


def reparameterised_gradients(
    df: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> GradientDraws:
    """Return the reparameterised estimate of each draw (eq. 10.8); ``df`` is ∂f/∂z, (L, N, D)."""
    check_noise(eps, log_variance)
    check_alike(df=df, eps=eps)
    return GradientDraws(mean=df.copy(), log_variance=0.5 * np.exp(0.5 * log_variance) * (df * eps))
