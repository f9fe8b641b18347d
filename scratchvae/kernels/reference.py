"""What each kernel computes, in plain NumPy: the definitions, and the backend "numpy".

The compiled kernels have the same names and arguments, and are tested against these functions.
Nothing here checks its arguments; the result has the dtype of the arrays that come in.

Dimensions: M rows, N columns, K the length of the reduction; of images, N their number, H and W
their rows and columns, C their channels (I in, O out), and (kh, kw) the size of the kernel that
slides over them, with stride s and padding p.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from scratchvae.validation import FloatArray

__all__ = ["adam_step", "batch_norm_backward", "batch_norm_forward"]
__all__ += ["bernoulli_cross_entropy", "bernoulli_cross_entropy_sum", "bernoulli_gradient"]
__all__ += ["channel_moments"]
__all__ += ["convolution_forward", "convolution_input_gradient", "convolution_weight_gradient"]
__all__ += ["elu", "elu_backward", "gaussian_gradient", "latents_backward", "latents_forward"]
__all__ += ["matmul", "matmul_transposed_left", "matmul_transposed_right"]
__all__ += ["relu", "relu_backward", "sigmoid", "sigmoid_backward", "softplus", "softplus_backward"]
__all__ += ["squared_distances", "sum_rows", "tanh", "tanh_backward"]


def matmul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``a b``: (M, K) times (K, N) gives (M, N)."""
    return a @ b


def matmul_transposed_left(x: FloatArray, dy: FloatArray) -> FloatArray:
    """Return ``xᵀ dy``: (K, M) and (K, N) give (M, N). The weight gradient of y = x w."""
    return x.T @ dy


def matmul_transposed_right(dy: FloatArray, w: FloatArray) -> FloatArray:
    """Return ``dy wᵀ``: (M, K) and (N, K) give (M, N). The input gradient of y = x w."""
    return dy @ w.T


def sum_rows(x: FloatArray) -> FloatArray:
    """Return the sum over all axes but the last, (…, C) to (C,): the gradient of a bias."""
    total: FloatArray = x.sum(axis=tuple(range(x.ndim - 1)), dtype=np.float64)
    return total.astype(x.dtype)


