"""The program that a reader of the lessons writes, as we would: one piece an exercise.

A reader's own file begins with all of it, and each piece that they write takes the place of ours.
"""

from scratchvae.course.program.autoencoders import (
    best_denoiser,
    principal_components,
    soft_threshold,
)
from scratchvae.course.program.batch_norm import BatchNorm, set_training
from scratchvae.course.program.convolution import Conv2D, add_patches, patches
from scratchvae.course.program.convolutional import (
    Autoencoder,
    ReLU,
    Reshape,
    Sigmoid,
    zhao_networks,
)
from scratchvae.course.program.diffusion import diffuse, guessed_image, posterior, step_nats
from scratchvae.course.program.discrete import (
    causal_masks,
    code_nats,
    codebook_gradient,
    nearest_codes,
    straight_through,
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
    sampled_kl_gradients,
)
from scratchvae.course.program.training import Adam, Momentum, batches, cosine, train_network
from scratchvae.course.program.transposed_convolution import ConvTranspose2D, output_padding
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
    "Autoencoder",
    "BatchNorm",
    "Bernoulli",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Gaussian",
    "Momentum",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "add_patches",
    "aggregate_log_density",
    "batches",
    "best_denoiser",
    "blocked_product",
    "causal_masks",
    "code_nats",
    "codebook_gradient",
    "cosine",
    "decoder_backward",
    "diffuse",
    "draw",
    "draw_backward",
    "effective_number",
    "encoder_backward",
    "estimate_log_evidence",
    "evaluate",
    "gaussian_score",
    "guessed_image",
    "interpolate",
    "kl_gradients",
    "kl_to_standard",
    "latent_gradients",
    "load_parameters",
    "log_mean_exp",
    "log_normal",
    "mean_and_error",
    "nearest_codes",
    "noise",
    "output_padding",
    "patches",
    "posterior",
    "principal_components",
    "reconstruct",
    "sample",
    "sampled_kl_gradients",
    "save_parameters",
    "set_training",
    "short_convolution",
    "slopes",
    "soft_threshold",
    "squared_error",
    "step_nats",
    "straight_through",
    "toss",
    "train_network",
    "train_vae",
    "zhao_networks",
]
