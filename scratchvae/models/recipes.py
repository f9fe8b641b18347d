"""The named models of the sources, each in a few declarative lines.

Each recipe says what its source says: layers, likelihood, and how it is trained.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.arrays import check_count, check_dtype
from scratchvae.errors import InputError
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LogSoftplus,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.iwae import IWAE, start_as_glorot
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.vae import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.randomness import stream
from scratchvae.training import Settings, epochs_through_stage

IMAGE_SHAPE = (28, 28, 1)
PIXELS = 784


class Maker:
    """Makes the layers of one model, all from one generator and of one dtype."""

    def __init__(self, seed: int, dtype: DTypeLike) -> None:
        self.options: dict[str, Any] = {
            "rng": stream(seed, "initialise"),
            "dtype": check_dtype(dtype),
        }

    def dense_stack(self, sizes: list[int], activation: Callable[..., Layer] | None) -> list[Layer]:
        """Return dense layers from size to size, with an activation between each two."""
        layers: list[Layer] = []
        for place, (size_in, size_out) in enumerate(pairwise(sizes)):
            if place and activation is not None:
                layers.append(activation(**self.options))
            layers.append(Dense(size_in, size_out, **self.options))
        return layers

    def encoder(self, sizes: list[int], activation: Callable[..., Layer] | None) -> Sequential:
        """Return a dense encoder of images."""
        return Sequential(Flatten(**self.options), *self.dense_stack(sizes, activation))

    def decoder(
        self, sizes: list[int], activation: Callable[..., Layer] | None, *last: Layer
    ) -> Sequential:
        """Return a dense decoder to images, ``last`` applied to the pixels."""
        reshape = Reshape(IMAGE_SHAPE, **self.options)
        return Sequential(*self.dense_stack(sizes, activation), *last, reshape)

    def normalised(self, layer: Layer, channels: int) -> list[Layer]:
        """Return a layer followed by batch norm and ELU."""
        return [layer, BatchNorm(channels, **self.options), ELU(**self.options)]

    def rectified(self, stack: Sequence[Layer]) -> list[Layer]:
        """Return layers with a ReLU between each two."""
        layers = [stack[0]]
        for layer in stack[1:]:
            layers += [ReLU(**self.options), layer]
        return layers

    def sigmoid(self) -> Layer:
        """Return the layer that squeezes pixels into (0, 1)."""
        return Sigmoid(**self.options)


@dataclass(frozen=True)
class Recipe:
    """A named model.

    Attributes
    ----------
    name
        What ``build`` and the command line call it.
    summary
        One line: layers, likelihood, source.
    make
        Builds it from a ``Maker``, the latent dimension and the recipe's own options.
    latent_dim
        The default number of latents.
    settings
        How its source trains it.
    options
        The recipe's own options and their defaults.
    """

    name: str
    summary: str
    make: Callable[..., LatentModel]
    latent_dim: int
    settings: Settings
    options: dict[str, Any]


def _zhao_mlp(
    make: Maker, latent_dim: int, *, hidden: int, variance: float, beta: float, samples: int
) -> VAE:
    widths = [PIXELS, 300, 100, check_count(hidden, "hidden")]
    return VAE(
        encoder=make.encoder([*widths, 2 * latent_dim], ELU),
        decoder=make.decoder([latent_dim, *reversed(widths)], ELU, make.sigmoid()),
        likelihood=GaussianLikelihood(variance),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        variance_head=LogSoftplus(floor=1e-8, **make.options),
        beta=beta,
        samples=samples,
    )


def _zhao_cnn(make: Maker, latent_dim: int, *, variance: float, beta: float, samples: int) -> VAE:
    down: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1}
    encoder = Sequential(  # 28 → 14 → 7 → 4 rows and columns
        *make.normalised(Conv2D(1, 32, **down, **make.options), 32),
        *make.normalised(Conv2D(32, 64, **down, **make.options), 64),
        *make.normalised(Conv2D(64, 32, **down, **make.options), 32),
        Flatten(**make.options),
        Dense(512, 2 * latent_dim, **make.options),
    )
    decoder = Sequential(  # 4 → 7 → 14 → 28
        Dense(latent_dim, 512, **make.options),
        Reshape((4, 4, 32), **make.options),
        *make.normalised(ConvTranspose2D(32, 64, **down, **make.options), 64),
        *make.normalised(ConvTranspose2D(64, 32, **down, output_padding=1, **make.options), 32),
        *make.normalised(ConvTranspose2D(32, 32, **down, output_padding=1, **make.options), 32),
        Conv2D(32, 1, kernel_size=3, padding=1, **make.options),
        make.sigmoid(),
    )
    return VAE(
        encoder=encoder,
        decoder=decoder,
        likelihood=GaussianLikelihood(variance),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        variance_head=LogSoftplus(floor=1e-8, **make.options),
        beta=beta,
        samples=samples,
    )


def _fleuret_conv(
    make: Maker, latent_dim: int, *, channels: int, variance: float, beta: float, samples: int
) -> VAE:
    encoder = [  # 28 → 28 → 24 → 20 → 9 → 4 → 1 rows and columns
        Conv2D(1, channels, 1, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 5, **make.options),
        Conv2D(channels, channels, 4, stride=2, **make.options),
        Conv2D(channels, channels, 3, stride=2, **make.options),
        Conv2D(channels, 2 * latent_dim, 4, **make.options),
    ]
    decoder = [  # 1 → 4 → 9 → 20 → 24 → 28
        ConvTranspose2D(latent_dim, channels, 4, **make.options),
        ConvTranspose2D(channels, channels, 3, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 4, stride=2, **make.options),
        ConvTranspose2D(channels, channels, 5, **make.options),
        ConvTranspose2D(channels, 1, 5, **make.options),
    ]
    return VAE(
        encoder=Sequential(*make.rectified(encoder), Flatten(**make.options)),
        decoder=Sequential(Reshape((1, 1, latent_dim), **make.options), *make.rectified(decoder)),
        likelihood=GaussianLikelihood(variance, include_constant=True),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        beta=beta,
        samples=samples,
    )


def _kingma_welling(make: Maker, latent_dim: int, *, beta: float, samples: int) -> VAE:
    return VAE(
        encoder=make.encoder([PIXELS, 500, 2 * latent_dim], Tanh),
        decoder=make.decoder([latent_dim, 500, PIXELS], Tanh),
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        beta=beta,
        samples=samples,
    )


def _pytorch_example(make: Maker, latent_dim: int, *, beta: float, samples: int) -> VAE:
    return VAE(
        encoder=make.encoder([PIXELS, 400, 2 * latent_dim], ReLU),
        decoder=make.decoder([latent_dim, 400, PIXELS], ReLU),
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        beta=beta,
        samples=samples,
    )


def _iwae(make: Maker, latent_dim: int, *, importance_samples: int) -> IWAE:
    encoder = make.encoder([PIXELS, 200, 200, 2 * latent_dim], Tanh)
    decoder = make.decoder([latent_dim, 200, 200, PIXELS], Tanh)
    start_as_glorot(encoder, decoder)
    return IWAE(
        encoder=encoder,
        decoder=decoder,
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        samples=importance_samples,
    )


def _linear_autoencoder(make: Maker, latent_dim: int) -> Autoencoder:
    return Autoencoder(
        encoder=make.encoder([PIXELS, latent_dim], None),
        decoder=make.decoder([latent_dim, PIXELS], None),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
    )


def _autoencoder(make: Maker, latent_dim: int) -> Autoencoder:
    widths = [PIXELS, 300, 100]
    return Autoencoder(
        encoder=make.encoder([*widths, latent_dim], ELU),
        decoder=make.decoder([latent_dim, *reversed(widths)], ELU, make.sigmoid()),
        likelihood=GaussianLikelihood(variance=1.0),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
    )


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "zhao-mlp",
            "784-300-100-h-z, ELU, Gaussian of variance c on grey pixels (Zhao 2023)",
            _zhao_mlp,
            latent_dim=2,
            settings=Settings(learning_rate=2.5e-3, batch_size=256, epochs=15),
            options={"hidden": 10, "variance": 0.05, "beta": 1.0, "samples": 1},
        ),
        Recipe(
            "zhao-cnn",
            "three convolutions with batch norm and ELU, and back, Gaussian (Zhao 2023)",
            _zhao_cnn,
            latent_dim=2,
            settings=Settings(learning_rate=1.5e-3, batch_size=256, epochs=15),
            options={"variance": 0.05, "beta": 1.0, "samples": 1},
        ),
        Recipe(
            "fleuret-conv",
            "six convolutions of 32 channels and back, ReLU, Gaussian of variance 1 (Fleuret)",
            _fleuret_conv,
            latent_dim=32,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=25),
            options={"channels": 32, "variance": 1.0, "beta": 1.0, "samples": 1},
        ),
        Recipe(
            "kingma-welling",
            "784-500-z, tanh, Bernoulli on binarised pixels (Kingma and Welling 2013)",
            _kingma_welling,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=20, pixels="binarised"),
            options={"beta": 1.0, "samples": 1},
        ),
        Recipe(
            "pytorch-example",
            "784-400-z, ReLU, Bernoulli on grey pixels (the example of the PyTorch project)",
            _pytorch_example,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=128, epochs=10),
            options={"beta": 1.0, "samples": 1},
        ),
        Recipe(
            "iwae",
            "784-200-200-z, tanh, Bernoulli, bound of k samples (Burda et al. 2016)",
            _iwae,
            latent_dim=50,
            settings=Settings(
                learning_rate=1e-3,
                epsilon=1e-4,
                batch_size=20,
                epochs=epochs_through_stage(3),
                schedule="stages",
                pixels="binarised",
            ),
            options={"importance_samples": 5},
        ),
        Recipe(
            "linear-autoencoder",
            "784-z, no activation: what it learns is PCA (EECS 230, lecture 16)",
            _linear_autoencoder,
            latent_dim=10,
            settings=Settings(learning_rate=1e-2, batch_size=256, epochs=20, schedule="cosine"),
            options={},
        ),
        Recipe(
            "autoencoder",
            "784-300-100-z, ELU, squared error, no prior (EECS 230, lecture 16)",
            _autoencoder,
            latent_dim=2,
            settings=Settings(learning_rate=1e-3, batch_size=256, epochs=15),
            options={},
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """Return the recipe called ``name``; ``InputError`` with the nearest names if there is none."""
    if not isinstance(name, str):
        raise InputError(
            f"a recipe is called by its name, a string, not by a {type(name).__name__}"
        )
    if name in RECIPES:
        return RECIPES[name]
    near = get_close_matches(name, RECIPES, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(f"there is no recipe {name!r}{hint}; the recipes are {', '.join(RECIPES)}")


def build(
    name: str,
    *,
    latent_dim: int | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    **options: Any,
) -> LatentModel:
    """Return a new model of a recipe, its parameters drawn from ``seed``.

    Parameters
    ----------
    name
        The recipe, for instance ``"zhao-mlp"``; ``scratchvae.RECIPES`` has them all.
    latent_dim
        The number of latents; ``None`` takes the recipe's.
    seed
        Fixes the initial parameters; the same in both dtypes, up to rounding.
    dtype
        ``float32`` to train, ``float64`` to check gradients.
    options
        The recipe's own options, such as ``hidden``, ``variance``, ``beta`` and ``samples``.

    Raises
    ------
    InputError
        If there is no such recipe or option, or a value makes no sense.
    """
    recipe = find_recipe(name)
    unknown = [option for option in options if option not in recipe.options]
    if unknown:
        known = ", ".join(recipe.options) or "none"
        raise InputError(f"{name} has no option {unknown[0]!r}; its options are: {known}")
    chosen = recipe.options | {k: v for k, v in options.items() if v is not None}
    latents = recipe.latent_dim if latent_dim is None else check_count(latent_dim, "latent_dim")
    model = recipe.make(Maker(seed, dtype), latents, **chosen)
    model.settings = recipe.settings
    model.config = {"recipe": name, "latent_dim": latents, "seed": seed} | chosen
    return model
