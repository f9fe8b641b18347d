"""What a training step does to the weights: which it reaches, and by which path.

Nothing of the step's code need be known. If the gradient through z is cut, the encoder's change is
the same whatever the decoder's weights are. If the KL's gradient is cut, the encoder does not
change where the decoder's weights are all 0, for then no gradient comes through z.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, as_numpy, is_module, seeded
from scratchvae.checks.doctor.patient import ROWS, Patient

_MOST_LEAVES = 80  # each is moved once to see whose weight it is
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Owners:
    """The names of the weights that encoder and decoder compute with."""

    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    only_mean: tuple[str, ...]
    only_spread: tuple[str, ...]


def examine_steps(patient: Patient) -> Iterator[Finding]:
    """Yield which weights a training step reaches, and whether by both paths."""
    if not patient.has("train_step"):
        yield unchecked("training step", "give `train_step`")
        return
    x = patient.images(ROWS)
    if not patient.parameters.values():
        yield unchecked("training step", "give `parameters`: the arrays that a step changes")
        return
    if not patient.parameters.movable:
        yield unchecked(
            "training step",
            "the weights cannot be put back: give `parameters` as a module, arrays that a step "
            "changes, or a function that returns the dict or list in which they are kept",
        )
        return
    owners = _owners(patient, x)
    faults = list(_faults(patient, x, owners))
    yield from faults
    if not faults:
        yield passed("training step", "it changes the weights of encoder and decoder")


def _faults(patient: Patient, x: Float64, owners: Owners) -> Iterator[Finding]:
    if owners.encoder and owners.decoder and patient.said.beta > 0:
        fault = _kl_cut(patient, x, owners)
        if fault is not None:
            yield fault
    changed = _changed(patient, x)
    if not any(changed.values()):
        yield Finding(
            "does not learn",
            "a training step changes no weight",
            f"{len(changed)} arrays are the same after 3 steps",
            "look at the learning rate, at what the optimiser was given, and whether it steps",
        )
        return
    unreached = list(_unreached(owners, changed))
    yield from unreached
    if not unreached and owners.encoder and owners.decoder:
        fault = _z_cut(patient, x, owners)
        if fault is not None:
            yield fault


def _owners(patient: Patient, x: Float64) -> Owners:
    values = patient.parameters.values()
    names = [name for name in values if not name.endswith(_STATISTICS)][:_MOST_LEAVES]
    mean, spread, decoder = set(), set(), set()
    rng = np.random.default_rng(0)
    with patient.kept():
        try:
            before = patient.encode(x)
        except CouldNotCheck:
            return Owners((), (), (), ())
        z = rng.standard_normal(before[0].shape)
        decoded = patient.decode(z) if patient.has("decode") else None
        for name in names:
            moved = values[name] + 0.1 * rng.standard_normal(values[name].shape)
            patient.parameters.put({name: moved})
            after = patient.encode(x)
            if np.abs(after[0] - before[0]).max() > 0:
                mean.add(name)
            if np.abs(after[1] - before[1]).max() > 0:
                spread.add(name)
            if decoded is not None and np.abs(patient.decode(z) - decoded).max() > 0:
                decoder.add(name)
            patient.parameters.put({name: values[name]})
    encoder = (mean | spread) - decoder
    return Owners(
        tuple(sorted(encoder)),
        tuple(sorted(decoder - mean - spread)),
        tuple(sorted(mean - spread - decoder)),
        tuple(sorted(spread - mean - decoder)),
    )


def _changed(patient: Patient, x: Float64) -> dict[str, bool]:
    before = patient.parameters.values()
    with patient.kept():
        for _ in range(3):
            patient.train_step(x)
        after = patient.parameters.values()
    return {
        name: name not in after or not np.array_equal(value, after[name], equal_nan=True)
        for name, value in before.items()
        if not name.endswith(_STATISTICS)
    }


def _unreached(owners: Owners, changed: Mapping[str, bool]) -> Iterator[Finding]:
    parts = (
        ("encoder cut off", "encoder", owners.encoder),
        ("decoder cut off", "decoder", owners.decoder),
        ("encoder cut off", "encoder's mean", owners.only_mean),
        ("encoder cut off", "encoder's spread", owners.only_spread),
    )
    said = set()
    for cause, part, names in parts:
        if names and not any(changed.get(name, True) for name in names) and cause not in said:
            said.add(cause)
            yield Finding(
                cause,
                f"a training step changes no weight of the {part}",
                f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''} are the same after 3 "
                "steps, and others are not",
                "give these weights to the optimiser, and let the gradient through to them",
            )


def _updates(patient: Patient, x: Float64, names: tuple[str, ...]) -> dict[str, Float64]:
    """Return what a step does to some weights: their gradients, where PyTorch still has them."""
    before = patient.parameters.values()
    with seeded(5):
        patient.train_step(x)
    module = patient.said.parameters
    if is_module(module):
        kept = dict(module.named_parameters())
        gradients = {name: kept[name].grad for name in names if name in kept}
        if gradients and all(each is not None for each in gradients.values()):
            return {name: as_numpy(each) for name, each in gradients.items()}
    after = patient.parameters.values()
    return {name: after[name] - before[name] for name in names}


def _kl_cut(patient: Patient, x: Float64, owners: Owners) -> Finding | None:
    mean, _ = patient.encode(x)
    if np.abs(mean).max() < 1e-3:
        return None
    values = patient.parameters.values()
    with patient.kept():
        patient.parameters.put({name: 0 * values[name] for name in owners.decoder})
        updates = _updates(patient, x, owners.encoder)
    if any(np.abs(each).max(initial=0.0) > 0 for each in updates.values()):
        return None
    with patient.kept():
        usual = _updates(patient, x, owners.encoder)
    if not any(np.abs(each).max(initial=0.0) > 0 for each in usual.values()):
        return None  # nothing reaches the encoder, by any path: said elsewhere
    return Finding(
        "KL cut off",
        "the encoder learns nothing from the KL",
        "with the decoder's weights at 0 no gradient comes through z, and a step leaves all the "
        "encoder's weights as they are",
        "add the KL's gradient: mean and ½ (exp(log_variance) − 1), a latent",
        "Kingma and Welling (2014), appendix B",
    )


def _z_cut(patient: Patient, x: Float64, owners: Owners) -> Finding | None:
    values = patient.parameters.values()
    rng = np.random.default_rng(1)
    moved = {
        name: values[name] * 0.5 + 0.3 * rng.standard_normal(values[name].shape)
        for name in owners.decoder
    }
    with patient.kept():
        first = _updates(patient, x, owners.encoder)
    with patient.kept():
        patient.parameters.put(moved)
        second = _updates(patient, x, owners.encoder)
    size = max(np.abs(each).max(initial=0.0) for each in first.values())
    apart = max(np.abs(first[name] - second[name]).max(initial=0.0) for name in first)
    if not np.isfinite(size + apart) or size == 0 or apart > 1e-5 * size:
        return None
    return Finding(
        "encoder cut off",
        "the encoder learns nothing through z: only the KL moves it",
        "a step changes the encoder's weights by the same whatever the decoder's weights are",
        "pass the decoder's gradient on through z = mean + deviation · noise to mean and spread",
        "Kingma and Welling (2014), section 2.4",
    )
