"""The exercise on the whole backward pass of a linear VAE.

Dimensions: N images, P pixels, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.probability import (
    GaussianLikelihood,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.validation import FloatArray

Three = tuple[FloatArray, FloatArray, FloatArray]


def linear_vae_gradients(
    x: FloatArray,
    encoder: FloatArray,
    log_variance: FloatArray,
    decoder: FloatArray,
    eps: FloatArray,
    variance: float,
) -> Three:
    """Return ∂loss/∂encoder (P, D), ∂loss/∂log_variance (D,) and ∂loss/∂decoder (D, P).

    The mean is x times the encoder's matrix, all images share one log-variance, the decoded image
    is z times the decoder's matrix, and pixels are Gaussian with a fixed variance: the backward
    pass of eq. 12.5, eq. 12.7, eq. 12.8 and eq. 12.9 without its tanh. x is (N, P), eps is (N, D).
    """
    mean = x @ encoder
    log_variances = np.broadcast_to(log_variance, mean.shape).copy()
    z = reparameterise(mean, log_variances, eps[None])[0]
    d_decoded = GaussianLikelihood(variance).gradient(x, z @ decoder) / len(x)
    through_z = reparameterise_backward((d_decoded @ decoder.T)[None], log_variances, eps[None])
    through_kl = kl_to_standard_gradients(mean, log_variances)
    d_mean = through_z.mean + through_kl.mean / len(x)
    d_log_variance = (through_z.log_variance + through_kl.log_variance / len(x)).sum(axis=0)
    return x.T @ d_mean, d_log_variance, z.T @ d_decoded


def _draw_linear(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, float]:
    count, pixels, latents = unequal_sizes(random, 3)
    x, encoder = random.standard_normal((count, pixels)), random.standard_normal((pixels, latents))
    log_variance, decoder = (
        random.standard_normal(latents),
        random.standard_normal((latents, pixels)),
    )
    eps = random.standard_normal((count, latents))
    return x, 0.5 * encoder, log_variance, decoder, eps, float(random.uniform(0.1, 0.5))


def _linear(
    x: FloatArray,
    encoder: FloatArray,
    log_variance: FloatArray,
    decoder: FloatArray,
    eps: FloatArray,
    variance: float,
    *,
    kl: tuple[float, float] = (1.0, 1.0),
    through: float = 1.0,
    averaged: bool = False,
    decoder_sees_mean: bool = False,
    noise: bool = True,
    half: float = 0.5,
    scaled: bool = True,
    twice: float = 1.0,
) -> Three:
    """Return the three gradients, with the mistakes that are switched on."""
    count = len(x)
    sigma, mean = np.exp(0.5 * log_variance), x @ encoder
    z = mean + sigma * eps
    d_decoded = twice * (z @ decoder - x) / (variance * count)
    dz = d_decoded @ decoder.T
    d_mean = through * dz + kl[0] * mean / count
    along = dz * eps if noise else dz
    d_log_variance = (
        through * half * (sigma if scaled else 1) * along.sum(axis=0) / (count if averaged else 1)
    )
    d_log_variance = d_log_variance + kl[1] * 0.5 * (np.exp(log_variance) - 1)
    return x.T @ d_mean, d_log_variance, (mean if decoder_sees_mean else z).T @ d_decoded


LINEAR_VAE_GRADIENTS = Exercise(
    name="linear-vae-gradients",
    answer=linear_vae_gradients,
    draw=_draw_linear,
    mistakes={
        "the KL does not reach the encoder: the path through it is missing in d_encoder": (
            lambda *given: _linear(*given, kl=(0.0, 1.0))
        ),
        "the KL does not reach the log-variance": lambda *given: _linear(*given, kl=(1.0, 0.0)),
        "only the KL reaches the encoder: the path through z is missing": (
            lambda *given: _linear(*given, through=0.0)
        ),
        "the KL is averaged over images, and so is its gradient: in d_encoder it counts N times": (
            lambda *given: _linear(*given, kl=(float(len(given[0])), 1.0))
        ),
        "in d_log_variance the KL is divided by N once too often: all N images have the same "
        "log-variance, and N times 1/N is 1": (
            lambda *given: _linear(*given, kl=(1.0, 1 / len(given[0])))
        ),
        "in d_log_variance the KL counts N times: it is a mean over images": (
            lambda *given: _linear(*given, kl=(1.0, float(len(given[0]))))
        ),
        "what reaches the log-variance through z is summed over images, not averaged: the 1/N "
        "is already in dz": lambda *given: _linear(*given, averaged=True),
        "the variance c of the pixels is missing: the squared error is divided by 2c": (
            lambda x, e, s, v, eps, c: _linear(x, e, s, v, eps, 1.0)
        ),
        "the squared error is divided by 2c, and its derivative has no 2 any more": (
            lambda *given: _linear(*given, twice=2.0)
        ),
        "e^(l/2) has the slope ½ e^(l/2): through z the half is missing in d_log_variance": (
            lambda *given: _linear(*given, half=1.0)
        ),
        "through z the standard deviation e^(l/2) is missing in d_log_variance": (
            lambda *given: _linear(*given, scaled=False)
        ),
        "the KL is subtracted, but it is a term of the loss": (
            lambda *given: _linear(*given, kl=(-1.0, -1.0))
        ),
        "the decoder saw z, not the mean": lambda *given: _linear(*given, decoder_sees_mean=True),
        "the noise is missing in the derivative of z by the log-variance": (
            lambda *given: _linear(*given, noise=False)
        ),
    },
    hints=(
        "Go forwards first: mean, z, decoded, as three lines of code. Then go backwards, last "
        "line first.",
        "d_decoded = (z V − x) / (c N). From it d_decoder as in (12.5), and dz. At the mean "
        "two paths meet, (12.7) and (12.8); the encoder's matrix is a dense layer (12.9).",
        "All images share the log-variance, so its gradients add up over images: through z "
        "the sum of ½ e^(l/2) eps dz, through the KL N times (e^l − 1) / 2N.",
    ),
    returns=("d_encoder", "d_log_variance", "d_decoder"),
)
