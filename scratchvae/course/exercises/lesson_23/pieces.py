"""Exercises on the conditional VAE: the label appended, the model, and draws of a class.

Dimensions: N images of P pixels, K classes, D latents.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.small import in_a_row, small_networks
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import (
    Bernoulli,
    ConditionalVAE,
    Dense,
    Sequential,
    Tanh,
    append_labels,
    decoder_backward,
    draw,
    encoder_backward,
    kl_to_standard,
    latent_gradients,
    noise,
    sample_classes,
)
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]
Labels = NDArray[np.int64]


def _draw_rows(random: np.random.Generator) -> tuple[FloatArray, Labels, int]:
    count, numbers, classes = unequal_sizes(random, 3)
    return random.standard_normal((count, numbers)), random.integers(classes, size=count), classes


def _used_append(function: Any) -> Answer:
    def run(values: FloatArray, labels: Labels, classes: int) -> Any:
        rows = function(values, labels, classes)
        single = function(values.astype(np.float32), labels, classes)
        if np.array_equal(rows, append_labels(values, labels, classes)):
            _check_single(np.asarray(single).dtype)
        return rows

    return run


def _check_single(found: np.dtype[Any]) -> None:
    if found != np.float32:
        raise UnusableError(
            "dtype", f"the rows of float32 values must be float32, not {found}: say so to np.eye"
        )


APPEND_LABELS = Exercise(
    name="append-labels",
    piece="append_labels",
    answer=append_labels,
    use=_used_append,
    draw=_draw_rows,
    mistakes={
        "the label comes first; append it": lambda values, labels, classes: np.concatenate(
            [np.eye(classes)[labels], values], axis=1
        ),
        "the label is appended as a number: class 9 would then be nine times class 1": (
            lambda values, labels, classes: np.concatenate([values, labels[:, None]], axis=1)
        ),
        "the classes are counted from 0: the last one is K − 1": (
            lambda values, labels, classes: np.concatenate(
                [values, np.eye(classes)[labels - 1]], axis=1
            )
        ),
        "only the one-hot vectors are there": lambda values, labels, classes: np.eye(classes)[
            labels
        ],
    },
    hints=(
        "np.eye(K) has a row for each class; index it by the labels.",
        "np.concatenate([…, …], axis=1) puts rows side by side.",
    ),
    returns=("the rows",),
)


def _draw_labelled(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int, int]:
    count, pixels, classes, latents = unequal_sizes(random, 4)
    x = (random.random((count, pixels)) < 0.5).astype(float)
    labelled = append_labels(x, random.integers(classes, size=count), classes)
    eps = random.standard_normal((count, latents))
    return labelled, eps, classes, int(random.integers(1000))


def _networks(pixels: int, classes: int, latents: int, seed: int) -> tuple[Any, Any]:
    """Return an encoder of labelled images, and a decoder of latents and labels."""
    encoder, _ = small_networks(pixels + classes, latents, seed)
    rng = np.random.default_rng(seed + 1)
    return encoder, Sequential(Dense(latents + classes, 5, rng), Tanh(), Dense(5, pixels, rng))


def _used_vae(kind: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, classes: int, seed: int) -> Any:
        latents = eps.shape[1]
        networks = _networks(x.shape[1] - classes, classes, latents, seed)
        vae = kind(*networks, Bernoulli(), latents, classes)
        terms = vae.forward(x, eps)
        if terms is None:
            return None
        vae.backward()
        gradients = [in_a_row(network.gradients) for network in networks if network.gradients]
        return (*terms, np.concatenate(gradients)) if len(gradients) == 2 else None

    return run


class _DecodesWithoutLabel(ConditionalVAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, log_variance = self.encode(x)
        pixels, label = x[:, : -self.classes], x[:, -self.classes :]
        z = draw(mean, log_variance, eps)
        y = self.decoder.forward(np.concatenate([z, 0 * label], axis=1))
        self.kept = pixels, eps, mean, log_variance, y
        return self.likelihood.nats(pixels, y), kl_to_standard(mean, log_variance)


class _LabelFirst(ConditionalVAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, log_variance = self.encode(x)
        pixels, label = x[:, : -self.classes], x[:, -self.classes :]
        y = self.decoder.forward(np.concatenate([label, draw(mean, log_variance, eps)], axis=1))
        self.kept = pixels, eps, mean, log_variance, y
        return self.likelihood.nats(pixels, y), kl_to_standard(mean, log_variance)


class _WrongColumns(ConditionalVAE):
    """``backward`` as if the label came first."""

    def backward(self) -> None:
        pixels, eps, mean, log_variance, y = self.kept
        d_input = decoder_backward(self.decoder, self.likelihood, pixels, y)
        dz = d_input[:, -self.latents :]
        encoder_backward(self.encoder, *latent_gradients(dz, mean, log_variance, eps))


class _LabelFirstBothWays(_LabelFirst, _WrongColumns):
    """Latents and labels exchanged, and the gradient taken from where they then are."""


class _OnlyKL(ConditionalVAE):
    def backward(self) -> None:
        pixels, eps, mean, log_variance, y = self.kept
        d_input = decoder_backward(self.decoder, self.likelihood, pixels, y)
        dz = 0 * d_input[:, : self.latents]
        encoder_backward(self.encoder, *latent_gradients(dz, mean, log_variance, eps))


CONDITIONAL_VAE = Exercise(
    name="conditional-vae",
    piece="ConditionalVAE",
    answer=ConditionalVAE,
    use=_used_vae,
    draw=_draw_labelled,
    given=("__init__",),
    mistakes={
        "the decoder gets no label: zeros are there in its place": _DecodesWithoutLabel,
        "the decoder takes z first, and then the label": _LabelFirst,
        "the decoder takes z first and then the label, and dz is in the first D columns": (
            _LabelFirstBothWays
        ),
        "dz is in the first D columns of what decoder_backward returns, not in the last": (
            _WrongColumns
        ),
        "the reconstruction's gradient does not reach the encoder": _OnlyKL,
    },
    hints=(
        "The encoder takes x as it is, and the likelihood only its pixels, x[:, :-self.classes].",
        "The decoder takes np.concatenate([z, label], axis=1).",
        "decoder_backward returns a gradient with D + K columns; the first D are dz. All else is "
        "as in your VAE.",
    ),
    returns=("the reconstruction", "the KL", "the gradients after backward"),
)

LABEL_IN_THE_LATENT = Question(
    name="label-in-the-latent",
    kind="predict",
    answer=0.1,
    within=0.99,  # of the right number: up to twice as many, and more than never
    mistakes={
        "that would be a latent that still says everything about the class": 1.0,
        "a guess that knows nothing is still right for one image in ten": 0.0,
    },
    hints=(
        "What does it cost, by the KL, to write into z what the decoder has been told already?",
        "One of ten is right by chance.",
    ),
)


def _used_sample(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, classes: int, seed: int) -> Any:
        latents, labels = eps.shape[1], x[:, -classes:].argmax(axis=1)
        networks = _networks(x.shape[1] - classes, classes, latents, seed)
        vae = ConditionalVAE(*networks, Bernoulli(), latents, classes)
        function(vae, labels, np.random.default_rng(seed))  # the dtype has a usual value
        return function(vae, labels, np.random.default_rng(seed), np.float64)

    return run


def _exchanged(
    vae: Any, labels: Labels, rng: np.random.Generator, dtype: Any = np.float32
) -> FloatArray:
    z = noise(rng, len(labels), vae.latents, dtype)
    one_hot = np.eye(vae.classes, dtype=dtype)[labels]
    decoded = vae.decoder.forward(np.concatenate([one_hot, z], axis=1))
    images: FloatArray = vae.likelihood.mean(decoded)
    return images


SAMPLE_CLASSES = Exercise(
    name="sample-classes",
    piece="sample_classes",
    answer=sample_classes,
    use=_used_sample,
    draw=_draw_labelled,
    planted=_exchanged,
    mistakes={
        "these are logits; the likelihood's mean makes an image of them": (
            lambda vae, labels, rng, dtype=np.float32: vae.decoder.forward(
                append_labels(noise(rng, len(labels), vae.latents, dtype), labels, vae.classes)
            )
        ),
        "all of them share one z: draw one for each label": (
            lambda vae, labels, rng, dtype=np.float32: vae.likelihood.mean(
                vae.decoder.forward(
                    append_labels(
                        np.repeat(noise(rng, 1, vae.latents, dtype), len(labels), axis=0),
                        labels,
                        vae.classes,
                    )
                )
            )
        ),
    },
    hints=(
        "The shapes fit, so nothing complains. What did the decoder's columns mean in training?",
        "z came first there, and then the label: append_labels(z, labels, vae.classes).",
    ),
    returns=("the images",),
)
