"""``scratchvae.doctor``: what is wrong with somebody's VAE, in any framework, with the evidence."""

from scratchvae.checks.doctor.examination import doctor, doctor_of
from scratchvae.checks.doctor.finding import Finding
from scratchvae.checks.doctor.report import DoctorReport

__all__ = ["DoctorReport", "Finding", "doctor", "doctor_of"]
