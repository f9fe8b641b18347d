"""Kernels from an archive, or without sources: still never from a stale cache."""

import compileall
import shutil
import zipfile

import pytest
from kernel_processes import ROOT, STEP, STEPPED, run

from scratchvae.errors import InputError
from scratchvae.kernels.machine import compilation
from scratchvae.kernels.machine.compilation import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")

CHANGED = "1\n"
COMPILING = "compiling kernels (once)…\n"


@pytest.fixture
def sources(tmp_path):
    """Return a folder with the kernels, and a function that changes one of them."""
    package = tmp_path / "sources" / "scratchvae"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("validation.py", "errors.py", "files.py"):
        shutil.copy(ROOT / "scratchvae" / name, package / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "scratchvae" / "kernels", package / "kernels", ignore=ignored)

    def change():
        path = package / "kernels" / "passes" / "adam.py"
        source = path.read_text(encoding="utf-8")
        changed = source.replace("value[i] -= rate", "value[i] += rate")
        assert changed != source
        path.write_text(changed, encoding="utf-8")

    return package.parent, change


def packed(sources, target):
    """Make a .zip of the package."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sources.rglob("*.py"):
            archive.write(path, path.relative_to(sources))
    return target


def compiled(sources, target):
    """Make a folder of the package that has .pyc files only."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sources, target)
    compileall.compile_dir(target, quiet=2, legacy=True)
    for path in target.rglob("*.py"):
        path.unlink()
    return target


@pytest.mark.parametrize("form", [packed, compiled], ids=["archive", "no sources"])
def test_a_package_in_another_form_keeps_its_kernels_until_they_change(tmp_path, sources, form):
    folder, change = sources
    for wanted in (STEPPED, CHANGED):
        root = form(folder, tmp_path / "package.zip")
        for said in (COMPILING, ""):
            ended = run(STEP, tmp_path / "cache", root)
            assert (ended.stdout, ended.stderr) == (wanted, said)
        change() if wanted == STEPPED else None


def test_a_package_that_cannot_be_seen_keeps_nothing_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compilation, "files", lambda package: tmp_path)
    monkeypatch.setattr(compilation, "_warnings", [])
    with pytest.raises(InputError, match="sources are not where"):
        compilation._version()
    for _ in range(2):
        assert compilation.cache_folder.__wrapped__() is None
    assert capsys.readouterr().err.count("warning: compiled kernels cannot be kept") == 1
