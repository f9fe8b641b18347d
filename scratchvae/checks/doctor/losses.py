"""Examinations of the loss: its two terms, their weights, and what is fed to it."""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, note, passed, unchecked
from scratchvae.checks.doctor.kl_term import CLOSED_FORM, KLTerm, kl_term
from scratchvae.checks.doctor.patient import ROWS, Patient
from scratchvae.checks.doctor.probing import CLOSE, Probe
from scratchvae.checks.doctor.reconstruction_term import (
    ReconstructionTerm,
    formula_total,
    reconstruction_term,
)
from scratchvae.checks.doctor.weighing import weigh
from scratchvae.checks.doctor.whole import examine_whole

_KL_SOURCE = "Kingma and Welling (2014), appendix B"
_RIGHT = "½ Σ (mean² + exp(log_variance) − 1 − log_variance)"


def examine_terms(patient: Patient) -> Iterator[Finding]:
    """Yield what the loss's KL and reconstruction are, and how they are weighed."""
    if not patient.has("loss"):
        yield unchecked("the loss's terms", "give `loss`")
        return
    if patient.takes() == 1:
        yield from examine_whole(patient)
        return
    try:
        probe = Probe(patient)
        if patient.takes() == 2:
            raise CouldNotCheck(
                "`loss` takes no mean and spread: give one that returns reconstruction and KL"
            )
        kl = kl_term(probe)
    except CouldNotCheck as reason:
        yield unchecked("KL", str(reason))
        kl = None
        probe = None
    if kl is not None:
        yield from _judged_kl(patient, kl)
    try:
        probe = probe or Probe(patient)
        term = reconstruction_term(probe)
    except CouldNotCheck as reason:
        yield unchecked("reconstruction", str(reason))
        return
    yield from _judged_reconstruction(patient, term)
    if kl is not None and kl.right and kl.weight.value > 0 and (term.bernoulli or term.gaussian):
        yield from weigh(patient, probe.sizes, kl, term)
        yield from _judged_constant(probe, kl, term)


def _judged_kl(patient: Patient, kl: KLTerm) -> Iterator[Finding]:
    if kl.absent:
        if patient.said.beta == 0:
            yield passed("KL", "there is none, and β was stated as 0")
            return
        yield Finding(
            "KL scale",
            "the loss has no KL: it does not change with mean and log-variance",
            "the same value at mean 0 and 2, log-variance −2 and 1.4",
            f"add {_RIGHT}",
            _KL_SOURCE,
        )
    elif kl.right and kl.weight.value < 0:
        yield Finding(
            "KL sign",
            "the KL has the wrong sign: training drives the posterior away from the prior",
            f"the loss falls by {abs(kl.weight.per_image):.4g} for each nat of KL",
            f"add the KL to the loss, {_RIGHT}",
            _KL_SOURCE,
        )
    elif kl.right:
        yield passed("KL", f"the closed form, times {kl.weight.per_image:.4g} an image")
    else:
        yield from _wrong_kl(kl)


def _wrong_kl(kl: KLTerm) -> Iterator[Finding]:
    found = kl.fit.coefficients
    scale = found.get("mean²", 0.0) * 2
    evidence = (
        f"the loss changes with a latent as {_shown(kl)}, and the KL is {_RIGHT} but for a factor"
    )
    cause, sentence = "KL formula", _named(found, scale)
    if _is(found, scale, {"mean²": 0.5, "exp(2 log_variance)": 0.5, "log_variance": -1.0}):
        cause = "log-variance for log-deviation"
    elif scale < 0 and all(
        found.get(name, 0.0) * value <= 0 for name, value in CLOSED_FORM.items()
    ):
        cause, sentence = "KL sign", "the KL has the wrong sign, and not the closed form"
    yield Finding(cause, sentence, evidence, f"use {_RIGHT}", _KL_SOURCE)


def _shown(kl: KLTerm) -> str:
    size = max(abs(value) for value in kl.fit.coefficients.values())
    scale = abs(2 * kl.fit.coefficients.get("mean²", 0.0)) or size
    parts = [
        f"{'−' if value < 0 else '+'} {abs(value / scale):.3g} {name}"
        for name, value in kl.fit.coefficients.items()
        if abs(value) > CLOSE * size
    ]
    return " ".join(parts).removeprefix("+ ")


def _is(found: dict[str, float], scale: float, wanted: dict[str, float]) -> bool:
    names = set(found) | set(wanted)
    return scale != 0 and all(
        abs(found.get(name, 0.0) / scale - wanted.get(name, 0.0)) < 0.02 for name in names
    )


def _named(found: dict[str, float], scale: float) -> str:
    if _is(found, scale, {"mean²": 0.5, "exp(2 log_variance)": 0.5, "log_variance": -1.0}):
        return (
            "the KL takes the log-variance for a log-deviation: its variance is exp(2 log_variance)"
        )
    missing = [
        name
        for name in CLOSED_FORM
        if abs(found.get(name, 0.0)) < 0.01 * max(map(abs, found.values()))
    ]
    if missing and not set(found) - set(CLOSED_FORM):
        return f"the KL lacks its term in {missing[0]}"
    if "exp(log_variance/2)" in found and "exp(log_variance)" not in found:
        return "the KL has the deviation where the variance belongs"
    if "log_variance²" in found and "exp(log_variance)" not in found:
        return "the KL has the log-variance squared where the variance belongs"
    return "the KL is not that of a diagonal Gaussian from N(0, 1)"


