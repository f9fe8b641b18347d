"""What both rivals need to say a model of ours in their own terms.

Images are (N, H, W, C) here and (N, C, H, W) in PyTorch and, on request, in JAX. Where a dense
layer meets an image its weights are then put in that order, once: the activations need no
reordering, and the model is the one that a user of the framework would have.
"""

from collections.abc import Callable
from math import log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.benchmarks.arithmetic import Step, trace
from scratchvae.errors import InputError
from scratchvae.export.translation import image_order
from scratchvae.layers import (
    ELU,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LogSoftplus,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchvae.models import VAE
from scratchvae.probability import GaussianLikelihood

Layout = Callable[[NDArray[Any]], NDArray[Any]]

ACTIVATIONS = ELU | ReLU | Tanh | Sigmoid


def not_installed(framework: str) -> InputError:
    """Return the error of a rival that is not there."""
    return InputError(
        f"the comparison with {framework} needs {framework}, which is not installed: "
        "pip install 'scratchvae[bench]'"
    )


def untranslated(thing: object, framework: str) -> InputError:
    """Return the error of something of ours that a rival does not have."""
    return InputError(f"the benchmark has no counterpart in {framework} of this: {thing!r}")


def networks(model: VAE, framework: str) -> dict[str, list[Step]]:
    """Return the layers of encoder and decoder, of a model that draws one z per image."""
    if model.samples != 1:
        raise InputError(f"{framework}'s side draws one z per image, not {model.samples}")
    shapes = {"encoder": model.image_shape, "decoder": (model.latent_dim,)}
    for name in shapes:
        if not isinstance(getattr(model, name), Sequential):
            raise untranslated(getattr(model, name), framework)
    return {name: trace(getattr(model, name), shape) for name, shape in shapes.items()}


def variance_floor(model: VAE, framework: str) -> float | None:
    """Return what is added to the softplus that gives the variance; None without a softplus."""
    head = model.variance_head
    if isinstance(head, Sequential) and not head.layers:
        return None
    if not isinstance(head, LogSoftplus):
        raise untranslated(head, framework)
    return head.floor


def gaussian_terms(likelihood: object, framework: str) -> tuple[float, float]:
    """Return a Gaussian likelihood's variance, and the constant that it adds for each pixel."""
    if not isinstance(likelihood, GaussianLikelihood):
        raise untranslated(likelihood, framework)
    variance = likelihood.variance
    return variance, 0.5 * log(2 * pi * variance) if likelihood.include_constant else 0.0


def has_convolutions(model: VAE) -> bool:
    """Return whether the order of an image's axes matters to the speed of a model."""
    return any(parameter.value.ndim == 4 for parameter in model.parameters.values())


def channels_first_layout(steps: list[Step], place: int, name: str) -> Layout:
    """Return what puts a parameter in the order that it has where channels come first.

    A convolution's weight (kh, kw, in, out) becomes (out, in, kh, kw), and a transposed one's
    (kh, kw, out, in) becomes (in, out, kh, kw): it has its convolution's weight in all frameworks.
    A dense layer's (in, out) keeps its axes, with inputs and outputs in the images' new order.
    """
    layer = steps[place][0]
    if isinstance(layer, Conv2D | ConvTranspose2D) and name == "weight":
        return lambda array: array.transpose(3, 2, 0, 1)
    if not isinstance(layer, Dense):
        return lambda array: array
    rows, columns = np.arange(layer.in_features), np.arange(layer.out_features)
    if before := _beside(steps, place, -1, Flatten):
        rows = image_order(before[1])
    if after := _beside(steps, place, 1, Reshape):
        columns = image_order(after[2])
    if name == "bias":
        return lambda array: array[columns]
    return lambda array: array[np.ix_(rows, columns)]


def reorders_nothing(steps: list[Step], place: int) -> bool:
    """Return whether flattening or reshaping an image is right although its channels come first.

    It is where both layouts order the numbers alike, or a dense layer beside it has their order.
    """
    layer, shape_in, shape_out = steps[place]
    way, shape = (1, shape_in) if isinstance(layer, Flatten) else (-1, shape_out)
    ordered = bool(np.all(np.diff(image_order(shape)) == 1))
    return ordered or _beside(steps, place, way, Dense) is not None


def _beside(steps: list[Step], place: int, way: int, kind: type[Layer]) -> Step | None:
    """Return the next layer before (-1) or after (1), activations aside, if it is of that kind."""
    others = steps[place + 1 :] if way > 0 else steps[:place][::-1]
    near = next((step for step in others if not isinstance(step[0], ACTIVATIONS)), None)
    return near if near and isinstance(near[0], kind) else None
