"""Our models in PyTorch: the same layers, weights, loss and Adam, as one would write them there.

This is the only file that imports PyTorch, and only on request. Images are (N, C, H, W) there, so
where a dense layer meets an image its weights are put in that order, once; the activations then
need no reordering, and the model is the one that a user of PyTorch would have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
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
        self.channels_last = channels_last
        self.dtype = getattr(self.torch, str(model.dtype))
        self.parameters: dict[str, Any] = {}
        self.layouts: dict[str, Layout] = {}
        self.encoder = self._translate("encoder", model.encoder, model.image_shape)
        self.decoder = self._translate("decoder", model.decoder, (model.latent_dim,))
        if channels_last:
            self.encoder.to(memory_format=self.torch.channels_last)
            self.decoder.to(memory_format=self.torch.channels_last)
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
        images = self.torch.from_numpy(x).permute(0, 3, 1, 2)
        if self.channels_last:
            return images.contiguous(memory_format=self.torch.channels_last)
        return images.contiguous()

    def step(self, images: Any, eps: Any = None) -> float:
        """Take one step on a tensor of images, and return the loss before it.

        Parameters
        ----------
        images
            What ``images`` returned.
        eps
            Draws from N(0, I), (N, D); ``None`` draws new ones, as training does.
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
            return lambda decoded, x: functional.binary_cross_entropy_with_logits(
                decoded, x, reduction="sum"
            )
        if not isinstance(likelihood, GaussianLikelihood):
            raise _untranslated(likelihood)
        variance, include_constant = likelihood.variance, likelihood.include_constant
        constant = 0.5 * float(np.log(2 * np.pi * variance)) if include_constant else 0.0
        return lambda decoded, x: (
            functional.mse_loss(decoded, x, reduction="sum") / (2 * variance) + constant * x.numel()
        )

    def _translate(self, network: str, stack: object, shape: tuple[int, ...]) -> Any:
        """Return one of the model's two networks as a ``torch.nn.Sequential``."""
        if not isinstance(stack, Sequential):
            raise _untranslated(stack)
        steps = trace(stack, shape)
        modules = []
        for place, (layer, _, _) in enumerate(steps):
            module = self._module(steps, place).to(self.dtype)
            modules.append(module)
            for name, parameter in layer.parameters.items():
                full = f"{network}.{place}.{name}"
                layout = _layout(steps, place, name)
                self.parameters[full] = getattr(module, _RENAMED.get(name, name))
                self.layouts[full] = layout
                self._copy(layout(parameter.value), self.parameters[full])
            for name, buffer in layer.buffers.items():
                self._copy(buffer, getattr(module, _RENAMED.get(name, name)))
        return self.torch.nn.Sequential(*modules)

    def _copy(self, source: NDArray[Any], target: Any) -> None:
        with self.torch.no_grad():
            target.copy_(self.torch.from_numpy(np.array(source)))

    def _module(self, steps: list[Step], place: int) -> Any:
        """Return the counterpart of one layer, its weights still its own."""
        nn = self.torch.nn
        layer, shape_in, shape_out = steps[place]
        if isinstance(layer, Dense):
            return nn.Linear(layer.in_features, layer.out_features)
        if isinstance(layer, Conv2D):
            return nn.Conv2d(*_sizes(layer))
        if isinstance(layer, ConvTranspose2D):
            return nn.ConvTranspose2d(*_sizes(layer), layer.output_padding)
        if isinstance(layer, BatchNorm) and len(shape_in) == 3:
            return nn.BatchNorm2d(layer.channels, layer.epsilon, layer.momentum)
        if isinstance(layer, Flatten) and (_is_ordered(shape_in) or _dense(steps, place + 1)):
            return nn.Flatten()
        if isinstance(layer, Reshape) and (
            _is_ordered(shape_out) or _dense(steps, _before_pointwise(steps, place))
        ):
            return nn.Unflatten(1, (shape_out[2], *shape_out[:2]))
        if isinstance(layer, ELU):
            return nn.ELU(layer.alpha)
        for ours, name in ((ReLU, "ReLU"), (Tanh, "Tanh"), (Sigmoid, "Sigmoid")):
            if isinstance(layer, ours):
                return getattr(nn, name)()
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
    if place > 0 and isinstance(steps[place - 1][0], Flatten):
        rows = _channels_first(steps[place - 1][1])
    after = next((step for step in steps[place + 1 :] if not _is_pointwise(step)), None)
    if after is not None and isinstance(after[0], Reshape):
        columns = _channels_first(after[2])
    if name == "bias":
        return lambda array: array[columns]
    return lambda array: array[np.ix_(rows, columns)].T


def _channels_first(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the index in a flat (H, W, C) image of each number of a flat (C, H, W) one."""
    places = np.arange(np.prod(shape)).reshape(shape)
    return np.moveaxis(places, -1, 0).ravel()


def _sizes(layer: Conv2D | ConvTranspose2D) -> tuple[int, int, int, int, int]:
    channels = (layer.in_channels, layer.out_channels)
    return (*channels, layer.kernel_size, layer.stride, layer.padding)


def _is_ordered(shape: tuple[int, ...]) -> bool:
    """Return whether an image's numbers have the same order in both layouts."""
    return bool(np.all(np.diff(_channels_first(shape)) == 1))


def _is_pointwise(step: Step) -> bool:
    return isinstance(step[0], ELU | ReLU | Tanh | Sigmoid)


def _before_pointwise(steps: list[Step], place: int) -> int:
    """Return the place of the last layer before ``place`` that is not an activation."""
    place -= 1
    while place >= 0 and _is_pointwise(steps[place]):
        place -= 1
    return place


def _dense(steps: list[Step], place: int) -> bool:
    return 0 <= place < len(steps) and isinstance(steps[place][0], Dense)


def _variance_floor(model: VAE) -> float | None:
    """Return what is added to the softplus that gives the variance; None without a softplus."""
    head = model.variance_head
    if isinstance(head, LogSoftplus):
        return head.floor
    if isinstance(head, Sequential) and not head.layers:
        return None
    raise _untranslated(head)


def _untranslated(thing: object) -> InputError:
    return InputError(f"the benchmark has no counterpart in PyTorch of this: {thing!r}")
