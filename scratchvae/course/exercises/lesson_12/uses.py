"""What lesson 12 adds to the reader's own program: what a VAE is for, and how good it is."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.small import draw_images, small_vae
from scratchvae.course.program import (
    draw,
    estimate_log_evidence,
    interpolate,
    log_mean_exp,
    log_normal,
    noise,
    reconstruct,
    sample,
)
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]

RECONSTRUCT = Exercise(
    name="reconstruct",
    piece="reconstruct",
    answer=reconstruct,
    use=lambda function: (
        lambda x, eps, seed: function(small_vae(x.shape[1], eps.shape[1], seed), x)
    ),
    draw=draw_images,
    mistakes={
        "these are logits; the likelihood's mean makes an image of them": lambda vae, x: (
            vae.decoder.forward(vae.encode(x)[0])
        ),
        "encode returns the mean and the log-variance; decode the mean": lambda vae, x: (
            vae.likelihood.mean(vae.decoder.forward(vae.encode(x)[1]))
        ),
    },
    hints=(
        "vae.encode gives the means; decode them.",
        "vae.likelihood.mean makes images of what the decoder gives.",
    ),
    returns=("the images",),
)


def _used_sample(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = small_vae(x.shape[1], eps.shape[1], seed)
        function(vae, 2, np.random.default_rng(seed))  # the dtype has a usual value
        return function(vae, len(x), np.random.default_rng(seed), np.float64)

    return run


SAMPLE = Exercise(
    name="sample",
    piece="sample",
    answer=sample,
    use=_used_sample,
    draw=draw_images,
    mistakes={
        "these are logits; the likelihood's mean makes an image of them": (
            lambda vae, count, rng, dtype=np.float32: vae.decoder.forward(
                noise(rng, count, vae.latents, dtype)
            )
        ),
        "those are drawn pixels; the likelihood's mean is asked for": (
            lambda vae, count, rng, dtype=np.float32: vae.likelihood.sample(
                vae.decoder.forward(noise(rng, count, vae.latents, dtype)), rng
            )
        ),
    },
    hints=("noise draws from the prior.", "Then as in reconstruct, with z for the means."),
    returns=("the images",),
)

INTERPOLATE = Exercise(
    name="interpolate",
    piece="interpolate",
    answer=interpolate,
    use=lambda function: (
        lambda x, eps, seed: function(small_vae(x.shape[1], eps.shape[1], seed), x[0], x[1], 4)
    ),
    draw=draw_images,
    mistakes={
        "it stops one step short of the last image: t must reach 1": (
            lambda vae, first, last, steps: interpolate(vae, first, last, steps + 1)[:-1]
        ),
        "that mixes the two decoded images; mix the means, and decode each place between": (
            lambda vae, first, last, steps: np.linspace(
                reconstruct(vae, first[None])[0], reconstruct(vae, last[None])[0], steps
            )
        ),
        "that mixes the two images, pixel by pixel; mix their means, and decode": (
            lambda vae, first, last, steps: np.linspace(first, last, steps)
        ),
        "that encodes mixtures of the two images; encode the two, and mix their means": (
            lambda vae, first, last, steps: reconstruct(vae, np.linspace(first, last, steps))
        ),
        "that goes from the last image to the first": lambda vae, first, last, steps: interpolate(
            vae, last, first, steps
        ),
    },
    hints=(
        "Encode both at once: vae.encode(np.stack([first, last])).",
        "z = (1 − t) · first mean + t · last mean, with t[:, None] for the places t.",
    ),
    returns=("the images",),
)


def _estimate_that(
    *, prior: float = 1.0, proposal: float = -1.0, mean: Answer = log_mean_exp
) -> Answer:
    """Return an estimate with the mistakes that are switched on."""

    def estimate(vae: Any, x: FloatArray, draws: int, rng: np.random.Generator) -> Any:
        q_mean, log_variance = vae.encode(x)
        logs = []
        for _ in range(draws):
            z = draw(q_mean, log_variance, noise(rng, len(x), vae.latents, x.dtype))
            log_prior = log_normal(z, np.zeros_like(z), np.zeros_like(z))
            log_q = log_normal(z, q_mean, log_variance)
            likelihood = -vae.likelihood.nats(x, vae.decoder.forward(z))
            logs.append(likelihood + prior * log_prior + proposal * log_q)
        return mean(np.stack(logs))

    return estimate


ESTIMATE_LOG_EVIDENCE = Exercise(
    name="estimate-log-evidence",
    piece="estimate_log_evidence",
    answer=estimate_log_evidence,
    use=lambda function: (
        lambda x, eps, seed: function(
            small_vae(x.shape[1], eps.shape[1], seed), x, 5, np.random.default_rng(seed)
        )
    ),
    draw=draw_images,
    mistakes={
        "that is the mean of the log-weights, a bound; the logarithm of the mean weight is asked "
        "for": _estimate_that(mean=lambda logs: logs.mean(axis=0)),
        "the 1/S is missing: the logarithm of a mean of weights, not of their sum": (
            _estimate_that(mean=lambda logs: np.logaddexp.reduce(logs, axis=0))
        ),
        "the prior p(z) is missing in the weights": _estimate_that(prior=0.0),
        "the weights are divided by q(z | x), so its logarithm is subtracted": (
            _estimate_that(proposal=1.0)
        ),
        "the proposal q(z | x) is missing in the weights: z was not drawn from the prior": (
            _estimate_that(proposal=0.0)
        ),
    },
    hints=(
        "(7.9): the log-weight of each draw is log p(x | z) + log p(z) − log q(z | x).",
        "log p(x | z) is minus vae.likelihood.nats; the prior is log_normal with zeros twice.",
        "log_mean_exp(np.stack(logs)) at the end.",
    ),
    returns=("the estimate",),
)

LOSS_AT_THE_START = Question(
    name="loss-at-the-start",
    kind="predict",
    answer=784 * float(np.log(2)),
    mistakes={
        "that counts one nat a pixel; a fair coin costs log 2": 784.0,
        "in bits it would be 784; in nats each is log 2": 784 / float(np.log(2)),
    },
    hints=("What does a pixel cost if its probability is one half?", "log 2 nats, 784 times."),
)
