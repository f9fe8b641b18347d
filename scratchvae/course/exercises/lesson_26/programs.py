"""Three faults outside of the loss: in a training loop, in an evaluation, in a layer.

Dimensions: N images of P pixels, H features, D latents.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from scratchvae.course.clinic.networks import Parameters, decoder, encoder, parameters
from scratchvae.course.clinic.patients import bernoulli, divergence
from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray

_RATE, _TINY = 0.1, 1e-5
Step = Callable[[FloatArray, FloatArray], object]


def train(
    step: Step, images: FloatArray, latents: int, epochs: int, size: int, rng: np.random.Generator
) -> bool:
    """Call step(batch, noise) for each mini-batch of each epoch, with noise of its own each."""
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images), size):
            chosen = order[start : start + size]
            step(images[chosen], rng.standard_normal((len(chosen), latents)))
    return True


def _noise_once(
    step: Step, images: FloatArray, latents: int, epochs: int, size: int, rng: np.random.Generator
) -> bool:
    eps = rng.standard_normal((len(images), latents))
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images), size):
            chosen = order[start : start + size]
            step(images[chosen], eps[chosen])
    return True


def _noise_of_an_epoch(
    step: Step, images: FloatArray, latents: int, epochs: int, size: int, rng: np.random.Generator
) -> bool:
    for _ in range(epochs):
        eps = rng.standard_normal((size, latents))
        order = rng.permutation(len(images))
        for start in range(0, len(images), size):
            chosen = order[start : start + size]
            step(images[chosen], eps[: len(chosen)])
    return True


def _one_noise_a_batch(
    step: Step, images: FloatArray, latents: int, epochs: int, size: int, rng: np.random.Generator
) -> bool:
    def again(batch: FloatArray, eps: FloatArray) -> None:
        step(batch, np.repeat(eps[:1], len(batch), axis=0))

    return train(again, images, latents, epochs, size, rng)


def _uniform_noise(
    step: Step, images: FloatArray, latents: int, epochs: int, size: int, rng: np.random.Generator
) -> bool:
    return train(
        lambda batch, eps: step(batch, rng.random(eps.shape)), images, latents, epochs, size, rng
    )


def _watched(function: Any) -> Callable[..., Any]:
    """Return a function that calls a training loop, and returns what its steps were given."""

    def run(images: FloatArray, latents: int, epochs: int, size: int, seed: int) -> Any:
        counts, noises = np.zeros(len(images)), []

        def step(batch: FloatArray, eps: FloatArray) -> None:
            counts[np.asarray(batch)[:, 0].astype(int)] += 1
            noises.append(np.array(eps, np.float64).reshape(len(batch), latents))

        ended = function(step, images, latents, epochs, size, np.random.default_rng(seed))
        if not noises:
            return None if ended is None else (counts, 1.0, 0.0)
        noise = np.concatenate(noises).ravel()
        repeated = 1 - len(np.unique(noise)) / len(noise)
        # Of some 300 numbers: mean and deviation are within 0.3 of N(0, 1)'s, five standard errors.
        normal = abs(noise.mean()) < 0.3 and abs(noise.std() - 1) < 0.3
        return counts, repeated, float(normal or repeated > 0)

    return run


def _draw_loop(random: np.random.Generator) -> tuple[FloatArray, int, int, int, int]:
    count = int(random.integers(20, 26))
    images = np.repeat(np.arange(count, dtype=np.float64)[:, None], 3, axis=1)
    return images, 3, 5, int(random.integers(4, 8)), int(random.integers(1000))


NOISE_ONCE = Exercise(
    name="patient-10",
    answer=train,
    use=_watched,
    draw=_draw_loop,
    planted=_noise_once,
    mistakes={
        "each epoch has noise of its own now, but its batches share it: draw in the inner loop": (
            _noise_of_an_epoch
        ),
        "all images of a batch get the same noise: draw a row for each": _one_noise_a_batch,
        "that noise is uniform; the draw needs N(0, I)": _uniform_noise,
    },
    hints=(
        "Run an epoch twice: what is different the second time, and what is not?",
        "An image should meet fresh noise each time it is seen.",
        "rng.standard_normal((len(chosen), latents)), in the inner loop.",
    ),
    returns=("how often each image is used", "the share of noise that is repeated", "its kind"),
)


def elbo(p: Parameters, x: FloatArray, eps: FloatArray) -> FloatArray:
    """Return each image's bound on log p(x), (N,), for one draw of z."""
    return _bound(p, x, eps, 0.5, 1.0)


def _bound(
    p: Parameters, x: FloatArray, eps: FloatArray, power: float, noise: float, sign: float = -1.0
) -> FloatArray:
    _, mean, log_variance = encoder(p, x)
    _, y = decoder(p, mean + noise * np.exp(power * log_variance) * eps)
    nats, _ = bernoulli(x, y)
    kl, *_ = divergence(mean, log_variance)
    return sign * (nats + kl)


