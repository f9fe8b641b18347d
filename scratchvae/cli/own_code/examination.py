"""The doctor's examination of the VAE in a file of the user's own."""

from dataclasses import asdict
from typing import Any

from scratchvae.cli.own_code.loading import OwnCode


def examine_own_vae(code: OwnCode, *, seed: int) -> dict[str, Any]:
    """Examine what the target names, or all of the file; return the report as text and as JSON."""
    from scratchvae.checks.doctor import doctor_of  # which gradient checks need not wait for

    report = doctor_of(code.find(code.target.name) if code.target.name else code.module)
    rows = [asdict(row) for row in report.rows]
    return {
        "text": str(report),
        "json": {"title": report.title, "passed": report.passed, "rows": rows},
    }
