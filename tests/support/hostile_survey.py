"""How damaged and hostile files are taken: each is read or refused, at a small price."""

import os
import time
import warnings

import numpy as np
from archive_mutations import SPRUNG
from hostile_files import KINDS

from scratchvae.errors import InputError

MOST_SECONDS = 5.0
MOST_BYTES = 100_000_000  # of memory, beyond the size of the file


def survey(kind, count, seed, folder):
    """Try so many mutants of a kind; return how many were read, and the worst time and memory.

    An ``AssertionError`` names the mutant that was neither read nor refused as it should be.
    """
    files = KINDS[kind](folder)
    path = folder / "mutant"
    read, slowest, largest = 0, 0.0, 0
    for number in range(count):
        content = files.mutant(np.random.default_rng([seed, number]))
        path.write_bytes(content)
        where = f"{kind}, mutant {number} of seed {seed}"
        before = _start_of_peak()
        # Of this process alone, however busy the machine is. What waits is stopped by hand.
        start, allowed, refusal = time.process_time(), len(content), "refused"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                allowed += files.read(path) or 0
            read += 1
        except InputError as error:
            refusal = str(error)
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
        assert len(refusal.splitlines()) == 1, f"{where}: {refusal}"
        slowest = max(slowest, time.process_time() - start)
        largest = max(largest, _peak() - before - allowed)
        assert slowest < MOST_SECONDS, f"{where}: {slowest:.1f} s"
        assert largest < MOST_BYTES, f"{where}: {largest:,} bytes"
        assert not SPRUNG, f"{where}: {SPRUNG} has run"
    return read, slowest, largest


def _start_of_peak():
    """Begin to measure the peak of this process's memory anew, where Linux lets us; return it."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return 0
    return _peak()


def _peak():
    """Return the peak of this process's memory in bytes; 0 where it is unknown."""
    if not os.path.exists("/proc/self/clear_refs"):
        return 0
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return 1024 * int(lines["VmHWM"].split()[0])
