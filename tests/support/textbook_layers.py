"""The textbook layers with arrays to check them on: what is differentiated, and what is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STYLES = ("classes", "functions", "course", "torch", "jax")
# Examples, entries of an input, entries of an output: all different, or all the same, as they are
# where a forgotten transpose is not found out by its shape.
UNEVEN, SQUARE = (4, 3, 5), (4, 4, 4)


@dataclass(frozen=True)
class TextbookLayer:
    """One layer in one style.

    Attributes
    ----------
    style, module
        How it is written, and the module of ``textbook`` that it is in.
    forward, backward
        What is called; for a class its name twice. A loss that returns its gradient has no
        backward.
    draw
        From a generator and three sizes to the arrays that it is differentiated by.
    settings
        What else the forward pass takes, by name, from the same.
    """

    style: str
    module: str
    forward: str
    backward: str
    draw: Callable[..., tuple[Any, ...]]
    settings: Callable[..., dict[str, Any]] = field(default=lambda rng, n, d, m: {})

    @property
    def name(self) -> str:
        return f"{self.style} {self.forward}"


def _numbers(*shapes):
    """Return what draws arrays of these shapes, as in ``"n d"``, a whole number being itself."""

    def draw(rng, n, d, m):
        sizes = {"n": n, "d": d, "m": m, "2d": 2 * d, "4m": 4 * m}
        return tuple(
            rng.standard_normal([sizes[one] if one in sizes else int(one) for one in its.split()])
            for its in shapes
        )

    return draw


def _labels(name):
    return lambda rng, n, d, m: {name: rng.integers(d, size=n)}


def _mask(**others):
    return lambda rng, n, d, m: {"mask": (rng.random((n, d)) < 0.7) * 1.0, **others}


def _noise(name="noise"):
    return lambda rng, n, d, m: {name: rng.standard_normal((n, d))}


def _probabilities(rng, n, d, m):
    return {"target": rng.random((n, d))}


def _given(**settings):
    return lambda rng, n, d, m: settings


def _course_dropout(rng, n, d, m):
    return {"dropout_param": {"p": 0.7, "mask": rng.random((n, d)) < 0.7}}


X, AFFINE, NORM = _numbers("n d"), _numbers("n d", "d m", "m"), _numbers("n d", "d", "d")
TWO = _numbers("n d", "n d")
ATTENTION = _numbers("n d", "m d", "m 4")
LSTM = _numbers("n d", "n m", "n m", "d 4m", "m 4m", "4m")
# An image of few pixels has every case of the loops, and is soon checked.
CONVOLUTION = _numbers("2 4 5 2", "3 3 2 2", "2")
CHANNELS_FIRST = _numbers("2 2 3 4", "2 2 3 3", "2")

_CLASSES = [
    ("Dense", AFFINE),
    ("ReLU", X),
    ("LeakyReLU", X, _given(slope=0.1)),
    ("ELU", X, _given(alpha=0.7)),
    ("Sigmoid", X),
    ("Tanh", X),
    ("Softplus", X),
    ("Softmax", X),
    ("Conv2D", CONVOLUTION, _given(stride=1)),
    ("MaxPool", _numbers("2 4 6 2")),
    ("AveragePool", _numbers("2 4 6 2")),
    ("BatchNorm", NORM),
    ("LayerNorm", NORM),
    ("Dropout", X, _mask(keep=0.7)),
]
_FUNCTIONS = [
    ("dense", AFFINE),
    ("relu", X),
    ("leaky_relu", X),
    ("gelu", X),
    ("sigmoid", X),
    ("tanh", X),
    ("softplus", X),
    ("softmax", X),
    ("cross_entropy", X, _labels("labels")),
    ("squared_error", TWO),
    ("conv", CHANNELS_FIRST),
    ("conv_transpose", _numbers("2 2 2 2", "3 3 2 2")),
    ("max_pool", _numbers("2 2 4 6")),
    ("average_pool", _numbers("2 7 3")),
]
_MORE_FUNCTIONS = [
    ("batch_norm", NORM),
    ("layer_norm", NORM),
    ("dropout", X, _mask(rate=0.3)),
    ("embedding", _numbers("4 d"), _given(ids=np.array([2, 0, 2, 1, 2]))),
    ("reparameterise", TWO, _noise()),
    ("gaussian_kl", TWO),
    ("bernoulli_nll", X, _probabilities),
    ("attention", ATTENTION),
    ("lstm_step", LSTM),
]
_COURSE = [
    ("affine", "_forward", AFFINE),
    ("relu", "_forward", X),
    ("affine_relu", "_forward", AFFINE),
    ("conv", "_forward_naive", CHANNELS_FIRST, _given(conv_param={"stride": 1, "pad": 1})),
    (
        "max_pool",
        "_forward_naive",
        _numbers("2 2 4 6"),
        _given(pool_param={"pool_height": 2, "pool_width": 2, "stride": 2}),
    ),
    ("batchnorm", "_forward", NORM, _given(bn_param={"mode": "train"})),
    ("layernorm", "_forward", NORM, _given(ln_param={})),
    ("dropout", "_forward", X, _course_dropout),
    ("word_embedding", "_forward", _numbers("4 d"), _given(x=np.array([[2, 0, 2], [1, 2, 0]]))),
    ("rnn_step", "_forward", _numbers("n d", "n m", "d m", "m m", "m")),
    ("svm_loss", "", X, _labels("y")),
    ("softmax_loss", "", X, _labels("y")),
]
_TORCH = [
    ("Linear", AFFINE),
    ("ReLU", X),
    ("LeakyReLU", X, _given(slope=0.1)),
    ("Sigmoid", X),
    ("Tanh", X),
    ("Exponential", X),
    ("Softplus", X),
    ("Softmax", X),
    ("LayerNorm", NORM),
    ("SquaredError", TWO),
    ("Reparameterise", TWO, _noise()),
    ("GaussianKL", TWO),
    ("BernoulliNLL", X, _probabilities),
    ("Attention", ATTENTION),
]
_JAX = [
    ("dense", AFFINE),
    ("relu", X),
    ("sigmoid", X),
    ("tanh", X),
    ("softplus", X),
    ("softmax", X),
    ("layer_norm", NORM),
    ("log_sum_exp", X),
    ("squared_error", TWO),
    ("gaussian_kl", TWO),
    ("attention", ATTENTION),
]


def _course_layer(name, ending, *rest):
    backward = f"{name}{ending.replace('forward', 'backward')}" if ending else ""
    return TextbookLayer("course", "course_functions", f"{name}{ending}", backward, *rest)


LAYERS = [
    *(TextbookLayer("classes", "classes", name, name, *rest) for name, *rest in _CLASSES),
    *(
        TextbookLayer("functions", module, name, f"{name}_backward", *rest)
        for module, layers in (("functions", _FUNCTIONS), ("more_functions", _MORE_FUNCTIONS))
        for name, *rest in layers
    ),
    *(_course_layer(*one) for one in _COURSE),
    *(TextbookLayer("torch", "torch_functions", name, name, *rest) for name, *rest in _TORCH),
    *(
        TextbookLayer("jax", "jax_functions", name, f"{name}_backward", *rest)
        for name, *rest in _JAX
    ),
]
