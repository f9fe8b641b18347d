"""The program that a reader of the lessons writes, as we would: one piece an exercise.

A reader's own file begins with all of it, and each piece that they write takes the place of ours.
"""

from scratchvae.course.program.layers import Dense, Sequential, Tanh, slopes, squared_error
from scratchvae.course.program.probability import (
    Bernoulli,
    Gaussian,
    draw,
    draw_backward,
    kl_gradients,
    kl_to_standard,
    log_mean_exp,
    log_normal,
    mean_and_error,
    sigmoid,
)
from scratchvae.course.program.training import Adam, Momentum, batches, cosine, train_network
from scratchvae.course.program.vae import (
    VAE,
    evaluate,
    interpolate,
    log_evidence,
    noise,
    reconstruct,
    sample,
    train_vae,
)

__all__ = [
    "VAE",
    "Adam",
    "Bernoulli",
    "Dense",
    "Gaussian",
    "Momentum",
    "Sequential",
    "Tanh",
    "batches",
    "cosine",
    "draw",
    "draw_backward",
    "evaluate",
    "interpolate",
    "kl_gradients",
    "kl_to_standard",
    "log_evidence",
    "log_mean_exp",
    "log_normal",
    "mean_and_error",
    "noise",
    "reconstruct",
    "sample",
    "sigmoid",
    "slopes",
    "squared_error",
    "train_network",
    "train_vae",
]
