"""``scratchvae gradcheck FILE.py:NAME``: what NAME may be, its inputs, exit codes and reports."""

import json
import sys
from pathlib import Path

import pytest
from small_runs import names_in

from scratchvae.cli.own_code.child import done
from scratchvae.cli.own_code.target import read_target
from scratchvae.errors import InputError

MINE = '''
import numpy as np
from scratchvae.checks.gradients import gradcheck


class Square:
    """Right."""

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return 2 * self.x * dy


class Half(Square):
    """Wrong: the 2 is missing."""

    def backward(self, dy):
        return self.x * dy


class Scale:
    """Right, but its scale is not among what it learns."""

    def __init__(self, scale):
        self.scale = np.array([scale, 2.0, 0.5])

    def forward(self, x):
        return self.scale * x

    def backward(self, dy):
        return self.scale * dy


class Dense:
    def __init__(self):
        self.W = np.random.default_rng(0).standard_normal((7, 2))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


class Noisy(Square):
    def forward(self, x):
        return super().forward(x) + np.random.standard_normal(x.shape)


noisy = Noisy()
scale, dense = Scale(3.0), Dense()


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(0)


def forward(x):
    return x**2, x


def backward(dy, x):
    return 2 * x * dy


def forward_cube(x):
    return x**3, x


def backward_cube(dy, x):
    return 3 * x**2 * dy


def cube(x):
    return x**3, x


dcube = backward_cube


def wrong(dy, x):
    return 2 * x**2 * dy


def short(dy, x):
    return 3 * x[0] ** 2 * dy[0]


def lonely(x):
    return x**3, x


def loss(x):
    return (x**3).sum(), 3 * x**2


def with_backward(x):
    return x**3, lambda dy: 3 * x**2 * dy


def error(x, target):
    return ((x - target) ** 2).sum(), 2 * (x - target)


def both(x):
    return x**2, x**3, x


def both_backward(dsquare, dcube, x):
    return 2 * x * dsquare + 3 * x**2 * dcube


pair = (cube, backward_cube)
number = 3


class Functions:
    @staticmethod
    def forward(x):
        return x**2, x

    @staticmethod
    def backward(dy, x):
        return 2 * x * dy


def ready():
    return gradcheck(Square(), np.ones((2, 3)))


report = ready()


def fruitless():
    assert ready().passed


def failing():
    raise RuntimeError("no")


def fails_inside(x):
    return x.nonsense


fails_inside_backward = dcube

x, w, b = np.ones((2, 5)), np.full((5, 3), 0.5), np.zeros(3)
rounded = np.ones((2, 3), np.float32)


def arrays():
    return x, w, b
'''


