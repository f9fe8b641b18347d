"""What lesson 12 adds to the reader's own program: the VAE and its backward pass."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.lesson_12.small import (
    draw_images,
    in_a_row,
    small_networks,
    small_vae,
)
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import (
    VAE,
    Bernoulli,
    Gaussian,
    decoder_backward,
    encoder_backward,
    kl_gradients,
    latent_gradients,
)
from scratchvae.validation import FloatArray

Answer = Callable[..., Any]


def _used_vae(kind: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        latents = eps.shape[1]
        # Either likelihood: the mean image is what the decoder gives for one, not for the other.
        likelihood = Gaussian(0.3) if seed % 2 else Bernoulli()
        vae = kind(*small_networks(x.shape[1], latents, seed), likelihood, latents)
        encoded = vae.encode(x)
        if encoded is None:
            return None
        _check_pair("encode", "the means and the log-variances", encoded)
        terms = vae.forward(x, eps)
        if terms is None:
            return None
        _check_pair("forward", "each image's reconstruction and KL", terms)
        kept = getattr(vae, "kept", None)
        if not isinstance(kept, tuple) or len(kept) != 5:
            raise UnusableError(
                "kept", "let forward keep self.kept = x, eps, mean, log_variance, y, in this order"
            )
        vae.backward()
        return (*encoded, *terms, *kept[2:], _by_name(vae.parameters), _by_name(vae.gradients))

    return run


def _check_pair(method: str, names: str, returned: Any) -> None:
    """Refuse what is not a pair before its entries are taken for results."""
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        is_array = not isinstance(returned, tuple | list)
        found = "one array" if is_array else f"{len(returned)} results"
        raise UnusableError(
            "results", f"let {method} return two arrays, {names}; yours returns {found}"
        )


def _by_name(arrays: Any) -> FloatArray:
    """Return the arrays in a row, by the names that they should have."""
    names = [
        f"{network}.{place}.{name}"
        for network in ("encoder", "decoder")
        for place in (0, 2)
        for name in ("weight", "bias")
    ]
    if not isinstance(arrays, dict) or set(arrays) != set(names):
        raise UnusableError(
            "names",
            "parameters and gradients must be dictionaries of both networks' arrays, with names "
            'like "encoder.0.weight"',
        )
    return np.concatenate([np.ravel(arrays[name]) for name in names])


class _Exchanged(VAE):
    def encode(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean, log_variance = super().encode(x)
        return log_variance, mean


class _WithoutNoise(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        terms = super().forward(x, 0 * eps)
        _, _, mean, log_variance, y = self.kept
        self.kept = x, eps, mean, log_variance, y
        return terms


class _Means(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[Any, Any]:
        reconstruction, kl = super().forward(x, eps)
        return reconstruction.mean(), kl.mean()


class _MeanImage(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, kl = super().forward(x, eps)
        _, _, mean, log_variance, y = self.kept
        shown = self.likelihood.mean(y)
        self.kept = x, eps, mean, log_variance, shown
        return self.likelihood.nats(x, shown), kl


class _NatsOfTheMean(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, kl = super().forward(x, eps)
        return self.likelihood.nats(x, self.likelihood.mean(self.kept[-1])), kl


class _TermsExchanged(VAE):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        reconstruction, kl = super().forward(x, eps)
        return kl, reconstruction


VAE_FORWARD = Exercise(
    name="vae-forward",
    piece="VAE",
    answer=VAE,
    use=_used_vae,
    draw=draw_images,
    mistakes={
        "means and log-variances are exchanged: the means come first": _Exchanged,
        "the latent is decoded without its noise": _WithoutNoise,
        "forward returns two numbers; each image's own terms are asked for, (N,) both": _Means,
        "forward returns the reconstruction first, and then the KL": _TermsExchanged,
        "that decodes to the mean image; nats, and self.kept, want what the decoder gives": (
            _MeanImage
        ),
        "nats takes what the decoder gives, not the mean image": _NatsOfTheMean,
    },
    hints=(
        "np.split(…, 2, axis=1) cuts the encoder's output in two.",
        "forward: self.encode, draw, self.decoder.forward; then self.likelihood.nats and "
        "kl_to_standard.",
        "Before the return: self.kept = x, eps, mean, log_variance, y.",
    ),
    given=("parameters", "gradients", "backward"),
    returns=(
        "the mean",
        "the log-variance",
        "the reconstruction",
        "the KL",
        "the mean that is kept",
        "the log-variance that is kept",
        "the y that is kept",
        "parameters",
        "the gradients after backward",
    ),
)


def _used_decoder_backward(function: Any) -> Answer:
    def run(x: FloatArray, eps: FloatArray, seed: int) -> Any:
        vae = small_vae(x.shape[1], eps.shape[1], seed)
        y = vae.decoder.forward(eps)
        dz = function(vae.decoder, vae.likelihood, x, y)
        if dz is not None and not vae.decoder.gradients:
            raise UnusableError(
                "gradients",
                "the decoder's gradients are still empty: decoder.backward fills them, and returns "
                "dz",
            )
        return None if dz is None else (dz, in_a_row(vae.decoder.gradients))

    return run


DECODER_BACKWARD = Exercise(
    name="decoder-backward",
    piece="decoder_backward",
    answer=decoder_backward,
    use=_used_decoder_backward,
    draw=draw_images,
    mistakes={
        "the 1/N of the mean loss is missing": lambda decoder, likelihood, x, y: decoder.backward(
            likelihood.gradient(x, y)
        ),
        "you divided by the number of pixels as well; the loss is a sum over them": (
            lambda decoder, likelihood, x, y: decoder.backward(likelihood.gradient(x, y) / x.size)
        ),
        "likelihood.gradient takes the image first, and then what was decoded": (
            lambda decoder, likelihood, x, y: decoder.backward(likelihood.gradient(y, x) / len(x))
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
        encoder, _ = small_networks(x.shape[1], eps.shape[1], seed)
        encoder.forward(x)
        function(encoder, eps, 2 * eps + 1)
        return in_a_row(encoder.gradients) if encoder.layers[0].gradients else None

    return run


ENCODER_BACKWARD = Exercise(
    name="encoder-backward",
    piece="encoder_backward",
    answer=encoder_backward,
    use=_used_encoder_backward,
    draw=draw_images,
    mistakes={
        "only the means' gradient goes back; the log-variances' is 0 here": (
            lambda encoder, d_mean, d_lv: encoder.backward(
                np.concatenate([d_mean, 0 * d_lv], axis=1)
            )
        ),
        "the two are in the wrong order: the means came first": lambda encoder, d_mean, d_lv: (
            encoder.backward(np.concatenate([d_lv, d_mean], axis=1))
        ),
    },
    hints=(
        "encode split one array in two; np.concatenate([…, …], axis=1) joins them again.",
        "Then encoder.backward.",
    ),
    idle="The encoder's gradients are still empty: encoder.backward fills them.",
    returns=("the encoder's gradients",),
)
