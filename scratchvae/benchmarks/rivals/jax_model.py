"""Our models in JAX, the only file that imports it: a whole training step is one ``jax.jit``."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from scratchvae.benchmarks.rivals.jax_layers import FRAMEWORK, Arrays, JaxLayers
from scratchvae.benchmarks.rivals.translation import (
    gaussian_terms,
    has_convolutions,
    networks,
    not_installed,
    variance_floor,
)
from scratchvae.errors import InputError
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.validation import FloatArray

_THREADS = "NPROC"  # what the size of XLA's pool of threads is read from, when a client is made


def import_jax() -> Any:
    """Return the module ``jax``; ``InputError`` if it is not installed."""
    try:
        return import_module("jax")
    except ImportError:
        raise not_installed(FRAMEWORK) from None


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
    """Return the configurations worth measuring: as it is, and with what makes it faster.

    Those that a ``thorough`` search adds take long and are seldom the fastest.
    """
    plain: dict[str, dict[str, bool]] = {"jax.jit": {}}
    donated = {"donated": True}
    if not has_convolutions(model):
        return plain | {"donated memory": donated}
    swift = donated | {"own_gradients": True}
    ways = plain | {"donated memory + own gradients": swift}
    if thorough:
        ways["donated memory + own gradients + channels first"] = swift | {"channels_first": True}
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
        translated = networks(model, FRAMEWORK)
        if model.dtype != np.float32:
            raise InputError(f"JAX's side computes in float32, not {model.dtype}")
        self.beta = model.beta
        self.latent_dim = model.latent_dim
        self.learning_rate = learning_rate
        self.floor = variance_floor(model, FRAMEWORK)
        self.score = self._score(model.likelihood)
        self.channels_first = channels_first
        layers = JaxLayers(self.jax, channels_first=channels_first, own_gradients=own_gradients)
        self.encoder, self.decoder = (
            layers.network(network, steps) for network, steps in translated.items()
        )
        self.parameters, self.buffers = layers.parameters, layers.buffers
        self.layouts = layers.layouts
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
        variance, constant = gaussian_terms(likelihood, FRAMEWORK)
        return lambda decoded, x: ((decoded - x) ** 2).sum() / (2 * variance) + constant * x.size
