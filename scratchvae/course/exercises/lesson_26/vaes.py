"""Nine broken VAEs to mend: each is the healthy one with a fault, and is judged against it.

Dimensions: N images of P pixels, H hidden units, D latents.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scratchvae.course.clinic.networks import Parameters, parameters
from scratchvae.course.clinic.patients import (
    HEALTHY,
    PATIENTS,
    Faults,
    averaged,
    averaged_divergence,
    bernoulli,
    divergence,
    mixed,
    mixed_divergence,
    squashed,
    swapped,
    vae,
)
from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.validation import FloatArray


def _with_gradients_in_line(function: Any) -> Callable[..., Any]:
    """Return a function whose gradients are one array, in the order of the parameters."""

    def run(p: Parameters, x: FloatArray, eps: FloatArray, beta: float) -> Any:
        found = function(p, x, eps, beta)
        if not isinstance(found, tuple) or len(found) != 4:
            return found
        loss, kl, z, gradients = found
        if not isinstance(gradients, dict):
            return loss, kl, z, None
        each = [np.ravel(gradients[name]) for name in p]
        return loss, kl, z, np.concatenate(each)

    return run


def _draw_case(
    random: np.random.Generator,
) -> tuple[Parameters, FloatArray, FloatArray, float]:
    count, pixels, hidden, latents = unequal_sizes(random, 4, 2, 7)
    p = parameters(pixels, hidden, latents, random)
    x = (random.random((count, pixels)) < 0.5).astype(np.float64)
    x[0, :2] = 0, 1  # some of either
    # Not 1: with that, a β that was forgotten would be right.
    return p, x, random.standard_normal((count, latents)), float(random.uniform(1.5, 4))


def _patient(number: int, half: Mapping[str, Faults], hints: tuple[str, ...]) -> Exercise:
    """Return the exercise to mend a patient; ``half`` are ways of mending half of it."""
    return Exercise(
        name=f"patient-{number}",
        answer=HEALTHY,
        use=_with_gradients_in_line,
        draw=_draw_case,
        planted=vae(PATIENTS[number]),
        mistakes={sentence: vae(faults) for sentence, faults in half.items()},
        hints=hints,
        returns=("the loss", "the KL", "z", "the gradients"),
    )


_FORWARD_ONLY = (
    "forwards it is mended; backwards it still differentiates what was there before: the gradients "
    "must change with it"
)
_BACKWARD_ONLY = "the gradients are mended, but the loss still has the bug"


def _slope(y: FloatArray) -> FloatArray:
    share: FloatArray = 1 / (1 + np.exp(-y))
    return share * (1 - share)


def _without_constant(
    mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    kl, d_mean, d_log_variance = divergence(mean, log_variance)
    return kl + 0.5 * mean.shape[1], d_mean, d_log_variance


MENDED: tuple[Exercise, ...] = (
    _patient(
        1,
        {
            _FORWARD_ONLY: Faults(power_back=1.0, slope=1.0),
            _BACKWARD_ONLY: Faults(power=1.0, power_back=0.5),
            "z is mended; the derivative of e^(l/2) brings a ½ with it, in d_log_var": Faults(
                slope=1.0
            ),
            "you halved the result; halve the logarithm, inside the exponential": Faults(
                noise=0.5, noise_back=0.5, power=1.0, slope=1.0
            ),
        },
        (
            "The chart says that the spread of z is wrong, and the gradients fit it. Which line "
            "makes z?",
            "What is the exponential of a log-variance, and what does noise have to be multiplied "
            "by?",
            "z = mean + np.exp(log_var / 2) * eps, and in d_log_var the derivative of that.",
        ),
    ),
    _patient(
        2,
        {
            _FORWARD_ONLY: Faults(nats=mixed(bernoulli, averaged)),
            _BACKWARD_ONLY: Faults(nats=mixed(averaged, bernoulli)),
            "now both terms are averaged over numbers of their own; nats per image are summed over "
            "pixels and over latents": Faults(nats=averaged, kl=averaged_divergence),
        },
        (
            "Six tosses of a fair coin should cost 6 log 2.",
            "An image's reconstruction is a sum over its pixels. What is it here?",
            "sum(axis=1), and no division by the number of pixels in dy.",
        ),
    ),
    _patient(
        3,
        {
            _FORWARD_ONLY: Faults(kl=mixed_divergence(divergence, averaged_divergence)),
            _BACKWARD_ONLY: Faults(kl=mixed_divergence(averaged_divergence, divergence)),
        },
        (
            "Only the KL is off, and the bound by the same amount.",
            "The KL of an image is a sum over its latents.",
            "sum(axis=1) in kl, and no division by the number of latents in d_mean and d_log_var.",
        ),
    ),
    _patient(
        4,
        {
            "now the constant is gone altogether: every latent has its own −1": Faults(
                kl=_without_constant
            ),
        },
        (
            "The KL is off by a number that has no derivative.",
            "What is the KL of a q that is N(0, I)? And here?",
            "The −1 belongs inside the sum over latents.",
        ),
    ),
    _patient(
        5,
        {
            _FORWARD_ONLY: Faults(noise_back=0.01),
            _BACKWARD_ONLY: Faults(noise=0.01),
        },
        (
            "By how much is the spread of z off?",
            "The KL is computed for another spread than the draws have, so it is no bound.",
            "The noise must be used as it comes, in z and in d_log_var.",
        ),
    ),
    _patient(
        6,
        {
            _FORWARD_ONLY: Faults(nats=mixed(bernoulli, squashed)),
            _BACKWARD_ONLY: Faults(nats=mixed(squashed, bernoulli)),
            "dy still goes through a sigmoid that is no longer there": Faults(
                nats=lambda x, y: (
                    bernoulli(x, y)[0],
                    bernoulli(x, y)[1] * _slope(y),
                )
            ),
            "y holds the logits now, so dy loses the factor y (1 − y) too": Faults(
                nats=lambda x, y: (bernoulli(x, y)[0], bernoulli(x, y)[1] * y * (1 - y))
            ),
            "dy is sigmoid(y) − x: without its logits' sigmoid it is not the slope": Faults(
                nats=lambda x, y: (bernoulli(x, y)[0], y - x)
            ),
        },
        (
            "What is the largest probability that a pixel can have here, and the smallest?",
            "log(1 + e^y) − x y takes logits. What is it given?",
            "One sigmoid is too many: use y itself in nats, and sigmoid(y) − x in dy.",
        ),
    ),
    _patient(
        7,
        {
            _FORWARD_ONLY: Faults(nats=mixed(bernoulli, swapped)),
            _BACKWARD_ONLY: Faults(nats=mixed(swapped, bernoulli)),
        },
        (
            "The cost of an image cannot be negative if its pixels are 0 or 1. Can it be here?",
            "Which of the two belongs into the logarithm, the image or the logits?",
            "np.logaddexp(0, y) − x * y, whose derivative by y is sigmoid(y) − x.",
        ),
    ),
    _patient(
        8,
        {
            "the ½ is missing: z depends on the log-variance through e^(l/2)": Faults(slope=1.0),
            "now it has the wrong sign": Faults(slope=-0.5),
            "z contains e^(l/2), and so does its derivative; e^l is the variance": Faults(
                power_back=1.0
            ),
        },
        (
            "The encoder's gradients are wrong, the decoder's right. What lies between?",
            "The log-variance reaches the loss along two paths. Both must come back.",
            "dz * 0.5 * np.exp(log_var / 2) * eps is missing in d_log_var.",
        ),
    ),
    _patient(
        9,
        {
            "in d_log_var the β is still missing": Faults(weight_back=(None, 1.0)),
            "in d_mean the β is still missing": Faults(weight_back=(1.0, None)),
        },
        (
            "With β = 1 all is well.",
            "Does the gradient know β?",
            "Both terms that come from the KL, in d_mean and d_log_var, take the factor beta.",
        ),
    ),
)


WHICH_FAULTS_HIDE = Question(
    name="which-faults-hide",
    kind="predict",
    answer="C",
    mistakes={
        "a wrong factor in a gradient is what the check is made for": "A",
        "what is dropped on the way back is still there forwards: the slopes see it": "B",
        "with another β it shows": "D",
    },
    hints=(
        "A gradient check compares the backward pass with the forward pass as it is.",
        "Which of the four is a mistake made in the same way forwards and backwards?",
    ),
)
