"""What the benchmark says about the machine."""

import platform
import sys
from pathlib import Path

import pytest

from scratchvae.benchmarks.machine import describe_machine, versions


def test_describe_machine_has_name_instructions_and_cores():
    machine = describe_machine()
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert isinstance(machine["instructions"], list)


@pytest.mark.parametrize(
    ("text", "cpu", "instructions"),
    [
        ("model name\t: A Chip\nflags\t\t: fpu avx2 fma avx512f\n", "A Chip", "avx2 fma avx512f"),
        ("Features\t: fp asimd sve\n", "generic", "asimd sve"),
    ],
)
def test_describe_machine_reads_what_linux_says(text, cpu, instructions, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda self: True)
    monkeypatch.setattr(Path, "read_text", lambda self, **_: text)
    monkeypatch.setattr(platform, "processor", lambda: "generic")
    machine = describe_machine()
    assert (machine["cpu"], machine["instructions"]) == (cpu, instructions.split())


def test_versions_have_ours_pythons_and_those_of_packages():
    found = versions(["numpy", "no-such-package"])
    assert found["python"] == sys.version.split()[0]
    assert found["no-such-package"] == "unknown"
    assert found["numpy"][0].isdigit()
