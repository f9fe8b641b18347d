"""A valid call of every layer and of every function of probability."""

import numpy as np
from call_table import COUNTS, DY, PLANES, Q, X, add, valued
from helpers import (
    covariance,
    normal,
    pixels,
)

from scratchvae import layers, probability

# Layers, and their passes.

CODES = np.arange(4).reshape(4, 1)
WINDOW = {"kernel_size": 3, "stride": 2, "padding": 1}
LAYERS = {
    "Dense": ({"in_features": 3, "out_features": 3, **COUNTS}, X, DY),
    "Conv2D": (
        {"in_channels": 3, "out_channels": 2, **WINDOW, **COUNTS},
        PLANES,
        normal(2, 3, 3, 2),
    ),
    "ConvTranspose2D": (
        {"in_channels": 3, "out_channels": 2, **WINDOW, "output_padding": 1, **COUNTS},
        PLANES,
        normal(2, 12, 12, 2),
    ),
    "BatchNorm": ({"channels": 3, "momentum": 0.1, "epsilon": 1e-5, "dtype": np.float64}, X, DY),
    "LayerNorm": ({"shape": (3,), "epsilon": 1e-5, "dtype": np.float64}, X, DY),
    "MaxPool2D": (
        {"kernel_size": 3, "stride": 2, "dtype": np.float64},
        PLANES,
        normal(2, 2, 2, 3),
    ),
    "AveragePool2D": (
        {"kernel_size": 3, "stride": 2, "dtype": np.float64},
        PLANES,
        normal(2, 2, 2, 3),
    ),
    "Dropout": ({"rate": 0.3, **COUNTS}, X, DY),
    "MaskedDense": ({"mask": np.tri(3), **COUNTS}, X, DY),
    "VectorQuantiser": ({"codes": 4, "code_dim": 3, **COUNTS}, X, DY),
    "Reshape": ({"shape": (3, 1), "dtype": np.float64}, X, normal(4, 3, 1)),
    "Flatten": ({"dtype": np.float64}, X, DY),
    "ELU": ({"alpha": 1.0, "dtype": np.float64}, X, DY),
    "LogSoftplus": ({"floor": 1e-8, "dtype": np.float64}, X, DY),
    **{name: ({"dtype": np.float64}, X, DY) for name in ("ReLU", "Sigmoid", "Softplus", "Tanh")},
}


def passed(kind, options, x):
    layer = kind(**options)
    layer.forward(x)
    return layer


for _name, (_options, _x, _dy) in LAYERS.items():
    _kind = getattr(layers, _name)
    add(f"layers.{_name}", valued(_kind), **_options)
    for _method, _arguments in {
        "forward": {"x": _x, "training": True},
        "backward": {"dy": _dy},
        "backward_parameters": {"dy": _dy},
        "zero_grad": {},
        "output_shape": {"x": _x},
        "check_input": {"x": _x, "training": True},
        "view": {"x": _x},
        "nearest": {"x": _x},
        "vectors": {"codes": CODES},
        "check_codes": {"codes": CODES},
        "pull": {"codes": CODES, "d_vectors": X},
    }.items():
        if hasattr(_kind, _method):
            add(
                f"layers.{_name}.{_method}",
                lambda kind=_kind, method=_method, of=(_options, _x): getattr(
                    passed(kind, *of), method
                ),
                **_arguments,
            )
add("layers.Layer", valued(layers.Layer), dtype=np.float64)
add("layers.Parameter", valued(layers.Parameter), value=X.copy())
add("layers.Parameter.zero_grad", lambda: layers.Parameter(X.copy()).zero_grad)


def stack():
    network = layers.Sequential(layers.Dense(3, 3, **COUNTS), layers.Tanh())
    network.forward(X)
    return network


add("layers.Sequential", lambda: lambda layer: layers.Sequential(layer), layer=layers.Tanh())
add("layers.Sequential.forward", lambda: stack().forward, x=X, training=True)
add("layers.Sequential.backward", lambda: stack().backward, dy=DY)
add("layers.Sequential.backward_parameters", lambda: stack().backward_parameters, dy=DY)
add("layers.Sequential.zero_grad", lambda: stack().zero_grad)

# Probability.

PAIR = {"mean_1": X, "log_variance_1": DY, "mean_2": DY, "log_variance_2": X}
FULL = {
    "mean_1": normal(3),
    "covariance_1": covariance(3),
    "mean_2": normal(3, seed=1),
    "covariance_2": covariance(3, seed=1),
}
EPS, F = normal(2, 4, 3), normal(2, 4)
for _name, _arguments in {
    "standard_normal_log_density": {"x": X},
    "gaussian_log_density": {"x": X, **Q},
    "multivariate_gaussian_log_density": {"x": X, "mean": normal(3), "covariance": covariance(3)},
    "bernoulli_log_density": {"x": pixels(4, 3), "logits": X},
    "kl_to_standard": Q,
    "kl_to_standard_gradients": Q,
    "kl_diagonal": PAIR,
    "kl_diagonal_gradients": PAIR,
    "kl_full": FULL,
    "kl_full_gradients": FULL,
    "gaussian_product": PAIR,
    "gaussian_product_backward": {"d_mean": X, "d_log_variance": DY, **PAIR},
    "reparameterise": {**Q, "eps": EPS},
    "reparameterise_backward": {"dz": EPS, "log_variance": DY, "eps": EPS},
    "score_function_gradients": {"f": F, "log_variance": DY, "eps": EPS, "baseline": F[0]},
    "reparameterised_gradients": {"df": EPS, "log_variance": DY, "eps": EPS},
    "GaussianLikelihood": {"variance": 0.5, "include_constant": True},
    "DiscretisedLogisticLikelihood": {"minimum_log_scale": -3.0},
    "LearnedVarianceLikelihood": {"minimum_log_variance": -3.0},
    "BernoulliLikelihood": {},
}.items():
    add(f"probability.{_name}", valued(getattr(probability, _name)), **_arguments)
_gaussian = probability.GaussianLikelihood()
add("probability.GaussianLikelihood.constant", valued(_gaussian.constant), pixels=3)
for _kind, _per_pixel in (
    (probability.GaussianLikelihood, 1),
    (probability.LearnedVarianceLikelihood, 2),
    (probability.DiscretisedLogisticLikelihood, 2),
    (probability.BernoulliLikelihood, 1),
):
    _decoded = normal(4, 3 * _per_pixel)
    for _method, _arguments in {
        "negative_log_likelihood": {"x": pixels(4, 3), "decoded": _decoded},
        "gradient": {"x": pixels(4, 3), "decoded": _decoded},
        "omitted_constant": {"pixels": 3},
        "mean": {"decoded": _decoded},
        "sample": {"decoded": _decoded, "rng": np.random.default_rng(0)},
    }.items():
        add(
            f"probability.{_kind.__name__}.{_method}",
            lambda kind=_kind, method=_method: getattr(kind(), method),
            **_arguments,
        )
