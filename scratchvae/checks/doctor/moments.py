"""Examination of what the encoder gives as mean and log-variance."""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64
from scratchvae.checks.doctor.patient import Patient

_IMAGES = 20
_SHARE = 0.1  # of exact zeros: a layer without a cut at 0 gives none


def examine_moments(patient: Patient) -> Iterator[Finding]:
    """Yield whether mean and log-variance are two things, and can be of either sign."""
    if not patient.has("encode"):
        yield unchecked("moments", "give `encode`")
        return
    mean, log_variance = patient.encode(patient.images(_IMAGES))
    spread = patient.spread_of(log_variance)
    if np.ptp(mean) > 0 and np.allclose(mean, spread, rtol=1e-6, atol=0):
        yield Finding(
            "mean for log-variance",
            f"the encoder gives the mean once more as {patient.said.spread}",
            f"both are equal in all {mean.size} numbers",
            "give each of the two a layer of its own",
        )
        return
    cut = [name for name, each in (("mean", mean), ("log-variance", log_variance)) if _cut(each)]
    if cut:
        yield Finding(
            "moments cut off",
            f"the encoder's {' and '.join(cut)} cannot be negative",
            f"over {len(mean)} images none is below 0, and 0 exactly are {_zeros(mean)} of the "
            f"means, {_zeros(log_variance)} of the log-variances",
            "take the ReLU after the encoder's last layer out",
        )
    else:
        yield passed("moments", "mean and log-variance are two, of either sign where they are free")


def _zeros(values: Float64) -> str:
    return f"{(values == 0).mean():.0%}"


def _cut(values: Float64) -> bool:
    return bool(values.min() >= 0 and (values == 0).mean() >= _SHARE and values.max() > 0)
