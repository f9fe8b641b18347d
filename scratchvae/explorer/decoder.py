"""A decoder as a page has it: a row of layers with their settings and arrays.

Numbers lie as in Python, with channels last, so ``Flatten`` and ``Reshape`` are left out: they only
say how the same row of numbers is read. So is ``Dropout``, which does nothing after training. A
batch norm is a scale and a shift there, its running statistics folded in.
"""

from copy import deepcopy
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.explorer.packing import pack, unpack
from scratchvae.export.translation import Step, steps_of
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaskedDense,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
)
from scratchvae.layers.same_padding import same_zeros
from scratchvae.models import RECIPES, Autoencoder, ConditionalVAE, LatentModel
from scratchvae.models.vae import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    DiscretisedLogisticLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
)
from scratchvae.validation import FloatArray

# Decoded pixels are from 0 to 1, and a page promises 1e-4 of that. Half of it is kept for latents
# other than those that were tried, and for the browser's own rounding, which is below 1e-6.
MOST_ROUNDING = 5e-5

_LEFT_OUT = (Flatten, Reshape, Dropout)
_OTHERWISE = ("hierarchical-vae", "vq-vae", "diffusion")
_LIKELIHOODS = (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    DiscretisedLogisticLikelihood,
)

Written = dict[str, Any]


def check_explorable(model: LatentModel) -> None:
    """Raise ``InputError`` unless a model's images come from its decoder and likelihood alone."""
    decodes = (LatentModel.decode_parameters, ConditionalVAE.decode_parameters)
    if not isinstance(model, VAE | Autoencoder) or type(model).decode_parameters not in decodes:
        takes = ", ".join(name for name in RECIPES if name not in _OTHERWISE)
        raise InputError(
            f"the explorer decodes one vector of latents at a time, which is not all that a "
            f"{type(model).__name__} does",
            f"give it a VAE or an autoencoder: the recipes {takes}",
        )
    if type(model.likelihood) not in _LIKELIHOODS:
        raise InputError(
            f"the explorer does not know the mean of a {type(model.likelihood).__name__}",
            f"use one of {', '.join(kind.__name__ for kind in _LIKELIHOODS)}",
        )


def written_decoder(model: LatentModel, z: FloatArray) -> tuple[Written, float]:
    """Return a model's decoder and likelihood for a page, and by how much they are rounded.

    That is the largest difference in a pixel over the latents ``z`` (N, D). A weight has as few
    bytes as keep it below ``MOST_ROUNDING``: 2, 3 or all 4.
    """
    exact = model.decode(z)
    for width in (2, 3):
        rounded = deepcopy(model)
        for parameter in rounded.decoder.parameters.values():
            if parameter.value.ndim > 1:
                parameter.value[...] = unpack(pack(parameter.value, width))
        difference = float(np.abs(exact - rounded.decode(z)).max(initial=0))
        if difference < MOST_ROUNDING:
            return _written(model, width), difference
    return _written(model, 4), 0.0


def _written(model: LatentModel, width: int) -> Written:
    steps = steps_of(model.decoder, (model.latent_dim + model.classes,))
    layers = [_layer(step, width) for step in steps if type(step.layer) not in _LEFT_OUT]
    written: Written = {"name": model.likelihood.name}
    minimum = getattr(model.likelihood, "minimum_log_scale", -np.inf)
    written["minimum_log_scale"] = None if np.isneginf(minimum) else minimum
    return {"layers": layers, "likelihood": written}


def _layer(step: Step, width: int) -> Written:
    """Return a layer's name, its shapes, settings and arrays."""
    layer = step.layer
    written: Written = {"name": type(layer).__name__}
    if type(layer) in (ReLU, Tanh, Sigmoid, Softplus):
        return written
    if type(layer) is ELU:
        return written | {"alpha": layer.alpha}
    if type(layer) is BatchNorm:
        return written | _scale_and_shift(layer)
    values = {name: parameter.value for name, parameter in layer.parameters.items()}
    if type(layer) is LayerNorm and layer.shape == step.shape_in:
        arrays = {name: pack(value) for name, value in values.items()}
        return written | {"epsilon": layer.epsilon, **arrays}
    if type(layer) not in (Dense, MaskedDense, Conv2D, ConvTranspose2D):
        raise InputError(
            f"the explorer has no layer {layer!r} on examples of shape {step.shape_in}",
            "use those of the recipes in the decoder: dense and convolutional layers, batch norm, "
            "ELU, ReLU, Tanh, Sigmoid, Softplus",
        )
    if type(layer) is MaskedDense:
        values["weight"] = values["weight"] * layer.mask
    arrays = {"weight": pack(values["weight"], width), "bias": pack(values["bias"])}
    if type(layer) in (Conv2D, ConvTranspose2D):
        written |= {"kernel_size": layer.kernel_size, "stride": layer.stride}
        written |= {"shape_in": step.shape_in, "shape_out": step.shape_out}
        written["padding"] = _zeros_before(layer, step.shape_in)
    return written | {"name": "Dense" if type(layer) is MaskedDense else written["name"]} | arrays


def _scale_and_shift(layer: BatchNorm) -> Written:
    """Return γ / √(σ² + ε) and β − μ γ / √(σ² + ε), with the running statistics."""
    kept = {name: value.astype(np.float64) for name, value in layer.buffers.items()}
    scale = layer.parameters["scale"].value / np.sqrt(kept["running_variance"] + layer.epsilon)
    shift = layer.parameters["shift"].value - kept["running_mean"] * scale
    return {"scale": pack(scale), "shift": pack(shift)}


def _zeros_before(layer: Conv2D | ConvTranspose2D, shape: tuple[int, ...]) -> list[int]:
    """Return how many rows, and columns, of padding come before an image."""
    if isinstance(layer.padding, int):
        return [layer.padding, layer.padding]
    (top, _), (left, _) = same_zeros(shape[:2], layer.kernel_size, layer.stride)
    return [top, left]
