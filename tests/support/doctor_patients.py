"""The programs of the doctor's survey: their table, and each run as it is or mended."""

import sys
import tomllib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1] / "long" / "doctor_survey"
HALVES = ("tuning", "kept")
TABLE = tomllib.loads((ROOT / "expected.toml").read_text(encoding="utf-8"))
BROKEN = [(half, name) for half in HALVES for name, row in TABLE[half].items() if "fault" in row]
RIGHT = [(half, name) for half in HALVES for name, row in TABLE[half].items() if "fault" not in row]


def source_of(half, name, mended=False):
    """Return a program's text, with its replacements made if it is to be mended."""
    text = (ROOT / half / f"{name}.py").read_text(encoding="utf-8")
    for old, new in TABLE[half][name]["repair"] if mended else []:
        assert text.count(old) == 1, f"{name}: {old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def describe(half, name, mended=False):
    """Run a program from its beginning, in a module of its own; return its description."""
    module = ModuleType(f"{name}_{'mended' if mended else 'as_it_is'}")
    sys.modules[module.__name__] = module  # where torch.jit, pickle and dataclasses look
    exec(compile(source_of(half, name, mended), f"{name}.py", "exec"), module.__dict__)
    return module.description()


def framework_of(name):
    return name.split("_")[0]
