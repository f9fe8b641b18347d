"""Examinations of batch norm: in the moments, in evaluation, in a training step."""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, is_module
from scratchvae.checks.doctor.patient import ROWS, Patient


def examine_batch_norm(patient: Patient) -> Iterator[Finding]:
    """Yield whether the moments are normalised over the batch, and modes are as they should be."""
    if not patient.has("encode"):
        yield unchecked("batch norm", "give `encode`")
        return
    x = patient.images(ROWS)
    fault = _normalised_moments(patient, x)
    if fault is not None:
        yield fault
    faults = [each for each in (_in_evaluation(patient, x), _in_training(patient, x)) if each]
    yield from faults
    if fault is None and not faults:
        yield passed("batch norm", "no statistics of a batch in the moments")


def _normalised_moments(patient: Patient, x: Float64) -> Finding | None:
    rng = np.random.default_rng(2)
    other = x[: len(x) // 2][rng.integers(0, len(x) // 2, len(x))]
    other = 0.5 * other * rng.uniform(0.5, 1.0, (len(x), *[1] * (x.ndim - 1)))
    with patient.kept(), patient.mode(True):
        first, second = patient.encode(x), patient.encode(other)
    for name, one, two in zip(("mean", "log-variance"), first, second, strict=True):
        spread = one.std(axis=0)
        if not (spread.min() > 1e-6 and two.std(axis=0).min() > 0):  # nor where it is NaN
            continue
        same_mean = np.abs(one.mean(axis=0) - two.mean(axis=0)).max() < 1e-4 * spread.max()
        same_spread = np.abs(one.std(axis=0) / two.std(axis=0) - 1).max() < 2e-2
        if same_mean and same_spread:
            return Finding(
                "batch norm on moments",
                f"the encoder's {name} is normalised over the batch",
                f"each latent's has mean {one.mean(axis=0)[0]:.3g} and deviation {spread[0]:.3g} "
                "over two batches that have nothing in common",
                "take the batch norm after the last layer of the encoder out: with it the KL "
                "cannot reach 0, and an image's posterior depends on its neighbours",
            )
    return None


def _in_evaluation(patient: Patient, x: Float64) -> Finding | None:
    with patient.kept(), patient.mode(False) as could:
        if not could:
            return None
        alone = patient.encode(x[:3])[0]
        among = patient.encode(x)[0][:3]
        before = patient.parameters.values()
        again = patient.encode(x)[0][:3]
        moved = [
            name
            for name, value in patient.parameters.values().items()
            if not np.array_equal(value, before[name], equal_nan=True)
        ]
    if np.abs(again - among).max() > 0:
        return None  # its encoder draws noise, as with dropout left on
    if np.abs(alone - among).max() < 1e-3 * (np.abs(among).max() + 1e-6) and not moved:
        return None
    return Finding(
        "batch norm mode",
        "in evaluation an image's moments depend on the other images of the batch",
        f"the first mean is {alone.flat[0]:.4g} among 3 images and {among.flat[0]:.4g} among "
        f"{len(x)}" + (f"; {moved[0]} changes" if moved else ""),
        "use the running statistics in evaluation: model.eval(), or training=False",
    )


def _in_training(patient: Patient, x: Float64) -> Finding | None:
    """Look at whether a step's batch norm is in training mode, and a validation's is not."""
    module = patient.said.parameters
    if not is_module(module):
        return None
    names = [name for name in patient.parameters.values() if name.endswith("running_mean")]
    if not names:
        return None
    if patient.has("train_step"):
        with patient.kept(), patient.mode(True):
            before = patient.parameters.values()
            patient.train_step(x)
            after = patient.parameters.values()
        if all(np.array_equal(before[name], after[name]) for name in names):
            return Finding(
                "batch norm mode",
                "a training step leaves batch norm in evaluation mode",
                f"{names[0]} does not change in a step",
                "call model.train() before training, and after each validation",
            )
    return _in_validation(patient, x, names)


def _in_validation(patient: Patient, x: Float64, names: list[str]) -> Finding | None:
    if not patient.has("validation_loss") or patient.takes("validation_loss") != 1:
        return None
    with patient.kept(), patient.mode(False):
        before = patient.parameters.values()
        patient.loss(x, which="validation_loss")
        after = patient.parameters.values()
    if all(np.array_equal(before[name], after[name]) for name in names):
        return None
    return Finding(
        "batch norm mode",
        "the validation's loss runs batch norm in training mode",
        f"{names[0]} changes when the validation's loss is computed",
        "call model.eval() before it, and model.train() after",
    )
