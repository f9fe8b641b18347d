"""Examination of a validation's loss beside the training's."""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import seeded
from scratchvae.checks.doctor.patient import ROWS, Patient
from scratchvae.checks.doctor.probing import Probe

_DRAWS = 12


def examine_validation(patient: Patient) -> Iterator[Finding]:
    """Yield whether both losses are the same function of the same things."""
    if not patient.has("loss", "validation_loss"):
        yield unchecked("validation loss", "give `validation_loss`, if it is another than `loss`")
        return
    both = patient.takes("loss"), patient.takes("validation_loss")
    pairs = _fed(patient) if both == (4, 4) else _run(patient)
    training, validation = np.array(pairs).T
    noise = 0.0 if both == (4, 4) else _spread(patient)
    apart = np.abs(training - validation)
    if (apart <= 1e-3 * np.abs(training) + 6 * noise).all():
        yield passed("validation loss", "the same as in training", _shown(training, validation))
        return
    ratio = validation / training
    most = int(np.argmax(apart / np.abs(training)))
    constant = np.ptp(ratio) < 1e-3 * np.abs(ratio).max()
    how = f"it is {ratio[0]:.4g} times the other" if constant else "they are two functions"
    yield Finding(
        "training and validation losses differ",
        f"training and validation have different losses: {how}",
        _shown(training[most:], validation[most:]),
        "use one function for both, with the same reductions and the same β",
    )


def _shown(training: np.ndarray, validation: np.ndarray) -> str:
    return (
        f"training's {training[0]:.5g} and validation's {validation[0]:.5g} for the same images, "
        "reconstructions and moments"
    )


def _fed(patient: Patient) -> list[tuple[float, float]]:
    probe, other = Probe(patient), Probe(patient, "validation_loss")
    pairs = []
    for mean, log_variance in ((0.0, 0.0), (1.5, 0.0), (0.0, -1.5), (-0.7, 0.9)):
        moments = [np.full((probe.rows, probe.latents), value) for value in (mean, log_variance)]
        given = (probe.x(), probe.reconstruction(), *moments)
        pairs.append((probe.value(*given), other.value(*given)))
    return pairs


def _run(patient: Patient) -> list[tuple[float, float]]:
    pairs = []
    with patient.kept(), patient.mode(False):
        for start in (0, 7):
            x = patient.images(ROWS, start)
            values = []
            for which in ("loss", "validation_loss"):
                with seeded(start + 1):
                    values.append(float(np.mean([patient.whole(x, which) for _ in range(_DRAWS)])))
            pairs.append((values[0], values[1]))
    return pairs


def _spread(patient: Patient) -> float:
    """Return the deviation of a mean over the draws, of generators that cannot be seeded."""
    try:
        with patient.kept(), patient.mode(False):
            values = [patient.whole(patient.images(ROWS)) for _ in range(_DRAWS)]
    except CouldNotCheck:
        return 0.0
    return float(np.std(values) / np.sqrt(_DRAWS))
