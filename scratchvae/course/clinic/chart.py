"""A table of what every instrument says of several VAEs."""

from collections.abc import Mapping

from scratchvae.course.clinic.instruments import (
    bound_error,
    coin_error,
    gradient_errors,
    kl_error,
    spread,
)
from scratchvae.course.clinic.patients import Patient

# A right gradient is off by 1e-9 (differences), a wrong one by a percent or more.
_GRADIENT = 1e-5
_SPREAD = 0.02  # seven standard errors of 72,000 numbers
_NATS = 1e-8
_ERRORS = 5.0  # standard errors
_OTHER_BETA = 3.0

HEADINGS = (
    "gradients, β = 1",
    f"gradients, β = {_OTHER_BETA:.0f}",
    "spread of z",
    "KL, nats off",
    "coins, nats off",
    "bound, nats off",
)


def verdicts(vae: Patient) -> list[str]:
    """Return what each instrument says: "right", or what it found."""
    ratio, gap = spread(vae), bound_error(vae)
    return [
        _of_gradients(gradient_errors(vae)),
        _of_gradients(gradient_errors(vae, _OTHER_BETA)),
        "right" if abs(ratio - 1) < _SPREAD else f"**{ratio:.2g} times**",
        *(_of_nats(off, _NATS) for off in (kl_error(vae), coin_error(vae))),
        _of_nats(gap.nats, _ERRORS * gap.error),
    ]


def chart(patients: Mapping[str, Patient]) -> str:
    """Return a table in Markdown: a row for each VAE, a column for each instrument."""
    rows = [f"| | {' | '.join(HEADINGS)} |", "|---" * (len(HEADINGS) + 1) + "|"]
    rows += [f"| {name} | {' | '.join(verdicts(vae))} |" for name, vae in patients.items()]
    return "\n".join(rows)


def _of_gradients(errors: dict[str, float]) -> str:
    wrong = [name for name, error in errors.items() if not error < _GRADIENT]
    return f"**wrong: {', '.join(wrong)}**" if wrong else "right"


def _of_nats(off: float, allowed: float) -> str:
    return "right" if abs(off) <= allowed else f"**{off:+.2f}**"
