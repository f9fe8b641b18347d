"""All examinations of a VAE, one after the other."""

from collections.abc import Callable, Iterable
from typing import Any

from scratchvae.checks.doctor.description import Description, described, description_of
from scratchvae.checks.doctor.draws import examine_draw
from scratchvae.checks.doctor.finding import Finding, unchecked
from scratchvae.checks.doctor.frameworks import kept_random_states
from scratchvae.checks.doctor.losses import examine_pixels, examine_terms
from scratchvae.checks.doctor.paths import examine_paths
from scratchvae.checks.doctor.patient import CouldNotCheck, Patient
from scratchvae.checks.doctor.report import DoctorReport
from scratchvae.checks.doctor.steps import examine_steps
from scratchvae.checks.doctor.training import (
    examine_batch_norm,
    examine_latents,
    examine_learning,
    examine_start,
)
from scratchvae.checks.doctor.validation import examine_validation

Examination = Callable[[Patient], Iterable[Finding]]

EXAMINATIONS: dict[str, Examination] = {
    "pixels": examine_pixels,
    "draw": examine_draw,
    "loss at the start": examine_start,
    "loss": examine_terms,
    "validation loss": examine_validation,
    "gradient's paths": examine_paths,
    "batch norm": examine_batch_norm,
    "latents": examine_latents,
    "training step": examine_steps,
    "learning": examine_learning,
}


def doctor(**parts: Any) -> DoctorReport:
    """Return what is wrong with a VAE."""
    return _examined(described(parts))


def doctor_of(value: Any) -> DoctorReport:
    """Return what is wrong with the VAE that an object describes: see ``doctor``."""
    return _examined(description_of(value))


def _examined(description: Description) -> DoctorReport:
    rows: list[Finding] = []
    with kept_random_states():
        patient = Patient(description)
        for name, examine in EXAMINATIONS.items():
            try:
                rows += examine(patient)
            except CouldNotCheck as reason:
                rows.append(unchecked(name, str(reason)))
    given = [name for name in ("encode", "draw", "decode", "loss") if patient.has(name)]
    return DoctorReport(f"doctor of a VAE in {patient.framework.name}: {', '.join(given)}", rows)
