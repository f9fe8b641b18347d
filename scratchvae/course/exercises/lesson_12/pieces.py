"""What lesson 12 adds to the reader's own program: the VAE, its backward pass and its training."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import (
    VAE,
    Adam,
    Bernoulli,
    Dense,
    Gaussian,
    Sequential,
    Tanh,
    decoder_backward,
    encoder_backward,
    estimate_log_evidence,
    evaluate,
    interpolate,
    kl_gradients,
    latent_gradients,
    load_parameters,
    noise,
    reconstruct,
    sample,
    save_parameters,
    toss,
    train_vae,
)
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]


def _networks(pixels: int, latents: int, seed: int) -> tuple[Sequential, Sequential]:
    """Return an encoder and a decoder with a hidden layer of five units each."""
    rng = np.random.default_rng(seed)
    encoder = Sequential(Dense(pixels, 5, rng), Tanh(), Dense(5, 2 * latents, rng))
    return encoder, Sequential(Dense(latents, 5, rng), Tanh(), Dense(5, pixels, rng))


def _vae(pixels: int, latents: int, seed: int) -> VAE:
    return VAE(*_networks(pixels, latents, seed), Bernoulli(), latents)


def _draw_images(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    count, pixels, latents = unequal_sizes(random, 3)
    x = (random.random((count, pixels)) < 0.5).astype(float)
    return x, random.standard_normal((count, latents)), int(random.integers(1000))


def _in_a_row(arrays: Any) -> FloatArray:
    return np.concatenate([np.ravel(array) for array in arrays.values()])


# The model.


def _used_vae(kind: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        latents = eps.shape[1]
        vae = kind(*_networks(x.shape[1], latents, seed), Gaussian(0.3), latents)
        encoded, terms = vae.encode(x), vae.forward(x, eps)
        return None if encoded is None or terms is None else (*encoded, *terms)

    return run


class _Exchanged(VAE):
    def encode(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, log_variance = super().encode(x)
        return log_variance, mean


class _WithoutNoise(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        return super().forward(x, 0 * eps)


VAE_FORWARD = Exercise(
    name="vae-forward",
    piece="VAE",
    answer=VAE,
    use=_used_vae,
    draw=_draw_images,
    mistakes={
        "means and log-variances are exchanged: the means come first": _Exchanged,
        "the latent is decoded without its noise": _WithoutNoise,
    },
    hints=(
        "np.split(…, 2, axis=1) cuts the encoder's output in two.",
        "forward: encode, draw, self.decoder.forward; then self.likelihood.nats and "
        "kl_to_standard.",
    ),
    returns=("the mean", "the log-variance", "the reconstruction", "the KL"),
)


# The backward pass.


def _used_decoder_backward(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = _vae(x.shape[1], eps.shape[1], seed)
        y = vae.decoder.forward(eps)
        dz = function(vae.decoder, vae.likelihood, x, y)
        return None if dz is None else (dz, _in_a_row(vae.decoder.gradients))

    return run


DECODER_BACKWARD = Exercise(
    name="decoder-backward",
    piece="decoder_backward",
    answer=decoder_backward,
    use=_used_decoder_backward,
    draw=_draw_images,
    mistakes={
        "the 1/N of the mean loss is missing": lambda decoder, likelihood, x, y: decoder.backward(
            likelihood.gradient(x, y)
        ),
    },
    hints=(
        "What is dy of the mean loss, by (12.4)? likelihood.gradient is that of each image.",
        "decoder.backward takes dy to dz.",
    ),
    returns=("dz", "the decoder's gradients"),
)


def _draw_latents(random: np.random.Generator) -> tuple[FloatArray, ...]:
    return tuple(random.standard_normal((4, *unequal_sizes(random, 2))))


def _only(dz: FloatArray, mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Any:
    sigma = np.exp(log_variance / 2)
    return dz, 0.5 * dz * sigma * eps


LATENT_GRADIENTS = Exercise(
    name="latent-gradients",
    piece="latent_gradients",
    answer=latent_gradients,
    draw=_draw_latents,
    mistakes={
        "the path through the KL is missing": _only,
        "the path through z is missing": lambda dz, m, lv, eps: tuple(
            g / len(m) for g in kl_gradients(m, lv)
        ),
        "the 1/N is missing on the path through the KL": lambda dz, m, lv, eps: tuple(
            a + b for a, b in zip(_only(dz, m, lv, eps), kl_gradients(m, lv), strict=True)
        ),
        "the 1/N is there twice on the path through z: dz has it already": (
            lambda dz, m, lv, eps: tuple(
                (a + b) / len(m)
                for a, b in zip(_only(dz, m, lv, eps), kl_gradients(m, lv), strict=True)
            )
        ),
        "the KL is subtracted, but it is a term of the loss": lambda dz, m, lv, eps: tuple(
            a - b / len(m) for a, b in zip(_only(dz, m, lv, eps), kl_gradients(m, lv), strict=True)
        ),
    },
    hints=(
        "draw_backward(dz, log_variance, eps) is one path, kl_gradients(mean, log_variance) the "
        "other.",
        "Only the second is divided by N, that is len(mean).",
    ),
    returns=("d_mean", "d_log_variance"),
)


def _used_encoder_backward(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        encoder, _ = _networks(x.shape[1], eps.shape[1], seed)
        encoder.forward(x)
        function(encoder, eps, 2 * eps + 1)
        return _in_a_row(encoder.gradients) if encoder.layers[0].gradients else None

    return run


ENCODER_BACKWARD = Exercise(
    name="encoder-backward",
    piece="encoder_backward",
    answer=encoder_backward,
    use=_used_encoder_backward,
    draw=_draw_images,
    mistakes={
        "the two are in the wrong order: the means came first": lambda encoder, d_mean, d_lv: (
            encoder.backward(np.concatenate([d_lv, d_mean], axis=1))
        ),
    },
    hints=(
        "encode split one array in two; np.concatenate([…, …], axis=1) joins them again.",
        "Then encoder.backward.",
    ),
    returns=("the encoder's gradients",),
)


# Training.


def _draw_grey(random: np.random.Generator) -> tuple[FloatArray, int]:
    return random.random(unequal_sizes(random, 2)), int(random.integers(1000))


def _used_toss(function: Any) -> Answer:
    def run(grey: FloatArray, seed: int) -> Any:
        return function(grey, np.random.default_rng(seed))

    return run


TOSS = Exercise(
    name="toss",
    piece="toss",
    answer=toss,
    use=_used_toss,
    draw=_draw_grey,
    mistakes={
        "that rounds; a pixel is 1 with the probability of its grey": (
            lambda grey, rng: (grey > 0.5).astype(grey.dtype)
        ),
        "a bright pixel should be 1 more often, and here it is so less often": (
            lambda grey, rng: (rng.random(grey.shape) > grey).astype(grey.dtype)
        ),
    },
    hints=(
        "A uniform number is below p with probability p.",
        "(rng.random(grey.shape, dtype=grey.dtype) < grey).astype(grey.dtype)",
    ),
    returns=("the images",),
)


def _used_noise(function: Any) -> Answer:
    def run(count: int, latents: int, seed: int) -> Any:
        return function(np.random.default_rng(seed), count, latents, np.float64)

    return run


NOISE = Exercise(
    name="noise",
    piece="noise",
    answer=noise,
    use=_used_noise,
    draw=lambda random: (*unequal_sizes(random, 2), int(random.integers(1000))),
    hints=("One call of rng.", "rng.standard_normal((count, latents), dtype=dtype)"),
    returns=("eps",),
)


def _used_train(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = _vae(x.shape[1], eps.shape[1], seed)
        optimiser = Adam(vae.parameters, 0.05)
        history = function(
            vae,
            optimiser,
            x,
            epochs=2,
            size=len(x) - 1,
            rng=np.random.default_rng(seed),
            prepare=toss,
        )
        if history is None:
            return None
        return np.array(history), _in_a_row(vae.parameters), optimiser.rate

    return run


TRAIN_VAE = Exercise(
    name="train-vae",
    piece="train_vae",
    answer=train_vae,
    use=_used_train,
    draw=_draw_images,
    hints=(
        "Begin with train_network: two loops, batches in the inner one.",
        "In the inner loop: prepare, vae.forward with fresh noise, vae.backward(), the rate, "
        "optimiser.step(vae.gradients).",
        "There are epochs · ceil(len(images) / size) steps; the k-th, from 0, has the rate "
        "rate · cosine(k / steps). Add up reconstruction + kl of all images.",
    ),
    returns=("the history", "the trained parameters", "the rate afterwards"),
)


def _used_evaluate(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = _vae(x.shape[1], eps.shape[1], seed)
        return function(vae, x, np.random.default_rng(seed))

    return run


EVALUATE = Exercise(
    name="evaluate",
    piece="evaluate",
    answer=evaluate,
    use=_used_evaluate,
    draw=_draw_images,
    mistakes={
        "these are sums over the images; the means are asked for": lambda vae, x, rng: tuple(
            term * len(x) for term in evaluate(vae, x, rng)
        ),
    },
    hints=("noise for all images, vae.forward, and two means.", "vae.forward returns both terms."),
    returns=("the reconstruction", "the KL"),
)


def _used_save(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        file = io.BytesIO()
        function(file, _vae(x.shape[1], eps.shape[1], seed))
        file.seek(0)
        if not file.getvalue():
            return None
        with np.load(file) as kept:
            return np.concatenate([np.ravel(kept[name]) for name in sorted(kept)])

    return run


def _used_load(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        file, vae = io.BytesIO(), _vae(x.shape[1], eps.shape[1], seed + 1)
        save_parameters(file, _vae(x.shape[1], eps.shape[1], seed))
        file.seek(0)
        before = _in_a_row(vae.parameters)
        function(file, vae)
        after = _in_a_row(vae.parameters)
        return None if np.array_equal(before, after) else after

    return run


SAVE_PARAMETERS = Exercise(
    name="save-parameters",
    piece="save_parameters",
    answer=save_parameters,
    use=_used_save,
    draw=_draw_images,
    hints=("vae.parameters is a dictionary.", "np.savez(file, **vae.parameters)"),
    returns=("the file's arrays",),
)

LOAD_PARAMETERS = Exercise(
    name="load-parameters",
    piece="load_parameters",
    answer=load_parameters,
    use=_used_load,
    draw=_draw_images,
    hints=(
        "Go through vae.parameters.items(), and write into each array: value[...] = …",
        "np.load(file)[name] is the array of that name.",
    ),
    returns=("the VAE's parameters",),
)


# What it is for.

RECONSTRUCT = Exercise(
    name="reconstruct",
    piece="reconstruct",
    answer=reconstruct,
    use=lambda function: lambda x, eps, seed: function(_vae(x.shape[1], eps.shape[1], seed), x),
    draw=_draw_images,
    mistakes={
        "these are logits; the likelihood's mean makes an image of them": lambda vae, x: (
            vae.decoder.forward(vae.encode(x)[0])
        ),
    },
    hints=(
        "vae.encode gives the means; decode them.",
        "vae.likelihood.mean makes images of what the decoder gives.",
    ),
    returns=("the images",),
)

SAMPLE = Exercise(
    name="sample",
    piece="sample",
    answer=sample,
    use=lambda function: (
        lambda x, eps, seed: function(
            _vae(x.shape[1], eps.shape[1], seed), len(x), np.random.default_rng(seed), np.float64
        )
    ),
    draw=_draw_images,
    mistakes={
        "these are logits; the likelihood's mean makes an image of them": (
            lambda vae, count, rng, dtype: vae.decoder.forward(
                noise(rng, count, vae.latents, dtype)
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
        lambda x, eps, seed: function(_vae(x.shape[1], eps.shape[1], seed), x[0], x[1], 4)
    ),
    draw=_draw_images,
    mistakes={
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

ESTIMATE_LOG_EVIDENCE = Exercise(
    name="estimate-log-evidence",
    piece="estimate_log_evidence",
    answer=estimate_log_evidence,
    use=lambda function: (
        lambda x, eps, seed: function(
            _vae(x.shape[1], eps.shape[1], seed), x, 5, np.random.default_rng(seed)
        )
    ),
    draw=_draw_images,
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
