"""The activations by their definitions, and a network: what tests of layers share."""

import numpy as np
from scipy.special import expit

from scratchvae.layers import ELU, Dense, LogSoftplus, ReLU, Sequential, Sigmoid, Softplus, Tanh


def one_by_one(function):
    return lambda x: np.array([function(v) for v in x.ravel().tolist()]).reshape(x.shape)


def softplus(x):
    return np.logaddexp(0, x)


# Each activation with its definition and its derivative, in float64 and by other means.
ACTIVATIONS = {
    "relu": (ReLU, one_by_one(lambda v: max(v, 0.0)), one_by_one(lambda v: float(v > 0))),
    "elu": (
        lambda **options: ELU(0.7, **options),
        one_by_one(lambda v: v if v > 0 else 0.7 * np.expm1(v)),
        one_by_one(lambda v: 1.0 if v > 0 else 0.7 * np.exp(v)),
    ),
    "tanh": (Tanh, lambda x: 2 * expit(2 * x) - 1, lambda x: 4 * expit(2 * x) * expit(-2 * x)),
    "sigmoid": (Sigmoid, expit, lambda x: expit(x) * expit(-x)),
    "softplus": (Softplus, softplus, expit),
    "log-softplus": (
        LogSoftplus,
        lambda x: np.log(softplus(x) + 1e-8),
        lambda x: expit(x) / (softplus(x) + 1e-8),
    ),
}


def network(dtype, *before, rng=0):
    rng = np.random.default_rng(rng)
    return Sequential(
        *before,
        Dense(6, 4, rng=rng, dtype=dtype),
        ELU(dtype=dtype),
        Sequential(Dense(4, 3, rng=rng, dtype=dtype), Tanh(dtype=dtype)),
        Dense(3, 5, rng=rng, dtype=dtype),
        Sigmoid(dtype=dtype),
    )
