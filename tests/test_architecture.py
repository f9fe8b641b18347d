"""The shape of the package: who may import whom, and what an import costs."""

import ast
import configparser
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import scratchvae

PACKAGE = Path(scratchvae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

BOTTOM = {
    *("errors", "validation", "held", "randomness"),
    *("files", "json_files", "progress", "starting", "version", "written"),
}
# Each of these imports only those before it, and the bottom.
ROOMS = [
    "kernels",
    "layers",
    "probability",
    "engine",
    "data",
    "training",
    "export",
    "models",
    "evaluation",
    "sklearn",
    "checks",
    "testing",
    "plots",
    "runs",
    "sweeps",
    "reproduce",
    "course",
    "benchmarks",
    "cli",
    "arguments",  # the former name of cli.parser
    "exercises",  # and of course
]
ALLOWED = {room: BOTTOM | set(ROOMS[: place + 1]) for place, room in enumerate(ROOMS)}
ALLOWED |= dict.fromkeys(BOTTOM, BOTTOM)
ALLOWED["data"] = BOTTOM | {"kernels", "data"}

FRAMEWORKS = {"torch", "tensorflow", "jax", "autograd", "keras", "theano", "tinygrad", "mxnet"}


def module_name(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("scratchvae", *(part for part in parts if part != "__init__")))


MODULES = {module_name(file): file for file in FILES}


def imports(tree, module, is_package):
    """Yield the name of every module imported anywhere in a file, in functions as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                base = module.split(".")[: None if is_package and node.level == 1 else -node.level]
                source = ".".join([*base, source]).rstrip(".")
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in ("import_module", "__import__") and node.args:
                argument = node.args[0]
                if ast.unparse(argument).startswith("f'scratchvae.{"):
                    continue  # a part of the package, by its name
                yield argument.value if isinstance(argument, ast.Constant) else "unknown"


def imported_by(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return set(imports(tree, module_name(file), file.name == "__init__.py"))


def room(module):
    return [*module.split("."), ""][1]


def test_the_reader_of_imports_sees_them_all():
    source = """
import scratchvae.runs.run
from scratchvae import kernels, build
from . import dense
from ..data.idx import read_idx
def late():
    import torch.nn
    from scratchvae.models.vae import VAE
    importlib.import_module("jax")
"""
    found = set(imports(ast.parse(source), "scratchvae.layers.base", False))
    assert found == {
        "scratchvae.runs.run",
        "scratchvae.kernels",
        "scratchvae",
        "scratchvae.layers.dense",
        "scratchvae.data.idx",
        "torch.nn",
        "scratchvae.models.vae",
        "jax",
    }


def test_every_file_lies_in_a_room_that_has_its_place():
    assert len(FILES) > 30
    unknown = {name for name in MODULES if room(name) not in {"", "__main__", "offered", *ALLOWED}}
    assert not unknown, f"give these a place in the order of imports: {sorted(unknown)}"
    assert set(ROOMS) | BOTTOM <= {room(name) for name in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way_only(module):
    if room(module) in ("", "__main__", "offered"):
        return  # the package itself shows what its rooms hold
    own = {name for name in imported_by(MODULES[module]) if name.split(".")[0] == "scratchvae"}
    wrong = {name for name in own if room(name) not in ALLOWED[room(module)]}
    assert not wrong, f"{module} may not import {sorted(wrong)}"


def test_no_two_modules_import_each_other():
    graph = {name: imported_by(file) & set(MODULES) for name, file in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, with the cycle


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_a_framework_or_what_is_not_installed_with_the_package(module):
    roots = {name.split(".")[0] for name in imported_by(MODULES[module])}
    settings = configparser.ConfigParser()
    settings.read(PACKAGE.parent / "setup.cfg", encoding="utf-8")
    required = settings["options"]["install_requires"].split("\n")
    if room(module) == "benchmarks":  # a framework is what they measure against
        required += settings["options.extras_require"]["bench"].split("\n")
    elif room(module) == "export":  # whose files it writes
        required += [*settings["options.extras_require"]["export"].split("\n"), "torch"]
    else:
        assert not roots & FRAMEWORKS
    if room(module) == "sweeps":  # Dask in two packages, and what is used where it is installed
        required += ["distributed", "fsspec", "pyarrow"]
    if room(module) == "sklearn":
        required += ["sklearn"]
    if room(module) == "cli":
        required += ["shtab", "tensorboardX"]
    if room(module) == "data":  # read with, where they are installed
        required += settings["options.extras_require"]["tables"].split("\n")
    if room(module) == "course":  # and what comes with those
        required += settings["options.extras_require"]["lessons"].split("\n")
        required += ["IPython", "cycler", "matplotlib_inline", "nbformat", "traitlets"]
    installed = {line.split(">")[0].split("=")[0].strip() for line in required if line.strip()}
    if "pillow" in installed:
        installed.add("PIL")
    if "scikit-learn" in installed:
        installed.add("sklearn")
    known = set(sys.stdlib_module_names) | installed | {"scratchvae", "llvmlite"}
    assert roots <= known, f"{module} imports {sorted(roots - known)}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_left_to_do(module):
    text = MODULES[module].read_text(encoding="utf-8")
    assert not [word for word in ("TODO", "FIXME", "XXX", "HACK") if word in text]


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_the_package_imports_no_more_than_it_needs():
    loaded = run("import json, sys, scratchvae; print(json.dumps(sorted(sys.modules)))")
    assert "scratchvae.models.vae" in loaded
    # SciPy is not ours: Numba imports it where it is installed.
    slow = {
        "onnx",
        "safetensors",
        "matplotlib",
        "pooch",
        "requests",
        "tqdm",
        "pandas",
        "sklearn",
        "IPython",
        "PIL",
        *("scratchvae.export", "scratchvae.sweeps", "scratchvae.sklearn"),
    }
    assert not slow & set(loaded)
    assert not FRAMEWORKS & set(loaded)


def test_the_program_starts_without_what_only_some_commands_need():
    loaded = run("import json, sys, scratchvae.cli.main; print(json.dumps(sorted(sys.modules)))")
    assert "scratchvae.cli.commands" in loaded
    late = {"scratchvae.benchmarks", "scratchvae.export", "distributed", "matplotlib", "PIL"}
    assert not late & set(loaded)


def test_importing_the_package_compiles_nothing():
    code = """
import json
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    import scratchvae
print(json.dumps([str(record) for _, record in recorder.buffer]))
"""
    assert run(code) == []


def test_the_recorder_of_compilations_sees_one():
    code = """
import json, numba
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    numba.njit(lambda x: x + 1)(1)
print(json.dumps(len(recorder.buffer)))
"""
    assert run(code) > 0


def test_what_the_package_offers_exists():
    for name in scratchvae.__all__:
        assert hasattr(scratchvae, name)
