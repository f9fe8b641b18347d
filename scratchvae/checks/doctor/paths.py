"""Examinations of the gradient's paths, by the framework's own gradients of the user's parts."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, as_numpy
from scratchvae.checks.doctor.patient import ROWS, Patient

_SOURCE = "Kingma and Welling (2014), sections 2.3 and 2.4"


def examine_paths(patient: Patient) -> Iterator[Finding]:
    """Yield where the gradient is cut on its way from the loss to the encoder and the decoder."""
    if not (patient.has("draw") or (patient.has("loss") and patient.takes() == 4)):
        yield unchecked("gradient's paths", "give `draw`, or `loss` with four arguments")
        return
    if patient.framework.name == "NumPy":
        yield unchecked("gradient's paths", "NumPy has no gradients; a train step may show them")
        return
    faults: list[Finding] = []
    tried = []
    for name, examine in (
        ("draw", _through_draw),
        ("decode", _through_decoder),
        ("encode", _through_encoder),
        ("KL", _through_kl),
        ("reconstruction", _through_reconstruction),
    ):
        try:
            fault = examine(patient)
        except CouldNotCheck:
            continue
        tried.append(name)
        faults += [fault] if fault is not None else []
    yield from faults
    if not tried:
        yield unchecked("gradient's paths", "none of the parts could be differentiated")
    elif not faults:
        yield passed("gradient's paths", f"a gradient passes through {', '.join(tried)}")


def _moments(patient: Patient) -> tuple[Float64, Float64]:
    if patient.has("encode") and patient.data is not None:
        mean, log_variance = patient.encode(patient.images(ROWS))
        return mean + 0.3, log_variance - 0.2
    return np.full((ROWS, patient.latents), 0.8), np.full((ROWS, patient.latents), -0.4)


def _gradients(patient: Patient, function: Any, *arrays: Float64) -> list[Float64]:
    try:
        found = patient.framework.gradients(function, arrays)
    except CouldNotCheck:
        raise
    except Exception as error:
        raise CouldNotCheck(f"differentiating raised {type(error).__name__}") from error
    if found is None:
        raise CouldNotCheck("there are no gradients")
    return found


def _weighted(values: Any) -> Any:
    """Return a sum with unequal weights: a plain sum may be constant where a gradient is not."""
    return (values * values).sum()


def _nothing(gradient: Float64) -> bool:
    return not np.abs(gradient).max(initial=0.0) > 0


def _through_draw(patient: Patient) -> Finding | None:
    mean, log_variance = _moments(patient)
    if np.ptp([patient.draw(mean, log_variance) for _ in range(2)], axis=0).max() == 0:
        raise CouldNotCheck("the draw has no noise")  # which the moments of draws tell
    to_mean, to_spread = _gradients(
        patient,
        lambda m, s: _weighted(patient.native_draw(m, s)),
        mean,
        patient.spread_of(log_variance),
    )
    if not (_nothing(to_mean) or _nothing(to_spread)):
        return None
    what = "mean" if _nothing(to_mean) else "spread"
    if _nothing(to_mean) and _nothing(to_spread):
        what = "mean and spread"
    return Finding(
        "encoder cut off",
        f"no gradient passes through the draw to the {what}: the encoder learns nothing from the "
        "reconstruction",
        f"the gradient of draw(mean, spread) by the {what} is 0 everywhere",
        "write the draw as mean + deviation · noise of the encoder's own tensors: no detach, "
        "no_grad, .data, item, stop_gradient or `sample` (rsample has a gradient)",
        _SOURCE,
    )


def _through_decoder(patient: Patient) -> Finding | None:
    mean, _ = _moments(patient)
    moved = patient.decode(mean + 1) - patient.decode(mean)
    if _nothing(moved):
        raise CouldNotCheck("the decoder does not use z")  # said elsewhere
    (gradient,) = _gradients(patient, lambda z: _weighted(patient.call("decode", z)), mean)
    if not _nothing(gradient):
        return None
    return Finding(
        "encoder cut off",
        "no gradient passes through the decoder to z",
        "the decoder's output changes with z, and its gradient is 0 everywhere",
        "take detach, no_grad, rounding or conversion to NumPy out of the decoder",
        _SOURCE,
    )


def _through_encoder(patient: Patient) -> Finding | None:
    """Ask PyTorch, which knows whether an output is connected to any weight."""
    if patient.framework.name != "PyTorch":
        raise CouldNotCheck("only PyTorch's tensors know what they are connected to")
    if not any(
        getattr(each, "requires_grad", False)
        for each in getattr(patient.said.parameters, "parameters", list)()
    ):
        raise CouldNotCheck("no parameter of a module wants a gradient")
    moments = patient.native_encode(patient.native(patient.images(ROWS)))
    cut = [
        name
        for name, each in zip(("mean", "spread"), moments, strict=True)
        if not getattr(each, "requires_grad", False)
    ]
    if not cut:
        return None
    return Finding(
        "encoder cut off",
        f"what the encoder returns as {' and '.join(cut)} is cut off from its weights",
        "the tensor has no gradient function",
        "take detach and no_grad out of the encoder",
        _SOURCE,
    )


def _loss_gradients(patient: Patient) -> tuple[Float64, list[Float64]]:
    mean, log_variance = _moments(patient)
    x = np.random.default_rng(0).uniform(0.1, 0.9, patient.images(ROWS).shape)
    r = patient.decode(mean) if patient.has("decode") else np.full(x.shape, 0.4)
    r = np.clip(r, 0.05, 0.95)
    x_native = patient.native(x)
    found = _gradients(
        patient,
        lambda r, m, s: patient.native_loss(x_native, r, m, s),
        r,
        mean,
        patient.spread_of(log_variance),
    )
    shift = np.full_like(mean, 0.5)
    moved = patient.loss(x, r, mean + shift, log_variance + shift)
    return np.array([moved - patient.loss(x, r, mean, log_variance)]), found


def _through_kl(patient: Patient) -> Finding | None:
    if not patient.has("loss") or patient.takes() != 4:
        raise CouldNotCheck("the loss does not take its parts")
    change, (_, to_mean, to_spread) = _loss_gradients(patient)
    if _nothing(change):
        raise CouldNotCheck("the loss has no KL")  # said elsewhere
    if not (_nothing(to_mean) or _nothing(to_spread)):
        return None
    what = " and ".join(
        name for name, each in (("mean", to_mean), ("spread", to_spread)) if _nothing(each)
    )
    return Finding(
        "KL cut off",
        f"no gradient passes through the KL to the {what}: it is counted and not learnt from",
        f"moving the moments changes the loss by {as_numpy(change)[0]:.4g}, and its gradient by "
        f"the {what} is 0",
        "compute the KL with the encoder's own tensors: no detach, no_grad, item or stop_gradient",
        _SOURCE,
    )


def _through_reconstruction(patient: Patient) -> Finding | None:
    if not patient.has("loss") or patient.takes() != 4:
        raise CouldNotCheck("the loss does not take its parts")
    _, (to_reconstruction, *_) = _loss_gradients(patient)
    if not _nothing(to_reconstruction):
        return None
    return Finding(
        "decoder cut off",
        "no gradient passes through the loss to the reconstruction: the decoder learns nothing",
        "the loss's gradient by the reconstruction is 0 everywhere",
        "compute the reconstruction's loss with the decoder's own output: no detach or no_grad",
        _SOURCE,
    )
