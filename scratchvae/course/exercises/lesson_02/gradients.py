"""The exercises of lesson 2 on gradients and on finite differences.

Dimensions: N examples, I input features, O output features.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def weight_gradient(x: FloatArray, dy: FloatArray) -> FloatArray:
    """Return ∂L/∂W (I, O) for y = x W + b, with x (N, I) and dy (N, O): eq. 2.5."""
    gradient: FloatArray = x.T @ dy
    return gradient


def elu_backward(dy: FloatArray, y: FloatArray, alpha: float) -> FloatArray:
    """Return ∂L/∂x for y = elu(x), eq. 2.8, all of one shape: eq. 2.7."""
    dx: FloatArray = dy * np.where(y > 0, 1, y + alpha)
    return dx


def skip_backward(
    dy: FloatArray, x: FloatArray, weight: FloatArray, bias: FloatArray
) -> FloatArray:
    """Return ∂L/∂x (N, I) for y = x + tanh(x W + b), summed over its two paths: eq. 2.3."""
    h = np.tanh(x @ weight + bias)
    through_the_layer: FloatArray = (dy * (1 - h**2)) @ weight.T
    return dy + through_the_layer


def one_sided_best_step(f: FloatArray, f_second: FloatArray, epsilon: float) -> FloatArray:
    """Return where h/2 |f''| + 2 epsilon |f| / h is smallest: as eq. 2.14, for one side."""
    step: FloatArray = 2 * np.sqrt(epsilon * f / f_second)
    return step


def extrapolated_slope(narrow: FloatArray, wide: FloatArray) -> FloatArray:
    """Return the combination of D(h) and D(2h) in which the h² of eq. 2.12 cancels."""
    slope: FloatArray = (4 * narrow - wide) / 3
    return slope


def _draw_dense(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, inputs, outputs = unequal_sizes(random, 3)
    return random.standard_normal((count, inputs)), random.standard_normal((count, outputs))


def _draw_elu(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    count, features = unequal_sizes(random, 2)
    # Not 1: with that, forgetting alpha as a factor would be right.
    alpha = float(random.uniform(1.2, 2.0))
    dy, x = random.standard_normal((2, count, features))
    return dy, np.where(x > 0, x, alpha * np.expm1(x)), alpha


def _draw_skip(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    count, features = unequal_sizes(random, 2)
    dy, x = random.standard_normal((2, count, features))
    weight = random.standard_normal((features, features))
    return dy, x, weight, random.standard_normal(features)


def _draw_sizes_of_f(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    f, f_second = random.uniform(0.2, 5.0, (2, int(random.integers(4, 9))))
    # Some are far from the usual one, so that an answer with 1e-16 built in is noticed.
    return f, f_second, float(10 ** random.uniform(-16, -6))


def _draw_slopes(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    slope, curvature, rest = random.standard_normal((3, int(random.integers(4, 9))))
    h = random.uniform(0.2, 0.5)
    narrow = slope + curvature * h**2 + rest * h**4
    wide = slope + curvature * (2 * h) ** 2 + rest * (2 * h) ** 4
    return narrow, wide


DENSE_WEIGHT_GRADIENT = Exercise(
    name="dense-weight-gradient",
    answer=weight_gradient,
    draw=_draw_dense,
    mistakes={
        "you divided by the number of examples; the mean is taken once, by the loss": (
            lambda x, dy: x.T @ dy / len(x)
        ),
        "that is the outer product of two sums; each example's own x meets its own dy first, "
        "and then the products are summed": lambda x, dy: np.outer(x.sum(0), dy.sum(0)),
        "that is the outer product of two means; each example's own x meets its own dy first, "
        "and then the products are summed": lambda x, dy: np.outer(x.mean(0), dy.mean(0)),
        "that is what the first example adds; the sum over all of them is missing": (
            lambda x, dy: np.outer(x[0], dy[0])
        ),
        "that is what the last example adds: add up, with +=, where you overwrite": (
            lambda x, dy: np.outer(x[-1], dy[-1])
        ),
    },
    hints=(
        "Look at the shapes: what product of (N, I) and (N, O) is (I, O)?",
        "In (2.1) the weight W[j, k] occurs in output k of every example, with the factor "
        "x[n, j]. So only the sum over n is left of the double sum in (2.3).",
        "It is one line: a transpose and a matrix product.",
    ),
    returns=("d_weight",),
)

ELU_BACKWARD = Exercise(
    name="elu-backward",
    answer=elu_backward,
    draw=_draw_elu,
    mistakes={
        "that is only right for alpha = 1: what must be added to alpha (eˣ − 1) to get the "
        "slope, alpha eˣ?": lambda dy, y, alpha: dy * np.where(y > 0, 1, y + 1),
        "you took the slope on the left as if y were x: express the exponential through y, "
        "do not take it of y": lambda dy, y, alpha: (
            dy * np.where(y > 0, 1, alpha * np.exp(np.minimum(y, 0)))
        ),
        "the two branches are exchanged: np.where takes its second argument where the condition "
        "holds": lambda dy, y, alpha: dy * np.where(y > 0, y + alpha, 1),
        "that is only the slope; the chain rule multiplies it by dy": (
            lambda dy, y, alpha: np.where(y > 0, 1, y + alpha)
        ),
        "on the left you multiplied by y itself, but the slope of alpha (eˣ − 1) is alpha eˣ: "
        "the −1 goes away": lambda dy, y, alpha: dy * np.where(y > 0, 1, y),
        "that is the slope of ReLU; on the left ELU's is not 0": (
            lambda dy, y, alpha: dy * (y > 0)
        ),
    },
    hints=(
        "Differentiate both branches with respect to x. Which of the two applies where y > 0?",
        "On the left the slope is alpha times the exponential of x. Solve y = alpha (eˣ − 1) "
        "for that.",
        "np.where(y > 0, slope on the right, slope on the left), times dy.",
    ),
    returns=("dx",),
)

SKIP_CONNECTION_BACKWARD = Exercise(
    name="skip-connection-backward",
    answer=skip_backward,
    draw=_draw_skip,
    mistakes={
        "the direct path is missing: x is also added to the output as it is": (
            lambda dy, x, weight, bias: (dy * (1 - np.tanh(x @ weight + bias) ** 2)) @ weight.T
        ),
        "only the direct path is there: x also reaches y through the layer": (
            lambda dy, x, weight, bias: dy.copy()
        ),
        "along the direct path dy comes back, not 1: the upstream gradient takes both paths": (
            lambda dy, x, weight, bias: 1 + (dy * (1 - np.tanh(x @ weight + bias) ** 2)) @ weight.T
        ),
        "along the direct path x is what goes forwards; what comes back is dy": (
            lambda dy, x, weight, bias: x + (dy * (1 - np.tanh(x @ weight + bias) ** 2)) @ weight.T
        ),
        "you squared y, which has x in it; the slope of tanh takes only the square of tanh": (
            lambda dy, x, weight, bias: (
                dy + (dy * (1 - (x + np.tanh(x @ weight + bias)) ** 2)) @ weight.T
            )
        ),
        "you squared what goes into the tanh; its slope takes the square of what comes out": (
            lambda dy, x, weight, bias: dy + (dy * (1 - (x @ weight + bias) ** 2)) @ weight.T
        ),
        "the bias is missing where the tanh is computed": lambda dy, x, weight, bias: (
            dy + (dy * (1 - np.tanh(x @ weight) ** 2)) @ weight.T
        ),
        "the tanh is missing on the way back: its slope multiplies dy before the weight does": (
            lambda dy, x, weight, bias: dy + dy @ weight.T
        ),
        "the weight is missing on the way back: after the tanh comes the dense layer (2.4)": (
            lambda dy, x, weight, bias: dy + dy * (1 - np.tanh(x @ weight + bias) ** 2)
        ),
        "going back through a matrix product takes the transposed weight": (
            lambda dy, x, weight, bias: dy + (dy * (1 - np.tanh(x @ weight + bias) ** 2)) @ weight
        ),
        "you multiplied by the slope after the weight; back means in reverse order, the tanh "
        "first": lambda dy, x, weight, bias: (
            dy + (dy @ weight.T) * (1 - np.tanh(x @ weight + bias) ** 2)
        ),
        "the slope of tanh is 1 − h², with a square": lambda dy, x, weight, bias: (
            dy + (dy * (1 - np.tanh(x @ weight + bias))) @ weight.T
        ),
        "you multiplied by the tanh itself, not by its slope": lambda dy, x, weight, bias: (
            dy + (dy * np.tanh(x @ weight + bias)) @ weight.T
        ),
    },
    hints=(
        "Two paths lead from x to y. By (2.3), what comes back along them is added.",
        "Along the direct path dy comes back unchanged. Along the other it meets the tanh "
        "first (2.7), then the dense layer (2.4).",
        "With h = tanh(x W + b), the second path brings dy times (1 − h²), entry by entry, and "
        "then a matrix product with W transposed.",
    ),
    returns=("dx",),
)

ONE_SIDED_BEST_STEP = Exercise(
    name="one-sided-best-step",
    answer=one_sided_best_step,
    draw=_draw_sizes_of_f,
    mistakes={
        "you divided the rounding by 2h; the one-sided difference is divided by h": (
            lambda f, f_second, epsilon: np.sqrt(2 * epsilon * f / f_second)
        ),
        "that is the formula of the central difference, with a cube root; the truncation here "
        "grows with h, not with h²": lambda f, f_second, epsilon: np.cbrt(
            3 * epsilon * f / f_second
        ),
        "that is a cube root; here the derivative of the bound gives h², not h³": (
            lambda f, f_second, epsilon: np.cbrt(4 * epsilon * f / f_second)
        ),
        "the fraction is upside down: a more curved function wants a smaller step": (
            lambda f, f_second, epsilon: 2 * np.sqrt(epsilon * f_second / f)
        ),
        "you built in the precision of float64; take the epsilon that your function is given": (
            lambda f, f_second, epsilon: 2 * np.sqrt(np.finfo(np.float64).eps * f / f_second)
        ),
        "that is the error at the best step, not the step": (
            lambda f, f_second, epsilon: 2 * np.sqrt(epsilon * f * f_second)
        ),
    },
    hints=(
        "Write the bound first: truncation h/2 |f''|, plus the rounding of two evaluations, "
        "divided by h.",
        "The derivative of h/2 |f''| + 2 epsilon |f| / h with respect to h must be 0.",
        "It says h² = 4 epsilon |f| / |f''|.",
    ),
    returns=("the step",),
)

EXTRAPOLATED_SLOPE = Exercise(
    name="extrapolated-slope",
    answer=extrapolated_slope,
    draw=_draw_slopes,
    mistakes={
        "that cancels an error that grows like h; this one grows like h², so the wide slope "
        "has four times as much of it": lambda narrow, wide: 2 * narrow - wide,
        "narrow and wide are the wrong way round: the narrow slope is the better one and gets "
        "the larger weight": lambda narrow, wide: (4 * wide - narrow) / 3,
        "that is their mean, which has more error than the narrow slope by itself": (
            lambda narrow, wide: (narrow + wide) / 2
        ),
        "the errors have the same sign, so they must be subtracted": (
            lambda narrow, wide: (4 * narrow + wide) / 5
        ),
        "that cancels an error that grows like h⁴; in (2.12) the largest error grows like h²": (
            lambda narrow, wide: (16 * narrow - wide) / 15
        ),
        "that corrects the wrong way: the narrow slope lies between f' and the wide one": (
            lambda narrow, wide: narrow - (narrow - wide) / 3
        ),
        "that is the error of the narrow slope; subtract it from the narrow slope": (
            lambda narrow, wide: (wide - narrow) / 3
        ),
        "the error cancels, but what is left is three times the slope": (
            lambda narrow, wide: 4 * narrow - wide
        ),
    },
    hints=(
        "Write (2.12) for h and for 2h, with the same unknown c in front of h².",
        "narrow = f' + c h² and wide = f' + 4 c h². Eliminate c.",
        "Four times narrow minus wide has no c. How many f' are left?",
    ),
    returns=("the slope",),
)
