"""Where compiled kernels are kept, and what happens where they cannot be."""

import pytest
from kernel_processes import STEP, STEPPED, run

from scratchvae.kernels.machine.compilation import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")


def compiles_every_time(ended):
    """Return whether a process compiled, and said that its kernels cannot be kept."""
    compiling, warning = sorted(ended.stderr.splitlines())
    return compiling.startswith("compiling") and warning.startswith("warning: compiled kernels")


def test_a_filled_cache_that_cannot_be_written_is_read(tmp_path):
    # The superuser may write everywhere, so that a folder's permissions would show nothing.
    nothing_can_be_written = """
import os
def refuse(*arguments, **options):
    raise PermissionError(13, "Permission denied")
os.mkdir = os.utime = os.replace = refuse
"""
    run(STEP, tmp_path)
    ended = run(nothing_can_be_written + STEP, tmp_path)
    assert (ended.stdout, ended.stderr) == (STEPPED, "")
    ended = run(nothing_can_be_written + STEP, tmp_path / "another")
    assert ended.stdout == STEPPED
    assert compiles_every_time(ended)


def test_a_full_disk_leaves_no_pieces_in_the_cache_and_is_said_once(tmp_path):
    full = """
import os
def fsync(file):
    raise OSError(28, "No space left on device")
os.fsync = fsync
"""
    ended = run(full + STEP, tmp_path)
    assert ended.stdout == STEPPED
    assert compiles_every_time(ended)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_kernel_under_the_name_of_another_is_compiled_again(tmp_path):
    run(STEP, tmp_path)
    paths = sorted(tmp_path.rglob("*.kernel"))
    contents = [path.read_bytes() for path in paths]
    assert len(paths) > 1
    for path, content in zip(paths, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    ended = run(STEP, tmp_path)
    assert (ended.stdout, ended.stderr) == (STEPPED, "compiling kernels (once)…\n")
    assert run(STEP, tmp_path).stderr == ""


@pytest.mark.parametrize("chosen", ["", "here"])
def test_a_cache_folder_that_is_not_named_in_full_is_not_taken(tmp_path, chosen):
    (tmp_path / "work").mkdir()
    code = f"import os; os.chdir({str(tmp_path / 'work')!r})\n{STEP}"
    ended = run(code, chosen, HOME=str(tmp_path / "home"))
    assert (ended.returncode, ended.stdout) == (0, STEPPED), ended.stderr
    assert not list((tmp_path / "work").iterdir())
    assert list((tmp_path / "home").rglob("*.kernel"))


def test_the_folder_that_numba_is_given_is_taken_first(tmp_path):
    for _ in range(2):
        ended = run(STEP, tmp_path / "system", NUMBA_CACHE_DIR=str(tmp_path / "numba"))
        assert ended.stdout == STEPPED
    assert ended.stderr == ""
    assert list((tmp_path / "numba").rglob("*.kernel"))
    assert not (tmp_path / "system").exists()
