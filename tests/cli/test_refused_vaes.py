"""What a user's file cannot be examined for: one line, exit code 2, and nothing is changed.

The file is examined in this process where the matter allows it, as it is in another by the program.
"""

import json
import os
import signal
import subprocess
import sys

import pytest
from own_vaes import PARTS
from small_runs import names_in, process_options, program

from scratchvae.cli.own_code.child import done
from scratchvae.cli.own_code.target import read_target
from scratchvae.errors import InputError

START = (
    PARTS
    + """

def loss(x, y, mean, log_variance):
    reconstruction = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(1).mean()
    return reconstruction + 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1).mean()
"""
)


@pytest.fixture
def examined(here, forget):
    """Return a function that examines a file of some lines after the usual ones."""

    def examined(lines, name="", start=START):
        forget()
        text = start + lines
        (here / "mine.py").write_text(text, encoding="utf-8")
        order = {"job": "doctor", "seed": 0, "arguments": {}}
        answer = json.loads(json.dumps(done(read_target(f"mine.py:{name}".strip(":")), order)))
        assert (here / "mine.py").read_text(encoding="utf-8") == text
        assert names_in(here) == {"mine.py"}
        if "problem" in answer:
            raise InputError(answer["problem"], answer["remedy"])
        return answer["done"]

    return examined


@pytest.mark.parametrize(
    ("lines", "name", "expected"),
    [
        ("def f(:", "", "is not Python (invalid syntax)"),
        ("x = 1 / 0", "", "raises ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", "", "raises ModuleNotFoundError"),
        ("raise SystemExit(3)", "", "ends the program (exit code 3)"),
        ("raise EOFError", "", "asks for input"),
        ("raise KeyboardInterrupt", "", "raises KeyboardInterrupt"),
        ("x = 3", "y", "mine.py has no name 'y'"),
        ("x = 3", "x", "3 has no part of a VAE: give it attributes named as in encode"),
        ("x = None", "x", "None has no part of a VAE"),
        ("x = {}", "x", "expected some part of a VAE"),
        ("x = {'encoed': encode}", "x", "did you mean 'encode'?"),
        ("x = {1: encode}", "x", "no part of a VAE '1'"),
        ("x = {'encode': 3}", "x", "`encode` must be a function, not 3"),
        ("x = {'encode': encode, 'beta': 'one'}", "x", "beta must be a finite number"),
        ("x = {'encode': encode, 'beta': float('nan')}", "x", "beta"),
        ("x = {'encode': encode, 'spread': 'sigma'}", "x", "spread must be one of"),
        ("def x(a): return {}", "x", "`x` must take no arguments"),
        ("def x(): raise ValueError('two\\nlines')", "x", "raised ValueError: two lines"),
        ("def x(): raise SystemExit", "x", "ends the program"),
        ("def x(): return 3", "x", "3 has no part of a VAE"),
        ("class x:\n    def __init__(self, size): pass", "x", "`x` must take no arguments"),
        ("async def x(): return {}", "x", "no async, and no yield"),
        ("def x(): yield {}", "x", "no async, and no yield"),
        ("x = {'encode': encode, 'data': 'pictures'}", "x", "`data` must be an array of images"),
        ("x = {'encode': encode, 'data': [[1, 2], [3]]}", "x", "`data` must be an array of im"),
        ("x = {'encode': encode, 'data': data[0]}", "x", "`data` must be a batch, (N, ...)"),
        ("x = {'encode': encode, 'data': data[:0]}", "x", "with at least one image"),
        ("data[3, 3] = np.nan", "", "`data` has NaN or infinite values"),
        ("x = {'encode': encode, 'data': data + 0j}", "x", "must be real numbers"),
        ("x = {'loss': lambda a, b, c: 0.0}", "x", "must take (x, reconstruction, mean, spread)"),
    ],
)
def test_what_is_no_vae_is_said_in_a_line(examined, lines, name, expected):
    with pytest.raises(InputError) as caught:
        examined(lines, name)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("def encode(x): raise ValueError('two\\nlines')", "`encode` raised ValueError: two lines"),
        ("def encode(x): raise KeyError", "`encode` raised KeyError, in every call"),
        ("def encode(x): return f(x)\ndef f(x): return f(x)", "`encode` raised RecursionError"),
        ("def encode(x): return x", "(mean, spread), and returned ndarray of float64"),
        ("def encode(x): return None", "must return (mean, spread), and returned NoneType"),
        ("def encode(x): yield x", "must return (mean, spread), and returned generator"),
        ("async def encode(x): return x", "`encode` is an async function"),
        ("def encode(x): return 1, 2", "each (20, D): they are () and ()"),
        ("def encode(x): return x[:, :2], x[:, :3]", "they are (20, 2) and (20, 3)"),
        ("def encode(x): return x[:5], x[:5]", "they are (5, 6) and (5, 6)"),
        ("def encode(x): return x[:, :0], x[:, :0]", "they are (20, 0) and (20, 0)"),
        ("def encode(x): return x * np.nan, x", "`encode` returned NaN or infinity"),
        ("def encode(x): return x + 0j, x", "complex128 and shape (20, 6), not an array of real"),
        ("def encode(x): return 'a', 'b'", "`encode` returned str, not an array of real numbers"),
        ("def draw(mean, log_variance): return mean[0]", "(20, 3), and its shape is (3,)"),
        ("def draw(mean, log_variance): return 'z'", "`draw` returned str"),
        ("def loss(x, y, mean, log_variance): return None", "`loss` returned NoneType"),
        ("def loss(x, y, mean, log_variance): return x", "an array (20, 6), not a number"),
        ("def loss(x, y, mean, log_variance): 1 / 0", "`loss` raised ZeroDivisionError"),
    ],
)
def test_a_part_alone_that_gives_nothing_usable_is_said_in_a_line(examined, part, expected):
    name = part.removeprefix("async ")[4:].split("(")[0]
    with pytest.raises(InputError) as caught:
        examined(f"{part}\nx = {{'data': data, {name!r}: {name}}}\n", "x")
    assert str(caught.value).startswith("there is nothing to examine: `")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("def encode(x): raise ValueError('no')", "encode"),
        ("def encode(x): return x * np.nan, x", "encode"),
        ("def encode(x): return (), ()", "encode"),
        ("def draw(mean, log_variance): return mean[None]", "draw"),
        ("def draw(mean, log_variance): raise ValueError('no')", "draw"),
        ("def decode(z): return z[:3]", "decode"),
        ("def decode(z): return None", "decode"),
        ("def decode(z): return np.zeros((0, 6))", "decode"),
        ("def loss(x, y, mean, log_variance): return x.sum(1)", "loss"),
        ("def train_step(x): raise ValueError('no')\nparameters = [weights]", "train_step"),
    ],
)
def test_a_part_that_fails_in_every_call_is_named_and_nothing_is_acquitted(examined, part, name):
    usual = "likelihood, decoder_gives = 'bernoulli', 'probabilities'\n"
    right = examined(usual)["json"]
    assert right["passed"]
    found = examined(usual + part)
    failing = [row["cause"] for row in found["json"]["rows"] if row["kind"] == "failing"]
    assert failing[0] == name
    assert not found["json"]["passed"]
    assert f"FAILS  {name}" in found["text"]
    assert f"mend {name} first" in found["text"] or "wrong" in found["text"].splitlines()[-1]


