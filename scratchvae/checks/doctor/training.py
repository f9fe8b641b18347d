"""Examinations of training: the loss of twenty images, batch norm, and latents not used."""

import time
from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.finding import Finding, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, is_module
from scratchvae.checks.doctor.patient import CouldNotCheck, Patient

_IMAGES = 20
_STEPS = 300
_SECONDS = 12.0  # so that all examinations together are done within two minutes,
_ALL_SECONDS = 80.0  # on a slow machine as well,
_LEAST_SECONDS = 3.0  # where it gets these
_FEWEST = 60  # steps, before which a loss that has not fallen says nothing


def examine_start(patient: Patient) -> Iterator[Finding]:
    """Yield the loss on the user's images beside that of a model that knows nothing."""
    if not patient.has("loss"):
        yield unchecked("loss at the start", "give `loss`")
        return
    x = patient.images(_IMAGES)
    value = float(np.mean([patient.whole(x) for _ in range(4)]))
    if not np.isfinite(value):
        yield Finding(
            "loss not finite",
            f"the loss on your images is {value}",
            _extremes(patient, x),
            "use the cross-entropy of logits, or keep probabilities away from 0 and 1; exp of a "
            "log-variance that is not bounded overflows as well",
        )
        return
    pixels = int(np.prod(x.shape[1:]))
    nothing = pixels * np.log(2)
    yield passed(
        "loss at the start",
        f"{value:.5g}; a Bernoulli model that knows nothing has {pixels} ln 2 = {nothing:.1f} "
        f"nats an image, {nothing * len(x):.5g} for {len(x)}, {np.log(2):.3f} a pixel",
    )


def _extremes(patient: Patient, x: Float64) -> str:
    try:
        mean, log_variance = patient.encode(x)
        output = patient.decode(patient.draw(mean, log_variance))
    except CouldNotCheck:
        return f"on {len(x)} images"
    return (
        f"the decoder's outputs lie in [{output.min():.4g}, {output.max():.4g}], log-variances in "
        f"[{log_variance.min():.4g}, {log_variance.max():.4g}]"
    )


def examine_latents(patient: Patient) -> Iterator[Finding]:
    """Yield whether the decoder's output depends on z, and the encoder's moments on x."""
    checked = False
    if patient.has("encode"):
        checked = True
        x = patient.images(_IMAGES)
        mean, _ = patient.encode(x)
        if np.ptp(mean, axis=0).max() == 0 and np.ptp(x, axis=0).max() > 0:
            yield Finding(
                "latents unused",
                "the encoder gives every image the same mean",
                f"the means of {len(x)} images differ by nothing",
                "look at what the encoder does with x",
            )
            return
        latents = mean.shape[1]
    elif patient.has("decode") and patient.has("draw"):
        latents = patient.draw(np.zeros((2, 2)), np.zeros((2, 2))).shape[1]
    else:
        latents = 0
    if patient.has("decode") and latents:
        checked = True
        yield from _decoder_uses(patient, latents)
    if not checked:
        yield unchecked("latents", "give `encode` and `decode`")


def _decoder_uses(patient: Patient, latents: int) -> Iterator[Finding]:
    rng = np.random.default_rng(0)
    with patient.mode(False):
        z = rng.standard_normal((8, latents))
        still = patient.decode(z)
        if np.array_equal(still, patient.decode(z)):
            unused = []
            for latent in range(latents):
                moved = z.copy()
                moved[:, latent] += 2.0
                if np.abs(patient.decode(moved) - still).max() == 0:
                    unused.append(latent)
        else:
            yield unchecked("latents", "`decode` gives another output for the same z each time")
            return
    if unused:
        which = "z" if len(unused) == latents else f"latents {unused[:8]} of {latents}"
        yield Finding(
            "latents unused",
            f"the decoder's output does not depend on {which}",
            "moving them by 2 changes no output",
            "look at what the decoder does with z",
        )
    else:
        yield passed("latents", f"the decoder's output depends on all {latents}")


def examine_learning(patient: Patient) -> Iterator[Finding]:
    """Yield whether training steps on twenty images lower their loss."""
    if not patient.has("train_step"):
        yield unchecked("learning", "give `train_step`")
        return
    if not patient.parameters.movable:
        yield unchecked("learning", "the weights cannot be put back: see training step")
        return
    x = patient.images(_IMAGES)
    with patient.kept():
        if is_module(patient.said.parameters):
            patient.said.parameters.train()
        measured = [_measured(patient, x, patient.train_step(x))]
        begin, steps = time.monotonic(), 1
        seconds = min(_SECONDS, max(_LEAST_SECONDS, _ALL_SECONDS - patient.seconds))
        while steps < _STEPS and time.monotonic() - begin < seconds:
            value = patient.train_step(x)
            steps += 1
            measured.append(value if value is not None else np.nan)
            if value is not None and not np.isfinite(value):
                break
        last = _measured(patient, x, measured[-1] if np.isfinite(measured[-1]) else None)
        collapsed = _collapsed(patient, x)
    yield from _judged(patient, measured[0], last, steps, measured, collapsed)


def _measured(patient: Patient, x: Float64, value: float | None) -> float:
    """Return a mean of the loss over some draws; the step's own value where there is no loss."""
    try:
        return float(np.mean([patient.whole(x) for _ in range(5)]))
    except CouldNotCheck:
        return np.nan if value is None else value


def _collapsed(patient: Patient, x: Float64) -> str:
    try:
        mean, log_variance = patient.encode(x)
    except CouldNotCheck:
        return ""
    nats = float(0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1).mean())
    return f"the KL is {nats:.3g} nats an image then"


def _judged(
    patient: Patient, first: float, last: float, steps: int, measured: list[float], kl: str
) -> Iterator[Finding]:
    evidence = f"{first:.5g} before, {last:.5g} after {steps} steps on {_IMAGES} images; {kl}"
    if np.isnan(first) and not any(np.isfinite(value) for value in measured):
        yield unchecked("learning", "neither `loss` nor `train_step` gives a number")
    elif not np.isfinite(last) or any(np.isinf(value) for value in measured):
        yield Finding(
            "loss not finite",
            "training drives the loss out of the finite numbers",
            evidence,
            "lower the learning rate; use the cross-entropy of logits; bound the log-variance",
        )
    elif last > first - 1e-4 * abs(first):
        if steps < _FEWEST:
            yield unchecked("learning", f"only {steps} steps in {_SECONDS:.0f} s: {evidence}")
            return
        yield Finding(
            "does not learn",
            "training on twenty images does not lower their loss",
            evidence,
            "look at the learning rate, the gradient, and what the optimiser was given",
        )
    else:
        yield passed("learning", "twenty images' loss falls", evidence)


def examine_batch_norm(patient: Patient) -> Iterator[Finding]:
    """Yield whether the moments are normalised over the batch, and modes are as they should be."""
    if not patient.has("encode"):
        yield unchecked("batch norm", "give `encode`")
        return
    x = patient.images(_IMAGES)
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
        if spread.min() < 1e-6:
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
