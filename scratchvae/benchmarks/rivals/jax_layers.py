"""Our layers in JAX, as functions of their input, their parameters and their buffers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scratchvae.benchmarks.arithmetic import Step
from scratchvae.benchmarks.rivals.translation import (
    Layout,
    channels_first_layout,
    reorders_nothing,
    untranslated,
)
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
)

FRAMEWORK = "JAX"

Arrays = dict[str, Any]
Apply = Callable[[Any, Arrays, Arrays], tuple[Any, Arrays]]
"""A layer: its input, its parameters and its buffers, to its output and its buffers after it."""


class JaxLayers:
    """What makes networks of JAX of our layers.

    Parameters
    ----------
    jax
        The module.
    channels_first, own_gradients
        As for ``JaxModel``.

    Attributes
    ----------
    parameters, buffers
        JAX's arrays by our names, of all networks made so far.
    layouts
        By the names of the parameters, what puts an array of ours into JAX's layout.
    """

    def __init__(self, jax: Any, *, channels_first: bool, own_gradients: bool) -> None:
        self.jax, self.numpy = jax, jax.numpy
        self.channels_first, self.own_gradients = channels_first, own_gradients
        self.axes = ("NCHW", "OIHW", "NCHW") if channels_first else ("NHWC", "HWIO", "NHWC")
        self.parameters: Arrays = {}
        self.buffers: Arrays = {}
        self.layouts: dict[str, Layout] = {}

    def network(self, network: str, steps: list[Step]) -> Apply:
        """Keep the parameters and buffers of one of a model's networks, and return it."""
        layers = []
        for place, (layer, _, _) in enumerate(steps):
            layers.append(self._layer(f"{network}.{place}", steps, place))
            for name, parameter in layer.parameters.items():
                full = f"{network}.{place}.{name}"
                self.layouts[full] = self._layout(steps, place, name)
                self.parameters[full] = self.numpy.array(self.layouts[full](parameter.value))
            for name, buffer in layer.buffers.items():
                self.buffers[f"{network}.{place}.{name}"] = self.numpy.array(buffer)

        def apply(x: Any, parameters: Arrays, buffers: Arrays) -> tuple[Any, Arrays]:
            after: Arrays = {}
            for layer in layers:
                x, changed = layer(x, parameters, buffers)
                after |= changed
            return x, after

        return apply

    def _layout(self, steps: list[Step], place: int, name: str) -> Layout:
        if self.channels_first:
            return channels_first_layout(steps, place, name)
        return lambda array: array

    def _layer(self, own: str, steps: list[Step], place: int) -> Apply:
        """Return the counterpart of one layer, whose arrays are named after ``own``."""
        nn = self.jax.nn
        layer, _, shape_out = steps[place]
        if isinstance(layer, Dense):
            return lambda x, p, _: (x @ p[f"{own}.weight"] + p[f"{own}.bias"], {})
        if isinstance(layer, Conv2D | ConvTranspose2D):
            return partial(self._convolve, own, layer)
        if isinstance(layer, BatchNorm):
            return partial(self._normalise, own, layer)
        if isinstance(layer, Flatten | Reshape):
            if self.channels_first and not reorders_nothing(steps, place):
                raise untranslated(layer, FRAMEWORK)
            if self.channels_first and len(shape_out) == 3:
                shape_out = (shape_out[2], *shape_out[:2])
            return lambda x, *_: (x.reshape(len(x), *shape_out), {})
        if isinstance(layer, ELU):
            return lambda x, *_: (nn.elu(x, layer.alpha), {})
        functions = {ReLU: nn.relu, Tanh: self.numpy.tanh, Sigmoid: nn.sigmoid}
        if type(layer) not in functions:
            raise untranslated(layer, FRAMEWORK)
        function = functions[type(layer)]
        return lambda x, *_: (function(x), {})

    def _convolve(
        self, own: str, layer: Conv2D | ConvTranspose2D, x: Any, p: Arrays, _: Arrays
    ) -> tuple[Any, Arrays]:
        if isinstance(layer, ConvTranspose2D):
            function = self._transposed(layer)
        else:
            function = self._convolution(layer)
        y = function(x, p[f"{own}.weight"])
        return y + self._per_channel(p[f"{own}.bias"], x), {}

    def _convolution(self, layer: Conv2D | ConvTranspose2D) -> Callable[[Any, Any], Any]:
        """Return the convolution with a layer's stride and padding, of images and a weight."""
        return partial(
            self.jax.lax.conv_general_dilated,
            window_strides=(layer.stride, layer.stride),
            padding=[(layer.padding, layer.padding)] * 2,
            dimension_numbers=self.axes,
        )

    def _transposed(self, layer: ConvTranspose2D) -> Callable[[Any, Any], Any]:
        # The padding of the image that is filled up with zeros between its pixels.
        edge = layer.kernel_size - 1 - layer.padding
        plain: Callable[[Any, Any], Any] = partial(
            self.jax.lax.conv_transpose,
            strides=(layer.stride, layer.stride),
            padding=[(edge, edge + more) for more in layer.output_paddings],
            dimension_numbers=self.axes,
            transpose_kernel=True,
        )
        if not self.own_gradients:
            return plain
        convolve = self._convolution(layer)

        def gradients(saved: tuple[Any, Any], dy: Any) -> tuple[Any, Any]:
            x, weight = saved  # of ⟨convᵀ(x, w), dy⟩ = ⟨x, conv(dy, w)⟩
            dx, back = self.jax.vjp(partial(convolve, dy), weight)
            return dx, *back(x)

        function: Any = self.jax.custom_vjp(plain)
        function.defvjp(lambda x, weight: (plain(x, weight), (x, weight)), gradients)
        return function  # type: ignore[no-any-return]

    def _normalise(
        self, own: str, layer: BatchNorm, x: Any, p: Arrays, buffers: Arrays
    ) -> tuple[Any, Arrays]:
        axes = (0, 2, 3) if self.channels_first and x.ndim == 4 else tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes), x.var(axes)
        count = x.size // layer.channels
        unbiased = variance * (count / (count - 1))
        after = {}
        for name, batch in (("running_mean", mean), ("running_variance", unbiased)):
            running = buffers[f"{own}.{name}"]
            after[f"{own}.{name}"] = running + layer.momentum * (batch - running)
        scale = p[f"{own}.scale"] * self.jax.lax.rsqrt(variance + layer.epsilon)
        shift = p[f"{own}.shift"] - mean * scale
        return x * self._per_channel(scale, x) + self._per_channel(shift, x), after

    def _per_channel(self, vector: Any, x: Any) -> Any:
        """Return a vector with a number per channel of ``x``, for use with it."""
        return vector[:, None, None] if self.channels_first and x.ndim == 4 else vector
