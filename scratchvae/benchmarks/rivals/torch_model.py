"""Our models in PyTorch, the only file that imports it. Images are (N, C, H, W) there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from scratchvae.benchmarks.arithmetic import Step
from scratchvae.benchmarks.rivals.translation import (
    Layout,
    channels_first_layout,
    gaussian_terms,
    has_convolutions,
    networks,
    not_installed,
    reorders_nothing,
    untranslated,
    variance_floor,
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
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood
from scratchvae.validation import FloatArray

_FRAMEWORK = "PyTorch"
_RENAMED = {"scale": "weight", "shift": "bias", "running_variance": "running_var"}


def import_torch() -> Any:
    """Return the module ``torch``; ``InputError`` if it is not installed."""
    try:
        return import_module("torch")
    except ImportError:
        raise not_installed(_FRAMEWORK) from None


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let PyTorch use ``threads`` threads."""
    torch = import_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def torch_ways(model: VAE, thorough: bool) -> dict[str, dict[str, bool]]:
    """Return the configurations worth measuring: each layout of images, as it is and compiled.

    Those that a ``thorough`` search adds take long and are seldom much faster than the others.
    """
    fused = {"fused": True}
    ways: dict[str, dict[str, bool]] = {"plain eager": {}}
    layouts = {"fused Adam": fused}
    if has_convolutions(model):
        layouts["fused Adam + channels last"] = fused | {"channels_last": True}
    ways |= layouts
    ways |= {f"{name} + torch.compile": way | {"compiled": True} for name, way in layouts.items()}
    if thorough:
        tuned = {"compiled": True, "tuned": True}
        ways |= {f"{name} + torch.compile, tuned": way | tuned for name, way in layouts.items()}
    return ways


