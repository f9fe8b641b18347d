"""The exercises of lesson 10, "Your VAE".

Dimensions: N images, P pixels, H hidden units, D latents, S draws of z per image.
"""

import numpy as np

from scratchvae.arrays import FloatArray
from scratchvae.exercises.draws import unequal_sizes
from scratchvae.exercises.exercise import Exercise
from scratchvae.exercises.functions import sigmoid
from scratchvae.kernels import adam_step as adam_step_in_place
from scratchvae.kernels import reference
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)

Three = tuple[FloatArray, FloatArray, FloatArray]


def logits_gradient(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ∂loss/∂logits (S, N, P) for images x (N, P): eq. 10.4 with a mean over S draws."""
    targets = np.broadcast_to(x, logits.shape).copy()
    gradient: FloatArray = BernoulliLikelihood().gradient(targets, logits) / len(x) / len(logits)
    return gradient


def two_roads(
    dz: FloatArray, mean: FloatArray, log_deviation: FloatArray, eps: FloatArray, beta: float
) -> tuple[FloatArray, FloatArray]:
    """Return ∂loss/∂mean and ∂loss/∂log_deviation, (N, D), of an encoder that gives s = log σ.

    Its log-variance is 2s, so the second is twice that of eq. 10.7 and eq. 10.8, with a weight β.
    """
    through_z = reparameterise_backward(dz[None], 2 * log_deviation, eps[None])
    through_kl = kl_to_standard_gradients(mean, 2 * log_deviation)
    weight = beta / len(mean)
    d_mean: FloatArray = through_z.mean + weight * through_kl.mean
    d_log_variance = through_z.log_variance + weight * through_kl.log_variance
    return d_mean, 2 * d_log_variance


def linear_vae_gradients(
    x: FloatArray,
    encoder: FloatArray,
    log_variance: FloatArray,
    decoder: FloatArray,
    eps: FloatArray,
    variance: float,
) -> Three:
    """Return ∂loss/∂encoder (P, D), ∂loss/∂log_variance (D,) and ∂loss/∂decoder (D, P).

    The mean is x times the encoder's matrix, the log-variance one for all images, the decoded image
    z times the decoder's, and pixels are Gaussian of a fixed variance: the way back of eq. 10.5,
    eq. 10.7, eq. 10.8 and eq. 10.9 without its tanh. x is (N, P), eps is (N, D).
    """
    mean = x @ encoder
    log_variances = np.broadcast_to(log_variance, mean.shape).copy()
    z = reparameterise(mean, log_variances, eps[None])[0]
    d_decoded = GaussianLikelihood(variance).gradient(x, z @ decoder) / len(x)
    through_z = reparameterise_backward((d_decoded @ decoder.T)[None], log_variances, eps[None])
    through_kl = kl_to_standard_gradients(mean, log_variances)
    d_mean = through_z.mean + through_kl.mean / len(x)
    d_log_variance = (through_z.log_variance + through_kl.log_variance / len(x)).sum(axis=0)
    return x.T @ d_mean, d_log_variance, z.T @ d_decoded


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


def walk_speed(
    z: FloatArray,
    direction: FloatArray,
    w3: FloatArray,
    b3: FloatArray,
    w4: FloatArray,
    b4: FloatArray,
) -> FloatArray:
    """Return how fast the decoded pixels change as z moves along ``direction``, (N, P): eq. 10.12.

    z is (N, D), direction (D,), w3 (D, H), w4 (H, P).
    """
    g = np.tanh(z @ w3 + b3)
    pixels = reference.activation_forward("sigmoid", g @ w4 + b4)
    speed: FloatArray = pixels * (1 - pixels) * (((direction @ w3) * (1 - g**2)) @ w4)
    return speed


def _draw_logits(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    draws, count, pixels = unequal_sizes(random, 3)
    x = (random.random((count, pixels)) < 0.4).astype(np.float64)
    return x, 2 * random.standard_normal((draws, count, pixels))


def _draw_roads(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
    count, latents = unequal_sizes(random, 2)
    dz, mean, log_deviation, eps = random.standard_normal((4, count, latents))
    return dz, mean, 0.5 * log_deviation, eps, float(random.uniform(1.5, 5))


def _draw_linear(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, float]:
    count, pixels, latents = unequal_sizes(random, 3)
    x, encoder = random.standard_normal((count, pixels)), random.standard_normal((pixels, latents))
    log_variance, decoder = (
        random.standard_normal(latents),
        random.standard_normal((latents, pixels)),
    )
    eps = random.standard_normal((count, latents))
    return x, 0.5 * encoder, log_variance, decoder, eps, float(random.uniform(0.1, 0.5))


def _draw_adam(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, int, float, float, float, float]:
    shape = unequal_sizes(random, 2)
    value, gradient, first = random.standard_normal((3, *shape))
    second = random.uniform(0.1, 2, shape)
    # Not the usual constants, so that an answer with those built in is found out; and an epsilon
    # large enough to tell where it is added.
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


# The usual slips, written as a reader would write them.


def _roads(
    dz: FloatArray,
    mean: FloatArray,
    s: FloatArray,
    eps: FloatArray,
    *,
    z: float = 1.0,
    kl: float = 1.0,
    slope: FloatArray | None = None,
    spread: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return both gradients with a weight on each road, ∂z/∂s and ∂KL/∂s perhaps replaced."""
    slope = np.exp(s) * eps if slope is None else slope
    spread = np.exp(2 * s) - 1 if spread is None else spread
    return z * dz + kl * mean, z * dz * slope + kl * spread


def _linear(
    x: FloatArray,
    encoder: FloatArray,
    log_variance: FloatArray,
    decoder: FloatArray,
    eps: FloatArray,
    variance: float,
    *,
    kl: tuple[float, float] = (1.0, 1.0),
    through: float = 1.0,
    averaged: bool = False,
    decoder_sees_mean: bool = False,
    noise: bool = True,
) -> Three:
    """Return the three gradients, each slip switched on by its name."""
    count = len(x)
    sigma, mean = np.exp(0.5 * log_variance), x @ encoder
    z = mean + sigma * eps
    d_decoded = (z @ decoder - x) / (variance * count)
    dz = d_decoded @ decoder.T
    d_mean = through * dz + kl[0] * mean / count
    along = dz * eps if noise else dz
    d_log_variance = through * 0.5 * sigma * along.sum(axis=0) / (count if averaged else 1)
    d_log_variance = d_log_variance + kl[1] * 0.5 * (np.exp(log_variance) - 1)
    return x.T @ d_mean, d_log_variance, (mean if decoder_sees_mean else z).T @ d_decoded


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
    """Return the three results, each slip switched on by its name."""
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


def _speed(
    z: FloatArray,
    direction: FloatArray,
    w3: FloatArray,
    b3: FloatArray,
    w4: FloatArray,
    b4: FloatArray,
    *,
    bend: bool = True,
    squeeze: bool = True,
    biases: bool = False,
    through_tanh: bool = False,
) -> FloatArray:
    """Return the speed, each slip switched on by its name."""
    g = np.tanh(z @ w3 + b3)
    pixels = sigmoid(g @ w4 + b4)
    du = direction @ w3 + (b3 if biases else 0)
    dg = np.tanh(du) * np.ones_like(g) if through_tanh else du * ((1 - g**2) if bend else 1)
    dy = (dg + np.zeros_like(g)) @ w4 + (b4 if biases else 0)
    speed: FloatArray = dy * pixels * (1 - pixels) if squeeze else dy
    return speed


EXERCISES: list[Exercise] = [
    Exercise(
        name="logits-gradient",
        answer=logits_gradient,
        draw=_draw_logits,
        mistakes={
            "the mean over the draws is missing: the loss has 1/S besides 1/N": (
                lambda x, y: (sigmoid(y) - x) / len(x)
            ),
            "the mean over the images is missing: the loss has 1/N besides 1/S": (
                lambda x, y: (sigmoid(y) - x) / len(y)
            ),
            "you divided by the pixels as well: the loss adds up over pixels": (
                lambda x, y: (sigmoid(y) - x) / y.size
            ),
            "this is the gradient of the sum; the loss is a mean over images and over draws": (
                lambda x, y: sigmoid(y) - x
            ),
            "the draws are put together; each draw has logits of its own, and a gradient of its "
            "own": lambda x, y: (sigmoid(y) - x).sum(axis=0) / (len(x) * len(y)),
            "this is the loss of the mean logits; the loss is a mean over draws, and each draw has "
            "a sigmoid of its own": lambda x, y: (
                np.repeat(sigmoid(y.mean(axis=0, keepdims=True)) - x, len(y), axis=0)
                / (len(x) * len(y))
            ),
            "this is the gradient for the probability, not for the logit: multiply by the slope of "
            "the sigmoid, p (1 − p), and most of it cancels": lambda x, y: (
                (sigmoid(y) - x) / (sigmoid(y) * (1 - sigmoid(y))) / (len(x) * len(y))
            ),
        },
        hints=(
            "Write the loss with all its sums, and mark where one logit y[s, n, i] occurs.",
            "It occurs in one term, log(1 + e^y) − x y. Which factors stand before the sum that "
            "this term is in?",
            "Equation (10.4) with N replaced by N S: x broadcasts over the first axis.",
        ),
        returns=("d_logits",),
    ),
    Exercise(
        name="two-roads",
        answer=two_roads,
        draw=_draw_roads,
        mistakes={
            "the road through the KL lacks its 1/N; dz has its own already": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, kl=beta)
            ),
            "you divided dz by N once more; it is the gradient of the mean loss already": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, z=1 / len(m), kl=beta / len(m))
            ),
            "the road through z is missing": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, z=0.0, kl=beta / len(m))
            ),
            "the road through the KL is missing": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, kl=0.0)
            ),
            "beta is missing: it weighs the KL": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, kl=1 / len(m))
            ),
            "beta weighs the KL alone, not what comes through z": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, z=beta, kl=beta / len(m))
            ),
            "these are the gradients for a log-variance s; here e^s is the standard deviation": (
                lambda dz, m, s, eps, beta: _roads(
                    dz,
                    m,
                    s,
                    eps,
                    kl=beta / len(m),
                    slope=0.5 * np.exp(0.5 * s) * eps,
                    spread=0.5 * (np.exp(s) - 1),
                )
            ),
            "through z there is a ½ too many: the derivative of e^s is e^s": (
                lambda dz, m, s, eps, beta: _roads(
                    dz, m, s, eps, kl=beta / len(m), slope=0.5 * np.exp(s) * eps
                )
            ),
            "through the KL there is a ½ too many: the derivative of ½ (e^(2s) − 2s) is "
            "e^(2s) − 1": lambda dz, m, s, eps, beta: _roads(
                dz, m, s, eps, kl=beta / len(m), spread=0.5 * (np.exp(2 * s) - 1)
            ),
            "in the KL the variance is e^(2s), not e^s": (
                lambda dz, m, s, eps, beta: _roads(
                    dz, m, s, eps, kl=beta / len(m), spread=np.exp(s) - 1
                )
            ),
            "in d_log_deviation the road through the KL lacks its 1/N": (
                lambda dz, m, s, eps, beta: _roads(
                    dz, m, s, eps, kl=beta / len(m), spread=len(m) * (np.exp(2 * s) - 1)
                )
            ),
            "the derivative of z by s has the standard deviation e^s, not the variance": (
                lambda dz, m, s, eps, beta: _roads(
                    dz, m, s, eps, kl=beta / len(m), slope=np.exp(2 * s) * eps
                )
            ),
            "the derivative of z by s is e^s eps; the e^s is missing": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, kl=beta / len(m), slope=eps)
            ),
            "the noise is missing in the derivative of z by s": (
                lambda dz, m, s, eps, beta: _roads(dz, m, s, eps, kl=beta / len(m), slope=np.exp(s))
            ),
        },
        hints=(
            "Write z and the KL with s: the standard deviation is e^s and the variance e^(2s).",
            "z = m + e^s eps, and KL = ½ Σ (m² + e^(2s) − 1 − 2s) for an image. Differentiate "
            "each, and add the two roads. The loss has beta/N before the KLs.",
            "d_mean is dz + beta m / N. In the other, dz meets e^s eps, and beta/N meets "
            "e^(2s) − 1.",
        ),
        returns=("d_mean", "d_log_deviation"),
    ),
    Exercise(
        name="linear-vae-gradients",
        answer=linear_vae_gradients,
        draw=_draw_linear,
        mistakes={
            "the KL does not reach the encoder: the road through it is missing in d_encoder": (
                lambda *given: _linear(*given, kl=(0.0, 1.0))
            ),
            "the KL does not reach the log-variance": lambda *given: _linear(*given, kl=(1.0, 0.0)),
            "nothing but the KL reaches the encoder: the road through z is missing": (
                lambda *given: _linear(*given, through=0.0)
            ),
            "the KL is averaged over images, and so is its gradient: d_encoder has it N times": (
                lambda *given: _linear(*given, kl=(float(len(given[0])), 1.0))
            ),
            "in d_log_variance the KL is divided by N once too often: all N images have the same "
            "log-variance, and N times 1/N is 1": (
                lambda *given: _linear(*given, kl=(1.0, 1 / len(given[0])))
            ),
            "in d_log_variance the KL counts N times: it is a mean over images": (
                lambda *given: _linear(*given, kl=(1.0, float(len(given[0]))))
            ),
            "what comes to the log-variance through z is added up over images, not averaged: the "
            "1/N is in dz already": lambda *given: _linear(*given, averaged=True),
            "the variance c of the pixels is missing: the squared error is divided by 2c": (
                lambda x, e, s, v, eps, c: _linear(x, e, s, v, eps, 1.0)
            ),
            "the decoder saw z, not the mean": lambda *given: _linear(
                *given, decoder_sees_mean=True
            ),
            "the noise is missing in the derivative of z by the log-variance": (
                lambda *given: _linear(*given, noise=False)
            ),
        },
        hints=(
            "Go forwards first: mean, z, decoded, as three lines of code. Then go backwards, last "
            "line first.",
            "d_decoded = (z V − x) / (c N). From it d_decoder as in (10.5), and dz. At the mean "
            "two roads meet, (10.7) and (10.8); the encoder's matrix is a dense layer (10.9).",
            "The log-variance serves all images, so its gradients add up over images: through z "
            "the sum of ½ e^(l/2) eps dz, through the KL N times (e^l − 1) / 2N.",
        ),
        returns=("d_encoder", "d_log_variance", "d_decoder"),
    ),
    Exercise(
        name="adam-step",
        answer=adam_step,
        draw=_draw_adam,
        mistakes={
            "the moments that are kept are those before the correction; only the step uses "
            "corrected ones": _adam_kept_corrected,
            "the correction for the start at zero is missing": (
                lambda *given: _adam(*given, corrected=False)
            ),
            "the second moment is a mean of squares of the gradient": (
                lambda *given: _adam(*given, squared=False)
            ),
            "epsilon is added to the root, not under it": lambda *given: _adam(*given, inside=True),
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
    ),
    Exercise(
        name="walk-speed",
        answer=walk_speed,
        draw=_draw_walk,
        mistakes={
            "the slope of the sigmoid is missing: this is the speed of the logits": (
                lambda *given: _speed(*given, squeeze=False)
            ),
            "this is the difference over a whole step; a speed is a derivative": (
                lambda z, d, w3, b3, w4, b4: (
                    sigmoid(np.tanh((z + d) @ w3 + b3) @ w4 + b4)
                    - sigmoid(np.tanh(z @ w3 + b3) @ w4 + b4)
                )
            ),
            "the slope of the tanh is missing": lambda *given: _speed(*given, bend=False),
            "the biases do not move: they are in no derivative by z": (
                lambda *given: _speed(*given, biases=True)
            ),
            "the speed does not go through the tanh, but is multiplied by its slope at the place "
            "where z is": lambda *given: _speed(*given, through_tanh=True),
        },
        hints=(
            "Put z + t d in the place of z, and differentiate the decoder line by line with "
            "respect to t, first line first.",
            "u = z W3 + b3 changes by d W3, the same for all rows. Then multiply by the slope of "
            "tanh, by W4, and by the slope of the sigmoid.",
            "xhat (1 − xhat) times [(d W3) (1 − g²)] W4, with g and xhat from the forward pass.",
        ),
        returns=("speed",),
        tolerance=1e-12,  # a finite difference reaches 1e-10; the derivative is asked for
    ),
]
