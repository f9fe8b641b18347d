"""``scratchvae gradcheck FILE.py:NAME``: what NAME may be, its inputs, and what is drawn."""

import json

import pytest
from own_gradients import MINE, check


@pytest.fixture
def mine(here, forget):
    (here / "mine.py").write_text(MINE)


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


def test_what_cannot_be_judged_is_named_as_not_checked(mine):
    assert check("noisy", "2x3")["not checked"] == ["x"]
    assert check("noisy", "2x3")["wrong"] == []


def test_a_report_of_infinite_errors_is_json_all_the_same(mine):
    row = check("forward", "2x3", backward="short")["json"]["rows"][0]
    assert row["max_relative_error"] is None
    assert not row["passed"]
    json.dumps(row, allow_nan=False)
