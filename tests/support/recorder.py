"""A model of one parameter that takes down what a training asks of it."""

import numpy as np

from scratchvae.layers import Parameter
from scratchvae.training import LossTerms, Trainable


class Recorder(Trainable):
    """Has one parameter w and the loss w · mean(x); its images are all of one number each."""

    dtype = np.dtype(np.float64)

    def __init__(self):
        self.parameters = {"w": Parameter(np.array([3.0]))}
        self.passes, self.begun, self.tested, self.noise = [], [], [], []

    def as_labels(self, labels, count):
        assert labels is None or len(labels) == count
        return super().as_labels(labels, count)

    def draw_noise(self, count, rng):
        noise = rng.standard_normal(count)
        self.noise.append(noise)
        return noise

    def forward(self, x, noise, /, training=False, labels=None):
        assert len(x) == len(noise)
        self.mean = x.mean()
        self.passes.append((x.copy(), labels, training))
        loss = float(self.parameters["w"].value[0] * self.mean)
        return LossTerms(loss, loss - len(x), float(len(x)))

    def backward(self):
        self.parameters["w"].grad += self.mean

    def begin(self, images):
        self.begun.append((len(images), len(self.passes)))

    def evaluate(self, images, *, labels=None, seed=0):
        self.tested.append((images, labels, seed, len(self.passes)))
        return LossTerms(7.0, 5.0, 2.0)
