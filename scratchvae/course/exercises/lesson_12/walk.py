"""The exercise on a walk in the plane of latents: how fast the decoded image changes.

Dimensions: N images, P pixels, H hidden units, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.functions import sigmoid
from scratchvae.validation import FloatArray


def walk_speed(
    z: FloatArray,
    direction: FloatArray,
    w3: FloatArray,
    b3: FloatArray,
    w4: FloatArray,
    b4: FloatArray,
) -> FloatArray:
    """Return how fast the decoded pixels change as z moves along ``direction``, (N, P): eq. 12.11.

    z is (N, D), direction (D,), w3 (D, H), w4 (H, P).
    """
    g = np.tanh(z @ w3 + b3)
    pixels = sigmoid(g @ w4 + b4)
    speed: FloatArray = pixels * (1 - pixels) * (((direction @ w3) * (1 - g**2)) @ w4)
    return speed


def _draw_walk(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    count, latents, hidden, pixels = unequal_sizes(random, 4)
    w3, w4 = random.standard_normal((latents, hidden)), random.standard_normal((hidden, pixels))
    return (
        random.standard_normal((count, latents)),
        random.standard_normal(latents),
        0.5 * w3,
        random.standard_normal(hidden),
        w4,
        random.standard_normal(pixels),
    )


def _speed(
    z: FloatArray,
    direction: FloatArray,
    w3: FloatArray,
    b3: FloatArray,
    w4: FloatArray,
    b4: FloatArray,
    *,
    tanh_slope: bool = True,
    sigmoid_slope: bool = True,
    biases: bool = False,
    through_tanh: bool = False,
    squared: bool = True,
    sigmoid_sign: float = -1.0,
    unit: bool = False,
) -> FloatArray:
    """Return the speed, with the mistakes that are switched on."""
    g = np.tanh(z @ w3 + b3)
    pixels = sigmoid(g @ w4 + b4)
    du = (direction / np.linalg.norm(direction) if unit else direction) @ w3
    du = du + (b3 if biases else 0)
    slope = (1 - (g**2 if squared else g)) if tanh_slope else 1
    dg = np.tanh(du) * np.ones_like(g) if through_tanh else du * slope
    dy = (dg + np.zeros_like(g)) @ w4 + (b4 if biases else 0)
    speed: FloatArray = dy * pixels * (1 + sigmoid_sign * pixels) if sigmoid_slope else dy
    return speed


WALK_SPEED = Exercise(
    name="walk-speed",
    answer=walk_speed,
    draw=_draw_walk,
    mistakes={
        "the slope of the sigmoid is missing: this is the speed of the logits": (
            lambda *given: _speed(*given, sigmoid_slope=False)
        ),
        "this is the difference over a whole step; a speed is a derivative": (
            lambda z, d, w3, b3, w4, b4: (
                sigmoid(np.tanh((z + d) @ w3 + b3) @ w4 + b4)
                - sigmoid(np.tanh(z @ w3 + b3) @ w4 + b4)
            )
        ),
        "the slope of the tanh is 1 − g², with a square": lambda *given: _speed(
            *given, squared=False
        ),
        "the slope of the sigmoid is p (1 − p), with a minus": lambda *given: _speed(
            *given, sigmoid_sign=1.0
        ),
        "take the direction as it is given: its length belongs to the speed": lambda *given: _speed(
            *given, unit=True
        ),
        "the slope of the tanh is missing": lambda *given: _speed(*given, tanh_slope=False),
        "the biases do not move: no derivative by z contains them": (
            lambda *given: _speed(*given, biases=True)
        ),
        "do not put the speed through the tanh: multiply it by its slope": lambda *given: _speed(
            *given, through_tanh=True
        ),
    },
    hints=(
        "Put z + t d in place of z, and differentiate the decoder line by line with "
        "respect to t, first line first.",
        "u = z W3 + b3 changes by d W3, the same for all rows. Then multiply by the slope of "
        "tanh, by W4, and by the slope of the sigmoid.",
        "xhat (1 − xhat) times [(d W3) (1 − g²)] W4, with g and xhat from the forward pass.",
    ),
    returns=("speed",),
    tolerance=1e-12,  # a finite difference reaches 1e-10; the derivative is asked for
)