def _reconstruction_only(p: Parameters, x: FloatArray, eps: FloatArray) -> FloatArray:
    _, mean, log_variance = encoder(p, x)
    _, y = decoder(p, mean + np.exp(log_variance / 2) * eps)
    nats, _ = bernoulli(x, y)
    return -nats


def _draw_evaluation(random: np.random.Generator) -> tuple[Parameters, FloatArray, FloatArray]:
    count, pixels, hidden, latents = unequal_sizes(random, 4, 2, 7)
    p = parameters(pixels, hidden, latents, random)
    x = (random.random((count, pixels)) < 0.5).astype(np.float64)
    return p, x, random.standard_normal((count, latents))


def _mean_over_draws(function: Any) -> Callable[..., Any]:
    """Return a function that gives the mean of the bound over some draws.

    With all signs of ±1, one draw for each latent, the KL may be in closed form or taken at the
    draw: for its quadratic terms the mean is that over N(0, I) (eq. 26.2).
    """

    def run(p: Parameters, x: FloatArray, eps: FloatArray) -> Any:
        first = function(p, x, eps)
        if np.shape(first) != (len(x),):
            return first  # nothing yet, or of another kind
        signs = product((-1.0, 1.0), repeat=eps.shape[1])
        return np.mean([function(p, x, np.tile(sign, (len(x), 1))) for sign in signs], axis=0)

    return run


MEANS_FOR_DRAWS = Exercise(
    name="patient-11",
    answer=elbo,
    use=_mean_over_draws,
    draw=_draw_evaluation,
    planted=lambda p, x, eps: _bound(p, x, eps, 0.5, 0.0),
    mistakes={
        "this draw has the variance where the standard deviation belongs": lambda p, x, eps: _bound(
            p, x, eps, 1.0, 1.0
        ),
        "that is the loss; the bound is its negative": lambda p, x, eps: _bound(
            p, x, eps, 0.5, 1.0, 1.0
        ),
        "the KL is gone: what is left is no bound": _reconstruction_only,
    },
    hints=(
        "What is the bound a mean over, and what is decoded here?",
        "eps is an argument. Where is it used?",
        "Decode mean + np.exp(log_var / 2) * eps.",
    ),
    returns=("the bound",),
)


def normalise(a: FloatArray, running: dict[str, FloatArray], training: bool) -> FloatArray:
    """Return a (N, H) with mean 0 and variance 1: the batch's in training, else the running ones.

    Training also moves the running ones, in place, a tenth of the way to the batch's.
    """
    mean, variance = running["mean"], running["variance"]
    if training:
        mean, variance = a.mean(axis=0), a.var(axis=0)
        running["mean"] += _RATE * (mean - running["mean"])
        running["variance"] += _RATE * (variance - running["variance"])
    normal: FloatArray = (a - mean) / np.sqrt(variance + _TINY)
    return normal


def _of_the_batch(a: FloatArray, running: dict[str, FloatArray], training: bool) -> FloatArray:
    mean, variance = a.mean(axis=0), a.var(axis=0)
    if training:
        running["mean"] += _RATE * (mean - running["mean"])
        running["variance"] += _RATE * (variance - running["variance"])
    normal: FloatArray = (a - mean) / np.sqrt(variance + _TINY)
    return normal


def _always_running(a: FloatArray, running: dict[str, FloatArray], training: bool) -> FloatArray:
    before = {name: array.copy() for name, array in running.items()}
    normalise(a, running, training)
    return normalise(a, running if training else before, False)


def _running_moves_always(
    a: FloatArray, running: dict[str, FloatArray], training: bool
) -> FloatArray:
    before = {name: array.copy() for name, array in running.items()}
    normalise(a, running, True)
    return normalise(a, before, training)


def _moved(function: Any) -> Callable[..., Any]:
    """Return a function of arrays, whose results include what has become of the running ones."""

    def run(a: FloatArray, mean: FloatArray, variance: FloatArray, training: bool) -> Any:
        running = {"mean": mean.copy(), "variance": variance.copy()}
        normal = function(a, running, training)
        if normal is None or normal is ...:
            return None
        return normal, running["mean"], running["variance"]

    return run


def _draw_activations(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    count, features = unequal_sizes(random, 2)
    a = 1 + 2 * random.standard_normal((count, features))
    mean, variance = random.standard_normal(features), random.uniform(0.5, 2, features)
    return a, mean, variance, bool(random.random() < 0.5)


PRIVATE_NORM = Exercise(
    name="patient-12",
    answer=normalise,
    use=_moved,
    draw=_draw_activations,
    planted=_of_the_batch,
    mistakes={
        "in training, too, the running statistics are used now: there it is the batch's turn": (
            _always_running
        ),
        "the running statistics move in evaluation, too: to evaluate must change nothing": (
            _running_moves_always
        ),
    },
    hints=(
        "Encode one image alone, and then in company. Should its code change?",
        "What are the running mean and variance kept for?",
        "If not training: mean, variance = running['mean'], running['variance'].",
    ),
    returns=("the result", "the running mean", "the running variance"),
)
