"""Code in a file of the user's own: what is wrong with it is said in one line, and nothing is left.

What runs in a process of its own is started as rarely as the matter allows; the rest is read and
run here.
"""

import os
import signal
import subprocess
import sys
import time

import pytest
from small_runs import names_in, process_options, program

from scratchvae.cli.own_code.loading import load
from scratchvae.cli.own_code.target import is_own, read_target
from scratchvae.errors import InputError

SQUARE = """
class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return 2 * self.x * dy
"""


@pytest.fixture
def written(here, monkeypatch, forget):
    """Return a function that writes ``mine.py``; what it imports is forgotten afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text, name="mine.py"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


def found(word):
    """Run the code that was typed, and return what has the name."""
    target = read_target(word)
    return load(target).find(target.name)


def complaint(word):
    """Return in which line it is said that code cannot be used."""
    with pytest.raises(InputError) as caught:
        found(word)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(:", "mine.py, line 1, is not Python (invalid syntax)"),
        (b"x = 1\0", "mine.py is not Python"),
        (b"x = 'gr\xf6\xdfe'", "is not Python"),
        ("\n\nx = 1 / 0", "mine.py, line 3, raises ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", "line 1, raises ModuleNotFoundError: No module named"),
        ("from . import layers", "package.module:NAME"),
        ("import sys\nsys.exit()", "mine.py, line 2, ends the program (exit code None)"),
        ("raise KeyboardInterrupt", "mine.py, line 1, raises KeyboardInterrupt"),
        ("class E(BaseException): pass\nraise E('two\\nlines')", "line 2, raises E: two lines"),
        ("class E(Exception):\n __str__ = None\nraise E", "line 3, raises E"),
        ("raise ValueError('x' * 5000)", "xxx ..."),
        ("def f(): return f()\nf()", "line 1, raises RecursionError"),
        ("import numpy as np\nnp.ones(3) @ np.ones(4)", "line 2, raises ValueError: matmul"),
    ],
)
def test_code_that_cannot_be_run_is_refused_with_its_line(written, text, expected):
    written(text)
    assert expected in complaint("mine.py:f")


def test_the_line_is_the_innermost_of_the_users_own(written):
    written("def half(x):\n    return x / 0\n", "helper.py")
    written("import helper\n\nhelper.half(1)\n")
    assert complaint("mine.py:f").startswith("helper.py, line 2, raises ZeroDivisionError")


def test_the_line_is_found_wherever_the_code_has_gone(written, here, monkeypatch):
    monkeypatch.chdir(here)  # and back, afterwards
    written("import os\n\nos.chdir('/')\nx = 1 / 0\n", "inner/mine.py")
    assert complaint("inner/mine.py:f").startswith("inner/mine.py, line 4, raises Zero")


def test_an_error_in_a_file_that_is_imported_names_that_file(written):
    written("x = (\n", "helper.py")
    written("import helper\n")
    assert complaint("mine.py:f").startswith("helper.py, line 1, is not Python")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (
            "mine.py:Sqare",
            "mine.py has no name 'Sqare'; did you mean 'Square'? The names are Square",
        ),
        ("mine.py", "say what in mine.py is meant, as in mine.py:NAME; it has Square"),
        ("mine.py:", "it has Square"),
        (
            "mine.py:Square.forwards",
            "mine.py:Square has no name 'forwards'; did you mean 'forward'",
        ),
        ("mine.py:Square(3)", "expected a name after 'mine.py:', such as affine_forward"),
        ("mime.py:Square", "there is no file 'mime.py'; did you mean 'mine.py'?"),
        ("nowhere/mine.py:Square", "there is no file 'nowhere/mine.py': check its name"),
        ("mine.py/x.py:Square", "cannot read 'mine.py/x.py': Not a directory"),
        ("folder:Square", "'folder' is a folder"),
        ("folder/:Square", "is a folder"),
        (":Square", "there is no file before ':'"),
        ("lesson.ipynb:Square", "jupyter nbconvert --to script lesson.ipynb"),
        ("notes.txt:Square", "which ends in .py, not 'notes.txt'"),
        ("/dev/zero:x", "it is not a regular file"),
        ("other:Square", "there is no module 'other': type FILE.py:NAME"),
        ("mine.other:Square", "there is no module 'mine.other'"),
        ("a\0b.py:x", "without null bytes"),
    ],
)
def test_what_was_typed_wrong_is_said_with_what_there_is(written, here, word, expected):
    written(SQUARE)
    written("{}", "lesson.ipynb")
    written("Square", "notes.txt")
    (here / "folder").mkdir()
    assert expected in complaint(word)


@pytest.mark.parametrize(
    "word", ["mine.py:Square", "./mine.py:Square", "mine:Square", "inner/mine.py:Square.forward"]
)
def test_a_name_is_found_in_a_file_or_a_module(written, word):
    written(SQUARE)
    written(SQUARE, "inner/mine.py")
    assert callable(found(word))


def test_a_package_is_run_as_one(written):
    written("", "package/__init__.py")
    written(SQUARE, "package/layers.py")
    written("from .layers import Square\nlayer = Square()\n", "package/more.py")
    assert type(found("package.more:layer")).__name__ == "Square"


def test_a_file_runs_as_no_program_beside_its_own_modules_and_finds_data_where_the_user_is(
    written, here
):
    written("import numpy as np\nvalue = 3\n", "inner/helper.py")
    written("3", "data.txt")
    written(
        "import helper\nfrom pathlib import Path\n"
        "found = helper.value, Path('data.txt').read_text(), __name__\n"
        "if __name__ == '__main__':\n    raise SystemExit\n",
        "inner/mine.py",
    )
    assert found("inner/mine.py:found") == (3, "3", "mine")
    assert names_in(here / "inner") == {"helper.py", "mine.py"}


def test_a_file_that_is_called_as_a_module_of_pythons_takes_nobodys_place(written):
    import random

    written("value = 3\n", "random.py")
    assert found("random.py:value") == 3
    assert sys.modules["random"] is random


@pytest.mark.parametrize(
    ("word", "own"),
    [
        *((name, False) for name in ("Dense", "zhao-mlp", "importance weights")),
        *((name, True) for name in ("a.py:B", "mine:B", "mine.py", "folder/mine", "lesson.ipynb")),
    ],
)
def test_names_of_the_package_are_told_from_files(word, own):
    assert is_own(word) == own


# In a process of its own


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f():\n    while True:\n        pass\nf()", "had not ended after 1 seconds"),
        (  # neither Python nor a signal of Python's ends this
            "import ctypes, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "ctypes.PyDLL(None).sleep(1000)",
            "mine.py, line 3, had not ended after 1 seconds: mend it if it is endless, else allow "
            "more with --time-limit",
        ),
        ("while True: print('x' * 1000)", "mine.py, line 1, had not ended after 1 seconds"),
        ("import os\nos._exit(0)", "mine.py ended the process (exit code 0)"),
        ("import os\nos.closerange(0, 200)", "mine.py ended the process"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL, perhaps for want of memory"),
        (
            "import ctypes\ndef größe():\n    ctypes.string_at(0)\ngröße()",
            "mine.py, line 3, was ended by SIGSEGV",
        ),
        ("x = input('how many? ')", "mine.py, line 1, asks for input"),
        (
            "import argparse\nargparse.ArgumentParser().parse_args(['x'])",
            "line 2, ends the program",
        ),
        ("raise KeyboardInterrupt", "mine.py, line 1, raises KeyboardInterrupt"),
    ],
)
def test_code_that_would_end_or_hold_the_program_ends_in_one_line(here, call, text, expected):
    (here / "mine.py").write_text(text, encoding="utf-8")
    code, output, errors = call("gradcheck", "mine.py:f", "--time-limit", 1)
    assert (code, output) == (2, [])
    assert errors[-1].startswith("scratchvae: error: mine.py") or "how many? " in errors[-1]
    assert expected in errors[-1]
    assert sum(map(len, errors)) < 102_000  # of what is printed no more than anyone reads
    assert names_in(here) == {"mine.py"}


def test_what_the_code_prints_goes_to_standard_error_and_what_it_started_is_ended(here, call):
    (here / "mine.py").write_text(
        "import subprocess, sys, threading, time\nfrom pathlib import Path\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        "Path('pid').write_text(str(other.pid))\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "print('größe \\udcff')\nprint('to errors', file=sys.stderr)\n",
        encoding="utf-8",
    )
    code, output, errors = call("gradcheck", "mine.py:f")
    assert (code, output) == (2, [])
    assert errors[:2] == ["größe \\udcff", "to errors"]
    assert "mine.py has no name 'f'" in errors[2]
    assert _has_ended(int((here / "pid").read_text()))
    assert names_in(here) == {"mine.py", "pid"}


def _has_ended(process):
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        # Where nobody waits for the orphans, one that has ended stays in the list of processes.
        status = subprocess.run(["ps", "-o", "stat=", str(process)], capture_output=True, text=True)
        if status.stdout.strip()[:1] in ("", "Z"):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_ends_the_code_and_says_no_more_than_that(here, data_dir):
    (here / "mine.py").write_text(
        "import os, time\nprint(os.getpid(), flush=True)\nwhile True: time.sleep(0.1)\n"
    )
    words = program("gradcheck", "mine.py:f")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, **process_options(here, data_dir), **pipes)
    child = int(process.stderr.readline())
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (128 + signal.SIGINT, "")
    assert errors.split("\n") == ["", "stopped; nothing was left half written", ""]
    assert _has_ended(child)
    assert names_in(here) == {"mine.py"}
