"""Exercises on the steps of a diffusion: there, back, and what a step back costs.

Dimensions: N images of P pixels.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import diffuse, guessed_image, posterior, step_nats
from scratchvae.validation import FloatArray


def _draw_images(random: np.random.Generator) -> tuple[FloatArray, float, FloatArray]:
    images, pixels = unequal_sizes(random, 2)
    x, eps = random.standard_normal((2, images, pixels))
    return x, float(random.uniform(0.5, 2.0) * random.choice([-1, 1])), eps


def _draw_step(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float, float]:
    x, log_snr, eps = _draw_images(random)
    return x, eps, log_snr + float(random.uniform(0.3, 1.5)), log_snr


def _draw_guess(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    z, log_snr, guess = _draw_images(random)
    return z, guess, log_snr


def _draw_errors(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    eps, guess, _ = _draw_guess(random)
    return eps, guess, float(random.uniform(0.3, 1.5))


def _signal(log_snr: float) -> float:
    return float(1 / (1 + np.exp(-log_snr)))


DIFFUSE = Exercise(
    name="diffuse",
    piece="diffuse",
    answer=diffuse,
    draw=_draw_images,
    mistakes={
        "α and σ are the roots of the shares; these are the shares themselves": (
            lambda x, log_snr, eps: _signal(log_snr) * x + (1 - _signal(log_snr)) * eps
        ),
        "signal and noise have changed places": lambda x, log_snr, eps: diffuse(x, -log_snr, eps),
        "α² and σ² must add up to 1": lambda x, log_snr, eps: x + np.exp(-log_snr / 2) * eps,
        "the logarithm is of α²/σ², not of α/σ": lambda x, log_snr, eps: diffuse(
            x, 2 * log_snr, eps
        ),
    },
    hints=(
        "With r = e^(log_snr): α² = r / (1 + r) and σ² = 1 / (1 + r).",
        "α² = 1 / (1 + exp(−log_snr)). Then z = α x + σ eps, with the roots.",
    ),
    returns=("z",),
)


def _other_posterior(
    z: FloatArray, x: FloatArray, log_snr_before: float, log_snr: float, *, swapped: bool
) -> tuple[FloatArray, float]:
    """Return the posterior with the two weights swapped, or with the noise of the step alone."""
    before, now = _signal(log_snr_before), _signal(log_snr)
    step = np.sqrt(now / before)
    added = (1 - now) - step**2 * (1 - before)
    if swapped:
        mean = step * added / (1 - now) * z + np.sqrt(before) * (1 - before) / (1 - now) * x
        return mean, added * (1 - before) / (1 - now)
    return posterior(z, x, log_snr_before, log_snr)[0], added


POSTERIOR = Exercise(
    name="posterior",
    piece="posterior",
    answer=posterior,
    draw=_draw_step,
    mistakes={
        "the weights of z and x have changed places": lambda *given: _other_posterior(
            *given, swapped=True
        ),
        "that variance is what the step adds; z_t and x together know more": (
            lambda *given: _other_posterior(*given, swapped=False)
        ),
        "the layers have changed places: t − 1 has the larger ratio": (
            lambda z, x, before, now: posterior(z, x, now, before)
        ),
        "z_{t−1} lies around α_{t−1} x, and not around α_t x": lambda z, x, before, now: posterior(
            z, np.sqrt(_signal(now) / _signal(before)) * x, before, now
        ),
        "a standard deviation in place of the variance": lambda *given: (
            posterior(*given)[0],
            posterior(*given)[1] ** 0.5,
        ),
    },
    hints=(
        "Two Gaussians in z_{t−1}: around α_{t−1} x with variance σ²_{t−1}, and, since "
        "z_t = a z_{t−1} + noise of variance s², around z_t / a with variance s² / a².",
        "Precisions add up, and means are weighted by them. a = α_t/α_{t−1}, "
        "s² = σ²_t − a² σ²_{t−1}.",
        "variance = s² σ²_{t−1} / σ²_t, mean = (a σ²_{t−1} z + α_{t−1} s² x) / σ²_t.",
    ),
    returns=("mean", "variance"),
)

GUESSED_IMAGE = Exercise(
    name="guessed-image",
    piece="guessed_image",
    answer=guessed_image,
    draw=_draw_guess,
    mistakes={
        "the division by α is missing": lambda z, guess, log_snr: (
            z - np.sqrt(1 - _signal(log_snr)) * guess
        ),
        "the noise counts σ, not 1": lambda z, guess, log_snr: (
            (z - guess) / np.sqrt(_signal(log_snr))
        ),
        "the noise is to be subtracted": lambda z, guess, log_snr: guessed_image(
            z, -guess, log_snr
        ),
        "α and σ are the roots of the shares": lambda z, guess, log_snr: (
            (z - (1 - _signal(log_snr)) * guess) / _signal(log_snr)
        ),
    },
    hints=(
        "Solve z = α x + σ ε for x.",
        "α² = 1 / (1 + exp(−log_snr)); (z − σ guess) / α.",
    ),
    returns=("the image",),
)

STEP_NATS = Exercise(
    name="step-nats",
    piece="step_nats",
    answer=step_nats,
    draw=_draw_errors,
    mistakes={
        "e^Δ − 1, not Δ: the two are close only for small steps": lambda eps, guess, step: (
            0.5 * step * ((eps - guess) ** 2).sum(axis=-1)
        ),
        "e^Δ is the ratio of the ratios; 1 is still to be subtracted": lambda eps, guess, step: (
            0.5 * np.exp(step) * ((eps - guess) ** 2).sum(axis=-1)
        ),
        "the ½ is missing": lambda eps, guess, step: 2 * step_nats(eps, guess, step),
        "pixels are summed, not averaged": lambda eps, guess, step: (
            step_nats(eps, guess, step) / eps.shape[-1]
        ),
        "each image has nats of its own; do not average over them": lambda eps, guess, step: (
            step_nats(eps, guess, step).mean()
        ),
    },
    hints=(
        "x − x̂ = (σ/α)(ε̂ − ε): insert it into (25.6).",
        "½ (r_{t−1} − r_t) σ²/α² is ½ (r_{t−1}/r_t − 1), and that ratio is e^Δ.",
    ),
    returns=("nats",),
)
