"""Layers as classes: ``forward(x)``, ``backward(dy)``, and what is learned in ``parameters``."""

import numpy as np


class Parameter:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class Dense:
    def __init__(self, w, b):
        self.parameters = {"w": Parameter(w), "b": Parameter(b)}

    def forward(self, x):
        self.x = x
        return x @ self.parameters["w"].value + self.parameters["b"].value

    def backward(self, dy):
        self.parameters["w"].grad += self.x.T @ dy
        self.parameters["b"].grad += dy.sum(axis=0)
        return dy @ self.parameters["w"].value.T


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class LeakyReLU:
    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dy):
        return np.where(self.x > 0, dy, self.slope * dy)


class ELU:
    def __init__(self, alpha):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        self.y = np.where(x > 0, x, self.alpha * (np.exp(np.minimum(x, 0)) - 1))
        return self.y

    def backward(self, dy):
        slope = np.where(self.x > 0, 1.0, self.y + self.alpha)
        return dy * slope


class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Softplus:
    def forward(self, x):
        self.x = x
        return np.log1p(np.exp(x))

    def backward(self, dy):
        sigmoid = 1 / (1 + np.exp(-self.x))
        return dy * sigmoid


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y

    def backward(self, dy):
        inner = (dy * self.y).sum(axis=1, keepdims=True)
        return self.y * (dy - inner)


class Conv2D:
    """Images (N, H, W, C), kernels (K, K, C, F)."""

    def __init__(self, w, b, stride):
        self.parameters = {"w": Parameter(w), "b": Parameter(b)}
        self.stride = stride

    def forward(self, x):
        self.x = x
        w, b, s = self.parameters["w"].value, self.parameters["b"].value, self.stride
        k = w.shape[0]
        rows, columns = (x.shape[1] - k) // s + 1, (x.shape[2] - k) // s + 1
        y = np.zeros((len(x), rows, columns, w.shape[3]))
        for i in range(rows):
            for j in range(columns):
                patch = x[:, i * s : i * s + k, j * s : j * s + k, :]
                y[:, i, j, :] = np.tensordot(patch, w, axes=3) + b
        return y

    def backward(self, dy):
        w, s = self.parameters["w"].value, self.stride
        k = w.shape[0]
        dx = np.zeros_like(self.x)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                patch = self.x[:, i * s : i * s + k, j * s : j * s + k, :]
                at = dy[:, i, j, :]
                self.parameters["w"].grad += np.tensordot(patch, at, axes=(0, 0))
                dx[:, i * s : i * s + k, j * s : j * s + k, :] += np.tensordot(at, w, axes=(1, 3))
        self.parameters["b"].grad += dy.sum(axis=(0, 1, 2))
        return dx


class MaxPool:
    def forward(self, x):
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
        y = blocks.max(axis=(2, 4))
        self.mask = blocks == y[:, :, None, :, None, :]
        return y

    def backward(self, dy):
        n, h, w, c = dy.shape
        spread = self.mask * dy[:, :, None, :, None, :]
        return spread.reshape(n, 2 * h, 2 * w, c)


class AveragePool:
    def forward(self, x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))

    def backward(self, dy):
        return np.repeat(np.repeat(dy, 2, axis=1), 2, axis=2) / 4


class BatchNorm:
    def __init__(self, gamma, beta):
        self.parameters = {"gamma": Parameter(gamma), "beta": Parameter(beta)}

    def forward(self, x):
        mean = x.mean(axis=0)
        self.inverse = 1 / np.sqrt(x.var(axis=0) + 1e-5)
        self.x_hat = (x - mean) * self.inverse
        return self.parameters["gamma"].value * self.x_hat + self.parameters["beta"].value

    def backward(self, dy):
        self.parameters["gamma"].grad += (dy * self.x_hat).sum(axis=0)
        self.parameters["beta"].grad += dy.sum(axis=0)
        dx_hat = dy * self.parameters["gamma"].value
        centred = dx_hat - dx_hat.mean(axis=0)
        return self.inverse * (centred - self.x_hat * (dx_hat * self.x_hat).mean(axis=0))


class LayerNorm:
    def __init__(self, gamma, beta):
        self.parameters = {"gamma": Parameter(gamma), "beta": Parameter(beta)}

    def forward(self, x):
        mean = x.mean(axis=1, keepdims=True)
        self.std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        self.x_hat = (x - mean) / self.std
        return self.parameters["gamma"].value * self.x_hat + self.parameters["beta"].value

    def backward(self, dy):
        self.parameters["gamma"].grad += np.sum(dy * self.x_hat, axis=0)
        self.parameters["beta"].grad += np.sum(dy, axis=0)
        d = dy.shape[1]
        dx_hat = dy * self.parameters["gamma"].value
        total = dx_hat.sum(axis=1, keepdims=True)
        along = (dx_hat * self.x_hat).sum(axis=1, keepdims=True)
        return (d * dx_hat - total - self.x_hat * along) / (d * self.std)


class Dropout:
    def __init__(self, mask, keep):
        self.mask, self.keep = mask, keep

    def forward(self, x):
        return x * self.mask / self.keep

    def backward(self, dy):
        return dy * self.mask / self.keep
