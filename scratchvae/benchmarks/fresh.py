"""Measurements that need a process of their own: peak memory, and the time from its start.

What runs there is in ``child``. A rival's process has our models, to copy their weights, but on
NumPy: it neither imports Numba nor compiles anything.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from scratchvae.benchmarks.steps import OURS
from scratchvae.errors import InputError

# Which of these a library reads is its own affair; NPROC is XLA's.
_THREADS = ("SCRATCHVAE_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")


def run_fresh(
    side: str, job: str, threads: int, environment: dict[str, str] | None = None, **arguments: Any
) -> dict[str, Any]:
    """Run one of the jobs of ``child`` in a new process.

    Parameters
    ----------
    side
        ``"ours"``, or the name of a rival.
    job, arguments
        What to do.
    threads
        How many the process uses.
    environment
        Variables of the process.

    Returns
    -------
    What the job returned, and ``wall_seconds``, from the start of the process until it did.
    """
    backend = "numba" if side == OURS else "numpy"
    variables = dict.fromkeys(_THREADS, str(threads)) | {"SCRATCHVAE_KERNELS": backend}
    order = json.dumps({"side": side, "job": job, "arguments": arguments})
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "scratchvae.benchmarks.child", order],
        env=os.environ | variables | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        _, errors = process.communicate()
    if not line:
        why = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise InputError(f"the process that measures {side} failed ({why}): run it again")
    result: dict[str, Any] = json.loads(line)
    return result | {"wall_seconds": seconds}


def peak_megabytes(side: str, recipe: str, batch: int, threads: int) -> float:
    """Return the peak memory, in MB, of a process that takes steps of a recipe; rivals' plain."""
    return float(run_fresh(side, "steps", threads, recipe=recipe, batch=batch)["peak_mb"])
