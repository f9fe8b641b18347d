"""Plans: what the passes of a row of layers come to for one shape of input."""

from collections.abc import Sequence

from scratchvae.engine.stages import LINEAR, Places, Shape, Stage, grouped
from scratchvae.kernels.machine.tasks import Program, Task
from scratchvae.layers import Layer
from scratchvae.validation import FloatArray, check_array, check_floats


class Plan:
    """The passes of a row of layers, of types in ``KNOWN``, for input of the shape and dtype of x.

    An `InputError` is raised if x does not fit the layers, as their own ``forward`` would.
    """

    def __init__(
        self, layers: Sequence[Layer], x: FloatArray, training: bool, places: Places
    ) -> None:
        self._places = places
        self._x = h = places.edges.empty(x.shape, check_floats(x, "x").dtype)
        self._stages: list[Stage] = []
        tasks: list[Task] = []
        groups = grouped(layers)
        # What leaves the plan has memory of its own. A change of shape is a view of what goes in.
        self._computing = [place for place, (stage, _) in enumerate(groups) if stage is not Shape]
        for place, (stage, members) in enumerate(groups):
            here = places._replace(is_first=place in self._computing[:1])
            if place == max(self._computing, default=0):
                here = here._replace(outputs=places.edges)
            self._stages.append(stage(members, h, training, here))
            h = self._stages[-1].y
            tasks += self._stages[-1].forward
        self._forward = Program(tasks, places.resources.threads, [self._x])
        self._read = self._x
        self._y, self._last = h, type(layers[-1]).__name__
        self._learns = [any(layer.parameters for layer in members) for _, members in groups]
        self._dy: FloatArray | None = None
        self._back: dict[tuple[bool, bool], tuple[Program, FloatArray | None]] = {}
        self._summed = [  # what backward passes always add to
            parameter.grad
            for layer in layers
            for name, parameter in layer.parameters.items()
            if not (type(layer) in LINEAR and name == "weight")
        ]

    def forward(self, x: FloatArray, copies: bool) -> FloatArray:
        """Return the last layer's output, in an array of the plan's.

        ``copies`` says that ``x`` may not stay as it is until the backward pass.
        """
        # Where only the shape changes, the output is a view of the plan's own input.
        (self._read,) = self._forward.run(x, copies=copies or not self._computing)
        return self._y

    def backward(
        self, dy: FloatArray, wants_dx: bool, copies: bool, accumulate: bool
    ) -> FloatArray | None:
        """Write the parameters' gradients, or add to them; return ∂loss/∂x where it is wanted.

        ``copies`` says that ``dy`` may be memory that the pass writes to.
        """
        check_array(dy, f"{self._last}: dy", self._y.shape, self._y.dtype)
        key = wants_dx, accumulate
        if key not in self._back:
            self._back[key] = self._backward(*key)
        program, dx = self._back[key]
        for grad in () if accumulate else self._summed:
            grad[...] = 0
        program.run(self._read, dy, copies=copies or not self._computing)
        return dx

    def _backward(self, wants_dx: bool, accumulate: bool) -> tuple[Program, FloatArray | None]:
        edges, gradients = self._places.edges, self._places.gradients
        if self._dy is None:
            self._dy = edges.empty(self._y.shape, self._y.dtype)
        # Below the first stage that learns, nobody asks for a gradient.
        first = 0 if wants_dx else self._learns.index(True)
        d: FloatArray | None = self._dy
        tasks: list[Task] = []
        lowest = min((place for place in self._computing if place >= first), default=first)
        for place in reversed(range(first, len(self._stages))):
            source = gradients if place > lowest else (edges if wants_dx else None)
            assert d is not None
            more, d = self._stages[place].backward(d, source, accumulate)
            tasks += more
        program = Program(tasks, self._places.resources.threads, [self._x, self._dy])
        return program, d if wants_dx else None
