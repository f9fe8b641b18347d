"""Right layers, wrong ones and other people's, for tests of gradient checks."""

import numpy as np
from helpers import normal

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


def affine(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


class Stranger:
    """Looks like a layer, and knows nothing about the package."""

    def __init__(self, factor=1.0):
        self.w = normal(3, 2)
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dy):
        return self.factor * (dy @ self.w.T)


def of_row(report, name):
    return next(row for row in report.rows if row.name == name)
