"""Our models in JAX, the only file that imports it: a whole training step is one ``jax.jit``."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from math import log, pi
from typing import Any

import numpy as np

from scratchvae.benchmarks.arithmetic import Step
from scratchvae.benchmarks.rivals.translation import (
    Layout,
    channels_first_layout,
    has_convolutions,
    networks,
    reorders_nothing,
    untranslated,
    variance_floor,
)
from scratchvae.errors import InputError
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
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.validation import FloatArray

Arrays = dict[str, Any]
Apply = Callable[[Any, Arrays, Arrays], tuple[Any, Arrays]]
"""A layer: its input, its parameters and its buffers, to its output and its buffers after it."""

_FRAMEWORK = "JAX"
_THREADS = "NPROC"  # what the size of XLA's pool of threads is read from, when a client is made


def import_jax() -> Any:
    """Return the module ``jax``; ``InputError`` if it is not installed."""
    try:
        return import_module("jax")
    except ImportError:
        raise InputError(
            "the comparison with JAX needs JAX, which is not installed: "
            "pip install 'scratchvae[bench]'"
        ) from None


@contextmanager
def jax_threads(threads: int) -> Iterator[None]:
    """Let JAX use ``threads`` threads, on the processor. Its arrays from before are lost."""
    jax = import_jax()
    before = os.environ.get(_THREADS), jax.config.jax_platforms
    clear = import_module("jax.extend.backend").clear_backends
    os.environ[_THREADS] = str(threads)
    jax.config.update("jax_platforms", "cpu")
    clear()
    try:
        yield
    finally:
        jax.config.update("jax_platforms", before[1])
        os.environ.pop(_THREADS)
        if before[0] is not None:
            os.environ[_THREADS] = before[0]
        clear()


def jax_ways(model: VAE, thorough: bool) -> dict[str, dict[str, bool]]:
    """Return the configurations worth measuring: each layout of images, and memory used again.

    Those that a ``thorough`` search adds take long and are seldom the fastest.
    """
    donated = {"donated": True}
    ways: dict[str, dict[str, bool]] = {"jax.jit": {}, "donated memory": donated}
    swift, first = {"own_gradients": True}, {"channels_first": True}
    if has_convolutions(model):
        ways["donated memory + own gradients"] = donated | swift
    if has_convolutions(model) and thorough:
        ways["donated memory + channels first"] = donated | first
        ways["donated memory + own gradients + channels first"] = donated | swift | first
    return ways


class JaxModel:
    """A VAE of ours in JAX, with an optimiser, its weights copied from ours.

    Parameters
    ----------
    model
        A VAE that draws one z per image, made of the layers that the recipes use.
    learning_rate
        Of Adam.
    channels_first
        Whether images are (N, C, H, W).
    donated
        Whether a step may write the new parameters where the old ones were.
    own_gradients
        Whether transposed convolutions are given their gradients, instead of leaving them to JAX,
        whose weight gradient XLA computes at a tenth of the speed on a processor.

    Attributes
    ----------
    parameters
        JAX's parameters by our names.
    layouts
        By the same names, what puts an array of ours into JAX's layout.
    gradients
        Parameters, buffers, images and noise, to (loss, buffers) and the loss's gradients.

    Raises
    ------
    InputError
        If JAX is not installed, or the model has something that is not translated here.
    """

    def __init__(
        self,
        model: VAE,
        learning_rate: float,
        *,
        channels_first: bool = False,
        donated: bool = False,
        own_gradients: bool = False,
    ) -> None:
        self.jax = import_jax()
        self.numpy = self.jax.numpy
        translated = networks(model, _FRAMEWORK)
        if model.dtype != np.float32:
            raise InputError(f"JAX's side computes in float32, not {model.dtype}")
        self.beta = model.beta
        self.latent_dim = model.latent_dim
        self.learning_rate = learning_rate
        self.floor = variance_floor(model, _FRAMEWORK)
        self.score = self._score(model.likelihood)
        self.channels_first, self.own_gradients = channels_first, own_gradients
        self.axes = ("NCHW", "OIHW", "NCHW") if channels_first else ("NHWC", "HWIO", "NHWC")
        self.parameters: Arrays = {}
        self.layouts: dict[str, Layout] = {}
        self.buffers: Arrays = {}
        self.encoder, self.decoder = (
            self._translate(network, steps) for network, steps in translated.items()
        )
        self.moments = tuple(
            self.jax.tree.map(self.numpy.zeros_like, self.parameters) for _ in range(2)
        )
        self.steps = 0
        self.key = self.jax.random.key(0)
        self.gradients = self.jax.value_and_grad(self.loss, has_aux=True)
        compiled = partial(self.jax.jit, donate_argnums=(0, 1, 2) if donated else ())
        self._step_with, self._step_drawing = compiled(self._step), compiled(self._draw_and_step)
        self._evaluate = self.jax.jit(lambda *arguments: self.loss(*arguments)[0])

    def images(self, x: FloatArray) -> Any:
        """Return images (N, H, W, C) as JAX has them."""
        return self.numpy.asarray(x.transpose(0, 3, 1, 2) if self.channels_first else x)

    def step(self, images: Any, eps: FloatArray | None = None) -> float:
        """Take one step on what ``images`` returned, and return the loss before it.

        ``eps`` are draws from N(0, I), (N, D); ``None`` draws new ones, as training does.
        """
        self.steps += 1
        run, noise = (self._step_drawing, self.key) if eps is None else (self._step_with, eps)
        state = self.parameters, self.moments, self.buffers
        state, loss = run(*state, float(self.steps), images, noise)
        self.parameters, self.moments, self.buffers = state
        return float(loss)

    def evaluate(self, images: Any, eps: FloatArray) -> float:
        """Return the loss of what ``images`` returned, without its gradients."""
        return float(self._evaluate(self.parameters, self.buffers, images, eps))

    def loss(
        self, parameters: Arrays, buffers: Arrays, images: Any, eps: Any
    ) -> tuple[Any, Arrays]:
        """Return the loss of a batch, and the buffers after it."""
        jax, numpy = self.jax, self.numpy
        hidden, after_encoder = self.encoder(images, parameters, buffers)
        mean, raw = numpy.split(hidden, 2, axis=1)
        if self.floor is None:
            variance, log_variance = numpy.exp(raw), raw
        else:
            variance = jax.nn.softplus(raw) + self.floor
            log_variance = numpy.log(variance)
        z = mean + numpy.sqrt(variance) * eps
        decoded, after_decoder = self.decoder(z, parameters, buffers)
        kl = 0.5 * (variance + mean * mean - 1 - log_variance).sum()
        loss = (self.score(decoded, images) + self.beta * kl) / len(images)
        return loss, after_encoder | after_decoder

    def _draw_and_step(
        self, parameters: Arrays, moments: Any, buffers: Arrays, step: Any, images: Any, key: Any
    ) -> Any:
        draw = self.jax.random.fold_in(key, step.astype(int))
        eps = self.jax.random.normal(draw, (len(images), self.latent_dim))
        return self._step(parameters, moments, buffers, step, images, eps)

    def _step(
        self, parameters: Arrays, moments: Any, buffers: Arrays, step: Any, images: Any, eps: Any
    ) -> Any:
        (loss, buffers), gradients = self.gradients(parameters, buffers, images, eps)
        first, second = moments
        update, sqrt = self.jax.tree.map, self.numpy.sqrt
        first = update(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = update(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate, root = self.learning_rate / (1 - 0.9**step), 1 - 0.999**step
        parameters = update(
            lambda p, m, v: p - rate * m / (sqrt(v / root) + 1e-8), parameters, first, second
        )
        return (parameters, (first, second), buffers), loss

    def _score(self, likelihood: object) -> Callable[[Any, Any], Any]:
        """Return the function of decoded and true images that sums −log p over a batch."""
        if isinstance(likelihood, BernoulliLikelihood):
            return lambda logits, x: (self.jax.nn.softplus(logits) - x * logits).sum()
        if not isinstance(likelihood, GaussianLikelihood):
            raise untranslated(likelihood, _FRAMEWORK)
        variance = likelihood.variance
        constant = 0.5 * log(2 * pi * variance) if likelihood.include_constant else 0.0
        return lambda decoded, x: ((decoded - x) ** 2).sum() / (2 * variance) + constant * x.size

    def _translate(self, network: str, steps: list[Step]) -> Apply:
        """Keep the parameters and buffers of one of the model's networks, and return it."""
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
                raise untranslated(layer, _FRAMEWORK)
            if self.channels_first and len(shape_out) == 3:
                shape_out = (shape_out[2], *shape_out[:2])
            return lambda x, *_: (x.reshape(len(x), *shape_out), {})
        if isinstance(layer, ELU):
            return lambda x, *_: (nn.elu(x, layer.alpha), {})
        functions = {ReLU: nn.relu, Tanh: self.numpy.tanh, Sigmoid: nn.sigmoid}
        if type(layer) not in functions:
            raise untranslated(layer, _FRAMEWORK)
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
            padding=[(edge, edge + layer.output_padding)] * 2,
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
