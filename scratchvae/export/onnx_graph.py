"""A network as a graph of ONNX, operator set 17."""

from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.export.pytorch import convolution_zeros, output_padding
from scratchvae.export.translation import Step, channels_first

_OPERATORS, _FORMAT = 17, 8  # of 2022: what has them runs everywhere
_PLAIN = {"ReLU": "Relu", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Softplus": "Softplus"}


def import_onnx() -> Any:
    """Return the module; ``InputError`` where it is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise InputError(
            "the export to ONNX needs onnx, which is not installed",
            "pip install 'scratchvae[export]'",
        ) from None
    return onnx


class Graph:
    """A graph that grows by one operator after the other.

    Parameters
    ----------
    source
        What its input is called.
    shape
        That of an example of it, channels last; the graph's has channels first.
    dtype
        That of all numbers.
    """

    def __init__(self, source: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.onnx = import_onnx()
        self.dtype, self.nodes, self.constants = dtype, list[Any](), list[Any]()
        self.last = source
        self.inputs, self.outputs = [self._value(source, channels_first(shape))], list[Any]()

    def add(self, operator: str, *others: str, **options: Any) -> None:
        """Apply an operator to the last value, and to others that have names."""
        name = f"value_{len(self.nodes)}"
        node = self.onnx.helper.make_node(operator, [self.last, *others], [name], **options)
        self.nodes.append(node)
        self.last = name

    def constant(self, array: Any, name: str = "") -> str:
        """Add an array, and return its name."""
        name = name or f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(array)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def halves(self, size: int) -> tuple[str, str]:
        """Divide the last value, vectors of twice the size, into two, and return their names."""
        names = ("first_half", "second_half")
        sizes = self.constant(np.array([size, size]))
        inputs = [self.last, sizes]
        self.nodes.append(self.onnx.helper.make_node("Split", inputs, names, axis=1))
        return names

    def put_out(self, name: str, shape: tuple[int, ...]) -> None:
        """Give the last value a name, as an output of the graph."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [self.last], [name]))
        self.outputs.append(self._value(name, channels_first(shape)))

    def content(self, name: str) -> bytes:
        """Return the file of the graph, having checked it."""
        helper = self.onnx.helper
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)
        operators = [helper.make_opsetid("", _OPERATORS)]
        model = helper.make_model(
            graph, opset_imports=operators, producer_name="scratchvae", ir_version=_FORMAT
        )
        self.onnx.checker.check_model(model)
        content: bytes = model.SerializeToString()
        return content

    def _value(self, name: str, shape: tuple[int, ...]) -> Any:
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        return self.onnx.helper.make_tensor_value_info(name, kind, ["N", *shape])


def add_steps(graph: Graph, steps: list[Step], name: str) -> None:
    """Apply the layers of a network to a graph's last value."""
    for place, step in enumerate(steps):
        held = {n: f"{name}.{place}.{n}" for n in step.arrays if n != "num_batches_tracked"}
        for short, full in held.items():
            graph.constant(step.arrays[short], full)
        _add(graph, step, list(held.values()))


def _add(graph: Graph, step: Step, arrays: list[str]) -> None:
    layer, kind = step.layer, type(step.layer).__name__
    match kind:
        case "Dense" | "MaskedDense":
            graph.add("Gemm", *arrays, transB=1)
        case "Conv2D":
            (top, bottom), (left, right) = convolution_zeros(step)
            strides = [layer.stride] * 2
            graph.add("Conv", *arrays, strides=strides, pads=[top, left, bottom, right])
        case "ConvTranspose2D":
            options = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
            graph.add("ConvTranspose", *arrays, output_padding=output_padding(step), **options)
        case "BatchNorm":
            graph.add("BatchNormalization", *arrays, epsilon=layer.epsilon)
        case "LayerNorm":
            axis = -len(layer.shape)
            graph.add("LayerNormalization", *arrays, axis=axis, epsilon=layer.epsilon)
        case "MaxPool2D" | "AveragePool2D":
            windows = {"kernel_shape": [layer.kernel_size] * 2, "strides": [layer.stride] * 2}
            graph.add(kind.removesuffix("2D"), **windows)
        case "Flatten" | "Reshape":
            shape = np.array([-1, *channels_first(step.shape_out)])
            graph.add("Reshape", graph.constant(shape))
        case "ELU":
            graph.add("Elu", alpha=layer.alpha)
        case "LogSoftplus":
            graph.add("Softplus")
            graph.add("Add", graph.constant(np.array(layer.floor, graph.dtype)))
            graph.add("Log")
        case "Dropout":
            pass  # nothing is left out but in training
        case _:
            graph.add(_PLAIN[kind])
