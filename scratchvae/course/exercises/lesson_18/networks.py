"""The networks and the twin that lesson 18 adds to the reader's own program."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import (
    ELU,
    Autoencoder,
    BatchNorm,
    Dense,
    Gaussian,
    Sequential,
    Tanh,
    set_training,
    zhao_networks,
)
from scratchvae.validation import FloatArray

_LATENTS = 3


def _used_networks(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray, z: FloatArray, width: int) -> Any:
        made = function(2 * _LATENTS, _LATENTS, np.random.default_rng(0), width=width)
        if made is None or made is ...:
            return None
        encoder, decoder = made
        shapes = [
            np.array([array.size for array in network.parameters.values()])
            for network in (encoder, decoder)
        ]
        outputs = [encoder.forward(x), decoder.forward(z)]
        norms = [
            np.array([hasattr(layer, "training") for layer in network.layers], float)
            for network in (encoder, decoder)
        ]
        single = function(
            2 * _LATENTS, _LATENTS, np.random.default_rng(0), width=width, dtype=np.float32
        )
        return *shapes, *norms, *outputs, float(sum(map(_in_double, single)))

    return run


def _in_double(network: Any) -> int:
    """Return how many arrays of a network are not float32."""
    arrays = [*network.parameters.values()]
    for layer in network.layers:
        arrays += getattr(layer, "buffers", {}).values()
    return sum(array.dtype != np.float32 for array in arrays)


def _draw_inputs(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    x, z = random.random((2, 784)), random.standard_normal((2, _LATENTS))
    return x, z, int(random.integers(2, 4))


def _without(kind: str) -> Callable[..., Any]:
    """Return the networks without the layers of one class."""

    def made(outputs: int, latents: int, rng: np.random.Generator, **options: Any) -> Any:
        return tuple(
            Sequential(*(each for each in network.layers if type(each).__name__ != kind))
            for network in zhao_networks(outputs, latents, rng, **options)
        )

    return made


def _swapped_order(outputs: int, latents: int, rng: np.random.Generator, **options: Any) -> Any:
    networks = []
    for network in zhao_networks(outputs, latents, rng, **options):
        layers = list(network.layers)
        for k, layer in enumerate(layers):
            if isinstance(layer, ELU):
                layers[k - 1 : k + 1] = layers[k], layers[k - 1]
        networks.append(Sequential(*layers))
    return tuple(networks)


def _evaluating(outputs: int, latents: int, rng: np.random.Generator, **options: Any) -> Any:
    networks = zhao_networks(outputs, latents, rng, **options)
    for network in networks:
        set_training(network, False)
    return networks


def _as_images(outputs: int, latents: int, rng: np.random.Generator, **options: Any) -> Any:
    encoder, decoder = zhao_networks(outputs, latents, rng, **options)
    return encoder, Sequential(*decoder.layers[:-1])


def _all_in_double(
    outputs: int, latents: int, rng: np.random.Generator, width: int, dtype: Any = None
) -> Any:
    return zhao_networks(outputs, latents, rng, width)


def _norms_in_double(outputs: int, latents: int, rng: np.random.Generator, **options: Any) -> Any:
    networks = zhao_networks(outputs, latents, rng, **options)
    for layer in (layer for network in networks for layer in network.layers):
        if isinstance(layer, BatchNorm):
            for arrays in (layer.parameters, layer.buffers):
                arrays |= {name: array.astype(float) for name, array in arrays.items()}
    return networks


ZHAO_NETWORKS = Exercise(
    name="zhao-networks",
    piece="zhao_networks",
    answer=zhao_networks,
    use=_used_networks,
    draw=_draw_inputs,
    mistakes={
        "the batch norms are missing: one after each convolution but the decoder's last": (
            _without("BatchNorm")
        ),
        "the ELUs are missing: one after each batch norm": _without("ELU"),
        "the sigmoid at the decoder's end is missing": _without("Sigmoid"),
        "batch norm comes before the ELU, directly after the convolution": _swapped_order,
        "a new network is in training mode": _evaluating,
        "the decoder's last Reshape is missing: it is to make rows of 784 numbers": _as_images,
        "the layers do not get the dtype: hand it to every convolution and dense layer, and to the "
        "batch norms": _all_in_double,
        "the batch norms do not get the dtype": _norms_in_double,
    },
    hints=(
        "Begin the encoder with Reshape(28, 28, 1), and end the decoder with Sigmoid() and "
        "Reshape(784).",
        "Between the encoder's last ELU and its Dense stands a Reshape(16 * width); between the "
        "decoder's Dense and its first transposed convolution a Reshape(4, 4, width).",
        "Output paddings 0, 1, 1 take 4 rows to 7, 14 and 28. Make the layers in the order in "
        "which an image passes them: encoder first, so that the rng gives each its weights.",
    ),
    returns=(
        "the sizes of the encoder's parameters",
        "the sizes of the decoder's parameters",
        "where the encoder's batch norms are",
        "where the decoder's batch norms are",
        "the encoder's output",
        "the decoder's output",
        "how many arrays are not of the dtype float32 if that is asked for",
    ),
)


def _used_twin(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, eps: FloatArray, variance: float) -> Any:
        rng = np.random.default_rng(0)
        encoder = Sequential(Dense(x.shape[1], 5, rng), Tanh(), Dense(5, eps.shape[1], rng))
        decoder = Sequential(Dense(eps.shape[1], 5, rng), Tanh(), Dense(5, x.shape[1], rng))
        twin = kind(encoder, decoder, Gaussian(variance), eps.shape[1])
        if (encoded := twin.encode(x)) is None or (terms := twin.forward(x, eps)) is None:
            return None
        reconstruction, kl = terms
        twin.backward()
        if not (found := twin.gradients):
            return encoded[0], reconstruction, kl, None
        gradients = [found.get(name, 0 * array) for name, array in twin.parameters.items()]
        return encoded[0], reconstruction, kl, np.concatenate([g.ravel() for g in gradients])

    return run


def _draw_vectors(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    count, pixels, latents = 4, int(random.integers(6, 9)), int(random.integers(2, 4))
    x, eps = random.random((count, pixels)), random.standard_normal((count, latents))
    return x, eps, float(random.uniform(0.3, 2))


class _WithNoise(Autoencoder):
    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        y = self.decoder.forward(self.encode(x)[0] + eps)
        self.kept_pair = x, y
        nats = self.likelihood.nats(x, y)
        return nats, np.zeros_like(nats)


class _SumOfImages(Autoencoder):
    def backward(self) -> None:
        x, y = self.kept_pair
        self.encoder.backward(self.decoder.backward(self.likelihood.gradient(x, y)))


class _OnlyTheDecoder(Autoencoder):
    def backward(self) -> None:
        super().backward()
        for layer in self.encoder.layers:
            layer.gradients = {name: 0 * g for name, g in layer.gradients.items()}


AUTOENCODER = Exercise(
    name="autoencoder-twin",
    piece="Autoencoder",
    given=("encode",),
    answer=Autoencoder,
    use=_used_twin,
    draw=_draw_vectors,
    mistakes={
        "the twin has no noise: decode the code as it is": _WithNoise,
        "the gradients are those of the sum over images; the loss is their mean": _SumOfImages,
        "the encoder's gradients are missing: hand it what decoder_backward returns": (
            _OnlyTheDecoder
        ),
    },
    hints=(
        "forward: encode, decode, self.likelihood.nats(x, y); the second result is an array of "
        "zeros like the first.",
        "backward: decoder_backward gives dz, and here the code is z: one path, and no KL.",
        "self.encoder.backward(decoder_backward(self.decoder, self.likelihood, x, y))",
    ),
    returns=("the code", "the reconstruction", "the KL", "the gradients"),
)
