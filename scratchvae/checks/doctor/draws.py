"""Examinations of the draw z = μ + σ ε, from the moments of many draws."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scratchvae.checks.doctor.answers import CouldNotCheck
from scratchvae.checks.doctor.finding import Finding, note, passed, unchecked
from scratchvae.checks.doctor.frameworks import Float64, kept_random_states
from scratchvae.checks.doctor.patient import ROWS, Patient

_SOURCE = "Kingma and Welling (2014), section 2.4: z = μ + σ ε, ε ~ N(0, 1)"
_RIGHT = "z = mean + exp(log_variance / 2) · noise, its noise drawn anew for every latent and image"

_CALLS = 100  # of 20 rows, 2000 draws of each latent: a deviation is known to 1.6 %
_POINTS = ((0.0, 0.0), (3.0, -2.0), (-1.0, 1.5), (0.5, -4.0), (1.0, 0.7))

# What a deviation is by mistake, as a function of the log-variance; the right one first.
_SCALES: dict[str, Callable[[float], float]] = {
    "exp(log_variance / 2)": lambda v: float(np.exp(v / 2)),
    "exp(log_variance)": lambda v: float(np.exp(v)),
    "log_variance": abs,
    "log_variance / 2": lambda v: abs(v / 2),
    "exp(log_variance / 4)": lambda v: float(np.exp(v / 4)),
    "exp(2 log_variance)": lambda v: float(np.exp(2 * v)),
    "exp(−log_variance / 2)": lambda v: float(np.exp(-v / 2)),
    "exp(−log_variance)": lambda v: float(np.exp(-v)),
    "√|log_variance|": lambda v: float(np.sqrt(abs(v))),
    "1, whatever the log-variance": lambda v: 1.0,
    "exp(log_variance / 2) / 2": lambda v: float(np.exp(v / 2) / 2),
    "2 exp(log_variance / 2)": lambda v: float(np.exp(v / 2) * 2),
}


@dataclass(frozen=True)
class Draws:
    """Draws at one mean and log-variance: calls × rows × latents."""

    mean: float
    log_variance: float
    z: Float64

    @property
    def expected(self) -> float:
        """The deviation that is right."""
        return float(np.exp(self.log_variance / 2))


def examine_draw(patient: Patient) -> Iterator[Finding]:
    """Yield whether draws have the moments of N(μ, σ²), and are as many as they should be."""
    if not patient.has("draw"):
        yield unchecked("draw", "give `draw`")
        return
    try:
        with kept_random_states():
            sets = [_drawn(patient, *point) for point in _POINTS]
    except CouldNotCheck as reason:
        yield unchecked("draw", str(reason))
        return
    fault = _without_noise(sets) or _repeated(sets) or _moments(patient, sets) or _shape(sets)
    if fault is not None:
        yield fault
        return
    if _mean_in_evaluation(patient):
        yield note(
            "mean for draw",
            "in evaluation the draw is the mean",
            "at log-variance 1.5 draws in evaluation mode differ from the mean by nothing",
            "draw in evaluation as well where a loss is computed: at the mean it is no bound",
        )
    yield passed("draw", "mean and deviation as they should be", _evidence(sets))


def _mean_in_evaluation(patient: Patient) -> bool:
    moments = np.full((ROWS, patient.latents), 1.5)
    try:
        with patient.mode(False) as could:
            return could and bool(np.allclose(patient.draw(moments, moments), moments, atol=1e-5))
    except CouldNotCheck:
        return False


def _drawn(patient: Patient, mean: float, log_variance: float) -> Draws:
    calls = []
    means = np.full((ROWS, patient.latents), mean)
    log_variances = np.full((ROWS, patient.latents), log_variance)
    for _ in range(_CALLS):
        z = patient.draw(means, log_variances)
        if z.shape != means.shape:
            raise CouldNotCheck(
                f"`draw` gives {z.shape} for moments of shape {means.shape}; one draw a row is "
                "what is checked"
            )
        if not np.isfinite(z).all():
            raise CouldNotCheck(
                f"`draw` gives values that are not finite at {mean}, {log_variance}"
            )
        calls.append(z)
    return Draws(mean, log_variance, np.stack(calls))


def _evidence(sets: list[Draws]) -> str:
    parts = [
        f"at mean {each.mean:g}, log-variance {each.log_variance:g} the draws have mean "
        f"{each.z.mean():.3g} and deviation {each.z.std():.3g}"
        for each in sets[1:3]
    ]
    return "; ".join(parts)


def _without_noise(sets: list[Draws]) -> Finding | None:
    if any(np.ptp(each.z) > 1e-6 * (1 + abs(each.mean)) for each in sets):
        return None
    where = "the mean" if all(np.allclose(each.z, each.mean, atol=1e-5) for each in sets) else ""
    return Finding(
        "mean for draw",
        f"the draw has no noise: it is {where or 'the same number'} each time",
        f"{_CALLS} calls at log-variance 1.5 differ by nothing",
        _RIGHT,
        _SOURCE,
    )


def _repeated(sets: list[Draws]) -> Finding | None:
    """Return the fault of noise that many draws share."""
    z = max(sets, key=lambda each: float(np.ptp(each.z))).z
    calls, rows, latents = z.shape
    same = 1e-5
    if np.abs(z - z[:1]).max() < same:
        return Finding(
            "same noise each step",
            "every call draws the same noise",
            f"{calls} calls with the same moments gave the same draws",
            "make the generator once, outside; do not seed it, nor use one key, at every draw",
            _SOURCE,
        )
    if np.abs(z - z[:, :1]).max() < same:
        shared = "every image of the batch has the same noise"
        if latents > 1 and np.abs(z - z[:, :1, :1]).max() < same:
            shared = "one number is the noise of every image and latent"
    elif latents > 1 and np.abs(z - z[:, :, :1]).max() < same:
        shared = "every latent of an image has the same noise"
    else:
        return _repeated_among_calls(z)
    return Finding(
        "shared noise",
        shared,
        f"within a call of {rows} rows and {latents} latents the draws are equal",
        "draw the noise in the shape of the mean, (N, D)",
        _SOURCE,
    )


def _repeated_among_calls(z: Float64) -> Finding | None:
    """Return the fault of noise that comes again, in later calls or for other rows."""
    distinct = len(np.unique(np.round(z.reshape(-1), 6)))
    if distinct > 0.6 * z.size:
        return None
    return Finding(
        "same noise each step"
        if len(np.unique(z[0].round(6))) > 0.6 * z[0].size
        else "shared noise",
        "the noise repeats itself",
        f"{distinct} different numbers among {z.size}",
        "draw new noise of the mean's shape at every call",
        _SOURCE,
    )


def _moments(patient: Patient, sets: list[Draws]) -> Finding | None:
    measured = [float(each.z.std()) for each in sets]
    located = all(
        abs(each.z.mean() - each.mean) < 6 * max(each.z.std(), 1e-9) / np.sqrt(each.z.size) + 1e-4
        for each in sets
    )
    scale = next(
        (
            name
            for name, right in _SCALES.items()
            if all(
                abs(value - right(each.log_variance)) < 0.05 * right(each.log_variance) + 1e-4
                for value, each in zip(measured, sets, strict=True)
            )
        ),
        None,
    )
    if located and scale == "exp(log_variance / 2)":
        return None
    evidence = _evidence(sets)
    if located and scale is not None:
        cause, sentence = _named(scale, patient.said.spread)
        return Finding(cause, sentence, evidence, _RIGHT, _SOURCE)
    if not located and _uniform(sets):
        return Finding(
            "noise not normal",
            "the noise is uniform in [0, 1): its mean is ½ and its deviation 0.29",
            evidence,
            "draw standard normal noise (randn, not rand)",
            _SOURCE,
        )
    return Finding(
        "draw formula", "the draws are not from N(mean, variance)", evidence, _RIGHT, _SOURCE
    )


def _uniform(sets: list[Draws]) -> bool:
    noise = (sets[0].z - sets[0].mean) / sets[0].expected
    return bool(noise.min() >= -1e-6 and noise.max() <= 1 and abs(noise.mean() - 0.5) < 0.05)


def _named(scale: str, spread: str) -> tuple[str, str]:
    if scale == "exp(log_variance)":
        cause = "log-variance for log-deviation" if spread == "log-deviation" else ""
        return cause or "variance for deviation", (
            "the noise is multiplied by the variance, exp(log_variance), not by the deviation"
        )
    if scale in ("log_variance", "log_variance / 2"):
        return "log-variance for deviation", (
            f"the noise is multiplied by {scale} itself: the exponential is missing"
        )
    if scale == "exp(log_variance / 4)":
        given = {"log-deviation": "the log-deviation is halved again"}
        return "draw formula", given.get(spread, "the root is taken twice: the deviation is √σ")
    return "draw formula", f"the draws' deviation is {scale}, not exp(log_variance / 2)"


def _shape(sets: list[Draws]) -> Finding | None:
    """Return the fault of noise with the right moments that is not normal."""
    noise = np.concatenate([((each.z - each.mean) / each.expected).ravel() for each in sets])
    fourth = float((noise**4).mean())
    error = np.sqrt(96 / noise.size)  # the deviation of a fourth moment of normal draws
    if abs(fourth - 3) < 8 * error:
        return None
    return Finding(
        "noise not normal",
        "the noise has mean 0 and deviation 1, and is not normal",
        f"its fourth moment is {fourth:.3g}; a normal's is 3",
        "draw standard normal noise",
        _SOURCE,
    )
