"""Layers applied one after another, neighbours in one pass over memory where they can be.

One training step of ``Sequential(dense, norm, elu)``, which is a single stage, `Normalised`::

    forward(x, training=True)
      dense.forward_without_bias(x)     h = x W           dense keeps x, and h as its output
      norm.forward_biased(h, …, bias)   moments of h      norm moves its running statistics, the
                                                          mean by that of h plus the bias
                                        y = elu(γ ĥ + β)  norm keeps h, its moments and y, and it
                                                          sets elu.y = y; elu's own passes are not
                                                          run, and the bias is never added
    zero_grad()                         marks every gradient as cleared (see `Parameter`)
    backward(dy)
      norm.backward_biased(dy, elu, …)  first pass: Σ d and Σ d ĥ over the rows, d = dy · elu′;
                                        second: dh, and Σ dh, added to the gradient of the bias;
                                        then norm adds to the gradients of γ and β
      dense.backward_without_bias(dh)   adds xᵀ dh to the gradient of W, or overwrites it if it is
                                        marked as cleared; returns dh Wᵀ

The optimiser then changes the values. Gradients stay until the next `zero_grad`, and what a layer
keeps until its next forward pass, so ``backward`` may be called again and adds the same once more;
``backward_parameters`` does all of it but dh Wᵀ. Without the batch norm, dense and elu are an
`Activated` stage: elu is applied as the bias is added, and undone as its gradient is summed.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from scratchvae.errors import InputError
from scratchvae.layers.affine import Affine
from scratchvae.layers.base import Activation, FusingLayer, Layer, Parameter
from scratchvae.layers.batch_norm import BatchNorm
from scratchvae.validation import FloatArray


class Sequential(Layer):
    """Layers applied one after another: ``y = lₙ(… l₂(l₁(x)))``.

    Where neighbours can make one pass over memory together, they do.

    Its parameters are those of its layers, named ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, …
    by the layer's place. They are the same objects, not copies.

    Raises
    ------
    InputError
        If one layer stands in two places, within inner ones as well: it remembers its last pass
        alone, and would go back through that one twice.
    """

    def __init__(self, *layers: Layer) -> None:
        # A layer that learns nothing takes either dtype, so the ones that learn decide.
        deciding = [layer for layer in layers if layer.parameters] or list(layers)
        super().__init__(rng=0, dtype=deciding[0].dtype if deciding else np.float32)
        self.layers = list(layers)
        _require_each_once(self.layers)
        self.parameters = {
            f"{place}.{name}": parameter
            for place, layer in enumerate(layers)
            for name, parameter in layer.parameters.items()
        }
        self.buffers = {
            f"{place}.{name}": buffer
            for place, layer in enumerate(layers)
            for name, buffer in layer.buffers.items()
        }
        self._stages = stages(self.layers)
        # Below the first layer that learns, nobody asks for a gradient in `backward_parameters`.
        self._first_learning = next(
            (place for place, stage in enumerate(self._stages) if stage.parameters),
            len(self._stages),
        )

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the last layer's output."""
        for stage in self._stages:
            x = stage.forward(x, training)
        return x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Go back through the layers in reverse: the chain rule, one factor a layer."""
        return self._back_to(0, dy)

    def backward_parameters(self, dy: FloatArray) -> None:
        """Go back only as far as there is something to learn."""
        dy = self._back_to(self._first_learning + 1, dy)
        if self._first_learning < len(self._stages):
            self._stages[self._first_learning].backward_parameters(dy)

    def _back_to(self, stage: int, dy: FloatArray) -> FloatArray:
        for place in reversed(range(stage, len(self._stages))):
            dy = self._stages[place].backward(dy)
        return dy

    def __repr__(self) -> str:
        lines = "".join(f"  {layer!r}\n" for layer in self.layers)
        return f"Sequential(\n{lines})"


class Stage(Protocol):
    """What ``Sequential`` runs at once: a layer, or neighbours that share their passes.

    The passes are those of ``Layer``.
    """

    parameters: dict[str, Parameter]

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the output of the last of the layers."""

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return the gradient at the input of the first."""

    def backward_parameters(self, dy: FloatArray) -> None:
        """Do as ``backward`` but leave that out."""


class Activated:
    """A layer, and the activation that it takes along."""

    def __init__(self, layer: FusingLayer, then: Activation) -> None:
        self.layer, self.then = layer, then
        self.parameters = layer.parameters

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the activation's output."""
        return self.layer.forward_fused(x, training, self.then)

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return the gradient at the layer's input."""
        return self.layer.backward_fused(dy, self.then)

    def backward_parameters(self, dy: FloatArray) -> None:
        """Do as ``backward`` but leave out the gradient at the input."""
        self.layer.backward_parameters_fused(dy, self.then)


class Normalised:
    """A linear map, the batch norm that takes over its bias, and perhaps an activation.

    The bias costs two passes over memory, one to add it and one to sum its gradient. The batch
    norm has both within its own.
    """

    def __init__(self, affine: Affine, norm: BatchNorm, then: Activation | None = None) -> None:
        self.affine, self.norm, self.then = affine, norm, then
        self.parameters = affine.parameters

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the output of the activation, or the batch norm's."""
        mapped = self.affine.forward_without_bias(x)
        bias = self.affine.parameters["bias"].value
        return self.norm.forward_biased(mapped, training, self.then, bias)

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return the gradient at the map's input."""
        return self.affine.backward_without_bias(self._pull(dy))

    def backward_parameters(self, dy: FloatArray) -> None:
        """Do as ``backward`` but leave out the gradient at the input."""
        self.affine.backward_weight(self._pull(dy))

    def _pull(self, dy: FloatArray) -> FloatArray:
        return self.norm.backward_biased(dy, self.then, self.affine.parameters["bias"].grad)


def _require_each_once(layers: list[Layer]) -> None:
    seen: set[int] = set()
    for layer in (inner for outer in layers for inner in each_layer(outer)):
        if id(layer) in seen:
            raise InputError(
                f"Sequential expects a layer of its own for each place, got one "
                f"{type(layer).__name__} twice: make two, since a layer remembers its last pass "
                "alone"
            )
        seen.add(id(layer))


def each_layer(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and all that are in it, as those of a ``Sequential`` are, first to last."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from each_layer(inner)


def stages(layers: list[Layer]) -> list[Stage]:
    """Return what to run one after the other: layers that declare it together, others alone."""
    joined: list[Stage] = []
    for layer in layers:
        before = joined[-1] if joined and layer.fusing else None
        if isinstance(layer, BatchNorm) and isinstance(before, Affine) and before.fusing:
            joined[-1] = Normalised(before, layer)
        elif not isinstance(layer, Activation):
            joined.append(layer)
        elif isinstance(before, Normalised) and before.then is None:
            before.then = layer
        elif isinstance(before, FusingLayer) and before.fusing:
            joined[-1] = Activated(before, layer)
        else:
            joined.append(layer)
    return joined
