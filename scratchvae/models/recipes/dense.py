"""How the recipes of dense layers are built.

Each function takes a ``LayerFactory`` and the recipe's options; ``weights`` are the ``beta``,
``reconstruction_weight`` and ``samples`` that every ``VAE`` has.
"""

from typing import Any

from scratchvae.errors import InputError, shown
from scratchvae.layers import (
    ELU,
    Flatten,
    LogSoftplus,
    MaskedDense,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
    VectorQuantiser,
)
from scratchvae.layers.masked_dense import causal_masks
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.conditional_vae import ConditionalVAE
from scratchvae.models.denoising_autoencoder import DenoisingAutoencoder
from scratchvae.models.diffusion import Diffusion
from scratchvae.models.hierarchical_vae import HierarchicalVAE
from scratchvae.models.iwae import IWAE, initialise_as_glorot
from scratchvae.models.ladder_vae import LadderVAE
from scratchvae.models.noise_schedule import TIME_FEATURES
from scratchvae.models.recipes.layer_factory import LayerFactory
from scratchvae.models.recipes.pixels import of_pixels
from scratchvae.models.sparse_autoencoder import SparseAutoencoder
from scratchvae.models.vae import VAE
from scratchvae.models.vqvae import VQVAE
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
)
from scratchvae.validation import check_count, check_flag

_LIKELIHOODS = {"bernoulli": BernoulliLikelihood, "gaussian": LearnedVarianceLikelihood}


def zhao_mlp(
    make: LayerFactory, *, hidden: int, variance: float, likelihood: str, **weights: Any
) -> VAE:
    """Zhao (2023), section 4.1: the text says a hidden layer of 20, the printed network of 10."""
    widths = [300, 100, check_count(hidden, "hidden")]
    scored, last = of_pixels(likelihood, variance)
    arguments = make.mirrored(widths, ELU, scored, *last)
    return VAE(**arguments, variance_head=LogSoftplus(floor=1e-8), **weights)


def kingma_welling(make: LayerFactory, *, likelihood: str, **weights: Any) -> VAE:
    """Kingma and Welling (2013), appendix C: a Bernoulli decoder, or a Gaussian one."""
    if not isinstance(likelihood, str) or likelihood not in _LIKELIHOODS:
        raise InputError(f"likelihood must be {' or '.join(_LIKELIHOODS)}, not {shown(likelihood)}")
    return VAE(**make.mirrored([500], Tanh, _LIKELIHOODS[likelihood]()), **weights)


def beta_vae(make: LayerFactory, **weights: Any) -> VAE:
    """Fleuret, lecture 7.4, after Higgins et al. (2017), on Kingma and Welling's networks."""
    return kingma_welling(make, likelihood="bernoulli", **weights)


def learned_variance(make: LayerFactory, *, variance: float | None, **weights: Any) -> VAE:
    """Fleuret, lecture 7.4: a decoded variance for each pixel, or the remedy, a fixed one."""
    likelihood: Likelihood = LearnedVarianceLikelihood()
    if variance is not None:
        likelihood = GaussianLikelihood(variance, include_constant=True)
    return VAE(**make.mirrored([400], ReLU, likelihood), **weights)


def pytorch_example(make: LayerFactory, **weights: Any) -> VAE:
    """PyTorch's own example of a VAE, for comparison with a framework."""
    return VAE(**make.mirrored([400], ReLU, BernoulliLikelihood()), **weights)


def iwae(make: LayerFactory, *, samples: int) -> IWAE:
    """Burda, Grosse and Salakhutdinov's networks of one stochastic layer, initialised as theirs."""
    model = IWAE(**make.mirrored([200, 200], Tanh, BernoulliLikelihood()), samples=samples)
    initialise_as_glorot(model.encoder, model.decoder)
    return model


def conditional_vae(make: LayerFactory, *, classes: int, **weights: Any) -> ConditionalVAE:
    """Kingma and Welling's networks, with the label appended to the pixels and to z."""
    classes = check_count(classes, "classes")
    encoder = make.dense([make.pixels + classes, 500, 2 * make.latent_dim], Tanh)
    decoder = make.dense([make.latent_dim + classes, 500, make.pixels], Tanh)
    return ConditionalVAE(
        encoder=Sequential(*encoder),
        decoder=Sequential(*decoder, Reshape(make.image_shape)),
        likelihood=BernoulliLikelihood(),
        classes=classes,
        **make.shapes,
        **weights,
    )


