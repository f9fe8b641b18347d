"""What setup.cfg cannot say: a wheel has the lessons inside the package."""

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


setup(cmdclass={"build_py": BuildWithLessons})
