"""A user's file of layers and functions to check, and the check of what is in it."""

import json

from scratchvae.cli.own_code.child import done
from scratchvae.cli.own_code.target import read_target
from scratchvae.errors import InputError

MINE = '''
import numpy as np
from scratchvae.checks.gradients import gradcheck


class Square:
    """Right."""

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return 2 * self.x * dy


class Half(Square):
    """Wrong: the 2 is missing."""

    def backward(self, dy):
        return self.x * dy


class Scale:
    """Right, but its scale is not among what it learns."""

    def __init__(self, scale):
        self.scale = np.array([scale, 2.0, 0.5])

    def forward(self, x):
        return self.scale * x

    def backward(self, dy):
        return self.scale * dy


class Dense:
    def __init__(self):
        self.W = np.random.default_rng(0).standard_normal((7, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


class Noisy(Square):
    def forward(self, x):
        return super().forward(x) + np.random.standard_normal(x.shape)


noisy = Noisy()
scale, dense = Scale(3.0), Dense()


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(0)


def forward(x):
    return x**2, x


def backward(dy, x):
    return 2 * x * dy


def forward_cube(x):
    return x**3, x


def backward_cube(dy, x):
    return 3 * x**2 * dy


def cube(x):
    return x**3, x


dcube = backward_cube


def wrong(dy, x):
    return 2 * x**2 * dy


def short(dy, x):
    return 3 * x[0] ** 2 * dy[0]


def lonely(x):
    return x**3, x


def loss(x):
    return (x**3).sum(), 3 * x**2


def with_backward(x):
    return x**3, lambda dy: 3 * x**2 * dy


def error(x, target):
    return ((x - target) ** 2).sum(), 2 * (x - target)


def both(x):
    return x**2, x**3, x


def both_backward(dsquare, dcube, x):
    return 2 * x * dsquare + 3 * x**2 * dcube


pair = (cube, backward_cube)
number = 3


class Functions:
    @staticmethod
    def forward(x):
        return x**2, x

    @staticmethod
    def backward(dy, x):
        return 2 * x * dy


def ready():
    return gradcheck(Square(), np.ones((2, 3)))


report = ready()


def fruitless():
    assert ready().passed


def failing():
    raise RuntimeError("no")


def fails_inside(x):
    return x.nonsense


fails_inside_backward = dcube

x, w, b = np.ones((2, 5)), np.full((5, 3), 0.5), np.zeros(3)
rounded = np.ones((2, 3), np.float32)


def arrays():
    return x, w, b
'''


def check(name, *inputs, backward=None, seed=0, **choices):
    """Check in this process, as the command does in another."""
    arguments = {"called": "scratchvae", "backward": backward, "inputs": inputs, **choices}
    order = {"job": "gradcheck", "seed": seed, "arguments": arguments}
    answer = json.loads(json.dumps(done(read_target(f"mine.py:{name}"), order)))
    if "problem" in answer:
        raise InputError(answer["problem"], answer["remedy"])
    return answer["done"]
