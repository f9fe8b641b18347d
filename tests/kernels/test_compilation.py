"""Compilation: other processors, no compiler, and a cache that is never stale."""

import os
import shutil

import pytest
from kernel_processes import ROOT, run

from scratchvae.kernels.machine import compilation
from scratchvae.kernels.machine.compilation import JIT_DISABLED


@pytest.mark.parametrize(("name", "lanes"), [("haswell", 8), ("nehalem", 4), ("generic", 4)])
def test_other_processors(name, lanes, tmp_path):
    if JIT_DISABLED:
        pytest.skip("nothing is compiled")
    code = """
import kernel_cases
from scratchvae.kernels.machine import simd
kernel_cases.battery(kernel_cases.as_is, "f")
import numpy as np
kernel_cases.check_tile(kernel_cases.as_is, "d", np.random.default_rng(0))
print(simd.lanes("f"))
"""
    ended = run(code, tmp_path, NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES="")
    if "not a recognized processor" in ended.stderr:
        pytest.skip("another architecture")
    assert (ended.returncode, ended.stdout) == (0, f"{lanes}\n"), ended.stderr


def test_without_a_compiler(tmp_path):
    code = "import kernel_cases; kernel_cases.battery(kernel_cases.as_is)"
    ended = run(code, tmp_path, NUMBA_DISABLE_JIT="1")
    assert (ended.returncode, ended.stderr) == (0, "")


PRODUCT = """
import numpy as np
from scratchvae import kernels
print(kernels.matmul(np.full((2, 3), 2.0), np.full((3, 2), 5.0))[0, 0])
"""


@pytest.fixture
def copied(tmp_path):
    """Return a copy of the kernels that a test may change."""
    (tmp_path / "scratchvae").mkdir()
    # Empty: the package's own imports everything else, and would find it in another tree.
    (tmp_path / "scratchvae" / "__init__.py").touch()
    for name in ("validation.py", "errors.py", "files.py"):  # what the kernels stand on
        shutil.copy(ROOT / "scratchvae" / name, tmp_path / "scratchvae" / name)
    shutil.copytree(ROOT / "scratchvae" / "kernels", tmp_path / "scratchvae" / "kernels")
    return tmp_path


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_changed_kernel_meets_no_stale_cache(copied):
    cache = copied / "cache"
    first = run(PRODUCT, cache, copied)
    assert (first.stdout, first.stderr) == ("30.0\n", "compiling kernels (once)…\n")
    again = run(PRODUCT, cache, copied)
    assert (again.stdout, again.stderr) == ("30.0\n", "")
    callee = copied / "scratchvae" / "kernels" / "machine" / "packing.py"
    source = callee.read_text(encoding="utf-8")
    changed = source.replace(
        "simd.store(builder, value,", "simd.store(builder, builder.fadd(value, value),"
    )
    assert changed != source
    callee.write_text(changed, encoding="utf-8")
    other = run(PRODUCT, cache, copied)
    assert (other.stdout, other.stderr) == ("60.0\n", "compiling kernels (once)…\n")


def test_the_version_of_the_cache_depends_on_every_file_of_the_kernels(copied, monkeypatch):
    kernels = copied / "scratchvae" / "kernels"
    monkeypatch.setattr(compilation, "files", lambda package: kernels)
    versions = {compilation._version()}
    files = list(kernels.rglob("*.py"))
    for file in files:
        with file.open("a", encoding="utf-8") as source:
            source.write("# changed\n")
        versions.add(compilation._version())
    assert len(versions) == 1 + len(files) > 20


def cut_off(content):
    return content[:100]


def emptied(content):
    return b""


def flipped(content):
    """Return the file of a kernel with one bit in the middle of it turned over."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_damaged_cache_is_compiled_again_and_then_whole(copied):
    run(PRODUCT, copied / "cache", copied)
    for damage in (cut_off, emptied, flipped):
        for path in (copied / "cache").rglob("*.kernel"):
            path.write_bytes(damage(path.read_bytes()))
        ended = run(PRODUCT, copied / "cache", copied)
        assert (ended.stdout, ended.stderr) == ("30.0\n", "compiling kernels (once)…\n")
    ended = run(PRODUCT, copied / "cache", copied)
    assert (ended.stdout, ended.stderr) == ("30.0\n", "")


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_cache_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    ended = run(PRODUCT, tmp_path / "file")
    assert ended.stdout == "30.0\n"
    compiling, warning = ended.stderr.splitlines()
    assert compiling == "compiling kernels (once)…"
    assert warning.startswith("warning: compiled kernels cannot be kept (cannot create the folder")
    for way in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        assert way in warning


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_importing_compiles_nothing(tmp_path):
    code = "from scratchvae import kernels; assert kernels.BACKEND == 'numba'"
    ended = run(code, tmp_path)
    assert (ended.returncode, ended.stderr, list(tmp_path.iterdir())) == (0, "", [])


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_folders_unused_for_long_are_removed(tmp_path):
    for name, days in (("old", 100), ("new", 1)):
        folder = tmp_path / "scratchvae" / "numba" / name
        folder.mkdir(parents=True)
        then = folder.stat().st_mtime - days * 86400
        os.utime(folder, (then, then))
    assert run(PRODUCT, tmp_path).returncode == 0
    left = {path.name for path in (tmp_path / "scratchvae" / "numba").iterdir()}
    assert "new" in left
    assert "old" not in left


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_functions_of_other_files_are_not_cached(tmp_path):
    code = """
from scratchvae.kernels.machine.compilation import kernel
def make(number):
    @kernel()
    def add(x):
        return x + number
    return add
print(make(1)(1), make(2)(1))
"""
    assert run(code, tmp_path).stdout == "2 3\n"
    assert not list(tmp_path.rglob("*.kernel"))
