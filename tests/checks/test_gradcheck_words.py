"""What a gradient check says of what it cannot check, in whole sentences."""

from types import SimpleNamespace

import numpy as np
import pytest
from gradient_cases import Stranger, dense
from helpers import normal, pixels, refused, small_vae

from scratchvae.checks.gradients import gradcheck, gradcheck_functions

X = normal(4, 3)
FEW_DIGITS = "a difference of two numbers with 7 digits has too few left to judge a gradient by"


class Heads(Stranger):
    def forward(self, x):
        return [x, 2 * x, 3 * x]


class Single(Stranger):
    def forward(self, x):
        return super().forward(x).astype(np.float32)


class Textual(Stranger):
    def forward(self, x):
        return "text"


class Nothing(Stranger):
    def forward(self, x):
        return x[:0]


class Target(Stranger):
    def forward(self, x, target):
        return x


class Late(Stranger):
    def backward(self, dy, x):
        return dy


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            Heads(),
            "Heads.forward returned a list of 3 where gradcheck expects one array: say `outputs=3` "
            "if they are so many outputs; backward then takes a gradient for each",
        ),
        (
            Single(),
            f"Single.forward was given float64 and returned float32: {FEW_DIGITS}; compute in the "
            "dtype of the input, as np.zeros(shape, dtype=x.dtype) does",
        ),
        (
            Textual(),
            "Textual.forward returned str where gradcheck expects an array of numbers: return one, "
            "or a number",
        ),
        (
            Nothing(),
            "Nothing.forward returned an empty array, of shape (0, 3), which says nothing about a "
            "gradient: choose inputs for which something comes out",
        ),
        (
            Target(),
            "Target.forward takes (x, target) and gradcheck calls it with (x): give a value for "
            "each argument, or fix some in a lambda",
        ),
        (
            Late(),
            "Late.backward takes (dy, x) and gradcheck calls it with (dy): let it take the "
            "gradient of each output (1 for a loss), and the cache if there is one",
        ),
        (
            Stranger,
            "gradcheck expects a layer or a model, not the class Stranger: give an object with a "
            "forward and a backward, or check two functions with gradcheck_functions",
        ),
        (
            SimpleNamespace(forward=np.tanh),
            "gradcheck expects a layer or a model, not SimpleNamespace: give an object",
        ),
    ],
    ids=lambda case: type(case).__name__ if not isinstance(case, str) else "",
)
def test_a_layer_that_cannot_be_checked_is_refused_with_the_way_to_check_it(layer, words):
    with refused(words):
        gradcheck(layer, X)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1.0]], "gradcheck expects x as a NumPy array, not list"),
        (np.ma.array(X), "gradcheck expects x as a NumPy array, not MaskedArray"),
        (
            X.astype(np.float32),
            f"gradcheck needs float64 and x is float32: {FEW_DIGITS}; build with dtype=np.float64 "
            "and convert x with .astype(np.float64)",
        ),
        (X[:0], "gradcheck expects at least one example, not x of shape (0, 3)"),
    ],
)
def test_an_input_that_cannot_be_checked_is_refused(x, words):
    with refused(words):
        gradcheck(Stranger(), x)
    second = words.replace(" x ", " b ").replace("x with", "b with")
    with refused(second):
        gradcheck_functions(lambda a, b: a, lambda dy: (dy, dy), X, x)


def test_what_only_a_model_takes_is_refused_for_a_layer():
    with refused("noise is for models; a layer has none: leave it out"):
        gradcheck(dense(), normal(4, 5), noise=normal(4))
    with refused("labels are for models; a layer has none: leave it out"):
        gradcheck(dense(), normal(4, 5), labels=np.arange(4))
    with refused("gradcheck expects noise as a NumPy array, not list"):
        gradcheck(small_vae(), pixels(2, 3, 5, 1), noise=[1.0])
    with refused("gradcheck needs float64 and encoder.1.weight is float32"):
        gradcheck(small_vae(dtype=np.float32), pixels(2, 3, 5, 1))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            [X],
            "gradcheck found arrays in Stranger.parameters, and looks for their gradients in a "
            "list gradients with the same names, not in NoneType: let backward fill one",
        ),
        (
            {"w": 3},
            "gradcheck expects Stranger.parameters['w'] to be a NumPy array, or an object whose "
            "value is one, not int with a value of NoneType: make it one, or wrap it in "
            "scratchvae.layers.Parameter",
        ),
        (
            {"w": SimpleNamespace(value=np.broadcast_to(1.0, (2, 2)))},
            "gradcheck moves Stranger.parameters['w'] and puts it back, but it is read-only: "
            "build the layer with a copy made with .copy()",
        ),
    ],
)
def test_parameters_that_cannot_be_moved_are_refused(parameters, words):
    layer = Stranger()
    layer.parameters = parameters
    with refused(words):
        gradcheck(layer, X)
