"""A network whose passes run as plans."""

from collections.abc import Iterator
from typing import Any

from scratchvae.engine.plan import Plan
from scratchvae.engine.stages import KNOWN, Places, Rotation
from scratchvae.engine.twins import twin
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import Arena
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.kernels.machine.threads import get_threads
from scratchvae.layers import Layer, Sequential
from scratchvae.layers.sequential import check_each_once
from scratchvae.validation import (
    FloatArray,
    check_floats,
    check_in_place,
    check_same_dtype,
    check_shape,
)

# What a plan takes for granted of a layer besides its arrays.
_SETTINGS = (
    *("dtype", "forward", "backward", "parameters", "buffers", "alpha", "shape"),
    *("in_features", "out_features", "channels", "momentum", "epsilon"),
    *("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding"),
)

_REFUSED: tuple[dict[str, Any], str, Any] = ({}, "", True)  # a fact that never holds
_MOST_PLANS = 16  # of one network: shapes that come once must not fill the memory


class PlannedNetwork(Layer):
    """A network's double: the passes of its known layers run as plans, all else is its own.

    ``keeps`` says that a backward pass may follow, which needs what the layers put out; ``copies``
    says that what its passes return is the caller's to keep.
    """

    def __init__(self, network: Layer, keeps: bool, copies: bool = False) -> None:
        self.network, self._keeps, self._copies = network, keeps, copies
        self._memory = Memory()
        self._gradients, self._turns = Rotation(), Rotation()
        self._call = 0
        self._overwrites = False
        self._passes: list[Plan | Layer] = []
        self._read()

    @property
    def parameters(self) -> Any:  # type: ignore[override]
        """The network's own."""
        return self.network.parameters

    @property
    def buffers(self) -> Any:  # type: ignore[override]
        """The network's own."""
        return self.network.buffers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["network"], name)

    def zero_grad(self) -> None:
        """Let gradients start at 0 again: the next backward pass overwrites what it can.

        A weight's gradient is as large as the weight, and clearing it first takes as long as a step
        of Adam. Where there is no such pass, `settle` clears them.
        """
        self._overwrites = len(self._pieces) == 1 and isinstance(self._pieces[0], list)
        if not self._overwrites:
            self.network.zero_grad()

    def settle(self) -> None:
        """Clear the gradients now, if no backward pass has overwritten them yet."""
        if self._overwrites:
            self._overwrites = False
            self.network.zero_grad()

    def rewind(self) -> None:
        """Begin a new round: what forward passes returned in the last one may be written over."""
        self._call = 0

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the network's output: unless copied, it stays as it is until the next round."""
        if self._has_changed():
            self._read()
        check_floats(x, "x")
        passes: list[Plan | Layer] = []
        for place, piece in enumerate(self._pieces):
            if isinstance(piece, Layer):
                # What comes from a plan is written over in the next round: a layer that the engine
                # does not know gets a copy, which is its own to keep.
                own = bool(passes) and isinstance(passes[-1], Layer)
                piece = piece if self._keeps else twin(piece)
                x = piece.forward(x if own else x.copy(), training)
                passes.append(piece)
            else:
                plan = self._plan(place, piece, x, training)
                x = plan.forward(x, copies=self._lent(x))
                passes.append(plan)
        self._passes = passes
        self._call += 1
        return x.copy() if self._copies else x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x, going back through the last forward pass."""
        dx = self._back(dy, wants_dx=True)
        assert dx is not None
        return dx.copy() if self._copies else dx

    def backward_parameters(self, dy: FloatArray) -> None:
        """Like ``backward``, without ∂loss/∂x."""
        self._back(dy, wants_dx=False)

    def _back(self, dy: FloatArray, wants_dx: bool) -> FloatArray | None:
        if len(self._passes) < len(self._pieces):
            raise InputError(
                f"{type(self.network).__name__}.backward needs a forward pass first: call "
                "forward(x)"
            )
        d: FloatArray | None = dy
        accumulate, self._overwrites = not self._overwrites, False
        for place in reversed(range(0 if wants_dx else self._first, len(self._pieces))):
            piece, wanted = self._passes[place], wants_dx or place > self._first
            assert d is not None
            if isinstance(piece, Plan):
                d = piece.backward(d, wanted, copies=self._lent(d), accumulate=accumulate)
            else:
                own = place + 1 < len(self._passes) and isinstance(self._passes[place + 1], Layer)
                d = d if own else d.copy()
                if wanted:
                    d = piece.backward(d)
                else:
                    piece.backward_parameters(d)
        return d

    def _lent(self, array: FloatArray) -> bool:
        """Tell whether an array is the network's own memory, which its plans write to."""
        return any(arena.lent(array) for arena in self._arenas.values())

    def _plan(self, place: int, layers: list[Layer], x: FloatArray, training: bool) -> Plan:
        """Return the plan of a row of layers for the present call in the round."""
        threads = get_threads()
        site = (place, self._call)
        key = (*site, x.shape, x.dtype, training, threads)
        plan = self._plans.get(key)
        if plan is None:
            while len(self._plans) >= _MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            arena = self._arenas.setdefault(site, Arena())
            arena.rewind()
            inside = arena if self._keeps else self._turns
            resources = Resources(threads, self._memory)
            places = Places(resources, edges=arena, outputs=inside, gradients=self._gradients)
            plan = self._plans[key] = Plan(layers, x, training, places)
        return plan

    def _read(self) -> None:
        """Look at the network as it is now: what is known in a row makes a piece."""
        facts: list[tuple[dict[str, Any], str, Any]] = []
        self._facts = [_REFUSED]  # until all has been looked at: a network is refused every time
        self._rows: list[tuple[Sequential, list[Layer]]] = []
        self._pieces: list[list[Layer] | Layer] = []
        self._plans: dict[Any, Plan] = {}
        self._arenas: dict[tuple[int, int], Arena] = {}
        check_each_once([self.network])
        for layer in self._leaves(self.network):
            if not _is_known(layer):
                self._pieces.append(layer)
                continue
            if not self._pieces or isinstance(self._pieces[-1], Layer):
                self._pieces.append([])
            row = self._pieces[-1]
            assert isinstance(row, list)
            row.append(layer)
            own = vars(layer)
            facts += [(own, name, own.get(name)) for name in _SETTINGS]
            for name, parameter in layer.parameters.items():
                held, what = vars(parameter), f"the gradient of {type(layer).__name__}'s {name}"
                check_shape(parameter.grad, what, parameter.value.shape)
                check_in_place(parameter.grad, what)
                check_same_dtype(f"{name} and its gradient", parameter.value, parameter.grad)
                facts.append((layer.parameters, name, parameter))
                facts += [(held, "value", parameter.value), (held, "grad", parameter.grad)]
            facts += [(layer.buffers, name, buffer) for name, buffer in layer.buffers.items()]
        # Below the first piece that learns, nobody asks for a gradient.
        rows = [[piece] if isinstance(piece, Layer) else piece for piece in self._pieces]
        learns = [any(layer.parameters for layer in row) for row in rows]
        self._first = learns.index(True) if True in learns else len(learns)
        self._facts = facts

    def _leaves(self, layer: Layer) -> Iterator[Layer]:
        """Yield the layers that run one after the other."""
        if type(layer) is not Sequential or {"forward", "backward"} & vars(layer).keys():
            yield layer
            return
        self._rows.append((layer, list(layer.layers)))
        for inner in layer.layers:
            yield from self._leaves(inner)

    def _has_changed(self) -> bool:
        """Tell whether anything that the plans take for granted is no longer so."""
        for mapping, key, value in self._facts:
            if mapping.get(key) is not value:
                return True
        return any(row.layers != layers for row, layers in self._rows)


def _is_known(layer: Layer) -> bool:
    return type(layer) in KNOWN and not {"forward", "backward"} & vars(layer).keys()