def convolution_forward(
    x: FloatArray, w: FloatArray, stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return y[n, h, w, o] = Σ x[n, h·s + i − p, w·s + j − p, c] · w[i, j, c, o], over i, j and c.

    x is (N, H, W, I) and counts as 0 outside its pixels; w is (kh, kw, I, O).
    """
    x = _pad(x, padding)
    height, width = ((x.shape[a] - w.shape[a - 1]) // stride + 1 for a in (1, 2))
    y = np.zeros((len(x), height, width, w.shape[3]), x.dtype)
    for i, j, pixels in _taps(w.shape[:2], (height, width), stride):
        y += x[pixels] @ w[i, j]
    return y


def convolution_input_gradient(
    dy: FloatArray, w: FloatArray, size: tuple[int, int], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return ∂loss/∂x of ``convolution_forward``, (N, H, W, I), for an x of ``size`` (H, W).

    Each dy[n, h, w, o] · w[i, j, c, o] goes back to the pixel of x that it was multiplied with.
    """
    shape = (len(dy), size[0] + 2 * padding, size[1] + 2 * padding, w.shape[2])
    dx = np.zeros(shape, dy.dtype)
    for i, j, pixels in _taps(w.shape[:2], dy.shape[1:3], stride):
        dx[pixels] += dy @ w[i, j].T
    return dx[:, padding : padding + size[0], padding : padding + size[1]].copy()


def convolution_weight_gradient(
    x: FloatArray, dy: FloatArray, kernel_size: tuple[int, int], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return ∂loss/∂w of ``convolution_forward``, (kh, kw, I, O): xᵀ dy over all pixels."""
    x, (channels, out_channels) = _pad(x, padding), (x.shape[3], dy.shape[3])
    dw = np.zeros((*kernel_size, channels, out_channels), x.dtype)
    for i, j, pixels in _taps(kernel_size, dy.shape[1:3], stride):
        dw[i, j] = x[pixels].reshape(-1, channels).T @ dy.reshape(-1, out_channels)
    return dw


def _pad(x: FloatArray, padding: int) -> FloatArray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _taps(
    kernel: tuple[int, ...], out: tuple[int, ...], stride: int
) -> Iterator[tuple[int, int, Any]]:
    """Yield each tap (i, j) of the kernel and the pixels it meets, one for each output pixel."""
    rows, columns = ((size - 1) * stride + 1 for size in out)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield i, j, np.s_[:, i : i + rows : stride, j : j + columns : stride]


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean μ and the biased variance σ² of each channel: (…, C) to (C,) both."""
    mean = sum_rows(x) / _rows(x)
    return mean, sum_rows((x - mean) ** 2) / _rows(x)


def batch_norm_forward(
    x: FloatArray, mean: FloatArray, inverse_std: FloatArray, scale: FloatArray, shift: FloatArray
) -> FloatArray:
    """Return γ x̂ + β with x̂ = (x − μ) / √(σ² + ε); γ is ``scale`` and β ``shift``.

    x is (…, C), and the others are (C,); ``inverse_std`` is 1/√(σ² + ε).
    """
    x_hat = (x - mean) * inverse_std
    return scale * x_hat + shift


def batch_norm_backward(
    dy: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    inverse_std: FloatArray,
    scale: FloatArray,
    training: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ∂loss/∂x, ∂loss/∂γ = Σ dy x̂ and ∂loss/∂β = Σ dy, the sums over each channel.

    ∂loss/∂x = γ / √(σ² + ε) · [dy − mean(dy) − x̂ · mean(dy x̂)]. The two means come back through μ
    and σ², which in training are functions of x; outside training they are constants.
    """
    x_hat = (x - mean) * inverse_std
    d_scale, d_shift = sum_rows(dy * x_hat), sum_rows(dy)
    if training:
        dy = dy - d_shift / _rows(x) - x_hat * (d_scale / _rows(x))
    return scale * inverse_std * dy, d_scale, d_shift


def _rows(x: FloatArray) -> int:
    """Return how many values a channel of (…, C) has; 1 where there are none, to divide by."""
    return max(prod(x.shape[:-1]), 1)


def relu(x: FloatArray) -> FloatArray:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def relu_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return dy where y > 0, and 0 elsewhere."""
    return np.where(y > 0, dy, 0)


def elu(x: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return x where x > 0, and α (eˣ − 1) elsewhere."""
    return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))


def elu_backward(dy: FloatArray, y: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return dy where y > 0, and dy · α eˣ = dy · (y + α) elsewhere."""
    return dy * np.where(y > 0, 1, y + y.dtype.type(alpha))


def tanh(x: FloatArray) -> FloatArray:
    """Return tanh x."""
    return np.tanh(x)


def tanh_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return dy · (1 − y²)."""
    return dy * (1 - y**2)


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + e⁻ˣ), which is eˣ / (eˣ + 1): the exponent is negative in both cases."""
    decay = np.exp(-np.abs(x))
    y: FloatArray = np.where(x >= 0, 1, decay) / (1 + decay)
    return y


def sigmoid_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return dy · y (1 − y)."""
    return dy * (y * (1 - y))


def softplus(x: FloatArray) -> FloatArray:
    """Return log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return dy · sigmoid(x) = dy · (1 − e⁻ʸ)."""
    return dy * -np.expm1(-y)


def bernoulli_cross_entropy(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return −x log p − (1 − x) log(1 − p) with p = sigmoid(logits), by eq. 11.1 and eq. 11.2."""
    return (np.maximum(logits, 0) - x * logits) + np.log1p(np.exp(-np.abs(logits)))


def bernoulli_cross_entropy_sum(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return the sum of the cross-entropy over all axes but the first: (N, …) to (N,)."""
    total: FloatArray = bernoulli_cross_entropy(x, logits).sum(axis=tuple(range(1, x.ndim)))
    return total


def bernoulli_gradient(x: FloatArray, logits: FloatArray, weight: float = 1.0) -> FloatArray:
    """Return sigmoid(logits) − x, the cross-entropy's derivative by eq. 11.3, times ``weight``."""
    return (sigmoid(logits) - x) * x.dtype.type(weight)


def squared_distances(x: FloatArray, y: FloatArray, weight: float = 1.0) -> FloatArray:
    """Return ``weight`` times the sum of (x − y)² over all axes but the first: (N, …) to (N,)."""
    total: FloatArray = ((x - y) ** 2).sum(axis=tuple(range(1, x.ndim)))
    return total * x.dtype.type(weight)


def gaussian_gradient(x: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """Return (mean − x) / variance, the derivative of (x − mean)² / (2 variance) in the mean."""
    return (mean - x) / x.dtype.type(variance)


def latents_forward(
    hidden: FloatArray, eps: FloatArray, floor: float | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log-variances l, draws z = m + e^(l/2) eps (eq. 10.7) and KLs to N(0, I) (eq. 8.10).

    ``hidden`` (N, 2D) is D means m, then l itself, or with a ``floor`` the r of
    l = log(softplus(r) + floor). ``eps``, l and z are (N, D), and the KLs (N,).
    """
    mean, raw = np.split(hidden, 2, axis=1)
    log_variance = raw.copy() if floor is None else np.log(softplus(raw) + raw.dtype.type(floor))
    z = mean + np.exp(0.5 * log_variance) * eps
    terms = np.expm1(log_variance) - log_variance + mean * mean
    return log_variance, z, 0.5 * terms.sum(axis=1)


def latents_backward(
    dz: FloatArray,
    hidden: FloatArray,
    log_variance: FloatArray,
    eps: FloatArray,
    kl_weight: float,
    floor: float | None = None,
) -> FloatArray:
    """Return ∂loss/∂hidden (N, 2D) of ``latents_forward``, by eq. 10.11 and eq. 8.11.

    The loss depends on z with the gradient ``dz`` (N, D), and has ``kl_weight`` times each KL.
    """
    mean, raw = np.split(hidden, 2, axis=1)
    weight = hidden.dtype.type(kl_weight)
    d_mean = dz + weight * mean
    through_z = np.exp(0.5 * log_variance) * eps * dz
    d_log_variance = 0.5 * (through_z + weight * np.expm1(log_variance))
    if floor is not None:
        d_log_variance *= sigmoid(raw) * np.exp(-log_variance)
    return np.concatenate([d_mean, d_log_variance], axis=1)


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
    """Change ``value`` and its two moments, in place, by Adam's step number ``step``: eq. 3.8."""
    first += (1 - beta_1) * (grad - first)
    second += (1 - beta_2) * (grad**2 - second)
    unbiased_first = first / (1 - beta_1**step)
    unbiased_second = second / (1 - beta_2**step)
    value -= learning_rate * unbiased_first / (np.sqrt(unbiased_second) + epsilon)