class TorchModel:
    """A VAE of ours in PyTorch, with an optimiser, its weights copied from ours.

    Parameters
    ----------
    model
        A VAE that draws one z per image, made of the layers that the recipes use.
    learning_rate
        Of Adam.
    channels_last, fused, compiled, tuned
        What makes PyTorch faster: images in memory as (N, H, W, C); Adam in one pass over memory;
        forward pass, loss and gradients through ``torch.compile``; and that with
        ``max_autotune``, which tries out kernels, and ``cpp_wrapper``, which calls them from C++.

    Attributes
    ----------
    parameters
        PyTorch's parameters by our names.
    layouts
        By the same names, what puts an array of ours into PyTorch's layout.

    Raises
    ------
    InputError
        If PyTorch is not installed, or the model has something that is not translated here.
    """

    def __init__(
        self,
        model: VAE,
        learning_rate: float,
        *,
        channels_last: bool = False,
        fused: bool = False,
        compiled: bool = False,
        tuned: bool = False,
    ) -> None:
        self.torch = import_torch()
        translated = networks(model, _FRAMEWORK)
        self.beta = model.beta
        self.latent_dim = model.latent_dim
        self.floor = variance_floor(model, _FRAMEWORK)
        self.score = self._score(model.likelihood)
        self.memory = self.torch.channels_last if channels_last else self.torch.contiguous_format
        self.dtype = getattr(self.torch, str(model.dtype))
        self.parameters: dict[str, Any] = {}
        self.layouts: dict[str, Layout] = {}
        self.encoder, self.decoder = (
            self._translate(network, steps) for network, steps in translated.items()
        )
        self.optimiser = self.torch.optim.Adam(
            self.parameters.values(), lr=learning_rate, fused=fused
        )
        self.loss: Callable[[Any, Any], Any] = self._loss
        if compiled:
            # A copy of the function: code compiled for another model would count as earlier shapes
            # of the same one, of which only a few are kept.
            copied = FunctionType(type(self)._loss.__code__.replace(), globals())
            options = {"max_autotune": True, "cpp_wrapper": True} if tuned else None
            loss = MethodType(copied, self)
            self.loss = self.torch.compile(loss, dynamic=False, options=options)

    def images(self, x: FloatArray) -> Any:
        """Return images (N, H, W, C) as a tensor (N, C, H, W)."""
        return self.torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.memory)

    def step(self, images: Any, eps: FloatArray | None = None) -> float:
        """Take one step on what ``images`` returned, and return the loss before it.

        ``eps`` are draws from N(0, I), (N, D); ``None`` draws new ones, as training does.
        """
        if eps is None:
            noise = self.torch.randn(len(images), self.latent_dim, dtype=self.dtype)
        else:
            noise = self.torch.from_numpy(eps)
        self.optimiser.zero_grad()
        loss = self.loss(images, noise)
        loss.backward()
        self.optimiser.step()
        return float(loss.item())

    def evaluate(self, images: Any, eps: FloatArray) -> float:
        """Return the loss of what ``images`` returned, without its gradients."""
        with self.torch.no_grad():
            return float(self._loss(images, self.torch.from_numpy(eps)).item())

    def _loss(self, images: Any, eps: Any) -> Any:
        mean, raw = self.encoder(images).chunk(2, dim=1)
        if self.floor is None:
            variance, log_variance = raw.exp(), raw
        else:
            variance = self.torch.nn.functional.softplus(raw) + self.floor
            log_variance = variance.log()
        decoded = self.decoder(mean + variance.sqrt() * eps)
        kl = 0.5 * (variance + mean * mean - 1 - log_variance).sum()
        return (self.score(decoded, images) + self.beta * kl) / len(images)

    def _score(self, likelihood: object) -> Callable[[Any, Any], Any]:
        """Return the function of decoded and true images that sums −log p over a batch."""
        functional = self.torch.nn.functional
        if isinstance(likelihood, BernoulliLikelihood):
            return partial(functional.binary_cross_entropy_with_logits, reduction="sum")
        variance, constant = gaussian_terms(likelihood, _FRAMEWORK)
        squares = partial(functional.mse_loss, reduction="sum")
        return lambda decoded, x: squares(decoded, x) / (2 * variance) + constant * x.numel()

    def _translate(self, network: str, steps: list[Step]) -> Any:
        """Return one of the model's two networks as a ``torch.nn.Sequential``."""
        modules = []
        for place, (layer, _, _) in enumerate(steps):
            module = self._module(steps, place).to(self.dtype)
            modules.append(module)
            arrays = dict(layer.buffers)
            for name, parameter in layer.parameters.items():
                full = f"{network}.{place}.{name}"
                self.parameters[full] = getattr(module, _RENAMED.get(name, name))
                self.layouts[full] = _layout(steps, place, name)
                arrays[name] = self.layouts[full](parameter.value)
            with self.torch.no_grad():
                for name, array in arrays.items():
                    target = getattr(module, _RENAMED.get(name, name))
                    target.copy_(self.torch.from_numpy(np.array(array)))
        return self.torch.nn.Sequential(*modules).to(memory_format=self.memory)

    def _module(self, steps: list[Step], place: int) -> Any:
        """Return the counterpart of one layer, its weights still its own."""
        nn = self.torch.nn
        layer, shape_in, shape_out = steps[place]
        if isinstance(layer, Dense):
            return nn.Linear(layer.in_features, layer.out_features)
        if isinstance(layer, Conv2D | ConvTranspose2D):
            channels = layer.in_channels, layer.out_channels
            sizes = layer.kernel_size, layer.stride, layer.padding
            if isinstance(layer, Conv2D):
                return nn.Conv2d(*channels, *sizes)
            return nn.ConvTranspose2d(*channels, *sizes, layer.output_padding)
        if isinstance(layer, BatchNorm) and len(shape_in) == 3:
            return nn.BatchNorm2d(layer.channels, layer.epsilon, layer.momentum)
        if isinstance(layer, Flatten) and reorders_nothing(steps, place):
            return nn.Flatten()
        if isinstance(layer, Reshape) and reorders_nothing(steps, place):
            return nn.Unflatten(1, (shape_out[2], *shape_out[:2]))
        if isinstance(layer, ELU):
            return nn.ELU(layer.alpha)
        if isinstance(layer, ReLU | Tanh | Sigmoid):
            return getattr(nn, type(layer).__name__)()
        raise untranslated(layer, _FRAMEWORK)


def _layout(steps: list[Step], place: int, name: str) -> Layout:
    """Return what puts a parameter into PyTorch's layout, where a dense weight is (out, in)."""
    layout = channels_first_layout(steps, place, name)
    if isinstance(steps[place][0], Dense) and name == "weight":
        return lambda array: layout(array).T
    return layout
