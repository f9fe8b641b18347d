"""What setup.cfg cannot say: a wheel has the lessons inside the package, and a README for PyPI.

What the README links to is in the repository. Where a release is built, the workflow's variable
``GITHUB_REPOSITORY`` says where that is; elsewhere the words stay and the links go.
"""

import os
import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

LESSONS = ("*.ipynb", "*.md")


class BuildWithLessons(build_py):
    """Copies ``lessons/`` to ``scratchvae/lessons`` in what is built; a clone needs no copy."""

    def run(self):
        """Build the package, then add the lessons unless it is used where it lies."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._lessons():
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode=True):
        """Return the files that are built, as a wheel lists them."""
        lessons = [] if self.editable_mode else [str(target) for _, target in self._lessons()]
        return [*super().get_outputs(include_bytecode), *lessons]

    def _lessons(self):
        found = sorted(file for kind in LESSONS for file in Path("lessons").glob(kind))
        folder = Path(self.build_lib, "scratchvae", "lessons")
        return [(file, folder / file.name) for file in found]


def for_pypi(text, repository=None):
    """Return the README with links and pictures that are found from anywhere, or without."""
    place = f"https://github.com/{repository}" if repository else ""
    link = rf"[\1]({place}/blob/HEAD/\2)" if place else r"\1"
    picture = rf'<img src="{place}/raw/HEAD/\1"\2>' if place else ""
    text = re.sub(r"\[([^\]]+)\]\((?![a-z]+:)([^)\s]+)\)", link, text)
    return re.sub(r'<img src="(?![a-z]+:)([^"]+)"([^>]*)>', picture, text)


def addresses(repository=None):
    """Return the project's addresses, as PyPI lists them."""
    place = f"https://github.com/{repository}"
    pages = {"Source": "", "Issues": "/issues", "Changes": "/blob/HEAD/CHANGELOG.md"}
    return {name: place + page for name, page in pages.items()} if repository else {}


REPOSITORY = os.environ.get("GITHUB_REPOSITORY")

if __name__ == "__main__":
    setup(
        cmdclass={"build_py": BuildWithLessons},
        long_description=for_pypi(Path("README.md").read_text("utf-8"), REPOSITORY),
        long_description_content_type="text/markdown",
        project_urls=addresses(REPOSITORY),
    )
