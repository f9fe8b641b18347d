"""What a gradient check checks: a layer, a model or a pair of functions, seen alike.

A target has arrays that it depends on, a forward pass from them to an output, and a backward pass
from ∂loss/∂output to a gradient for each array. It can also be run on *another* batch, which is how
a check finds what one pass leaves behind for the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from scratchvae.checks.gradients.input import as_gradient
from scratchvae.checks.gradients.parameters import parameters_of
from scratchvae.checks.gradients.plain_arrays import Gathered, clears_itself
from scratchvae.checks.gradients.report import Unseen
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class Target:
    """What all targets share; each kind has a forward and a backward pass of its own.

    Parameters
    ----------
    title
        What the report calls it.
    inputs
        Arrays that it depends on and that are not parameters, by name. The check moves them.
    owner
        The layer or model whose ``parameters``, if any, it depends on as well.
    smooth
        Whether it has no kinks, as far as it says.

    Attributes
    ----------
    arrays
        Everything that it depends on, by name.
    input_gradients
        What the last backward pass returned for ``inputs``.
    none
        The names of inputs whose gradient the backward pass returned as ``None``, and which is
        taken for zero since the framework takes it for that.
    loss_terms
        The two terms of the last forward pass's loss (reconstruction, weighted KL), if it has them.
    counts
        Numbers that a wrong factor may be made of, by name; those of the output if ``None``.
    sources
        Where arrays may be that it depends on as well, though they are not in ``arrays``, by name.
    remedy
        What to do with such an array.
    calls
        What the two passes are called in messages.
    shapes
        Those of the last forward pass's outputs.
    """

    def __init__(
        self, title: str, inputs: dict[str, FloatArray], owner: Any = None, smooth: bool = True
    ) -> None:
        self.title = title
        self.parameters = parameters_of(owner)
        self.arrays = inputs | {name: p.value for name, p in self.parameters.items()}
        self.smooth = smooth
        self.input_gradients: dict[str, FloatArray] = {}
        self.none: set[str] = set()
        self.loss_terms: FloatArray | None = None
        self.counts: dict[str, int] | None = None
        self.sources: dict[str, Any] = {}
        self.remedy = ""
        self.calls = {way: f"{title}.{way}" for way in ("forward", "backward")}
        self.shapes: list[tuple[int, ...]] = [()]
        self._owner = owner
        self._values = {name: p.value.copy() for name, p in self.parameters.items()}
        self._buffers = {name: b.copy() for name, b in self.buffers.items()}
        self._first_buffers = self._buffers

    @property
    def buffers(self) -> dict[str, FloatArray]:
        """What the owner keeps from batch to batch without learning it, by name."""
        kept = getattr(self._owner, "buffers", None)
        named = kept.items() if isinstance(kept, Mapping) else ()
        return {name: array for name, array in named if isinstance(array, np.ndarray)}

    def forward(self, other: bool = False) -> FloatArray:
        """Return the output in an array of its own; ``other``: for another batch."""
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> None:
        """Run the backward pass of the last forward pass."""
        raise NotImplementedError

    def joined(self, outputs: Sequence[FloatArray]) -> FloatArray:
        """Return several outputs one after another, and a single one as it is."""
        self.shapes = [output.shape for output in outputs]
        if len(outputs) == 1 and outputs[0].ndim:
            return outputs[0]
        inputs = (array for name, array in self.arrays.items() if name not in self.parameters)
        first = outputs[0] if outputs[0].ndim else next(inputs, np.zeros(()))
        self.counts = {"the number of examples": len(first)} if first.ndim else {}
        return outputs[0] if len(outputs) == 1 else np.concatenate([o.ravel() for o in outputs])

    def separated(self, dy: FloatArray) -> list[FloatArray]:
        """Return the gradient of each output, given that of the joined one: views of it."""
        if len(self.shapes) == 1:
            return [dy]
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        return [d.reshape(s) for d, s in zip(np.split(dy, ends), self.shapes, strict=True)]

    def unchecked(self) -> list[Unseen]:
        """Return what it is known to depend on that is not in ``arrays``, after both passes."""
        return []

    def fresh_output(self) -> FloatArray | None:
        """Return the output of the very first pass of a copy; ``None`` if there is no saying.

        It is asked for before any pass.
        """
        return None

    def blind_spots(self) -> list[str]:
        """Return what a check at these inputs cannot see."""
        return []

    def clear(self) -> None:
        """Set the parameters' gradients to zero."""
        plain = any(isinstance(each, Gathered) for each in self.parameters.values())
        if clears_itself(self._owner) if plain else hasattr(self._owner, "zero_grad"):
            self._owner.zero_grad()
            return
        for parameter in self.parameters.values():
            parameter.grad = np.zeros_like(parameter.value)

    def gradients(self) -> dict[str, FloatArray]:
        """Return copies of all gradients as they stand; one that is missing is ``None`` inside."""
        of_parameters = {n: getattr(p, "grad", None) for n, p in self.parameters.items()}
        return {n: as_gradient(g, n) for n, g in (self.input_gradients | of_parameters).items()}

    def differentiate(self, dy: FloatArray) -> dict[str, FloatArray]:
        """Return the gradients of only the last forward pass."""
        self.clear()
        self.backward(dy)
        return self.gradients()

    def restore(self) -> None:
        """Put parameters and buffers back as they were before the check."""
        for name, value in self._values.items():
            self.parameters[name].value = self.arrays[name]  # in case another array was put there
            self.arrays[name][...] = value
        self._buffers = self._first_buffers
        self.rewind()

    def rewind(self) -> None:
        """Put buffers back as they were, before a pass: each moves them on, or draws by them."""
        for name, buffer in self._buffers.items():
            self.buffers[name][...] = buffer

    def keep_buffers(self) -> None:
        """Let the next passes begin with what the last one made of the buffers."""
        self._buffers = {name: buffer.copy() for name, buffer in self.buffers.items()}

    @contextmanager
    def watched(self, way: str, dy: FloatArray | None = None) -> Iterator[None]:
        """Refuse a pass, ``"forward"`` or ``"backward"``, that changes what it works on."""
        given = self.arrays | ({} if dy is None else {"dy": dy})
        before = {name: array.copy() for name, array in given.items()}
        yield
        for name, array in given.items():
            parameter = self.parameters.get(name)
            put = array if parameter is None else parameter.value
            if put is array and np.array_equal(array, before[name]):
                continue
            what = f"its argument {name}" if parameter is None else f"the parameter {name}"
            remedy = "copy it first" if parameter is None else "only an optimiser may"
            raise InputError(f"{self.calls[way]} changed {what}: {remedy}")


def same(first: FloatArray, second: FloatArray, tolerance: float) -> bool:
    """Return whether two arrays are the same but for rounding, in shape and kind as well."""
    if first.shape != second.shape or first.dtype == object or second.dtype == object:
        return first.shape == second.shape and first.dtype == second.dtype
    finite = np.isfinite(first)
    if not np.array_equal(finite, np.isfinite(second)):
        return False
    gap = np.abs(first[finite] - second[finite]).max(initial=0.0)
    return bool(gap <= tolerance * np.abs(first[finite]).max(initial=0.0))
