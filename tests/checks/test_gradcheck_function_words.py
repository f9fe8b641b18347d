"""What a check of functions says of those that it cannot check, in whole sentences."""

import numpy as np
import pytest
from gradient_cases import Stranger
from helpers import normal, refused

from scratchvae.checks.gradients import check_gradients, gradcheck, gradcheck_functions

X = normal(4, 3)


def product(a, b):
    return a * b


@pytest.mark.parametrize(
    ("forward", "backward", "arrays", "words"),
    [
        (
            None,
            np.tanh,
            (X,),
            "gradcheck_functions expects two functions, forward and backward, not NoneType and "
            "ufunc: put the arrays after them; backward is None if forward returns (loss, "
            "gradients) or (y, backward)",
        ),
        (
            product,
            product,
            (),
            "gradcheck_functions expects at least one array after the two functions",
        ),
        (
            product,
            lambda dy: dy,
            (X,),
            "product takes (a, b) and gradcheck calls it with (a): give a value for each argument, "
            "or fix some in a lambda",
        ),
        (
            product,
            lambda: None,
            (X, X),
            "backward takes () and gradcheck calls it with (dy): let it take the gradient of each "
            "output (1 for a loss), and the cache if there is one",
        ),
        (
            product,
            lambda dy: dy,
            (X, X),
            "backward must return a gradient for each of a, b, in this order; it returned 1; say "
            "what is not differentiated, as in `constants=['b']`",
        ),
        (
            product,
            lambda dy: {"a": dy, "dc": dy},
            (X, X),
            "backward returned gradients called a, dc: there must be one for 'b', called 'b' or "
            "'db'; or say that it is not differentiated with `constants=['b']`",
        ),
        (
            lambda x: (x, x, x, x),
            lambda dy: dy,
            (X,),
            "<lambda> must return y or (y, cache), not 4 values: say how many of them are outputs, "
            "as in `outputs=4`",
        ),
        (
            lambda x: (x, 3 * x),
            lambda dx, dz: dx + 3 * dz,
            (X,),
            "<lambda> returned two arrays, and backward takes dz: say `outputs=2` if both are "
            "outputs, or `outputs=1` if the second is only kept for backward",
        ),
        (
            lambda x: (x, 3 * x),
            lambda first, second: first + 3 * second,
            (X,),
            "<lambda> returned two arrays, and backward is right if both are outputs: say so with "
            "`outputs=2`, or `outputs=1` if the second is only kept for backward",
        ),
        (
            lambda x: x,
            lambda dy: 2j * dy,
            (X,),
            "the gradient of x is ndarray of complex128 and shape (4, 3) where gradcheck expects "
            "an array: return one array for each input, and add those of parameters to their grad",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused_with_what_they_must_do(
    forward, backward, arrays, words
):
    with refused(words):
        gradcheck_functions(forward, backward, *arrays)


def test_another_number_of_outputs_than_was_said_is_refused():
    with refused(
        "product must return 2 outputs, or these and a cache, not ndarray: say how many there are "
        "with `outputs`"
    ):
        gradcheck_functions(product, lambda d, e: (d, e), X, X, outputs=2)
    with refused("backward takes () and gradcheck calls it with (dy_1, dy_2)"):
        gradcheck_functions(lambda x: (x, x), lambda: X, X, outputs=2)
    with refused("backward takes (dy) and gradcheck calls it with (dy_1, dy_2, cache)"):
        gradcheck_functions(lambda x: (x, x, 1), lambda dy: dy, X, outputs=2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forward", "Changing.forward changed its argument x: copy it first"),
        ("backward", "Changing.backward changed its argument dy: copy it first"),
    ],
)
def test_a_pass_that_changes_its_argument_is_refused_by_its_name(name, words):
    class Changing(Stranger):
        def forward(self, x):
            if name == "forward":
                x *= 2
            return super().forward(x)

        def backward(self, dy):
            dx = super().backward(dy)
            if name == "backward":
                dy *= 2
            return dx

    with refused(words):
        gradcheck(Changing(), X)


def test_what_check_gradients_is_given_is_called_by_its_name():
    x, fixed = np.array([1.0, 2.0]), np.ones(2)
    fixed.setflags(write=False)
    rng = np.random.default_rng(0)

    def check(value=lambda: 1.0, arrays=None, gradients=None, **options):
        arrays = {"x": x} if arrays is None else arrays
        gradients = {"x": 0 * x} if gradients is None else gradients
        return check_gradients("f", value, arrays, gradients, rng=rng, **options)

    assert check().passed
    assert check().title == "f"
    for options, words in (
        ({"value": 3}, "value must be a function without arguments, not int"),
        ({"arrays": [x]}, "arrays must be a dict of arrays by name, not list"),
        ({"gradients": [x]}, "gradients must be a dict of arrays by name, not list"),
        ({"gradients": {}}, "gradients must have one for each array, and has none for 'x'"),
        ({"arrays": {"x": [1.0]}}, "gradcheck expects arrays['x'] as a NumPy array, not list"),
        (
            {"arrays": {"x": fixed}},
            "arrays['x'] must be writeable and in C order to be changed in place, not read-only",
        ),
        (
            {"value": lambda: x},
            "value must return a number, not ndarray of float64 and shape (2,): weight and sum "
            "what it returns",
        ),
        ({"max_coordinates": -1}, "max_coordinates must be a whole number of at least 0, not -1"),
        ({"directions": 0}, "directions must be a whole number of at least 1, not 0"),
        ({"tolerance": 0}, "tolerance must be a finite number above 0, not 0"),
    ):
        with refused(words):
            check(**options)


def test_a_gradient_of_another_shape_is_a_row_of_its_own():
    x = np.array([1.0, 2.0])
    gradients = {"x": np.ones((2, 1)), "y": np.array(None)}
    report = check_gradients(
        "f",
        lambda: float(x.sum()),
        {"x": x, "y": x.copy()},
        gradients,
        rng=np.random.default_rng(0),
    )
    first, second = report.rows
    for row, shape in ((first, (2, 1)), (second, ())):
        assert (row.size, row.checked, row.max_relative_error) == (2, 0, np.inf)
        assert (row.where, row.tolerance) == (f"shape {shape}", 1e-6)
        assert np.isnan([row.analytic, row.numeric]).all()
    assert (first.cause, second.cause) == ("shape", "missing")
