"""What a student reads of a layer: both passes in one file, and little besides."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scratchvae

LAYERS = Path(scratchvae.__file__).parent / "layers"
MATHS = ["dense", "convolution", "transposed_convolution", "batch_norm", "activations"]
MATHS += ["masked_dense", "vector_quantiser"]

# All lines of the files of layers/ through which a forward and a backward pass go, and those of
# every function elsewhere in the package, the kernels' definitions among them.
COUNT = """
import inspect, json, sys
from pathlib import Path
import numpy as np
import scratchvae
from scratchvae.layers import BatchNorm, Conv2D, Dense

layer = eval(sys.argv[1])
x = np.random.default_rng(0).standard_normal(eval(sys.argv[2])).astype("f")
package, files, functions = Path(scratchvae.__file__).parent, set(), {}

def note(frame, event, argument):
    code, path = frame.f_code, Path(frame.f_code.co_filename)
    if event == "call" and package in path.parents:
        if path.parent == package / "layers":
            files.add(str(path))
        elif not code.co_name.startswith("<"):
            functions[code.co_name] = len(inspect.getsourcelines(code)[0])

layer.backward(layer.forward(x, training=True))  # the first use chooses the kernels
sys.setprofile(note)
layer.backward(layer.forward(x, training=True))
sys.setprofile(None)
print(json.dumps([{file: len(open(file).readlines()) for file in files}, functions]))
"""


@pytest.mark.parametrize(
    ("layer", "shape", "most"),
    [
        ("Dense(4, 3)", "(5, 4)", 150),
        ("Conv2D(2, 3, 3, stride=2, padding=1)", "(2, 5, 6, 2)", 250),
        ("BatchNorm(3)", "(5, 3)", 250),
    ],
)
def test_both_passes_of_a_layer_are_soon_read(layer, shape, most):
    done = subprocess.run(
        [sys.executable, "-c", COUNT, layer, shape],
        env=os.environ | {"SCRATCHVAE_KERNELS": "numpy"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files, functions = json.loads(done.stdout)
    assert len(files) == 1, f"a layer is read in one file, not in {sorted(files)}"
    assert functions, "its kernels have definitions"
    assert sum(files.values()) + sum(functions.values()) <= most, (files, functions)


@pytest.mark.parametrize("name", MATHS)
def test_a_layers_file_has_both_passes_and_nothing_about_speed(name):
    text = (LAYERS / f"{name}.py").read_text(encoding="utf-8")
    classes = re.findall(r"^class (\w+)\(Layer\)", text, flags=re.M)
    assert classes
    assert text.count("    def forward(self") == text.count("    def backward(self") == len(classes)
    for word in (r"fus(e|ing)", "arena", "thread", "scratch memory", "engine", "numba", "faster"):
        assert not re.search(word, text, flags=re.I), word
    assert "kernels/reference.py" in text
