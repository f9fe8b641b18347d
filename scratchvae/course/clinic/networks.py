"""The healthy half of every patient: an encoder and a decoder with one hidden layer each.

Dimensions: N images of P pixels, H hidden units, D latents. Parameters are a dictionary p with w1
(P, H), b1, w2 (H, 2D), b2 of the encoder, and w3 (D, H), b3, w4 (H, P), b4 of the decoder.
"""

from typing import Any

import numpy as np

from scratchvae.validation import FloatArray

Parameters = dict[str, FloatArray]


def parameters(
    pixels: int, hidden: int, latents: int, rng: np.random.Generator, dtype: Any = np.float64
) -> Parameters:
    """Return random parameters, none of them 0."""
    sizes = {1: (pixels, hidden), 2: (hidden, 2 * latents), 3: (latents, hidden)}
    sizes[4] = (hidden, pixels)
    found: Parameters = {}
    for number, (inputs, outputs) in sizes.items():
        scale = 1 / np.sqrt(inputs)
        found[f"w{number}"] = (scale * rng.standard_normal((inputs, outputs))).astype(dtype)
        found[f"b{number}"] = (0.1 * rng.standard_normal(outputs)).astype(dtype)
    return found


def sigmoid(y: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(−y)), written so that it never overflows."""
    share: FloatArray = 0.5 * (1 + np.tanh(y / 2))
    return share


def encoder(p: Parameters, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the hidden layer (N, H), and mean and log-variance of q(z | x), (N, D)."""
    h = np.tanh(x @ p["w1"] + p["b1"])
    mean, log_variance = np.split(h @ p["w2"] + p["b2"], 2, axis=1)
    return h, mean, log_variance


def encoder_backward(
    p: Parameters, x: FloatArray, h: FloatArray, d_mean: FloatArray, d_log_variance: FloatArray
) -> Parameters:
    """Return the gradients of w1, b1, w2 and b2."""
    d_out = np.concatenate([d_mean, d_log_variance], axis=1)
    d_hidden = (d_out @ p["w2"].T) * (1 - h**2)
    return {
        "w1": x.T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": h.T @ d_out,
        "b2": d_out.sum(axis=0),
    }


def decoder(p: Parameters, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the hidden layer (N, H), and a logit for each pixel (N, P)."""
    g = np.tanh(z @ p["w3"] + p["b3"])
    return g, g @ p["w4"] + p["b4"]


def decoder_backward(
    p: Parameters, z: FloatArray, g: FloatArray, dy: FloatArray
) -> tuple[FloatArray, Parameters]:
    """Return dz, (N, D), and the gradients of w3, b3, w4 and b4."""
    du = (dy @ p["w4"].T) * (1 - g**2)
    dz: FloatArray = du @ p["w3"].T
    return dz, {
        "w3": z.T @ du,
        "b3": du.sum(axis=0),
        "w4": g.T @ dy,
        "b4": dy.sum(axis=0),
    }
