"""Answers that do not end, that print, plot or break things: each gets its words, none an error."""

import contextlib
import io
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from scratchvae.course import patience
from scratchvae.course.exercises import Exercise, check
from scratchvae.course.exercises.catalogue import EXERCISES
from scratchvae.course.exercises.judging import judge

PRODUCT = Exercise(
    "product", lambda x: 3 * x, lambda random: (random.standard_normal((4, 3)),), hints=("think",)
)


@pytest.fixture
def soon(monkeypatch):
    """Lose patience soon."""
    monkeypatch.setattr(patience, "MOST_SECONDS", 0.3)
    monkeypatch.setattr(patience, "_PATIENCE", 0.1)


def loops(x):
    while True:
        pass


def loops_and_forgives(x):
    while True:
        with contextlib.suppress(Exception):
            x[:] = 3 * x


def sleeps(x):
    time.sleep(1e6)


def waits(x):
    threading.Event().wait()


def prints_for_ever(x):
    while True:
        print(x)


@pytest.mark.parametrize(
    "answer", [loops, loops_and_forgives, sleeps, waits, prints_for_ever], ids=lambda f: f.__name__
)
def test_an_answer_that_never_ends_is_said_to_be_endless(answer, soon, capsys, ctrl_c):
    begun = time.monotonic()
    found = judge(PRODUCT, answer)
    assert found.cause == "endless"
    assert "had not ended after 0 seconds" in found.sentence
    assert time.monotonic() - begun < 15  # and not for ever
    time.sleep(0.3)  # nothing comes after it
    assert judge(PRODUCT, PRODUCT.answer) is None


def test_an_answer_is_stopped_in_another_thread_too(soon):
    found = []
    thread = threading.Thread(target=lambda: found.append(judge(PRODUCT, loops)))
    thread.start()
    thread.join(15)
    assert [one.cause for one in found] == ["endless"]


def test_a_profiler_works_after_an_endless_answer():
    program = """
import sys
from scratchvae.course import patience
from scratchvae.course.exercises import running
patience.MOST_SECONDS = 0.3
def loops():
    while True: pass
try:
    running.call(loops, (), {}, __import__("time").monotonic() + 0.3, False, loops)
except running.UnusableError as error:
    assert error.cause == "endless"
sys.setprofile(lambda *event: None)
def f(): return 1
assert f() == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_all_calls_of_an_answer_share_its_time(soon):
    def slow(x):
        time.sleep(0.1)
        return 3 * x

    assert judge(PRODUCT, slow).cause == "endless"


def test_what_cannot_be_stopped_is_said(soon, capsys):
    over, found = threading.Event(), []

    def deaf(x):  # no signal wakes what waits in another thread
        over.wait(10)
        return 3 * x

    thread = threading.Thread(target=lambda: found.append(judge(PRODUCT, deaf)))
    thread.start()
    threading.Timer(2.0, over.set).start()
    thread.join(15)
    assert "cannot be stopped from here" in capsys.readouterr().err
    assert [one.cause for one in found] == ["endless"]


def test_ctrl_c_during_an_answer_is_the_readers_own():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(PRODUCT, interrupted)


def test_an_endless_answer_counts_as_wrong_and_shows_a_hint(soon, monkeypatch):
    monkeypatch.setitem(EXERCISES, "product", PRODUCT)
    verdict = check("product", loops)
    assert (verdict.status, verdict.cause, verdict.hints) == ("wrong", "endless", ("think",))
    assert verdict.message.startswith("Your function had not ended")


def test_a_program_with_an_endless_answer_ends():
    code = """
from scratchvae.course import check, patience
patience.MOST_SECONDS = 0.3
def weight_gradient(x, dy):
    while True:
        pass
print(check("dense-weight-gradient", weight_gradient))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "had not ended" in done.stdout


def test_what_an_answer_prints_is_shown_once_and_does_not_count(capsys):
    def talks(x):
        print("shape", x.shape)
        return 3 * x

    assert judge(PRODUCT, talks) is None
    assert capsys.readouterr().out == "shape (4, 3)\n"

    def only_prints(x):
        print(3 * x)

    found = judge(PRODUCT, only_prints)
    assert (found.cause, found.sentence) == (
        "not done",
        "It prints and returns nothing: end it with return.",
    )
    assert judge(PRODUCT, lambda x: None).sentence == ""


def test_an_answer_may_plot(monkeypatch):
    import matplotlib as mpl
    from matplotlib import pyplot

    def plots(x):
        pyplot.plot(x)
        return 3 * x

    with mpl.rc_context({"backend": "agg"}):
        assert judge(PRODUCT, plots) is None
        assert judge(PRODUCT, lambda x: pyplot.plot(x)).cause in ("type", "shape")
        pyplot.close("all")


class UnprintableError(Exception):
    def __str__(self):
        raise ZeroDivisionError


class Stubborn:
    def __array__(self, *arguments, **options):
        raise RuntimeError("no array of me")


def raises(error):
    def answer(x):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (raises(ValueError("two\nlines")), "error", "ValueError: two"),
        (raises(UnprintableError()), "error", "raised UnprintableError"),
        (raises(SystemExit(3)), "error", "SystemExit"),
        (raises(RecursionError("deep")), "error", "RecursionError"),
        (raises(NotImplementedError()), "not done", ""),
        (lambda x: Stubborn(), "type", "not Stubborn"),
        (lambda x: (3 * x).astype(complex), "type", "complex128"),
        (lambda x: (value for value in x), "type", "generator"),
        (lambda x: {"y": 3 * x}, "type", "dict"),
        (lambda x: 3 * x.astype(np.float32), "approximate", "float32"),
        (lambda x: [[1.0], [1.0, 2.0]], "type", "list"),
        (lambda *, x: 3 * x, "arguments", "1 arguments in this order: x"),
        (lambda: 3, "arguments", "in this order: x"),
        ("3 * x", "not a function", "not str"),
    ],
)
def test_a_mistake_of_another_kind_gets_its_words(answer, cause, words):
    found = judge(PRODUCT, answer)
    assert (found.cause, words in found.sentence) == (cause, True), found
    assert "\n" not in found.sentence


def test_other_names_for_the_arguments_are_fine():
    assert judge(PRODUCT, lambda anything: 3 * anything) is None
    assert judge(PRODUCT, lambda y, scale=3: scale * y) is None
    assert judge(PRODUCT, lambda *all: 3 * all[0]) is None
    assert judge(PRODUCT, lambda x: (3 * x).tolist()) is None


@pytest.mark.parametrize("name", [None, 3, ["product"], "no such exercise"])
def test_a_name_that_is_none_is_said_to_be_unknown(name):
    assert check(name, lambda x: x).cause == "unknown"


def test_approximations_are_not_blamed_on_float32_where_numbers_are_exact_in_it():
    halves = Exercise("halves", lambda x: x / 2, lambda r: (r.integers(1, 9, 5) * 1.0,))
    found = judge(halves, lambda x: x / 2 + np.array([0, 0, 0, 0, 2.0**-20]))
    assert found.cause != "approximate" or "as float32 is" not in found.sentence


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "cp437"])
def test_a_verdict_can_be_printed_on_every_console(encoding, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", console)
    for name in EXERCISES:
        verdict = check(name, lambda *arguments: np.zeros((7, 7, 7)))
        print(replace(verdict, hints=EXERCISES[name].hints))
        assert ("−" in str(verdict)) <= (encoding == "utf-8")
    console.flush()
    text = console.buffer.getvalue().decode(encoding)
    assert ("−" in text, "MINUS SIGN" in text) == (encoding == "utf-8", encoding != "utf-8")
