"""Our models in PyTorch: the same layers, weights, loss and Adam, as one would write them there.

This is the only file that imports PyTorch, and only on request. Images are (N, C, H, W) there, so
where a dense layer meets an image its weights are put in that order, once; the activations then
need no reordering, and the model is the one that a user of PyTorch would have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from math import log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.benchmarks.arithmetic import Step, trace
from scratchvae.errors import InputError
from scratchvae.layers import (
    ELU,
    BatchNorm,
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
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.validation import FloatArray

Layout = Callable[[NDArray[Any]], NDArray[Any]]

_RENAMED = {"scale": "weight", "shift": "bias", "running_variance": "running_var"}


def import_torch() -> Any:
    """Return the module ``torch``; ``InputError`` if it is not installed."""
    try:
        return import_module("torch")
    except ImportError:
        raise InputError(
            "the comparison with PyTorch needs PyTorch, which is not installed: "
            "pip install 'scratchvae[bench]'"
        ) from None


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let PyTorch use ``threads`` threads."""
    from scratchvae.kernels.machine.chunks import start_threads

    torch = import_torch()
    before = torch.get_num_threads()
    start_threads()  # now, not later: where Numba's are OpenMP's, starting them sets PyTorch's too
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TorchModel:
    """A VAE of ours in PyTorch, with an optimiser, its weights copied from ours.

    Parameters
    ----------
    model
        A VAE that draws one z per image, made of the layers that the recipes use.
    learning_rate
        Of Adam.
    channels_last, fused, compiled
        What makes PyTorch faster: images in memory as (N, H, W, C); Adam in one pass over memory;
        forward pass, loss and gradients through ``torch.compile``, one such model at a time.

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
    ) -> None:
        self.torch = import_torch()
        if model.samples != 1:
            raise InputError(f"PyTorch's side draws one z per image, not {model.samples}")
        self.beta = model.beta
        self.latent_dim = model.latent_dim
        self.floor = _variance_floor(model)
        self.score = self._score(model.likelihood)
        self.memory = self.torch.channels_last if channels_last else self.torch.contiguous_format
        self.dtype = getattr(self.torch, str(model.dtype))
        self.parameters: dict[str, Any] = {}
        self.layouts: dict[str, Layout] = {}
        self.encoder = self._translate("encoder", model.encoder, model.image_shape)
        self.decoder = self._translate("decoder", model.decoder, (model.latent_dim,))
        self.optimiser = self.torch.optim.Adam(
            self.parameters.values(), lr=learning_rate, fused=fused
        )
        self.loss: Callable[[Any, Any], Any] = self._loss
        if compiled:
            # Code compiled earlier for another model would count as this function's earlier shapes,
            # and lead to code for any shape, which is slower.
            self.torch.compiler.reset()
            self.loss = self.torch.compile(self._loss, dynamic=False)

    def images(self, x: FloatArray) -> Any:
        """Return images (N, H, W, C) as a tensor (N, C, H, W)."""
        return self.torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.memory)

    def step(self, images: Any, eps: Any = None) -> float:
        """Take one step on what ``images`` returned, and return the loss before it.

        ``eps`` are draws from N(0, I), (N, D); ``None`` draws new ones, as training does.
        """
        if eps is None:
            eps = self.torch.randn(len(images), self.latent_dim, dtype=self.dtype)
        self.optimiser.zero_grad()
        loss = self.loss(images, eps)
        loss.backward()
        self.optimiser.step()
        return float(loss.item())

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
        if not isinstance(likelihood, GaussianLikelihood):
            raise _untranslated(likelihood)
        variance, squares = likelihood.variance, partial(functional.mse_loss, reduction="sum")
        constant = 0.5 * log(2 * pi * variance) if likelihood.include_constant else 0.0
        return lambda decoded, x: squares(decoded, x) / (2 * variance) + constant * x.numel()

    def _translate(self, network: str, stack: object, shape: tuple[int, ...]) -> Any:
        """Return one of the model's two networks as a ``torch.nn.Sequential``."""
        if not isinstance(stack, Sequential):
            raise _untranslated(stack)
        steps = trace(stack, shape)
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
        # The order of an image's numbers is put right in the weights of the dense layer beside it.
        if isinstance(layer, Flatten) and _is_ordered(shape_in, _beside(steps, place, 1, Dense)):
            return nn.Flatten()
        if isinstance(layer, Reshape) and _is_ordered(shape_out, _beside(steps, place, -1, Dense)):
            return nn.Unflatten(1, (shape_out[2], *shape_out[:2]))
        if isinstance(layer, ELU):
            return nn.ELU(layer.alpha)
        if isinstance(layer, ReLU | Tanh | Sigmoid):
            return getattr(nn, type(layer).__name__)()
        raise _untranslated(layer)


def _layout(steps: list[Step], place: int, name: str) -> Layout:
    """Return what puts a layer's weight, or another parameter, into PyTorch's layout."""
    layer = steps[place][0]
    if isinstance(layer, Conv2D | ConvTranspose2D) and name == "weight":
        # (kh, kw, in, out) to (out, in, kh, kw); and (kh, kw, out, in) to (in, out, kh, kw): a
        # transposed convolution has its convolution's weight there as well.
        return lambda array: array.transpose(3, 2, 0, 1)
    if not isinstance(layer, Dense):
        return lambda array: array
    rows, columns = np.arange(layer.in_features), np.arange(layer.out_features)
    if before := _beside(steps, place, -1, Flatten):
        rows = _channels_first(before[1])
    if after := _beside(steps, place, 1, Reshape):
        columns = _channels_first(after[2])
    if name == "bias":
        return lambda array: array[columns]
    return lambda array: array[np.ix_(rows, columns)].T


def _channels_first(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the index in a flat (H, W, C) image of each number of a flat (C, H, W) one."""
    places = np.arange(np.prod(shape)).reshape(shape)
    return np.moveaxis(places, -1, 0).ravel()


def _is_ordered(shape: tuple[int, ...], dense: Step | None) -> bool:
    """Return whether both layouts order an image's numbers alike, or a dense layer does that."""
    return dense is not None or bool(np.all(np.diff(_channels_first(shape)) == 1))


def _beside(steps: list[Step], place: int, way: int, kind: type[Layer]) -> Step | None:
    """Return the next layer before (-1) or after (1), activations aside, if it is of that kind."""
    others = steps[place + 1 :] if way > 0 else steps[:place][::-1]
    near = next((s for s in others if not isinstance(s[0], ELU | ReLU | Tanh | Sigmoid)), None)
    return near if near and isinstance(near[0], kind) else None


def _variance_floor(model: VAE) -> float | None:
    """Return what is added to the softplus that gives the variance; None without a softplus."""
    head = model.variance_head
    if isinstance(head, Sequential) and not head.layers:
        return None
    if not isinstance(head, LogSoftplus):
        raise _untranslated(head)
    return head.floor


def _untranslated(thing: object) -> InputError:
    return InputError(f"the benchmark has no counterpart in PyTorch of this: {thing!r}")
