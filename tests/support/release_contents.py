"""What an sdist and a wheel must have, and must not: ``python release_contents.py dist``."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEVER = ("docs/_build", "docs/lessons", "my_vae.py", "__pycache__", ".ipynb_checkpoints", ".venv")


def names_in_wheel(path):
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def names_in_sdist(path):
    """Return the names of the files in an sdist, without the folder that they are all in."""
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def files(folder, *kinds):
    """Return the names of a folder's files, as they are in the repository."""
    found = (file for kind in kinds for file in (ROOT / folder).rglob(kind))
    return {str(file.relative_to(ROOT)).replace("\\", "/") for file in found}


def problems(wheel, sdist):
    """Yield, in a line each, what is wrong with the files of a wheel and of an sdist."""
    package = files("scratchvae", "*.py", "py.typed")
    lessons = files("lessons", "*.ipynb", "*.md")
    for name in sorted(package | {f"scratchvae/{lesson}" for lesson in lessons}):
        if name not in wheel:
            yield f"the wheel lacks {name}"
    for name in wheel:
        if name.split("/")[0] != "scratchvae" and ".dist-info/" not in name:
            yield f"the wheel has {name}"
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.*")}
    wanted = package | lessons | files("tests", "*.py") | pages
    wanted |= {"setup.cfg", "setup.py", "pyproject.toml", "Makefile", "LICENSE", "CHANGELOG.md"}
    for name in sorted(wanted - sdist):
        if not any(part in name for part in NEVER):
            yield f"the sdist lacks {name}"
    for name in sorted(wheel | sdist):
        if any(part in name for part in NEVER):
            yield f"{name} is not to be released"


def main(folder):
    """Print what is wrong; the exit code says whether anything is."""
    (wheel,), (sdist,) = Path(folder).glob("*.whl"), Path(folder).glob("*.tar.gz")
    found = list(problems(names_in_wheel(wheel), names_in_sdist(sdist)))
    print("\n".join(found) or f"{wheel.name} and {sdist.name} have what they should")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
