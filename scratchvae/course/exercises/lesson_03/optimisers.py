"""The exercises of lesson 3 on optimisers and schedules."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import Adam, Momentum, cosine
from scratchvae.course.program.layers import Arrays
from scratchvae.validation import FloatArray

STEPS = 3
_IDLE = (
    "The parameters are as before: value -= ... changes the network's own array, and value = "
    "value - ... makes another one, which nobody sees."
)
_RETURNS = ("the weight after each step", "the bias after each step", "the usual constants")


def largest_stable_rate(curvatures: FloatArray) -> float:
    """Return the learning rate at which descent on ½ Σ λ θ² stops converging: eq. 3.3, eq. 3.4."""
    return float(2 / curvatures.max())


def _used_momentum(kind: Any) -> Callable[..., Any]:
    def run(value: FloatArray, gradients: FloatArray, rate: float, momentum: float) -> Any:
        return _after_steps(
            lambda p: kind(p, rate, momentum), lambda p: kind(p, rate), value, gradients
        )

    return run


def _used_adam(kind: Any) -> Callable[..., Any]:
    def run(
        value: FloatArray,
        gradients: FloatArray,
        rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> Any:
        return _after_steps(
            lambda p: kind(p, rate, beta_1, beta_2, epsilon), kind, value, gradients
        )

    return run


def _after_steps(
    make: Callable[[Arrays], Any],
    usual: Callable[[Arrays], Any],
    value: FloatArray,
    gradients: FloatArray,
) -> Any:
    """Return two parameters after each step, and one after steps with the usual constants.

    ``None`` if nothing moves at all. The parameters have different shapes and gradients, so that
    what must be kept for each of them cannot be shared.
    """
    start = {"weight": value.copy(), "bias": value[0].copy()}
    parameters, weights, biases = {**start}, [], []
    optimiser = make(parameters)
    for gradient in gradients:
        optimiser.step({"weight": gradient, "bias": 3 * gradient[1]})
        weights.append(start["weight"].copy())
        biases.append(start["bias"].copy())
    if np.array_equal(weights[-1], value):
        return None
    alone = {"weight": value.copy()}
    optimiser = usual(alone)
    for gradient in gradients:
        optimiser.step({"weight": gradient})
    return np.stack(weights), np.stack(biases), alone["weight"]


class _Damped(Momentum):
    def step(self, gradients: Arrays) -> None:
        for name, value in self.parameters.items():
            velocity = self.velocity[name]
            velocity *= self.momentum
            velocity += (1 - self.momentum) * gradients[name]
            value -= self.rate * velocity


class _Plain(Momentum):
    def step(self, gradients: Arrays) -> None:
        for name, value in self.parameters.items():
            value -= self.rate * gradients[name]


class _Late(Momentum):
    def step(self, gradients: Arrays) -> None:
        for name, value in self.parameters.items():
            value -= self.rate * (self.momentum * self.velocity[name])
            self.velocity[name] = self.momentum * self.velocity[name] + gradients[name]


class _Uphill(Momentum):
    def step(self, gradients: Arrays) -> None:
        super().step({name: -gradient for name, gradient in gradients.items()})


def _draw_momentum(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float, float]:
    shape = unequal_sizes(random, 2)
    value, gradients = random.standard_normal(shape), random.standard_normal((STEPS, *shape))
    return value, gradients, float(random.uniform(0.1, 0.5)), float(random.uniform(0.5, 0.9))


MOMENTUM = Exercise(
    name="momentum",
    piece="Momentum",
    answer=Momentum,
    use=_used_momentum,
    draw=_draw_momentum,
    mistakes={
        "the gradient is not multiplied by 1 − μ here; that is a running mean, as in Adam": _Damped,
        "the velocity is missing: this is plain gradient descent": _Plain,
        "the step uses the velocity from before; update it first": _Late,
        "the step goes uphill: θ moves against the velocity": _Uphill,
    },
    hints=(
        "Two lines for each parameter: its velocity, then its value, both changed in place.",
        "value -= … changes the caller's array; value = value - … would make a new one, and the "
        "network would never know.",
    ),
    idle=_IDLE,
    returns=_RETURNS,
)


class _OtherAdam(Adam):
    """Adam with mistakes that can be switched on."""

    late = 0
    squared = corrected = corrected_first = corrected_second = rooted = powers = True
    inside = counted_often = corrected_kept = forgotten = False

    def step(self, gradients: Arrays) -> None:
        self.steps += not self.counted_often
        for name, value in self.parameters.items():
            self.steps += self.counted_often
            t = self.steps - self.late
            first, second, g = self.first[name], self.second[name], gradients[name]
            first += (1 - self.beta_1) * (g - first)
            second += (1 - self.beta_2) * ((g**2 if self.squared else g) - second)
            if self.forgotten:
                self.first[name], self.second[name] = np.zeros_like(first), np.zeros_like(second)
            mean, square = first, second
            if self.corrected and self.corrected_first:
                mean = mean / (1 - (self.beta_1**t if self.powers else self.beta_1 * t))
            if self.corrected and self.corrected_second:
                square = square / (1 - (self.beta_2**t if self.powers else self.beta_2 * t))
            if self.corrected_kept:
                self.first[name], self.second[name] = mean, square
            size = np.sqrt(square + self.epsilon) if self.inside else np.sqrt(square) + self.epsilon
            value -= self.rate * mean / (size if self.rooted else square + self.epsilon)


def _adam_that(**mistake: Any) -> type[_OtherAdam]:
    return type("_Mistaken", (_OtherAdam,), mistake)


class _MeansExchanged(Adam):
    def step(self, gradients: Arrays) -> None:
        self.beta_1, self.beta_2 = 1 - self.beta_1, 1 - self.beta_2
        super().step(gradients)
        self.beta_1, self.beta_2 = 1 - self.beta_1, 1 - self.beta_2


class _UphillAdam(Adam):
    def step(self, gradients: Arrays) -> None:
        super().step({name: -gradient for name, gradient in gradients.items()})


def _draw_adam(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, float, float, float, float]:
    shape = unequal_sizes(random, 2)
    value, gradients = random.standard_normal(shape), random.standard_normal((STEPS, *shape))
    # Not the usual constants, so that an answer with those built in is noticed; and an epsilon
    # that is large enough to show where it is added.
    rate, beta_1, beta_2 = (
        random.uniform(low, high) for low, high in ((0.1, 0.5), (0.6, 0.9), (0.9, 0.99))
    )
    return (
        value,
        gradients,
        float(rate),
        float(beta_1),
        float(beta_2),
        float(random.uniform(0.05, 0.2)),
    )


ADAM = Exercise(
    name="adam",
    piece="Adam",
    answer=Adam,
    use=_used_adam,
    draw=_draw_adam,
    mistakes={
        "the correction for the start at zero is missing": _adam_that(corrected=False),
        "the correction of the second moment is missing": _adam_that(corrected_second=False),
        "the correction of the first moment is missing": _adam_that(corrected_first=False),
        "in the first step t is 1, and yours is 0, which divides by 0: count first": (
            _adam_that(late=1)
        ),
        "in the first step t is 1, and yours is 2: count each step once": _adam_that(late=-1),
        "the steps are counted once for each parameter: count before the loop": (
            _adam_that(counted_often=True)
        ),
        "βᵗ is a power, and you multiplied β by t": _adam_that(powers=False),
        "the moments that are kept are the corrected ones: correct a copy, for the step only": (
            _adam_that(corrected_kept=True)
        ),
        "the moments must be kept from step to step: write them back into self.first and "
        "self.second": _adam_that(forgotten=True),
        "the second moment is a mean of the squared gradient": _adam_that(squared=False),
        "the epsilon is added to the root, not under it": _adam_that(inside=True),
        "the root of the second moment is missing": _adam_that(rooted=False),
        "β and 1 − β are exchanged: a moment keeps the share β of what it was": _MeansExchanged,
        "the step goes uphill": _UphillAdam,
    },
    hints=(
        "Count the step first: in the first one t is 1. Then three lines for each parameter.",
        "first = beta_1 * first + (1 - beta_1) * gradient, and likewise with the square. Divide by "
        "1 - beta ** t only where the step is made: what is kept stays uncorrected.",
        "value -= rate * a / (np.sqrt(b) + epsilon), with a and b the two new moments, corrected.",
    ),
    idle=_IDLE,
    returns=_RETURNS,
)


COSINE = Exercise(
    name="cosine-schedule",
    piece="cosine",
    answer=cosine,
    draw=lambda random: (float(random.uniform(0.05, 0.95)),),
    mistakes={
        "it must fall from 1 to 0, and this rises": lambda p: 0.5 * (1 - np.cos(np.pi * p)),
        "half a wave, from 0 to π, not a whole one": lambda p: 0.5 * (1 + np.cos(2 * np.pi * p)),
        "that goes down to −1: add 1 and halve": lambda p: np.cos(np.pi * p),
        "that is a straight line": lambda p: 1 - p,
        "π is missing: the cosine of progress itself hardly falls": lambda p: 0.5 * (1 + np.cos(p)),
    },
    hints=(
        "The cosine falls from 1 to −1 on the way from 0 to π.",
        "(1 + cos(π · progress)) / 2",
    ),
    returns=("the share",),
)


LARGEST_RATE = Exercise(
    name="largest-stable-rate",
    answer=largest_stable_rate,
    draw=lambda random: (random.uniform(0.2, 20, int(random.integers(3, 7))),),
    mistakes={
        "with that rate one step leads straight to the minimum; it still converges with up to "
        "twice as much": lambda curvatures: 1 / curvatures.max(),
        "the smallest curvature allows that; the largest one diverges long before": (
            lambda curvatures: 2 / curvatures.min()
        ),
        "each direction has its own factor; their mean says nothing": (
            lambda curvatures: 2 / curvatures.mean()
        ),
    },
    hints=(
        "By (3.3) each direction is multiplied by 1 − ηλ in every step. When does that shrink?",
        "−1 < 1 − ηλ < 1, for every λ.",
    ),
    returns=("the rate",),
)

EFFECTIVE_RATE = Question(
    name="effective-rate",
    kind="predict",
    answer=10.0,
    mistakes={
        "that is μ itself": 0.9,
        "that is without momentum; with it, the velocity adds up all gradients so far": 1.0,
        "that is 1/μ; what is asked for is a geometric series": 1 / 0.9,
    },
    hints=(
        "With the same gradient g in each step, the velocity becomes g (1 + μ + μ² + …).",
        "A geometric series: 1/(1 − μ).",
    ),
)
