"""What setup.cfg says that the package needs.

``python tests/support/declared.py EXTRA …`` prints the lowest versions of what the package and
these extras need, as constraints of pip: ``make lowest`` installs them.
"""

import configparser
import re
import sys
from pathlib import Path

SETTINGS = Path(__file__).resolve().parents[2] / "setup.cfg"
_REQUIREMENT = re.compile(r"(?P<name>[\w-]+)(?:\[\w+\])? (?:>=|==) (?P<version>[\d.]+)")
_MODULES = {
    "dask": {"distributed"},
    "ipython": {"IPython"},
    "matplotlib-inline": {"matplotlib_inline"},
    "pillow": {"PIL"},
    "scikit-learn": {"sklearn"},
}


def requirements(*extras):
    """Return the lines that declare what the package and some of its extras need."""
    settings = configparser.ConfigParser()
    settings.read(SETTINGS, encoding="utf-8")
    declared = [settings["options"]["install_requires"]]
    declared += [settings["options.extras_require"][extra] for extra in extras]
    return [line for lines in declared for line in lines.splitlines() if line]


def floor(line):
    """Return a requirement's name and lowest version."""
    found = _REQUIREMENT.match(line)
    if found is None:
        raise ValueError(f"{line!r} declares no lowest version")
    return found["name"], found["version"]


def modules(*extras):
    """Return the names under which what the package and some extras need is imported."""
    names = [floor(line)[0] for line in requirements(*extras)]
    return set().union(*(_MODULES.get(name, {name}) for name in names))


if __name__ == "__main__":
    for each in requirements(*sys.argv[1:]):
        print("==".join(floor(each)))
