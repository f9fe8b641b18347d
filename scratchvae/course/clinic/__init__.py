"""A clinic for VAEs: healthy networks, patients with one fault each, and instruments."""

from scratchvae.course.clinic.chart import chart
from scratchvae.course.clinic.instruments import (
    bound_error,
    case,
    coin_error,
    gradient_errors,
    kl_error,
    spread,
)
from scratchvae.course.clinic.networks import (
    decoder,
    decoder_backward,
    encoder,
    encoder_backward,
    parameters,
    sigmoid,
)
from scratchvae.course.clinic.patients import HEALTHY, PATIENTS, vae

__all__ = [
    "HEALTHY",
    "PATIENTS",
    "bound_error",
    "case",
    "chart",
    "coin_error",
    "decoder",
    "decoder_backward",
    "encoder",
    "encoder_backward",
    "gradient_errors",
    "kl_error",
    "parameters",
    "sigmoid",
    "spread",
    "vae",
]
