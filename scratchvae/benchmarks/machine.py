"""What the figures depend on besides the code: the processor and the versions."""

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scratchvae.kernels.machine.threads import available_threads
from scratchvae.version import __version__

# The vector instructions that decide how fast a product can be.
_TELLING = ("avx2", "fma", "avx512f", "avx512vl", "avx512_bf16", "amx_bf16", "asimd", "sve")


def describe_machine() -> dict[str, Any]:
    """Return the processor's name ``cpu``, its vector ``instructions`` and the usable ``cores``."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    information = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows the name
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            head, _, value = line.partition(":")
            if head.strip() == "model name":
                name = value.strip()
            elif head.strip() in ("flags", "Features"):
                flags = set(value.split())
    instructions = [flag for flag in _TELLING if flag in flags]
    return {"cpu": name, "instructions": instructions, "cores": available_threads()}


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of this package, of Python and of other packages."""
    found = {"scratchvae": __version__, "python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
