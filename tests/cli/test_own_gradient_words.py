"""``scratchvae gradcheck FILE.py:NAME``: its words, what it refuses, exit codes and reports."""

import json

import pytest
from own_gradients import MINE, check
from small_runs import names_in

from scratchvae.errors import InputError


@pytest.fixture
def mine(here, forget):
    (here / "mine.py").write_text(MINE)


def test_the_words_of_these_choices_reach_the_check(mine, here, call):
    words = ["--input", "2x3", "--input", "2x3", "--burn-in", 2]
    code, _, errors = call("gradcheck", "mine.py:error", *words)
    assert (code, errors) == (1, ["not checked: target"])
    assert call("gradcheck", "mine.py:error", *words, "--constants", "target")[0] == 0
    words = ["--input", "2x3", "--outputs", 2]
    assert call("gradcheck", "mine.py:both", *words)[0] == 0


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