def hierarchical_vae(
    make: LayerFactory, *, upper_dim: int, inference: str, batch_norm: bool, **weights: Any
) -> HierarchicalVAE:
    """Two stochastic layers, their encoder from the bottom up or like a ladder.

    The pixels are a linear function of z₁ under a sigmoid, and between the layers are sigmoid
    units, as in the belief networks of Flach's remark. A linear decoder leaves z₁ with structure
    that p(z₁ | z₂) can explain, so the upper layer is of use. Sigmoid units with their initial
    weights pass on little of it, so training without a remedy does not find that use.

    ``batch_norm`` concerns the inference networks only: the generative ones are always the same.
    """
    check_flag(batch_norm, "batch_norm")
    if not isinstance(inference, str) or inference not in ("bottom-up", "ladder"):
        raise InputError(f"inference must be bottom-up or ladder, not {shown(inference)}")
    lower, upper = make.latent_dim, check_count(upper_dim, "upper_dim")
    rest: dict[str, Any] = {
        "prior": Sequential(*make.dense([upper, 100, 100, 2 * lower], Sigmoid)),
        "decoder": Sequential(*make.dense([lower, make.pixels]), Reshape(make.image_shape)),
        "likelihood": BernoulliLikelihood(),
        "upper_dim": upper,
        **make.shapes,
        **weights,
    }
    if inference == "bottom-up":
        encoder = make.dense([make.pixels, 500, 2 * lower], Tanh, batch_norm)
        upper_encoder = make.dense([lower, 100, 100, 2 * upper], Sigmoid, batch_norm)
        return HierarchicalVAE(
            encoder=Sequential(Flatten(), *encoder),
            upper_encoder=Sequential(*upper_encoder),
            **rest,
        )
    # The ladder branches after the hidden units of the same encoder.
    *features, lower_head = make.dense([make.pixels, 500, 2 * lower], Tanh, batch_norm)
    upper_encoder = make.dense([500, 100, 100, 2 * upper], Sigmoid, batch_norm)
    return LadderVAE(
        encoder=Sequential(Flatten(), *features),
        lower_head=Sequential(lower_head),
        upper_encoder=Sequential(*upper_encoder),
        **rest,
    )


def vq_vae(make: LayerFactory, *, codes: int, code_dim: int, commitment: float) -> VQVAE:
    """Van den Oord, Vinyals and Kavukcuoglu (2017) on dense layers, with a MADE as its prior.

    Their commitment of 0.25 belongs to a reconstruction that is a mean over pixels. Beside nats per
    image it holds the encoder's vectors too loosely: they run away from their codes.
    """
    places, codes = make.latent_dim, check_count(codes, "codes")
    vectors = places * check_count(code_dim, "code_dim")
    masks = causal_masks(places, codes, hidden=300)
    quantiser = VectorQuantiser(codes, code_dim, **make.options)
    below, above = (MaskedDense(mask, **make.options) for mask in masks)
    return VQVAE(
        encoder=Sequential(Flatten(), *make.dense([make.pixels, 500, vectors], ReLU)),
        quantiser=quantiser,
        prior=Sequential(below, ReLU(), above),
        decoder=Sequential(
            *make.dense([vectors, 500, make.pixels], ReLU), Reshape(make.image_shape)
        ),
        likelihood=BernoulliLikelihood(),
        commitment=commitment,
        **make.shapes,
    )


def diffusion(make: LayerFactory, *, steps: int, variance: float) -> Diffusion:
    """Ho, Jain and Abbeel (2020) on dense layers; digits of 28 x 28 are averaged down to 8 x 8."""
    pixels = make.pixels
    if make.latent_dim != pixels:
        raise InputError(
            f"the latents of a diffusion are as many as pixels, {pixels}, not {make.latent_dim}: "
            "leave latent_dim out"
        )
    denoiser = make.dense([pixels + TIME_FEATURES, 512, 512, pixels], ELU)
    shape = make.image_shape
    return Diffusion(Sequential(*denoiser), steps=steps, variance=variance, image_shape=shape)


def linear_autoencoder(make: LayerFactory) -> Autoencoder:
    """EECS 230, lecture 16: what it learns spans the principal components (eq. 4.3, eq. 4.7)."""
    return Autoencoder(**make.mirrored([], None, GaussianLikelihood(1.0), per_latent=1))


def autoencoder(make: LayerFactory) -> Autoencoder:
    """EECS 230, lecture 16: f and g are non-linear, here Zhao's widths."""
    likelihood = GaussianLikelihood(1.0)
    return Autoencoder(**make.mirrored([300, 100], ELU, likelihood, Sigmoid(), per_latent=1))


def sparse_autoencoder(make: LayerFactory, *, sparsity: float) -> SparseAutoencoder:
    """EECS 230, lecture 16: a code wider than the image; a ReLU makes many entries exactly 0."""
    arguments = make.mirrored([], None, GaussianLikelihood(1.0), per_latent=1)
    arguments["encoder"] = Sequential(*arguments["encoder"].layers, ReLU())
    return SparseAutoencoder(**arguments, sparsity=sparsity)


def denoising_autoencoder(make: LayerFactory, *, noise_std: float) -> DenoisingAutoencoder:
    """EECS 230, lecture 16."""
    arguments = make.mirrored([400], ELU, GaussianLikelihood(1.0), Sigmoid(), per_latent=1)
    return DenoisingAutoencoder(**arguments, noise_std=noise_std)
