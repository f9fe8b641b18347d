"""Python in a process of its own, with its own cache of kernels."""

import os
import subprocess
import sys
from pathlib import Path

import scratchvae

HERE = Path(__file__).parent
ROOT = Path(scratchvae.__file__).parent.parent
KERNELS = ROOT / "scratchvae" / "kernels"

STEP = """
import numpy as np
from scratchvae.kernels import adam_step
value, grad, first, second = np.zeros(3), np.ones(3), np.zeros(3), np.zeros(3)
factors = {"learning_rate": 1.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
adam_step(value, grad, first, second, step=1, **factors)
print(round(value[0]))
"""
STEPPED = "-1\n"  # what it prints, having compiled one kernel only


def run(code, cache, root=ROOT, **variables):
    """Run Python in a process of its own, with its own cache of kernels."""
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(cache), **variables}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(HERE)])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=root if root.is_dir() else root.parent,
        capture_output=True,
        text=True,
        check=False,
    )
