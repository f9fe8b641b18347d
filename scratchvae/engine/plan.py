"""Plans: what the passes of a row of layers come to for one shape of input."""

from collections.abc import Sequence
from functools import cached_property

from scratchvae.engine.stages import LINEAR, Back, Places, Shape, Stage, grouped
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
        self._places, self.resources = places, places.resources
        self.x = h = places.edges.empty(x.shape, check_floats(x, "x").dtype)
        self._stages: list[Stage] = []
        self.tasks: list[Task] = []
        groups = grouped(layers)
        # What leaves the plan has memory of its own. A change of shape is a view of what goes in.
        self._computing = [place for place, (stage, _) in enumerate(groups) if stage is not Shape]
        for place, (stage, members) in enumerate(groups):
            here = places._replace(is_first=place in self._computing[:1])
            if place == max(self._computing, default=0):
                here = here._replace(outputs=places.edges)
            self._stages.append(stage(members, h, training, here))
            h = self._stages[-1].y
            self.tasks += self._stages[-1].forward
        self._forward = Program(self.tasks, self.resources.threads, [self.x])
        self._read = self.x
        self.y, self._last = h, type(layers[-1]).__name__
        self.learns = [any(layer.parameters for layer in members) for _, members in groups]
        self._back: dict[tuple[bool, bool], tuple[Program, FloatArray | None]] = {}
        self.summed = [  # what backward passes always add to
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
        return self.y

    def backward(
        self, dy: FloatArray, wants_dx: bool, copies: bool, accumulate: bool
    ) -> FloatArray | None:
        """Write the parameters' gradients, or add to them; return ∂loss/∂x where it is wanted.

        ``copies`` says that ``dy`` may be memory that the pass writes to.
        """
        check_array(dy, f"{self._last}: dy", self.y.shape, self.y.dtype)
        key = wants_dx, accumulate
        if key not in self._back:
            tasks, given = self.backward_tasks(*key)
            program = Program(tasks, self.resources.threads, [self.x, self.dy])
            self._back[key] = program, given
        program, dx = self._back[key]
        for grad in () if accumulate else self.summed:
            grad[...] = 0
        program.run(self._read, dy, copies=copies or not self._computing)
        return dx

    def backward_tasks(self, wants_dx: bool, accumulate: bool) -> Back:
        """Return the tasks from ∂loss/∂y, which they find in ``dy``, and where ∂loss/∂x will be."""
        edges, gradients = self._places.edges, self._places.gradients
        # Below the first stage that learns, nobody asks for a gradient.
        first = 0 if wants_dx else self.learns.index(True)
        d: FloatArray | None = self.dy
        tasks: list[Task] = []
        lowest = min((place for place in self._computing if place >= first), default=first)
        for place in reversed(range(first, len(self._stages))):
            source = gradients if place > lowest else (edges if wants_dx else None)
            assert d is not None
            more, d = self._stages[place].backward(d, source, accumulate)
            tasks += more
        return tasks, d if wants_dx else None

    @cached_property
    def dy(self) -> FloatArray:
        """Memory for ∂loss/∂y."""
        return self._places.edges.empty(self.y.shape, self.y.dtype)
