"""The package in interpreters with other settings: every warning an error, no asserts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scratchvae

USES = Path(__file__).parent / "support" / "representative_uses.py"


@pytest.mark.parametrize("settings", [["-W", "error", "-X", "dev"], ["-OO"]], ids=" ".join)
def test_representative_uses(settings, data_dir, tmp_path):
    environment = os.environ | {
        "PYTHONPATH": str(Path(scratchvae.__file__).parents[1]),
        "SCRATCHVAE_DATA": str(data_dir),
        "PYTHONWARNINGS": "error" if "error" in settings else "",
    }
    done = subprocess.run(
        [sys.executable, *settings, str(USES), str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("all right\n")
    assert "Warning" not in done.stderr
