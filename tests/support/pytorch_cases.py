"""What people have in PyTorch, for tests of gradient checks; imports it."""

import numpy as np
import torch
from helpers import normal
from torch import nn
from torch.autograd import Function


class Linear(Function):
    """y = x w + b."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy @ w.T, x.T @ dy, dy.sum(0)


class PowerAndSine(Function):
    """Outputs with a gradient and without, arguments of three kinds, a context set up apart."""

    @staticmethod
    def forward(x, labels, n):
        return x**n, x.argmax(0) + labels, torch.sin(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.x, _, ctx.n = inputs
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, dy, _, dsine):
        return ctx.n * ctx.x ** (ctx.n - 1) * dy + dsine * torch.cos(ctx.x), None, None


class Tripled(Function):
    """Works in place, and says so."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    @staticmethod
    def backward(ctx, dy):
        return 3 * dy


class SelfMade(nn.Module):
    """A layer as it is written without autograd."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, 10).reshape(5, 2))

    def forward(self, x):
        self.x = x
        return torch.tanh(x @ self.w)

    def backward(self, dy):
        dy = dy * (1 - torch.tanh(self.x @ self.w) ** 2)
        self.w.grad = self.x.T @ dy
        return dy @ self.w.T


class Polar(nn.Module):
    """A function of its own inside a module, and outputs in a dict."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.randn(5, 3)), nn.Parameter(torch.randn(3))

    def forward(self, x):
        y = Linear.apply(x, self.w, self.b)
        return {"size": y.norm(), "of each": [y.norm(dim=1)], "largest": y.argmax()}


class NamedAlike(nn.Module):
    """A parameter with the name of an argument."""

    def __init__(self):
        super().__init__()
        self.x = nn.Parameter(torch.linspace(-1, 1, 3))

    def forward(self, x):
        return x * self.x


def floats(*shape, seed=0, **options):
    return torch.tensor(normal(*shape, seed=seed), dtype=torch.float32, **options)


def convolutions():
    parts = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(8, 2))


def left_with_history():
    module = SelfMade()
    module(torch.ones(1, 5))
    return module


RIGHT = {
    "function": lambda: (Linear, normal(4, 5), normal(5, 3, seed=1), normal(3, seed=2)),
    "apply": lambda: (Linear.apply, floats(4, 5), floats(5, 3, seed=1), floats(3, seed=2)),
    "outputs": lambda: (PowerAndSine, floats(4, 3), np.arange(3), 3),
    "in place": lambda: (Tripled, normal(2, 3)),
    "own module": lambda: (left_with_history(), floats(3, 5)),
    "function within": lambda: (Polar(), floats(4, 5)),
    "convolutions": lambda: (convolutions(), floats(2, 1, 6, 6)),
    "recurrent": lambda: (nn.LSTM(3, 2), floats(4, 2, 3)),
    "attention": lambda: (
        nn.MultiheadAttention(4, 2),
        *(floats(3, 2, 4, seed=s) for s in (1, 2, 3)),
    ),
    "embedding": lambda: (nn.Embedding(5, 2, sparse=True), np.array([1, 3])),
    "normed": lambda: (nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), floats(2, 3)),
    "half": lambda: (nn.Linear(3, 2).half(), floats(2, 3).bfloat16()),
    "loss": lambda: (nn.CrossEntropyLoss(), floats(4, 3), torch.tensor([0, 1, 2, 1])),
    "plain": lambda: (torch.nn.functional.softmax, floats(4, 3), 1),
    "parts": lambda: (
        lambda p, x: [x @ p["w"][0] + p["b"]],
        {"w": [floats(5, 2)], "b": floats(2)},
        floats(2, 5),
    ),
}


def linear(forward=Linear.forward, backward=Linear.backward):
    kind = type("Linear", (Function,), {})
    kind.forward, kind.backward = staticmethod(forward), staticmethod(backward)
    return kind


def gradients(change):
    return linear(backward=lambda ctx, dy: change(*ctx.saved_tensors, dy))
