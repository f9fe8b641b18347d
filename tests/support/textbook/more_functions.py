"""More layers as pairs of functions: normalisation, probability, attention, a recurrent step."""

import numpy as np


def batch_norm(x, gamma, beta):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(variance + 1e-5)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x, x_hat, mean, std, gamma)


def batch_norm_backward(dy, cache):
    x, x_hat, mean, std, gamma = cache
    n = len(x)
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    dx_hat = dy * gamma
    dvariance = -0.5 * np.sum(dx_hat * (x - mean), axis=0) / std**3
    dmean = -np.sum(dx_hat, axis=0) / std
    dx = dx_hat / std + dvariance * 2 * (x - mean) / n + dmean / n
    return dx, dgamma, dbeta


def layer_norm(x, gamma, beta):
    mean = x.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
    x_hat = (x - mean) * inverse
    return x_hat * gamma + beta, (x_hat, inverse, gamma)


def layer_norm_backward(dy, cache):
    x_hat, inverse, gamma = cache
    dgamma = (dy * x_hat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    g = dy * gamma
    mean_g = g.mean(axis=-1, keepdims=True)
    mean_gx = (g * x_hat).mean(axis=-1, keepdims=True)
    dx = inverse * (g - mean_g - x_hat * mean_gx)
    return dx, dgamma, dbeta


def dropout(x, mask, rate):
    return x * mask / (1 - rate), (mask, rate)


def dropout_backward(dy, cache):
    mask, rate = cache
    dx = dy * mask / (1 - rate)
    return dx


def embedding(table, ids):
    return table[ids], (ids, table.shape)


def embedding_backward(dy, cache):
    ids, shape = cache
    dtable = np.zeros(shape)
    np.add.at(dtable, ids, dy)
    return dtable


def reparameterise(mean, log_variance, noise):
    std = np.exp(0.5 * log_variance)
    return mean + std * noise, (std, noise)


def reparameterise_backward(dz, cache):
    std, noise = cache
    dmean = dz
    dlog_variance = 0.5 * dz * noise * std
    return dmean, dlog_variance


def gaussian_kl(mean, log_variance):
    kl = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum() / len(mean)
    return kl, (mean, log_variance)


def gaussian_kl_backward(dy, cache):
    mean, log_variance = cache
    n = len(mean)
    dmean = dy * mean / n
    dlog_variance = dy * 0.5 * (np.exp(log_variance) - 1) / n
    return dmean, dlog_variance


def bernoulli_nll(logits, target):
    terms = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))
    return terms.sum(axis=1), (logits, target)


def bernoulli_nll_backward(dy, cache):
    logits, target = cache
    probability = 1 / (1 + np.exp(-logits))
    dlogits = (probability - target) * dy[:, None]
    return dlogits


def attention(q, k, v):
    """One head for one sequence: (T, D), (S, D), (S, E)."""
    scale = 1 / np.sqrt(q.shape[1])
    scores = q @ k.T * scale
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    return weights @ v, (q, k, v, weights, scale)


def attention_backward(dy, cache):
    q, k, v, weights, scale = cache
    dv = weights.T @ dy
    dweights = dy @ v.T
    inner = (dweights * weights).sum(axis=1, keepdims=True)
    dscores = weights * (dweights - inner)
    dq = dscores @ k * scale
    dk = dscores.T @ q * scale
    return dq, dk, dv


def lstm_step(x, h, c, w, u, b):
    """Return the new h and c side by side, (N, 2 H)."""
    n = h.shape[1]
    gates = x @ w + h @ u + b
    i = 1 / (1 + np.exp(-gates[:, :n]))
    f = 1 / (1 + np.exp(-gates[:, n : 2 * n]))
    o = 1 / (1 + np.exp(-gates[:, 2 * n : 3 * n]))
    g = np.tanh(gates[:, 3 * n :])
    c_next = f * c + i * g
    t = np.tanh(c_next)
    return np.hstack([o * t, c_next]), (x, h, c, w, u, i, f, o, g, t)


def lstm_step_backward(dy, cache):
    x, h, c, w, u, i, f, o, g, t = cache
    n = h.shape[1]
    dh, dc = dy[:, :n], dy[:, n:]
    dc = dc + dh * o * (1 - t**2)
    di = dc * g * i * (1 - i)
    df = dc * c * f * (1 - f)
    do = dh * t * o * (1 - o)
    dg = dc * i * (1 - g**2)
    dgates = np.hstack([di, df, do, dg])
    dx = dgates @ w.T
    dh_before = dgates @ u.T
    dc_before = dc * f
    dw = x.T @ dgates
    du = h.T @ dgates
    db = dgates.sum(axis=0)
    return dx, dh_before, dc_before, dw, du, db
