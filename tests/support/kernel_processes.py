"""Python in a process of its own, with its own cache of kernels."""

import os
import subprocess
import sys
from pathlib import Path

import scratchvae

HERE = Path(__file__).parent
ROOT = Path(scratchvae.__file__).parent.parent


def run(code, cache, root=ROOT, timeout=None, **variables):
    """Run Python in a process of its own, with its own cache of kernels."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), **variables}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(HERE)])
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
