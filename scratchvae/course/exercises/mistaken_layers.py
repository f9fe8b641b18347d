"""Mistakes that a layer with a weight and a bias invites: a class with one, from a right one."""

from typing import Any

from scratchvae.validation import FloatArray


def without_bias(kind: Any) -> Any:
    """Return a layer that forgets its bias forwards."""

    class WithoutBias(kind):  # type: ignore[misc]
        def forward(self, x: FloatArray) -> FloatArray:
            y: FloatArray = super().forward(x) - self.parameters["bias"]
            return y

    return WithoutBias


def mean_twice(kind: Any) -> Any:
    """Return a layer that divides its gradients by the number of examples."""

    class MeanTwice(kind):  # type: ignore[misc]
        gradients: dict[str, FloatArray]

        def backward(self, dy: FloatArray) -> Any:
            dx = super().backward(dy)
            self.gradients = {name: array / len(dy) for name, array in self.gradients.items()}
            return dx

    return MeanTwice


def mean_of_bias(kind: Any) -> Any:
    """Return a layer whose bias gets the mean of what it should get the sum of."""

    class MeanOfBias(kind):  # type: ignore[misc]
        def backward(self, dy: FloatArray) -> Any:
            dx = super().backward(dy)
            self.gradients["bias"] = dy.mean(axis=tuple(range(dy.ndim - 1)))
            return dx

    return MeanOfBias


def accumulating(kind: Any) -> Any:
    """Return a layer that adds each batch's gradients to those of the batches before."""

    class Accumulating(kind):  # type: ignore[misc]
        gradients: dict[str, FloatArray]

        def backward(self, dy: FloatArray) -> Any:
            earlier = self.gradients
            dx = super().backward(dy)
            self.gradients = {name: g + earlier.get(name, 0) for name, g in self.gradients.items()}
            return dx

    return Accumulating


def first_batch(kind: Any, keeps: str = "x") -> Any:
    """Return a layer that goes back with what it kept of its first batch."""

    class FirstBatch(kind):  # type: ignore[misc]
        def forward(self, x: FloatArray) -> Any:
            first = getattr(self, keeps, None)
            y = super().forward(x)
            if first is not None:
                setattr(self, keeps, first)
            return y

    return FirstBatch


def flipped(kind: Any) -> Any:
    """Return a convolution that turns its kernel by half a turn."""

    class Flipped(kind):  # type: ignore[misc]
        def _flip(self) -> None:
            self.parameters["weight"] = self.parameters["weight"][::-1, ::-1]

        def forward(self, x: FloatArray) -> Any:
            self._flip()
            return super().forward(x)

        def backward(self, dy: FloatArray) -> Any:
            dx = super().backward(dy)
            self.gradients["weight"] = self.gradients["weight"][::-1, ::-1]
            self._flip()
            return dx

    return Flipped