def test_a_part_that_fails_only_at_other_sizes_is_not_said_to_fail(examined):
    found = examined(
        "def sized(z):\n    assert len(z) == 20\n    return 1 / (1 + np.exp(-z @ back))\n"
        "x = {'data': data, 'encode': encode, 'decode': sized, 'draw': draw}\n",
        "x",
    )["json"]
    assert [row["cause"] for row in found["rows"] if row["kind"] == "failing"] == []


def test_data_that_are_right_acquit_no_model(examined):
    found = examined("x = {'data': data, 'decode': decode, 'likelihood': 'bernoulli'}\n", "x")
    assert not found["json"]["passed"]
    assert "nothing could be checked" in found["text"]


def test_what_the_parts_change_of_the_users_arrays_is_put_back(examined):
    lines = (
        "before = weights.copy()\n"
        "def step(x):\n    weights[...] -= 0.1 * weights\n"
        "x = {'data': data, 'encode': encode, 'train_step': step, 'parameters': [weights]}\n"
        "def same(): return bool((weights == before).all())\n"
    )
    examined(lines, "x")
    module = sys.modules["mine"]
    assert module.same()


# In a process of its own


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("def encode(x):\n    while True:\n        pass\n", "had not ended after 2 seconds"),
        ("def encode(x):\n    raise SystemExit(4)\n", "ends the program (exit code 4)"),
        ("import os\ndef encode(x):\n    os._exit(0)\n", "ended the process (exit code 0)"),
        ("def encode(x):\n    raise ValueError('no')\ndel draw, decode, loss\n", "ValueError: no"),
    ],
)
def test_a_part_that_holds_or_ends_the_program_is_exit_code_2(here, call, lines, expected):
    (here / "mine.py").write_text(START + lines)
    code, output, errors = call("doctor", "mine.py", "--time-limit", 2)
    assert (code, output, len(errors)) == (2, [], 1)
    assert errors[0].startswith("scratchvae: error: ")
    assert expected in errors[0]
    assert names_in(here) == {"mine.py"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mine.py", "--json", "."], "it is a folder"),
        (["mine.py", "--json", "nowhere/report.json"], "cannot write"),
        (["mine.py", "--time-limit", "0"], "a whole number of at least 1"),
        (["mine.py", "--seed", "-1"], "a whole number of at least 0"),
        (["."], "'.' is a folder"),
        (["notes.txt"], "there is no module 'notes'"),
        (["nowhere"], "there is no module 'nowhere'"),
        (["mine.py:a b"], "expected a name after 'mine.py:'"),
    ],
)
def test_words_that_name_no_file_are_refused(here, refuses, words, expected):
    (here / "mine.py").write_text(START)
    refuses(["doctor", *words], expected)
    assert names_in(here) == {"mine.py"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_ends_an_examination_and_says_no_more_than_that(here, data_dir):
    (here / "mine.py").write_text(
        f"{START}\nimport os, time\n\n\ndef encode(x):\n    print(os.getpid(), flush=True)\n"
        "    while True:\n        time.sleep(0.1)\n"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = program("doctor", "mine.py")
    process = subprocess.Popen(words, **process_options(here, data_dir), **pipes)
    assert int(process.stderr.readline()) != os.getpid()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (128 + signal.SIGINT, "")
    assert errors.split("\n") == ["", "stopped; nothing was left half written", ""]
    assert names_in(here) == {"mine.py"}
