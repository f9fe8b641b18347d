"""The program that a reader of the lessons writes, as we would: one piece an exercise.

A reader's own file begins with all of it, and each piece that they write takes the place of ours.
"""

from scratchvae.course.program.autoencoders import (
    best_denoiser,
    principal_components,
    soft_threshold,
)
from scratchvae.course.program.kernels import blocked_product, short_convolution
from scratchvae.course.program.layers import ELU, Dense, Sequential, Tanh, slopes, squared_error
from scratchvae.course.program.probability import (
    Bernoulli,
    Gaussian,
    aggregate_log_density,
    draw,
    draw_backward,
    effective_number,
    gaussian_score,
    kl_gradients,
    kl_to_standard,
    log_mean_exp,
    log_normal,
    mean_and_error,
)
from scratchvae.course.program.training import Adam, Momentum, batches, cosine, train_network
from scratchvae.course.program.vae import (
    VAE,
    decoder_backward,
    encoder_backward,
    estimate_log_evidence,
    evaluate,
    interpolate,
    latent_gradients,
    load_parameters,
    noise,
    reconstruct,
    sample,
    save_parameters,
    toss,
    train_vae,
)

__all__ = [
    "ELU",
    "VAE",
    "Adam",
    "Bernoulli",
    "Dense",
    "Gaussian",
    "Momentum",
    "Sequential",
    "Tanh",
    "aggregate_log_density",
    "batches",
    "best_denoiser",
    "blocked_product",
    "cosine",
    "decoder_backward",
    "draw",
    "draw_backward",
    "effective_number",
    "encoder_backward",
    "estimate_log_evidence",
    "evaluate",
    "gaussian_score",
    "interpolate",
    "kl_gradients",
    "kl_to_standard",
    "latent_gradients",
    "load_parameters",
    "log_mean_exp",
    "log_normal",
    "mean_and_error",
    "noise",
    "principal_components",
    "reconstruct",
    "sample",
    "save_parameters",
    "short_convolution",
    "slopes",
    "soft_threshold",
    "squared_error",
    "toss",
    "train_network",
    "train_vae",
]
