"""How much the program says, and how a shell completes what is typed to it."""

import subprocess
import sys

import pytest
from small_runs import SMALL


def test_without_a_command_the_help_is_shown(call):
    code, output, errors = call()
    assert (code, errors) == (0, [])
    assert output[0].startswith("usage:")
    assert any(line.split()[:1] == ["train"] for line in output)


def test_quiet_says_nothing_and_does_the_same(here, call, finished, without_pictures):
    assert call("train", *SMALL, "-q", "--out", "run") == (0, [], [])
    expected = (finished / "checkpoint.npz").read_bytes()
    assert (here / "run" / "checkpoint.npz").read_bytes() == expected


def test_quiet_still_says_what_is_wrong(refuses):
    refuses(["train", "-q", "zhao-mpl"], "did you mean 'zhao-mlp'?")


def test_verbose_says_what_computes_and_every_choice(here, call, without_pictures):
    code, output, _ = call("train", *SMALL, "-v", "--out", "run")
    assert code == 0
    assert output[0].startswith("scratchvae ")
    assert "kernels" in output[1]
    assert "  hidden 10" in output
    assert "  batch_size 16" in output


def test_quiet_and_verbose_exclude_each_other(refuses):
    refuses(["train", "-q", "-v"], "exclude each other")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_script_completes_recipes_and_options(call, shell):
    pytest.importorskip("shtab")
    code, output, errors = call("completion", shell)
    assert (code, errors) == (0, [])
    script = "\n".join(output)
    assert all(word in script for word in ("zhao-mlp", "latent-dim", "manifold", "fashion-mnist"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash")
def test_bash_takes_its_script(call):
    pytest.importorskip("shtab")
    script = "\n".join(call("completion", "bash")[1])
    asked = "COMP_WORDS=(scratchvae train zhao-m); COMP_CWORD=2; _shtab_scratchvae"
    whole = f'{script}\n{asked}\necho "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", whole], capture_output=True, text=True)
    assert done.stdout.strip() == "zhao-mlp", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "expected"), [("--ti", "--time-limit"), ("--back", "--backward"), ("min", "mine.py")]
)
def test_bash_completes_a_file_of_ones_own_and_how_it_is_checked(here, call, typed, expected):
    pytest.importorskip("shtab")
    (here / "mine.py").touch()
    script = "\n".join(call("completion", "bash")[1])
    asked = f"COMP_WORDS=(scratchvae gradcheck {typed}); COMP_CWORD=2; _shtab_scratchvae"
    whole = f'{script}\n{asked}\necho "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", whole], capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr


def test_without_shtab_one_line_says_what_to_install(monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, "shtab", None)
    refuses(["completion", "bash"], "pip install 'scratchvae[completion]'")


def test_another_shell_is_refused(refuses):
    refuses(["completion", "fish"], "there is no shell 'fish'; the shells are bash, zsh, tcsh")
