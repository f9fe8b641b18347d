"""PyTorch's ``nn.Sequential`` of a network, as a line of text for each layer."""

from typing import Any

from scratchvae.errors import InputError
from scratchvae.export.translation import Step, channels_first
from scratchvae.layers import Conv2D, ConvTranspose2D, Dense, LayerNorm, MaskedDense
from scratchvae.layers.same_padding import fixed_padding, same_zeros

_NAMES = {"MaxPool2D": "MaxPool2d", "AveragePool2D": "AvgPool2d"}


def sequential_text(steps: list[Step], name: str) -> str:
    """Return the expression of a network with these layers: ``nn.Sequential(nn.Linear(…), …)``."""
    lines = "".join(f"    nn.{_module(step, f'{name}.{i}')},\n" for i, step in enumerate(steps))
    return f"nn.Sequential(\n{lines})"


def convolution_zeros(step: Step) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how many rows and columns of zeros a convolution's images get on either side."""
    layer = step.layer
    if layer.padding == "same":
        return same_zeros(step.shape_in[:2], layer.kernel_size, layer.stride)
    return ((layer.padding,) * 2,) * 2


def output_padding(step: Step) -> tuple[int, int]:
    """Return the output padding of a transposed convolution, for rows and for columns."""
    layer = step.layer
    least = layer.kernel_size - 2 * layer.padding
    rows, columns = (
        after - ((before - 1) * layer.stride + least)
        for before, after in zip(step.shape_in[:2], step.shape_out[:2], strict=True)
    )
    return rows, columns


def _module(step: Step, where: str) -> str:
    layer, kind = step.layer, type(step.layer).__name__
    match kind:
        case "Dense" | "MaskedDense":
            assert isinstance(layer, Dense | MaskedDense)
            return f"Linear({layer.in_features}, {layer.out_features})"
        case "Conv2D" | "ConvTranspose2D":
            return _convolution(step, where)
        case "BatchNorm":
            dimensions = 2 if len(step.shape_in) == 3 else 1
            sizes = f"{layer.channels}, eps={layer.epsilon}, momentum={layer.momentum}"
            return f"BatchNorm{dimensions}d({sizes})"
        case "LayerNorm":
            assert isinstance(layer, LayerNorm)
            return f"LayerNorm({channels_first(layer.shape)}, eps={layer.epsilon})"
        case "MaxPool2D" | "AveragePool2D":
            return f"{_NAMES[kind]}({layer.kernel_size}, {layer.stride})"
        case "Flatten" | "Reshape":
            if len(step.shape_out) == 1:
                return "Flatten()"
            return f"Unflatten(1, {channels_first(step.shape_out)})"
        case "ELU":
            return f"ELU({layer.alpha})"
        case "Dropout":
            return f"Dropout({layer.rate})"
        case "LogSoftplus":
            raise InputError(
                f"{where}, a LogSoftplus, is no module of PyTorch's",
                'export to "onnx", or give the model this layer as its variance_head',
            )
    return f"{kind}()"


def _convolution(step: Step, where: str) -> str:
    layer: Any = step.layer
    sizes = f"{layer.in_channels}, {layer.out_channels}, {layer.kernel_size}, {layer.stride}"
    if isinstance(layer, ConvTranspose2D):
        return f"ConvTranspose2d({sizes}, {layer.padding}, output_padding={output_padding(step)})"
    assert isinstance(layer, Conv2D)
    fixed = fixed_padding(layer.padding, layer.kernel_size, layer.stride)
    padding: Any = layer.padding if fixed is None else fixed
    if fixed is None and layer.stride > 1:
        rows, columns = convolution_zeros(step)
        if rows[0] != rows[1] or columns[0] != columns[1]:
            raise InputError(
                f"{where}, {layer!r}, has other zeros on one side than on the other, which no "
                "module of PyTorch's has",
                'export to "onnx"',
            )
        padding = (rows[0], columns[0])
    return f"Conv2d({sizes}, padding={padding!r})"
