"""``scratchvae.testing``: the gradient check in a test file of the user's own."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from gradient_cases import WrongAt, dense
from helpers import normal

from scratchvae.errors import InputError
from scratchvae.testing import assert_gradients

OWN_TESTS = """
import numpy as np
from scratchvae.testing import assert_gradients

class Square:
    factor = 2

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return self.factor * self.x * dy

class HalfOfIt(Square):
    factor = 1

X = np.random.default_rng(0).standard_normal((2, 3))

def test_right():
    assert_gradients(Square(), X)

def test_wrong():
    assert_gradients(HalfOfIt(), X)
"""


def test_a_failing_test_of_the_users_own_shows_the_report(tmp_path):
    (tmp_path / "test_own.py").write_text(OWN_TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_own.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert re.search(r"E +x +6 of 6 .* WRONG: backward says", done.stdout)
    assert "likely cause: it is 1/2 times what it should be" in done.stdout
    assert "assert_gradients(HalfOfIt(), X)" in done.stdout
    assert "scratchvae/testing.py" not in done.stdout  # it points at the user's line


def test_right_layers_and_pairs_of_functions_pass_silently(capsys):
    assert assert_gradients(dense(), normal(4, 5)) is None
    assert_gradients((lambda x: (x**2, x), lambda dy, x: 2 * x * dy), normal(2, 3))
    assert capsys.readouterr() == ("", "")


def test_wrong_ones_fail_with_the_report():
    with pytest.raises(AssertionError, match=r"the gradients are wrong\nWrongAt"):
        assert_gradients(WrongAt("bias", (1,), lambda entry: 2 * entry), normal(4, 5))
    with pytest.raises(AssertionError, match="likely cause: it has the wrong sign"):
        assert_gradients((lambda x: (x**2, x), lambda dy, x: -2 * x * dy), normal(2, 3))


def test_options_are_those_of_the_check():
    assert_gradients(dense(), normal(4, 5), max_coordinates=3, seed=1)
    halved = WrongAt("bias", (1,), lambda entry: 1.001 * entry)
    assert_gradients(halved, normal(4, 5), tolerance=0.01)
    with pytest.raises(InputError, match="float64"):
        assert_gradients(dense(), normal(4, 5).astype(np.float32))


def test_an_array_that_nobody_checked_fails_unless_that_is_said_to_be_all_right():
    weight = normal(5)
    scaled = SimpleNamespace(forward=lambda x: x * weight, backward=lambda dy: dy * weight)
    with pytest.raises(AssertionError, match="not checked: weight; check them, or say"):
        assert_gradients(scaled, normal(4, 5))
    assert_gradients(scaled, normal(4, 5), allow_unchecked=True)
