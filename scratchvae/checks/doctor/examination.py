"""All examinations of a VAE, one after the other."""

from collections.abc import Callable, Iterable
from typing import Any

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.batch_norm import examine_batch_norm
from scratchvae.checks.doctor.description import Description, described, description_of
from scratchvae.checks.doctor.draws import examine_draw
from scratchvae.checks.doctor.evidence import examine_evidence
from scratchvae.checks.doctor.finding import Finding, failing, unchecked
from scratchvae.checks.doctor.frameworks import kept_random_states
from scratchvae.checks.doctor.losses import examine_pixels, examine_terms
from scratchvae.checks.doctor.moments import examine_moments
from scratchvae.checks.doctor.paths import examine_paths
from scratchvae.checks.doctor.patient import Patient
from scratchvae.checks.doctor.report import DoctorReport
from scratchvae.checks.doctor.steps import examine_steps
from scratchvae.checks.doctor.training import (
    examine_latents,
    examine_learning,
    examine_start,
)
from scratchvae.checks.doctor.validation import examine_validation
from scratchvae.errors import InputError

Examination = Callable[[Patient], Iterable[Finding]]

EXAMINATIONS: dict[str, Examination] = {
    "pixels": examine_pixels,
    "moments": examine_moments,
    "draw": examine_draw,
    "loss at the start": examine_start,
    "loss": examine_terms,
    "bound": examine_evidence,
    "validation loss": examine_validation,
    "gradient's paths": examine_paths,
    "batch norm": examine_batch_norm,
    "latents": examine_latents,
    "training step": examine_steps,
    "learning": examine_learning,
}


def doctor(**parts: Any) -> DoctorReport:
    """Return what is wrong with a VAE, in NumPy, PyTorch or JAX, with the evidence.

    Give what there is of the VAE, as functions of arrays of its own framework; what is missing
    "could not be checked". The functions are only run. Weights that a training step has changed
    are put back, and so are the states of the global random numbers.

    In NumPy::

        print(scratchvae.doctor(
            data=x, encode=encode, draw=sample, decode=decode, loss=vae_loss,
            train_step=step, parameters=weights, likelihood="bernoulli",
        ))

    In PyTorch, where the module's own mode and weights are looked after::

        print(scratchvae.doctor(
            data=next(iter(loader))[0], encode=model.encode, draw=model.reparameterize,
            decode=model.decode, loss=lambda x, y, mu, logvar: loss_function(y, x, mu, logvar),
            train_step=step, parameters=model,
        ))

    In JAX, with the weights in a dict or list, so that they can be put back::

        print(scratchvae.doctor(
            data=x, encode=lambda x: encode(state["params"], x), decode=lambda z: decode(
            state["params"], z), draw=lambda m, s, noise: m + jnp.exp(s / 2) * noise,
            loss=loss, train_step=step, parameters=lambda: state["params"],
        ))

    Parameters
    ----------
    data
        A batch (N, ...) of images as the model is fed with.
    encode
        ``encode(x)`` returns (mean, spread), both (N, D).
    spread
        What the second is: ``"log-variance"`` (the default), ``"variance"``, ``"deviation"`` or
        ``"log-deviation"``.
    draw
        ``draw(mean, spread)``, or ``draw(mean, spread, noise)``, returns z, (N, D).
    decode
        ``decode(z)`` returns the decoder's output, (N, ...).
    decoder_gives
        ``"probabilities"``, ``"logits"`` or ``"means"``; it is looked at if it is not said.
    loss
        ``loss(x, reconstruction, mean, spread)``, or ``loss(x)`` of the whole model: a number, or
        a tuple or dict whose first, or ``"loss"``, is the number. Arguments with usual names, as
        ``recon_x``, ``mu`` and ``logvar``, are recognised in any order.
    validation_loss
        The same for validation, if it is another function.
    train_step
        ``train_step(x)`` takes one step, and may return the loss.
    parameters
        A ``torch.nn.Module``; a list or dict of arrays, of layers or of objects with ``data``; a
        model that has these, or a method ``parameters``; or a function that returns them.
    likelihood, variance
        ``"bernoulli"`` or ``"gaussian"``, and the latter's variance.
    beta
        The weight of the KL that is meant; 1 if it is not said.
    training
        ``training(flag)`` puts a model that is no ``nn.Module`` in training or evaluation mode.

    Returns
    -------
    DoctorReport
        Printed, a table: ``findings`` with the root cause first, ``notes``, what is right, and
        what could not be checked. ``report.passed`` says whether nothing is wrong, and no part
        failed whenever it was called.

    Raises
    ------
    InputError
        An unknown name, no part of a VAE at all, or a part that is of another kind; or if every
        part that was called failed in every call.
    """
    return _examined(described(parts))


def doctor_of(value: Any) -> DoctorReport:
    """Return what is wrong with the VAE that an object describes: see ``doctor``."""
    return _examined(description_of(value))


def _examined(description: Description) -> DoctorReport:
    rows: list[Finding] = []
    with kept_random_states():
        patient = Patient(description)
        with patient.kept():
            for name, examine in EXAMINATIONS.items():
                try:
                    rows += examine(patient)
                except CouldNotCheck as reason:
                    rows.append(unchecked(name, str(reason)))
    broken = patient.answers.failing
    if broken and patient.answers.none and not any(row.kind == "fault" for row in rows):
        name, how = next(iter(broken.items()))
        others = f", and so with {', '.join(list(broken)[1:])}" if len(broken) > 1 else ""
        raise InputError(
            f"there is nothing to examine: `{name}` {how}, in every call{others}",
            "call it on a batch of your data, and mend what it says",
        )
    rows = [failing(name, how) for name, how in broken.items()] + rows
    given = [name for name in ("encode", "draw", "decode", "loss") if patient.has(name)]
    return DoctorReport(f"doctor of a VAE in {patient.framework.name}: {', '.join(given)}", rows)
