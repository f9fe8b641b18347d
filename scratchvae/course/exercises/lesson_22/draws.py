"""Exercises on the bound of K draws: what it gains, its gradient, and the model trained on it.

Dimensions: N images of P pixels, D latents, K draws of z per image.
"""

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.small import in_a_row, small_networks
from scratchvae.course.program import IWAE, Bernoulli, draw_backward, normalised_weights
from scratchvae.course.program.vae import encoder_backward
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]

BOUND_OF_TWO = Question(
    name="bound-of-two-draws",
    kind="predict",
    answer=(log(0.5) + log(1.5)) / 4,
    mistakes={
        "that is the bound of one draw, ½ (log ½ + log 1½)": (log(0.5) + log(1.5)) / 2,
        "that is log p(x), which only infinitely many draws reach": 0.0,
        "the mean of two different weights is 1, and comes up half of the time": (
            (log(0.5) + log(1) + log(1.5)) / 3
        ),
    },
    hints=(
        "Two draws make four equally likely pairs. What is the mean weight of each?",
        "The means are ½, 1, 1 and 1½.",
    ),
)

MORE_DRAWS = Question(
    name="more-draws-never-hurt",
    kind="prove",
    answer="B",
    mistakes={
        "p̂ is unbiased for every K, so its expectation says nothing about K": "A",
        "a smaller variance is no proof: the logarithm's bias has other moments in it too": "C",
        "with K + 1 draws the largest weight can only be larger, but it is divided by more": "D",
    },
    hints=(
        "Leave out one of K + 1 draws, each with the same probability.",
        "What is the mean of the K + 1 mean weights that this gives? And of their logarithms?",
    ),
)


def _draw_log_weights(random: np.random.Generator) -> tuple[FloatArray]:
    draws, images = unequal_sizes(random, 2)
    # Far below what exp can represent, as a real image's weights are, and far from one another.
    levels = -900.0 - 1000.0 * random.permutation(images)
    return (levels + random.normal(0, 1.5, (draws, images)),)


def _softmax(log_weights: FloatArray, axis: int) -> FloatArray:
    weights = np.exp(log_weights - log_weights.max(axis=axis, keepdims=True))
    normalised: FloatArray = weights / weights.sum(axis=axis, keepdims=True)
    return normalised