def _judged_constant(probe: Probe, kl: KLTerm, term: ReconstructionTerm) -> Iterator[Finding]:
    """Yield whether the KL is 0 at the prior, where the reconstruction's own value is known."""
    if not term.bernoulli or probe.noisy:
        return
    flat = (each.reshape(probe.rows, -1) for each in (probe.x(), probe.reconstruction()))
    left = probe.still(probe.rows) - term.weight.value * formula_total(term.formula, *flat)
    constant = left / probe.rows / kl.weight.value
    usual = [0.5 * probe.latents, 0.5 * (probe.latents - 1)]
    if not any(value and abs(abs(constant) / value - 1) < 0.01 for value in usual):
        return
    yield Finding(
        "KL formula",
        "the KL is not 0 where the posterior is the prior: its constant is wrong, and its gradient "
        "is not",
        f"at mean 0 and log-variance 0 it is {constant:.4g} nats an image, with {probe.latents} "
        "latents",
        f"use {_RIGHT}, with −1 for each latent",
        _KL_SOURCE,
    )


def _judged_reconstruction(patient: Patient, term: ReconstructionTerm) -> Iterator[Finding]:
    wanted = patient.said.likelihood
    evidence = f"as a function of the decoder's output it is {term.formula}"
    if term.weight.value < 0:
        yield Finding(
            "reconstruction formula",
            "the reconstruction has the wrong sign: training makes it worse",
            f"{evidence}, times {term.weight.per_image:.4g}",
            "add the negative log-likelihood to the loss",
        )
    elif not (term.bernoulli or term.gaussian):
        yield Finding(
            "reconstruction formula",
            "the reconstruction is the negative log-likelihood of no distribution",
            evidence,
            "use −log p(x|z): a cross-entropy for a Bernoulli, squared error / (2 variance) for "
            "a Gaussian",
        )
    elif (wanted == "bernoulli" and term.gaussian) or (wanted == "gaussian" and term.bernoulli):
        yield Finding(
            "reconstruction formula",
            f"the likelihood was stated as {wanted}, and the loss has another",
            evidence,
            "say the likelihood that is meant, or change the loss",
        )
    else:
        yield passed("reconstruction", f"{term.formula}, times {term.weight.per_image:.4g}")
    yield from _judged_range(patient, term)


def _judged_range(patient: Patient, term: ReconstructionTerm) -> Iterator[Finding]:
    """Yield whether the decoder gives what the loss takes, and pixels are what it is for."""
    takes_logits = term.formula in ("cross-entropy of logits", "squared error of sigmoid(output)")
    given = patient.said.decoder_gives
    evidence = f"the loss has the {term.formula}"
    with_range = _range(patient)
    if with_range is not None:
        least, most = with_range
        evidence += f"; at latents up to ±50 the decoder's outputs lie in [{least:.3g}, {most:.3g}]"
        seen = "probabilities" if least >= 0 and most <= 1 else "numbers of any size"
    else:
        seen = given or ""
    if takes_logits and seen == "probabilities":
        yield Finding(
            "probabilities for logits",
            "probabilities are taken for logits: the loss applies a sigmoid to what is one already",
            evidence,
            "return the decoder's output before its sigmoid, or use the cross-entropy of "
            "probabilities",
        )
    elif term.formula == "cross-entropy of probabilities" and seen in (
        "logits",
        "means",
        "numbers of any size",
    ):
        yield Finding(
            "logits for probabilities",
            "logits are taken for probabilities",
            evidence,
            "end the decoder with a sigmoid, or use the cross-entropy of logits",
        )
    elif seen:
        yield passed("decoder's output", f"{seen}, as the loss takes them")
        if given and with_range and (given == "probabilities") != (seen == "probabilities"):
            yield note("decoder's output", f"stated as {given}", f"they are {seen}: {evidence}")


def _range(patient: Patient) -> tuple[float, float] | None:
    """Return the least and the largest output of the decoder at latents far and near."""
    try:
        probe = Probe(patient)
        if not patient.has("decode"):
            return None
        rng = np.random.default_rng(3)
        z = (
            rng.standard_normal((ROWS, probe.latents))
            * np.repeat([1.0, 7.0, 50.0, 50.0], ROWS // 4)[:, None]
        )
        output = patient.decode(z)
    except CouldNotCheck:
        return None
    return float(output.min()), float(output.max())


def examine_pixels(patient: Patient) -> Iterator[Finding]:
    """Yield whether the images lie where their likelihood has them."""
    if patient.data is None:
        yield unchecked("pixels", "give `data`, a batch of images")
        return
    least, most = float(patient.data.min()), float(patient.data.max())
    if _likelihood(patient) != "bernoulli":
        yield passed("pixels", f"in [{least:.4g}, {most:.4g}]")
    elif least < -1e-6 or most > 1 + 1e-6:
        yield Finding(
            "pixels out of range",
            "a Bernoulli's pixels lie in [0, 1], and these do not: the loss has no lower bound",
            f"the least is {least:.4g}, the largest {most:.4g}",
            "divide bytes by 255; do not standardise or rescale to [−1, 1] for a Bernoulli",
        )
    else:
        yield passed("pixels", f"in [{least:.4g}, {most:.4g}], as a Bernoulli has them")


def _likelihood(patient: Patient) -> str | None:
    if patient.said.likelihood is not None:
        return patient.said.likelihood
    try:
        return "bernoulli" if reconstruction_term(Probe(patient)).bernoulli else "gaussian"
    except CouldNotCheck:
        return None
