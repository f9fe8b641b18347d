"""The shape of the package: who may import whom, and what an import costs."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from declared import modules

import scratchvae

PACKAGE = Path(scratchvae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

BOTTOM = {
    *("errors", "validation", "held", "randomness", "characters"),
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
    "explorer",
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

# What is imported by these alone, where it is needed, is installed by extras.
EXTRAS = {
    "benchmarks": ("bench",),
    "cli": ("completion", "tensorboard"),
    "course": ("lessons",),
    "data": ("tables",),
    "export": ("export",),
    "sklearn": ("sklearn",),
    "sweeps": ("sweep",),
}


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
    if module == "scratchvae.cli.own_code.loading":
        roots -= {"unknown"}  # the module that a user names
    known = set(sys.stdlib_module_names) | {"scratchvae"} | modules(*EXTRAS.get(room(module), ()))
    if room(module) == "sweeps":  # used where they are installed
        known |= {"fsspec", "pyarrow"}
    if room(module) == "export":  # whose files it writes
        known |= {"torch"}
    elif room(module) != "benchmarks":  # a framework is what they measure against
        assert not roots & FRAMEWORKS
    assert roots <= known, f"{module} imports {sorted(roots - known)}"


def test_what_is_declared_is_imported():
    roots = {name.split(".")[0] for file in FILES for name in imported_by(file)}
    for extras in [(), *EXTRAS.values()]:
        # JupyterLab is a program, which the command `lessons` runs.
        assert modules(*extras) - {"jupyterlab"} <= roots


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


# SciPy is not ours: Numba imports it where it is installed.
SLOW = {
    *("onnx", "safetensors", "matplotlib", "pooch", "requests", "tqdm", "pandas", "sklearn"),
    *("IPython", "PIL", "numba", "llvmlite"),
    *("scratchvae.export", "scratchvae.sweeps", "scratchvae.sklearn"),
}


def test_what_the_package_offers_imports_no_more_than_it_needs():
    code = "import json, sys, scratchvae; scratchvae.VAE; print(json.dumps(sorted(sys.modules)))"
    loaded = run(code)
    assert "scratchvae.models.vae" in loaded
    assert not SLOW & set(loaded)
    assert not FRAMEWORKS & set(loaded)


def test_importing_the_package_loads_nothing_that_computes():
    loaded = set(run("import json, sys, scratchvae; print(json.dumps(sorted(sys.modules)))"))
    assert not {"numpy", "numba", "scratchvae.kernels"} & loaded


@pytest.mark.parametrize("words", ["--help", "--version", "help", ""])
def test_help_loads_nothing_that_computes(words):
    assert not {"numpy", "numba", "scratchvae.kernels"} & loaded_by_program(words)


@pytest.mark.parametrize("words", ["train --help", "completion bash", "lessons lessons"])
def test_what_computes_nothing_loads_no_numba(words):
    loaded = loaded_by_program(words)
    assert "numpy" in loaded
    assert not {"numba", "llvmlite"} & loaded


def test_the_first_kernel_loads_the_backend():
    code = """
import json, sys
from scratchvae import kernels
before = "numba" in sys.modules
backend = kernels.BACKEND
print(json.dumps([before, backend, "numba" in sys.modules]))
"""
    before, backend, after = run(code)
    assert not before
    assert after == (backend == "numba")


def loaded_by_program(words):
    """Return the modules that the program has imported when it ends."""
    code = f"""
import contextlib, io, json, sys
from scratchvae.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main({words.split()!r})
print(json.dumps(sorted(sys.modules)))
"""
    return set(run(code))


def test_the_program_starts_without_what_only_some_commands_need():
    loaded = run("import json, sys, scratchvae.cli.parser; print(json.dumps(sorted(sys.modules)))")
    assert "scratchvae.cli.commands" in loaded
    late = {"scratchvae.benchmarks", "scratchvae.explorer", "scratchvae.export"}
    late |= {"distributed", "matplotlib", "PIL"}
    assert not late & set(loaded)


def test_importing_the_package_compiles_nothing():
    code = """
import json
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    import scratchvae
    scratchvae.VAE
    scratchvae.kernels.BACKEND
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