def _overflowing(log_weights: FloatArray) -> FloatArray:
    weights = np.exp(log_weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        normalised: FloatArray = weights / weights.sum(axis=0)
    return normalised


def _by_the_largest_of_all(log_weights: FloatArray) -> FloatArray:
    return _overflowing(log_weights - log_weights.max())


NORMALISED_WEIGHTS = Exercise(
    name="normalised-weights",
    piece="normalised_weights",
    answer=normalised_weights,
    draw=_draw_log_weights,
    mistakes={
        "exp gives 0 for all of them, and 0/0 is no number: subtract each image's largest first": (
            _overflowing
        ),
        "the largest of all leaves nothing but 0 of the other images: subtract each one's own": (
            _by_the_largest_of_all
        ),
        "the weights of an image add up to 1, not those of a draw: sum over the first axis": (
            lambda log_weights: _softmax(log_weights, 1)
        ),
        "divided by the largest weight, in place of the sum": lambda log_weights: np.exp(
            log_weights - log_weights.max(axis=0)
        ),
        "these are the logarithms of the normalised weights": lambda log_weights: np.log(
            _softmax(log_weights, 0)
        ),
        "divided by the mean weight, in place of the sum": lambda log_weights: (
            len(log_weights) * _softmax(log_weights, 0)
        ),
    },
    hints=(
        "A factor common to all weights of an image cancels: choose the one that keeps exp small.",
        "np.exp(log_weights - log_weights.max(axis=0)), divided by its own sum over axis 0.",
    ),
    returns=("the normalised weights",),
)


def _draw_noise(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    count, pixels, latents, draws = unequal_sizes(random, 4)
    x = (random.random((count, pixels)) < 0.5).astype(float)
    return x, random.standard_normal((draws, count, latents)), int(random.integers(1000))


def _used_iwae(kind: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        networks = small_networks(x.shape[1], eps.shape[-1], seed)
        vae = kind(*networks, Bernoulli(), eps.shape[-1])
        loss = vae.forward(x, eps)
        if loss is None:
            return None
        vae.backward()
        gradients = [in_a_row(network.gradients) for network in networks if network.gradients]
        return (loss, np.concatenate(gradients)) if len(gradients) == 2 else None

    return run


class _MeanOfLogs(IWAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> Any:
        super().forward(x, eps)
        _, _, log_variance, z, y, weights = self.kept
        log_ratio = 0.5 * (z**2 - eps**2 - log_variance).sum(axis=-1)
        self.kept = (*self.kept[:-1], np.full_like(weights, 1 / len(eps)))
        loss: FloatArray = (self.likelihood.nats(x, y) + log_ratio).mean(axis=0)
        return loss


class _SumOfWeights(IWAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> Any:
        loss: FloatArray = super().forward(x, eps) - np.log(len(eps))
        return loss


class _EqualWeights(IWAE):
    def backward(self) -> None:
        *others, weights = self.kept
        self.kept = (*others, np.full_like(weights, 1 / len(weights)))
        super().backward()


class _Backward(IWAE):
    """The right one but for a term: of the prior, or of q's own log-variance."""

    through_prior, own_scale = 1.0, 1.0

    def backward(self) -> None:
        x, eps, log_variance, z, y, weights = self.kept
        share = weights[..., None] / len(x)
        dy = share * self.likelihood.gradient(x, y)
        dz = self.decoder.backward(dy.reshape(-1, y.shape[-1])).reshape(z.shape)
        dz = dz + self.through_prior * share * z
        d_mean, d_log_variance = draw_backward(dz, log_variance, eps)
        own = self.own_scale * 0.5 / len(x)
        encoder_backward(self.encoder, d_mean.sum(axis=0), d_log_variance.sum(axis=0) - own)


class _OwnScaleOfEachDraw(_Backward):
    def backward(self) -> None:
        self.own_scale = float(len(self.kept[1]))
        super().backward()


class _WithoutPrior(_Backward):
    through_prior = 0.0


class _WithoutOwnScale(_Backward):
    own_scale = 0.0


class _WeighedAfterTheDecoder(_Backward):
    def backward(self) -> None:
        super().backward()
        x, _, _, _, y, _ = self.kept
        self.decoder.backward(self.likelihood.gradient(x, y).reshape(-1, y.shape[-1]))


IWAE_EXERCISE = Exercise(
    name="iwae",
    piece="IWAE",
    answer=IWAE,
    use=_used_iwae,
    draw=_draw_noise,
    mistakes={
        "that is the mean of the logarithms, the bound of one draw: more draws cannot raise it": (
            _MeanOfLogs
        ),
        "the loss is of the sum of the weights, not of their mean: log K is missing": _SumOfWeights,
        "backwards all draws count alike; each counts by its normalised weight": _EqualWeights,
        "the prior's part of dz is missing: log p(z) depends on z": _WithoutPrior,
        "the −½ of q's own log-variance is missing: see (22.8)": _WithoutOwnScale,
        "the −½ of q's own log-variance is there once for an image, not for each of its draws": (
            _OwnScaleOfEachDraw
        ),
        "what goes back into the decoder lacks the weights: its parameters are to have them too": (
            _WeighedAfterTheDecoder
        ),
    },
    hints=(
        "Forwards: z is (K, N, D). The decoder takes rows, z.reshape(-1, D), and its output is "
        "(K, N, P) again after a reshape. nats(x, y) is then (K, N).",
        "(22.6) has the log-weights. Keep their normalised weights for the way back.",
        "dz = share * z plus what the decoder's backward returns for share * "
        "likelihood.gradient(x, y), where share is weights[..., None] / N.",
        "draw_backward gives (K, N, D) twice: sum both over the draws, and subtract 0.5 / N from "
        "the second.",
    ),
    returns=("the loss", "the gradients after backward"),
)
