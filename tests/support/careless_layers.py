"""Layers as somebody new writes them: one that is right, and three with a slip."""

from scratchvae.layers import Layer


class Doubling(Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Forgetful(Doubling):
    def __init__(self):
        self.factor = 2


class ShortForward(Doubling):
    def forward(self, x):
        return 2 * x


class LongBackward(Doubling):
    def backward(self, dy, x):
        return 2 * dy
