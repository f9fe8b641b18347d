"""What each kernel computes, in plain NumPy: these functions are the definitions.

The fast kernels have the same names and take the same arguments, and are held to these by the
tests.

Dimensions: M rows, N columns, K the length of the reduction; of images, N their number, H and W
their rows and columns, C their channels (I in, O out), and (kh, kw) the kernel's size.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchvae.validation import FloatArray


def matmul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``a b``: (M, K) times (K, N) gives (M, N)."""
    return a @ b


def matmul_transposed_left(x: FloatArray, dy: FloatArray) -> FloatArray:
    """Return ``xᵀ dy``: (K, M) and (K, N) give (M, N). A dense layer's weight gradient."""
    return x.T @ dy


def matmul_transposed_right(dy: FloatArray, w: FloatArray) -> FloatArray:
    """Return ``dy wᵀ``: (M, K) and (N, K) give (M, N). A dense layer's input gradient."""
    return dy @ w.T


def convolution_forward(
    x: FloatArray, w: FloatArray, stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return y[n, h, w, o] = Σ x[n, h·s + i − p, w·s + j − p, c] · w[i, j, c, o], over i, j and c.

    s is the stride and p the padding; x is (N, H, W, I), taken as 0 outside; w is (kh, kw, I, O).
    """
    padded = _pad(x, padding)
    height, width = ((padded.shape[a] - w.shape[a - 1]) // stride + 1 for a in (1, 2))
    y = np.zeros((len(x), height, width, w.shape[3]), x.dtype)
    for i, j, pixels in _taps(w.shape[:2], (height, width), stride):
        y += padded[pixels] @ w[i, j]
    return y


def convolution_input_gradient(
    dy: FloatArray, w: FloatArray, size: tuple[int, int], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return the adjoint of ``convolution_forward`` in x, for x of ``size`` (H, W)."""
    shape = (len(dy), size[0] + 2 * padding, size[1] + 2 * padding, w.shape[2])
    padded = np.zeros(shape, dy.dtype)
    for i, j, pixels in _taps(w.shape[:2], dy.shape[1:3], stride):
        padded[pixels] += dy @ w[i, j].T
    return padded[:, padding : padding + size[0], padding : padding + size[1]]


def convolution_weight_gradient(
    x: FloatArray,
    dy: FloatArray,
    kernel_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
) -> FloatArray:
    """Return the adjoint of ``convolution_forward`` in w, for w of ``kernel_size`` (kh, kw)."""
    padded = _pad(x, padding)
    dw = np.zeros((*kernel_size, x.shape[3], dy.shape[3]), x.dtype)
    for i, j, pixels in _taps(kernel_size, dy.shape[1:3], stride):
        dw[i, j] = np.einsum("nhwc,nhwo->co", padded[pixels], dy)
    return dw


def transposed_convolution_forward(
    x: FloatArray, w: FloatArray, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> FloatArray:
    """Return the convolution's input gradient at x: the smallest size, plus ``output_padding``."""
    height, width = (
        (x.shape[a] - 1) * stride - 2 * padding + w.shape[a - 1] + output_padding for a in (1, 2)
    )
    return convolution_input_gradient(x, w, (height, width), stride, padding)


def transposed_convolution_input_gradient(
    dy: FloatArray, w: FloatArray, stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return the convolution of ``dy``."""
    return convolution_forward(dy, w, stride, padding)


def transposed_convolution_weight_gradient(
    x: FloatArray,
    dy: FloatArray,
    kernel_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
) -> FloatArray:
    """Return the convolution's weight gradient, input and output exchanged."""
    return convolution_weight_gradient(dy, x, kernel_size, stride, padding)


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and (biased) variance of each channel: (…, C) to (C,) both."""
    values = x.reshape(-1, x.shape[-1])
    return values.mean(axis=0), values.var(axis=0)


def batch_norm_forward(
    x: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    *,
    kind: str = "identity",
    alpha: float = 1.0,
) -> FloatArray:
    """Return scale · (x − mean) · deviation + shift, where ``deviation`` is 1/√(σ² + ε).

    ``kind`` and ``alpha`` are an activation applied to it.
    """
    y: FloatArray = (x - mean) * (deviation * scale) + shift
    return y if kind == "identity" else activation_forward(kind, y, alpha)


def batch_norm_backward(
    dy: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    scale: FloatArray,
    training: bool,
    *,
    kind: str = "identity",
    alpha: float = 1.0,
    y: FloatArray | None = None,
    total: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift.

    In training, mean and deviation are themselves functions of x, and two terms come back through
    them. ``kind`` and ``alpha`` are the activation applied, ``y`` its output; to ``total``, if
    there is one, the sum of the rows of ∂loss/∂x is added.
    """
    if y is not None and kind != "identity":
        dy = activation_backward(kind, dy, y, alpha)
    axes = tuple(range(x.ndim - 1))
    normalised = (x - mean) * deviation
    d_scale: FloatArray = (dy * normalised).sum(axis=axes)
    d_shift: FloatArray = dy.sum(axis=axes)
    if training:
        count = max(x.size // x.shape[-1], 1)
        dy = dy - (d_shift + normalised * d_scale) / count
    dx = dy * (scale * deviation)
    if total is not None:
        sum_rows(dx, total)
    return dx, d_scale, d_shift


def _taps(
    kernel: tuple[int, ...], out: tuple[int, ...], stride: int
) -> Iterator[tuple[int, int, Any]]:
    """Yield each tap of the kernel and the padded pixels that it meets, one per output pixel."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows, columns = (out[0] - 1) * stride + 1, (out[1] - 1) * stride + 1
            yield i, j, np.s_[:, i : i + rows : stride, j : j + columns : stride]


def _pad(x: FloatArray, padding: int) -> FloatArray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def activation_forward(kind: str, x: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return the function ``kind`` of each number of ``x``."""
    decay = np.exp(-np.abs(x))  # in (0, 1], so nothing overflows
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "elu":
        return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))
    if kind == "tanh":
        return np.tanh(x)
    if kind == "sigmoid":
        y: FloatArray = np.where(x >= 0, 1, decay) / (1 + decay)
        return y
    return np.maximum(x, 0) + np.log1p(decay)  # softplus


def activation_backward(kind: str, dy: FloatArray, y: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return ``dy`` times the derivative of ``kind`` where its output is ``y``."""
    if kind == "relu":
        return dy * (y > 0)
    if kind == "elu":
        return dy * np.where(y > 0, 1, y + y.dtype.type(alpha))
    if kind == "tanh":
        return dy * (1 - y * y)
    if kind == "sigmoid":
        return dy * (y * (1 - y))
    return dy * -np.expm1(-y)  # softplus


def add_bias(
    y: FloatArray, bias: FloatArray, kind: str = "identity", alpha: float = 1.0
) -> FloatArray:
    """Add ``bias`` (C,) to every row of ``y`` (…, C) and apply an activation, in place."""
    y += bias
    if kind != "identity":
        y[...] = activation_forward(kind, y, alpha)
    return y


def activation_backward_and_sum(
    kind: str, dy: FloatArray, y: FloatArray, total: FloatArray, alpha: float = 1.0
) -> FloatArray:
    """Return ``activation_backward(…)``, and add the sum of its rows to ``total``."""
    dx = activation_backward(kind, dy, y, alpha)
    sum_rows(dx, total)
    return dx


def sum_rows(x: FloatArray, out: FloatArray) -> FloatArray:
    """Add the sum of all rows of ``x`` (…, C) to ``out`` (C,), and return it: a bias's gradient."""
    out += x.reshape(-1, x.shape[-1]).sum(axis=0)
    return out


def bernoulli_cross_entropy(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ``−x log p − (1 − x) log(1 − p)`` with p = sigmoid(logits), by eq. 9.1 and eq. 9.2."""
    return (np.maximum(logits, 0) - x * logits) + np.log1p(np.exp(-np.abs(logits)))


def bernoulli_gradient(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ``sigmoid(logits) − x``, the derivative of the cross-entropy in the logits."""
    gradient: FloatArray = activation_forward("sigmoid", logits) - x
    return gradient


def squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the sum of ``(x − y)²`` over all axes but the first: (N, …) to (N,)."""
    total: FloatArray = ((x - y) ** 2).sum(axis=tuple(range(1, x.ndim)))
    return total


def gaussian_gradient(x: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """Return ``(mean − x) / variance``, the derivative of ``(x − mean)² / (2 variance)``."""
    return (mean - x) / x.dtype.type(variance)


def adam_step(
    value: FloatArray,
    grad: FloatArray,
    first: FloatArray,
    second: FloatArray,
    *,
    step: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Change ``value`` and the two moments, in place, by the ``step``-th step of Adam."""
    first += (1 - beta_1) * (grad - first)
    second += (1 - beta_2) * (grad**2 - second)
    unbiased_first = first / (1 - beta_1**step)
    unbiased_second = second / (1 - beta_2**step)
    value -= learning_rate * unbiased_first / (np.sqrt(unbiased_second) + epsilon)
