"""Layers as JAX's ``custom_vjp``: a function, ``_forward`` and ``_backward`` of its own."""

import jax.numpy as jnp


def dense(x, w, b):
    return x @ w + b


def dense_forward(x, w, b):
    return dense(x, w, b), (x, w)


def dense_backward(kept, dy):
    x, w = kept
    dx = dy @ w.T
    dw = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dw, db


def relu(x):
    return jnp.maximum(x, 0)


def relu_forward(x):
    return relu(x), x


def relu_backward(kept, dy):
    x = kept
    return (dy * (x > 0),)


def sigmoid(x):
    return 1 / (1 + jnp.exp(-x))


def sigmoid_forward(x):
    y = sigmoid(x)
    return y, y


def sigmoid_backward(kept, dy):
    y = kept
    dx = dy * y * (1 - y)
    return (dx,)


def tanh(x):
    return jnp.tanh(x)


def tanh_forward(x):
    y = jnp.tanh(x)
    return y, (x, y)


def tanh_backward(kept, dy):
    x, y = kept
    dx = dy * (1 - y**2)
    return (dx,)


def softplus(x):
    return jnp.log1p(jnp.exp(x))


def softplus_forward(x):
    return softplus(x), x


def softplus_backward(kept, dy):
    x = kept
    return (dy / (1 + jnp.exp(-x)),)


def softmax(x):
    e = jnp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_forward(x):
    y = softmax(x)
    return y, y


def softmax_backward(kept, dy):
    y = kept
    inner = (dy * y).sum(axis=1, keepdims=True)
    return (y * (dy - inner),)


def layer_norm(x, gamma, beta):
    return layer_norm_forward(x, gamma, beta)[0]


def layer_norm_forward(x, gamma, beta):
    mean = x.mean(axis=1, keepdims=True)
    inverse = 1 / jnp.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x_hat = (x - mean) * inverse
    return gamma * x_hat + beta, (x_hat, inverse, gamma)


def layer_norm_backward(kept, dy):
    x_hat, inverse, gamma = kept
    dgamma = (dy * x_hat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    g = dy * gamma
    along = (g * x_hat).mean(axis=1, keepdims=True)
    dx = inverse * (g - g.mean(axis=1, keepdims=True) - x_hat * along)
    return dx, dgamma, dbeta


def log_sum_exp(x):
    return log_sum_exp_forward(x)[0]


def log_sum_exp_forward(x):
    top = x.max(axis=1)
    y = top + jnp.log(jnp.exp(x - top[:, None]).sum(axis=1))
    return y, (x, y)


def log_sum_exp_backward(kept, dy):
    x, y = kept
    return (dy[:, None] * jnp.exp(x - y[:, None]),)


def squared_error(prediction, target):
    return 0.5 * jnp.sum((prediction - target) ** 2)


def squared_error_forward(prediction, target):
    return squared_error(prediction, target), prediction - target


def squared_error_backward(kept, dy):
    gap = kept
    dprediction = dy * gap
    return dprediction, -dprediction


def gaussian_kl(mean, log_variance):
    return -0.5 * jnp.sum(1 + log_variance - mean**2 - jnp.exp(log_variance), axis=1)


def gaussian_kl_forward(mean, log_variance):
    return gaussian_kl(mean, log_variance), (mean, log_variance)


def gaussian_kl_backward(kept, dy):
    mean, log_variance = kept
    dmean = dy[:, None] * mean
    dlog_variance = 0.5 * dy[:, None] * (jnp.exp(log_variance) - 1)
    return dmean, dlog_variance


def attention(q, k, v):
    return attention_forward(q, k, v)[0]


def attention_forward(q, k, v):
    scores = q @ k.T / jnp.sqrt(q.shape[1])
    e = jnp.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    return weights @ v, (q, k, v, weights)


def attention_backward(kept, dy):
    q, k, v, weights = kept
    dv = weights.T @ dy
    dweights = dy @ v.T
    inner = (dweights * weights).sum(axis=1, keepdims=True)
    dscores = weights * (dweights - inner) / jnp.sqrt(q.shape[1])
    dq = dscores @ k
    dk = dscores.T @ q
    return dq, dk, dv