@pytest.fixture
def mine(here, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (here / "mine.py").write_text(MINE)
    yield
    # Not in a copy of all modules: SciPy, if it is first loaded here, would look in both.
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(here):
            del sys.modules[name]


def check(name, *inputs, backward=None, seed=0, **choices):
    """Check in this process, as the command does in another."""
    arguments = {"called": "scratchvae", "backward": backward, "inputs": inputs, **choices}
    order = {"job": "gradcheck", "seed": seed, "arguments": arguments}
    answer = json.loads(json.dumps(done(read_target(f"mine.py:{name}"), order)))
    if "problem" in answer:
        raise InputError(answer["problem"], answer["remedy"])
    return answer["done"]


@pytest.mark.parametrize(
    ("name", "inputs", "rows"),
    [
        ("Square", ["2x3"], ["x"]),
        ("dense", ["3x7"], ["x", "W"]),
        ("affine_forward", ["4x5", "5x3", "3"], ["x", "w", "b"]),
        ("affine_forward", ["x", "w", "b"], ["x", "w", "b"]),
        ("affine_forward", ["2x5", "w", "3"], ["x", "w", "b"]),
        ("affine_forward", ["arrays"], ["x", "w", "b"]),
        ("forward", ["2x3"], ["x"]),
        ("forward_cube", ["2x3"], ["x"]),
        ("cube", ["2x3"], ["x"]),
        ("pair", ["2x3"], ["x"]),
        ("Functions.forward", ["4"], ["x"]),
        ("loss", ["2x3"], ["x"]),
        ("with_backward", ["2x3"], ["x"]),
        ("ready", [], ["x"]),
        ("report", [], ["x"]),
    ],
)
def test_whatever_has_a_forward_and_a_backward_is_checked(mine, name, inputs, rows):
    found = check(name, *inputs)
    assert [row["name"] for row in found["json"]["rows"]] == rows
    assert found["json"]["passed"], found["text"]
    assert not found["wrong"]
    assert not found["not checked"]


def test_a_backward_pass_may_be_named(mine):
    assert check("lonely", "2x3", backward="dcube")["json"]["passed"]
    assert check("lonely", "2x3", backward="wrong")["wrong"] == ["x"]


def test_constants_and_outputs_are_said_as_in_python(mine):
    assert check("error", "2x3", "2x3", constants=["target"])["json"]["passed"]
    assert check("both", "2x3", outputs=2)["json"]["passed"]


def test_after_a_burn_in_it_is_checked_once_more(mine):
    assert "after 3 training steps" in check("dense", "2x7", burn_in=3)["text"]
    assert check("dense", "2x7", burn_in=3)["json"]["passed"]


def test_the_words_of_these_choices_reach_the_check(mine, here, call):
    words = ["--input", "2x3", "--input", "2x3", "--burn-in", 2]
    code, _, errors = call("gradcheck", "mine.py:error", *words)
    assert (code, errors) == (1, ["not checked: target"])
    assert call("gradcheck", "mine.py:error", *words, "--constants", "target")[0] == 0
    words = ["--input", "2x3", "--outputs", 2]
    assert call("gradcheck", "mine.py:both", *words)[0] == 0


def test_the_seed_draws_the_inputs_and_no_two_are_the_same(mine):
    def errors(seed):
        rows = check("affine_forward", "4x5", "5x3", "3", seed=seed)["json"]["rows"]
        return [row["analytic"] for row in rows]

    assert errors(0) == errors(0)
    assert errors(0) != errors(1)


def test_the_seed_also_draws_what_the_code_draws_without_one(mine, here):
    (here / "mine.py").write_text(MINE + "\n\ndrawn = Scale(np.random.randn())\n")

    def slope(seed):
        return check("drawn", "2x3", seed=seed)["json"]["rows"][0]["numeric"]

    assert slope(2**40) == slope(2**40) != slope(0)


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        ("Square", [], "as in scratchvae gradcheck mine.py:Square --input 4x5"),
        ("dense", [], "as in scratchvae gradcheck mine.py:dense --input 4x7"),
        ("affine_forward", [], "mine.py:affine_forward --input 4x5 --input 5x3 --input 3"),
        ("Scale", ["2x3"], "is a class that needs scale: make one in the file"),
        ("lonely", ["2x3"], "(none in the file is called lonely_backward or the like): say which"),
        ("number", ["2x3"], "is int, which has no gradient"),
        ("x", ["2x3"], "is ndarray of float64 and shape (2, 5), which has no gradient"),
        ("fruitless", [], "takes no arguments and returns NoneType: let it return the report"),
        ("failing", [], "raises RuntimeError: no"),
        ("fails_inside", ["2x3"], "AttributeError: 'numpy.ndarray' object has no attribute"),
        ("Square", ["2x0"], "an input must have from 1 to 10,000,000 numbers, not those of 2x0"),
        ("Square", ["100000x100000"], "small batches check as much"),
        ("Square", ["9" * 5000], "mine.py has no name '999"),
        ("Square", ["nothing"], "mine.py has no name 'nothing'"),
        ("Square", ["4,3"], "mine.py has no name '4,3'"),
        ("Square", ["rounded"], "gradcheck needs float64 and x is float32"),
        ("Square", ["number"], "gradcheck expects x as a NumPy array, not int"),
        ("affine_forward", ["x"], "affine_forward takes (x, w, b)"),
        ("Square", ["2x3", "2x3"], "Square.forward takes (x)"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_line(mine, name, inputs, expected):
    with pytest.raises(InputError) as caught:
        check(name, *inputs)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("backward", ["number", "nothing"])
def test_a_backward_pass_that_is_none_is_refused(mine, backward):
    with pytest.raises(InputError, match=backward):
        check("lonely", "2x3", backward=backward)


def test_all_that_is_right_is_exit_code_0_and_a_report_on_standard_output(mine, here, call):
    words = ["--input", "4x5", "--input", "w", "--input", 3, "--json", "report.json"]
    code, output, errors = call("gradcheck", "mine.py:affine_forward", *words)
    assert (code, errors) == (0, [])
    assert output[0] == "affine_forward"
    assert [line.split()[0] for line in output[2:5]] == ["x", "w", "b"]
    report = json.loads((here / "report.json").read_text())
    assert (report["title"], report["passed"]) == ("affine_forward", True)
    assert [row["verdict"] for row in report["rows"]] == ["ok"] * 3
    assert names_in(here) == {"mine.py", "report.json"}


def test_what_is_wrong_or_unchecked_is_exit_code_1_and_named(mine, here, call):
    words = ["--input", "2x3", "--json", "report.json"]
    code, output, errors = call("gradcheck", "mine.py:Half", *words)
    assert (code, errors) == (1, ["wrong: x"])
    assert "1/2 times what it should be" in output[-1]
    assert json.loads((here / "report.json").read_text())["rows"][0]["cause"] == "factor"
    code, output, errors = call("gradcheck", "mine.py:scale", "--input", "2x3")
    assert (code, errors) == (1, ["not checked: scale"])
    assert "NOT CHECKED" in output[-1]


def test_what_cannot_be_judged_is_named_as_not_checked(mine):
    assert check("noisy", "2x3")["not checked"] == ["x"]
    assert check("noisy", "2x3")["wrong"] == []


def test_a_report_of_infinite_errors_is_json_all_the_same(mine):
    row = check("forward", "2x3", backward="short")["json"]["rows"][0]
    assert row["max_relative_error"] is None
    assert not row["passed"]
    json.dumps(row, allow_nan=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mine.py:ready", "mine.py:Half"], "one at a time: give one FILE.py:NAME alone"),
        (["mine.py:ready", "Dense"], "one at a time"),
        (["Dense", "--input", "2x3"], "--input is for code of your own: name FILE.py:NAME"),
        (["--time-limit", "3"], "--time-limit is for code of your own"),
        (["mine.py:ready", "--time-limit", "0"], "a whole number of at least 1"),
        (["mine.py:ready", "--time-limit", "1e3"], "a whole number of at least 1"),
        (["Dense", "--burn-in", "3"], "--burn-in is for code of your own"),
        (["mine.py:ready", "--constants", "x,,y"], "names with a comma between them"),
        (["mine.py:ready", "--outputs", "0"], "a whole number of at least 1"),
        (["mine.py:ready", "--seed", "-1"], "a whole number of at least 0"),
        (["mine.py:ready", "--json", "."], "it is a folder"),
        (["mine.py:ready", "--json", "nowhere/report.json"], "cannot write"),
        (["mine.py:lonely", "--input", "3"], "say which it is with --backward NAME"),
    ],
)
def test_words_that_do_not_go_together_are_refused(mine, here, refuses, words, expected):
    refuses(["gradcheck", *words], expected)
    assert names_in(here) == {"mine.py"}
