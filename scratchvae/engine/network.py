"""A network whose passes run as plans."""

from collections.abc import Iterator
from typing import Any

from scratchvae.engine.facts import Facts
from scratchvae.engine.plan import Plan
from scratchvae.engine.stages import KNOWN, Places, Rotation, padding_of
from scratchvae.engine.twins import twin
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import Arena
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.kernels.machine.threads import get_threads
from scratchvae.layers import Conv2D, Layer, Sequential
from scratchvae.layers.sequential import check_each_once, passed_on
from scratchvae.validation import (
    FloatArray,
    check_floats,
    check_in_place,
    check_same_dtype,
    check_shape,
)
from scratchvae.written import is_as_written

# What a plan takes for granted of a layer besides its arrays, and passes of its own.
_SETTINGS = {
    *("dtype", "parameters", "buffers", "alpha", "shape"),
    *("in_features", "out_features", "channels", "momentum", "epsilon"),
    *("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    *("output_padding", "output_size"),
}

_MOST_PLANS = 16  # of one network: shapes that come once must not fill the memory


class PlannedNetwork(Layer):
    """A network's double: the passes of its known layers run as plans, all else is its own.

    ``keeps`` says that a backward pass may follow, which needs what the layers put out.
    """

    def __init__(self, network: Layer, keeps: bool) -> None:
        self.network, self._keeps, self._copies = network, keeps, False
        self._memory = Memory()
        self._gradients, self._turns = Rotation(), Rotation()
        self._call = 0
        self.overwrites = False
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
        self.overwrites = len(self._pieces) == 1 and isinstance(self._pieces[0], list)
        if not self.overwrites:
            self.network.zero_grad()

    def settle(self) -> None:
        """Clear the gradients now, if no backward pass has overwritten them yet."""
        if self.overwrites:
            self.overwrites = False
            self.network.zero_grad()

    def rewind(self, copies: bool = False) -> None:
        """Begin a new round: what forward passes returned in the last one may be written over.

        But ``copies`` says that what this round's passes return is the caller's to keep.
        """
        self._call, self._copies = 0, copies

    def plan(self, x: FloatArray, training: bool) -> Plan | None:
        """Return the plan of all of the network for input like ``x``, if its layers are known.

        The network is taken to be as it was when it was last looked at: see ``follow``.
        """
        row = self._pieces[0] if len(self._pieces) == 1 else None
        return self._plan(0, row, x, training) if isinstance(row, list) else None

    def has(self, plan: Plan) -> bool:
        """Tell whether a plan is one of those in use."""
        return plan in self._plans.values()

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the network's output: unless copied, it stays as it is until the next round."""
        self.follow()
        check_floats(x, "x")
        passes: list[Plan | Layer] = []
        for place, piece in enumerate(self._pieces):
            if isinstance(piece, Layer):
                # What comes from a plan is written over in the next round: a layer that the engine
                # does not know gets a copy, which is its own to keep.
                own = bool(passes) and isinstance(passes[-1], Layer)
                piece = piece if self._keeps else twin(piece)
                x = passed_on(piece, "forward", piece.forward(x if own else x.copy(), training))
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
        accumulate, self.overwrites = not self.overwrites, False
        for place in reversed(range(0 if wants_dx else self._first, len(self._pieces))):
            piece, wanted = self._passes[place], wants_dx or place > self._first
            assert d is not None
            if isinstance(piece, Plan):
                d = piece.backward(d, wanted, copies=self._lent(d), accumulate=accumulate)
            else:
                own = place + 1 < len(self._passes) and isinstance(self._passes[place + 1], Layer)
                d = d if own else d.copy()
                if wanted:
                    d = passed_on(piece, "backward", piece.backward(d))
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
        facts = Facts()
        self._facts: Facts | None = None  # until all has been looked at: refused every time
        self._pieces: list[list[Layer] | Layer] = []
        self._plans: dict[Any, Plan] = {}
        self._arenas: dict[tuple[int, int], Arena] = {}
        check_each_once([self.network])
        facts.add(vars(Sequential), "forward", "backward")
        for layer in self._leaves(self.network, facts):
            if type(layer) in KNOWN:
                facts.add(vars(type(layer)), "forward", "backward")
            if not _is_known(layer):
                self._pieces.append(layer)
                continue
            if not self._pieces or isinstance(self._pieces[-1], Layer):
                self._pieces.append([])
            row = self._pieces[-1]
            assert isinstance(row, list)
            row.append(layer)
            own = vars(layer)
            facts.add(own, "forward", "backward", *(_SETTINGS & own.keys()))
            facts.add_all(layer.parameters)
            facts.add_all(layer.buffers)
            for name, parameter in layer.parameters.items():
                held, what = vars(parameter), f"the gradient of {type(layer).__name__}'s {name}"
                check_shape(parameter.grad, what, parameter.value.shape)
                if self._keeps:  # else it may be read-only, as in a process that shares its memory
                    check_in_place(parameter.grad, what)
                check_same_dtype(f"{name} and its gradient", parameter.value, parameter.grad)
                facts.add(held, "value", "grad", "trainable")
        # Below the first piece that learns, nobody asks for a gradient.
        rows = [[piece] if isinstance(piece, Layer) else piece for piece in self._pieces]
        learns = [any(layer.parameters for layer in row) for row in rows]
        self._first = learns.index(True) if True in learns else len(learns)
        self._facts = facts

    def _leaves(self, layer: Layer, facts: Facts) -> Iterator[Layer]:
        """Yield the layers that run one after the other."""
        if type(layer) is not Sequential or not is_as_written(layer):
            yield layer
            return
        facts.add(vars(layer), "forward", "backward", "layers")
        facts.add_all(layer.layers)
        for inner in layer.layers:
            yield from self._leaves(inner, facts)

    def is_as_read(self) -> bool:
        """Tell whether all that the plans take for granted is still so."""
        return self._facts is not None and self._facts.hold()

    def follow(self) -> None:
        """Look at the network anew if it has changed."""
        if not self.is_as_read():
            self._read()


def _is_known(layer: Layer) -> bool:
    # A plan's convolutions have the same padding on all sides.
    if type(layer) is Conv2D and padding_of(layer) is None:
        return False
    return type(layer) in KNOWN and is_as_written(layer)
