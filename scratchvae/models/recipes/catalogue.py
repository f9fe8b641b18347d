"""The named models of the sources, each in a few declarative lines.

Each recipe says what its source says: layers, likelihood, and how it is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

from scratchvae.models.latent_model import LatentModel
from scratchvae.models.recipes import convolutional, dense
from scratchvae.models.recipes.pixels import VARIANCE
from scratchvae.training import Settings, epochs_through_stage

# The options of every VAE with one stochastic layer.
_WEIGHTS: dict[str, Any] = {"beta": 1.0, "reconstruction_weight": 1.0, "samples": 1}


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
        Builds it from a ``LayerFactory`` and the recipe's own options.
    latent_dim
        The default number of latents.
    settings
        How its source trains it.
    options
        The recipe's own options and their defaults.
    any_latent_dim
        Whether it can have another number of latents; if not, an image has as many as pixels.
    image_shape
        The shape of an image, where no other is chosen.
    shrinks
        The shape of larger images that a model of ``image_shape`` averages down by itself.
    """

    name: str
    summary: str
    make: Callable[..., LatentModel]
    latent_dim: int
    settings: Settings
    options: dict[str, Any] = field(default_factory=dict)
    any_latent_dim: bool = True
    image_shape: tuple[int, ...] = (28, 28, 1)
    shrinks: tuple[int, ...] | None = None

    def shape_for(self, images: tuple[int, ...]) -> tuple[int, ...]:
        """Return the ``image_shape`` of a model of images of this shape."""
        return self.image_shape if images == self.shrinks else images

    def latents(self, image_shape: tuple[int, ...]) -> int:
        """Return the number of latents of a model of such images, where no other is chosen."""
        return self.latent_dim if self.any_latent_dim else prod(image_shape)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "zhao-mlp",
            "784-300-100-h-z, ELU, Gaussian of variance c on grey pixels (Zhao 2023)",
            dense.zhao_mlp,
            latent_dim=2,
            settings=Settings(learning_rate=2.5e-3, batch_size=256, epochs=15),
            options={"hidden": 10, "variance": VARIANCE, "likelihood": "gaussian", **_WEIGHTS},
        ),
        Recipe(
            "zhao-cnn",
            "three convolutions with batch norm and ELU, and back, Gaussian (Zhao 2023)",
            convolutional.zhao_cnn,
            latent_dim=2,
            settings=Settings(learning_rate=1.5e-3, batch_size=256, epochs=15),
            options={"variance": VARIANCE, "likelihood": "gaussian", **_WEIGHTS},
        ),
        Recipe(
            "fleuret-conv",
            "six convolutions of 32 channels and back, ReLU, Gaussian of fixed variance (Fleuret)",
            convolutional.fleuret_conv,
            latent_dim=32,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=25),
            options={"channels": 32, "variance": convolutional.PIXEL_VARIANCE, **_WEIGHTS},
        ),
        Recipe(
            "fleuret-autoencoder",
            "the networks of fleuret-conv, squared error, no prior (Fleuret)",
            convolutional.fleuret_autoencoder,
            latent_dim=32,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=25),
            options={"channels": 32},
        ),
        Recipe(
            "kingma-welling",
            "784-500-z, tanh, Bernoulli on binarised pixels (Kingma and Welling 2013)",
            dense.kingma_welling,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=20, pixels="binarised"),
            options={"likelihood": "bernoulli", **_WEIGHTS},
        ),
        Recipe(
            "beta-vae",
            "784-500-z, tanh, Bernoulli, the KL weighted by 4 (Fleuret; Higgins et al. 2017)",
            dense.beta_vae,
            latent_dim=10,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=20, pixels="binarised"),
            options=_WEIGHTS | {"beta": 4.0},
        ),
        Recipe(
            "learned-variance",
            "784-400-z, ReLU, Gaussian with a decoded variance: grainy samples (Fleuret)",
            dense.learned_variance,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=15),
            options={"variance": None, **_WEIGHTS},
        ),
        Recipe(
            "conditional-vae",
            "784+10-500-z, tanh, Bernoulli, conditioned on the class (Zhao 2023, 4.2)",
            dense.conditional_vae,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=20, pixels="binarised"),
            options={"classes": 10, **_WEIGHTS},
        ),
        Recipe(
            "hierarchical-vae",
            "784-500-z (tanh), 100-100-u (sigmoid), linear decoder: two stochastic layers (Flach)",
            dense.hierarchical_vae,
            latent_dim=40,
            settings=Settings(learning_rate=1e-3, batch_size=100, epochs=20, pixels="binarised"),
            options={
                "upper_dim": 10,
                "inference": "bottom-up",
                "batch_norm": False,
                "beta": 1.0,
                "free_bits": 0.0,
            },
        ),
        Recipe(
            "pytorch-example",
            "784-400-z, ReLU, Bernoulli on grey pixels (the example of the PyTorch project)",
            dense.pytorch_example,
            latent_dim=20,
            settings=Settings(learning_rate=1e-3, batch_size=128, epochs=10),
            options=_WEIGHTS,
        ),
        Recipe(
            "iwae",
            "784-200-200-z, tanh, Bernoulli, importance-weighted bound (Burda et al. 2016)",
            dense.iwae,
            latent_dim=50,
            settings=Settings(
                learning_rate=1e-3,
                epsilon=1e-4,
                batch_size=20,
                epochs=epochs_through_stage(3),
                schedule="stages",
                pixels="binarised",
            ),
            options={"samples": 5},
        ),
        Recipe(
            "vq-vae",
            "784-500-z codes of a book, ReLU, Bernoulli, MADE prior (van den Oord et al. 2017)",
            dense.vq_vae,
            latent_dim=6,
            settings=Settings(
                learning_rate=2e-3,
                schedule="cosine",
                batch_size=100,
                epochs=12,
                pixels="binarised",
            ),
            options={"codes": 256, "code_dim": 8, "commitment": 5.0},
        ),
        Recipe(
            "diffusion",
            "a denoiser 72-512-512-64, ELU, on digits of 8 x 8 pixels (Ho et al. 2020)",
            dense.diffusion,
            latent_dim=64,
            settings=Settings(learning_rate=2e-3, batch_size=256, epochs=20, schedule="cosine"),
            options={"steps": 100, "variance": 0.01},
            any_latent_dim=False,
            image_shape=(8, 8, 1),
            shrinks=(28, 28, 1),
        ),
        Recipe(
            "linear-autoencoder",
            "784-z, no activation: what it learns is PCA (EECS 230, lecture 16)",
            dense.linear_autoencoder,
            latent_dim=10,
            settings=Settings(learning_rate=1e-2, batch_size=256, epochs=20, schedule="cosine"),
        ),
        Recipe(
            "autoencoder",
            "784-300-100-z, ELU, squared error, no prior (EECS 230, lecture 16)",
            dense.autoencoder,
            latent_dim=2,
            settings=Settings(learning_rate=1e-3, batch_size=256, epochs=15),
        ),
        Recipe(
            "sparse-autoencoder",
            "784-z with z > 784, ReLU, L1 penalty on the code (EECS 230, lecture 16)",
            dense.sparse_autoencoder,
            latent_dim=1000,
            settings=Settings(learning_rate=1e-3, batch_size=256, epochs=15),
            options={"sparsity": 0.1},
        ),
        Recipe(
            "denoising-autoencoder",
            "784-400-z, ELU, reconstructs the clean image from a noisy one (EECS 230, lecture 16)",
            dense.denoising_autoencoder,
            latent_dim=50,
            settings=Settings(learning_rate=1e-3, batch_size=256, epochs=15),
            options={"noise_std": 0.5},
        ),
    )
}
