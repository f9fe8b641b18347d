"""Examinations of training: the loss of twenty images, and latents not used."""

import time
from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, note, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, is_module
from scratchvae.checks.doctor.patient import ROWS, Patient

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
    x = patient.images(ROWS)
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
        x = patient.images(ROWS)
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
        z = rng.standard_normal((ROWS, latents))
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
    x = patient.images(ROWS)
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
        beside = _beside_their_mean(patient, x) if steps >= _FEWEST else None
    yield from _judged(patient, measured[0], last, steps, measured, collapsed)
    if beside is not None and np.isfinite(last) and beside[0] > beside[1] - 1e-3 * abs(beside[1]):
        yield note(
            "learning",
            "the twenty images are reconstructed no better than by their mean image",
            f"the loss is {beside[0]:.5g} after {steps} steps, and {beside[1]:.5g} with the mean "
            "image in place of each reconstruction",
            "train longer; if it stays so, look at whether each reconstruction is compared with "
            "its own image, and at the KL's weight",
        )


def _measured(patient: Patient, x: Float64, value: float | None) -> float:
    """Return a mean of the loss over some draws; the step's own value where there is no loss."""
    try:
        return float(np.mean([patient.whole(x) for _ in range(5)]))
    except CouldNotCheck:
        return np.nan if value is None else value


def _beside_their_mean(patient: Patient, x: Float64) -> tuple[float, float] | None:
    """Return the loss, and the loss with the mean image in place of every reconstruction."""
    if not patient.has("encode", "draw", "decode", "loss") or patient.takes() != 4:
        return None
    try:
        moments = patient.encode(x)
        decoded = [patient.decode(patient.draw(*moments)) for _ in range(5)]
        own = float(np.mean([patient.loss(x, each, *moments) for each in decoded]))
        image = x.mean(axis=0)
        if decoded[0].size != x.size:
            return None
        constants = [image]
        if x.min() >= 0 and x.max() <= 1:  # as probabilities, or as the logits of these
            probabilities = np.clip(image, 1e-3, 1 - 1e-3)
            constants = [probabilities, np.log(probabilities / (1 - probabilities))]
        shape = decoded[0].shape
        losses = [
            patient.loss(x, np.tile(each, (len(x), *[1] * each.ndim)).reshape(shape), *moments)
            for each in constants
        ]
    except CouldNotCheck:
        return None
    finite = [each for each in losses if np.isfinite(each)]
    return (own, min(finite)) if finite else None


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
    evidence = f"{first:.5g} before, {last:.5g} after {steps} steps on {ROWS} images; {kl}"
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
