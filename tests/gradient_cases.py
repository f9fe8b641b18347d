"""A right layer and a wrong one, for the checks of gradients."""

import numpy as np

from scratchvae.layers import Dense

FLOAT64 = np.float64


def dense(rng=0, size_in=5, size_out=3):
    return Dense(size_in, size_out, rng=rng, dtype=FLOAT64)


class WrongAt(Dense):
    """A dense layer with one entry of one gradient changed."""

    def __init__(self, name, index, change):
        super().__init__(5, 3, rng=0, dtype=FLOAT64)
        self.change = name, index, change

    def backward(self, dy):
        name, index, change = self.change
        before = {name: p.grad.copy() for name, p in self.parameters.items()}
        dx = super().backward(dy)
        if name == "x":
            dx[index] = change(dx[index])
        else:
            grad = self.parameters[name].grad
            with np.errstate(invalid="ignore"):  # of infinities, in a second pass
                grad[index] = before[name][index] + change(grad[index] - before[name][index])
        return dx
