"""Layers as pairs of functions: ``f(...) → (y, cache)`` and ``f_backward(dy, cache)``."""

import numpy as np


def dense(x, w, b):
    return x @ w + b, (x, w)


def dense_backward(dy, cache):
    x, w = cache
    dx = dy @ w.T
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db


def relu(x):
    return np.maximum(x, 0), x


def relu_backward(dy, cache):
    x = cache
    dx = dy * (x > 0)
    return dx


def leaky_relu(x, slope=0.1):
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward(dy, cache):
    x, slope = cache
    dx = dy.copy()
    dx[x < 0] *= slope
    return dx


def gelu(x):
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    t = np.tanh(inner)
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward(dy, cache):
    x, t = cache
    d_inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * d_inner)


def sigmoid(x):
    y = 1 / (1 + np.exp(-x))
    return y, y


def sigmoid_backward(dy, cache):
    y = cache
    return dy * y * (1 - y)


def tanh(x):
    y = np.tanh(x)
    return y, (x, y)


def tanh_backward(dy, cache):
    x, y = cache
    dx = (1 - y * y) * dy
    return dx


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), (x,)


def softplus_backward(dy, cache):
    (x,) = cache
    return dy / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, (y,)


def softmax_backward(dy, cache):
    (y,) = cache
    dx = dy * y
    dx = dx - y * dx.sum(axis=-1, keepdims=True)
    return dx


def cross_entropy(logits, labels):
    n = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].mean()
    return loss, (log_p, labels)


def cross_entropy_backward(dy, cache):
    log_p, labels = cache
    n = len(labels)
    dlogits = np.exp(log_p)
    dlogits[np.arange(n), labels] -= 1
    return dy * dlogits / n


def squared_error(prediction, target):
    gap = prediction - target
    return 0.5 * np.sum(gap**2) / len(gap), (gap,)


def squared_error_backward(dy, cache):
    (gap,) = cache
    dprediction = dy * gap / len(gap)
    dtarget = -dprediction
    return dprediction, dtarget


def conv(x, w, b):
    """Images (N, C, H, W), kernels (F, C, K, K), stride 1, padding 1."""
    k = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))
    y = np.einsum("nchwij,fcij->nfhw", windows, w) + b[None, :, None, None]
    return y, (padded, w)


def conv_backward(dy, cache):
    padded, w = cache
    k = w.shape[2]
    h, width = dy.shape[2:]
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    for i in range(k):
        for j in range(k):
            dpadded[:, :, i : i + h, j : j + width] += np.einsum("nfhw,fc->nchw", dy, w[:, :, i, j])
            dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dy, padded[:, :, i : i + h, j : j + width])
    db = dy.sum(axis=(0, 2, 3))
    return dpadded[:, :, 1:-1, 1:-1], dw, db


def conv_transpose(x, w):
    """Images (N, H, W, C), kernels (K, K, C, F), stride 2."""
    n, h, width, _ = x.shape
    k, f = w.shape[0], w.shape[3]
    y = np.zeros((n, 2 * (h - 1) + k, 2 * (width - 1) + k, f))
    for i in range(h):
        for j in range(width):
            y[:, 2 * i : 2 * i + k, 2 * j : 2 * j + k] += np.tensordot(x[:, i, j], w, axes=(1, 2))
    return y, (x, w)


def conv_transpose_backward(dy, cache):
    x, w = cache
    k = w.shape[0]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            patch = dy[:, 2 * i : 2 * i + k, 2 * j : 2 * j + k]
            dx[:, i, j] = np.einsum("nabf,abcf->nc", patch, w)
            dw += np.einsum("nabf,nc->abcf", patch, x[:, i, j])
    return dx, dw


def max_pool(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    y = blocks.max(axis=(3, 5))
    return y, (x, y)


def max_pool_backward(dy, cache):
    x, y = cache
    dx = np.zeros_like(x)
    for i in range(2):
        for j in range(2):
            dx[:, :, i::2, j::2] = dy * (x[:, :, i::2, j::2] == y)
    return dx


def average_pool(x):
    """Windows of 3 that overlap by 1, over sequences (N, L, C)."""
    count = (x.shape[1] - 3) // 2 + 1
    y = np.stack([x[:, 2 * i : 2 * i + 3].mean(axis=1) for i in range(count)], axis=1)
    return y, x.shape


def average_pool_backward(dy, cache):
    shape = cache
    dx = np.zeros(shape)
    for i in range(dy.shape[1]):
        dx[:, 2 * i : 2 * i + 3] += dy[:, i : i + 1] / 3
    return dx
