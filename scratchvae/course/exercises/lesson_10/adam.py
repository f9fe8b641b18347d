"""The exercise on a step of Adam."""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.kernels import adam_step as adam_step_in_place
from scratchvae.validation import FloatArray

Three = tuple[FloatArray, FloatArray, FloatArray]


def adam_step(
    value: FloatArray,
    gradient: FloatArray,
    first: FloatArray,
    second: FloatArray,
    step: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Three:
    """Return the value and the two moments after the step-th step of Adam: eq. 10.10."""
    value, first, second = value.copy(), first.copy(), second.copy()
    adam_step_in_place(
        value,
        gradient,
        first,
        second,
        step=step,
        learning_rate=learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )
    return value, first, second


def _draw_adam(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, int, float, float, float, float]:
    shape = unequal_sizes(random, 2)
    value, gradient, first = random.standard_normal((3, *shape))
    second = random.uniform(0.1, 2, shape)
    # Not the usual constants, so that an answer with those built in is noticed; and an epsilon
    # large enough to show where it is added.
    rate, beta_1, beta_2 = (
        random.uniform(0.1, 0.5),
        random.uniform(0.6, 0.9),
        random.uniform(0.9, 1),
    )
    epsilon = float(random.uniform(0.05, 0.2))
    return (
        value,
        gradient,
        first,
        second,
        int(random.integers(2, 9)),
        float(rate),
        float(beta_1),
        float(beta_2),
        epsilon,
    )


def _adam(
    value: FloatArray,
    g: FloatArray,
    first: FloatArray,
    second: FloatArray,
    t: int,
    rate: float,
    b1: float,
    b2: float,
    e: float,
    *,
    squared: bool = True,
    inside: bool = False,
    corrected: bool = True,
    old: bool = False,
    root: bool = True,
) -> Three:
    """Return the three results, with the mistakes that are switched on."""
    r, s = b1 * first + (1 - b1) * g, b2 * second + (1 - b2) * (g**2 if squared else g)
    mean, square = (first, second) if old else (r, s)
    if corrected:
        mean, square = mean / (1 - b1**t), square / (1 - b2**t)
    if not root:
        return value - rate * mean / (square + e), r, s
    below = np.sqrt(square + e) if inside else np.sqrt(square) + e
    return value - rate * mean / below, r, s


def _adam_kept_corrected(*arguments: FloatArray) -> Three:
    value, first, second = _adam(*arguments)  # type: ignore[arg-type]
    _, _, _, _, t, _, b1, b2, _ = arguments
    return value, first / (1 - b1**t), second / (1 - b2**t)


ADAM_STEP = Exercise(
    name="adam-step",
    answer=adam_step,
    draw=_draw_adam,
    mistakes={
        "the moments that are kept are those before the correction; only the step uses "
        "corrected ones": _adam_kept_corrected,
        "the correction for the start at zero is missing": (
            lambda *given: _adam(*given, corrected=False)
        ),
        "the second moment is a mean of the squared gradient": (
            lambda *given: _adam(*given, squared=False)
        ),
        "the epsilon is added to the root, not under it": lambda *given: _adam(*given, inside=True),
        "the step uses the moments from before; update them first": (
            lambda *given: _adam(*given, old=True)
        ),
        "the root of the second moment is missing": lambda *given: _adam(*given, root=False),
        "the step goes uphill": lambda *given: (
            2 * given[0] - _adam(*given)[0],
            *_adam(*given)[1:],
        ),
        "the correction is one step behind: in the first step, t is 1": (
            lambda v, g, r, s, t, *rest: _adam(v, g, r, s, t - 1, *rest)
        ),
    },
    hints=(
        "Three lines: the new first moment, the new second one, the new value, in new arrays.",
        "first = beta_1 * first + (1 - beta_1) * gradient, and likewise with the square. "
        "Divide by 1 - beta ** step only where the step is made.",
        "value - learning_rate * a / (np.sqrt(b) + epsilon), with a and b the two new moments, "
        "corrected.",
    ),
    returns=("value", "first", "second"),
)
