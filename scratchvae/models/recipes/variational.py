"""How the dense recipes with a prior are built.

Each function takes a ``LayerFactory``, the number of latents and the recipe's options; ``weights``
are the ``beta``, ``reconstruction_weight`` and ``samples`` that every ``VAE`` has.
"""

from typing import Any

from scratchvae.errors import InputError
from scratchvae.layers import ELU, Flatten, Layer, LogSoftplus, ReLU, Sequential, Sigmoid, Tanh
from scratchvae.models.conditional_vae import ConditionalVAE
from scratchvae.models.hierarchical_vae import HierarchicalVAE
from scratchvae.models.iwae import IWAE, initialise_as_glorot
from scratchvae.models.ladder_vae import LadderVAE
from scratchvae.models.recipes.layer_factory import IMAGE_SHAPE, PIXELS, LayerFactory
from scratchvae.models.vae import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
)
from scratchvae.validation import check_count

CLASSES = 10


def zhao_mlp(
    make: LayerFactory, latent_dim: int, *, hidden: int, variance: float, **weights: Any
) -> VAE:
    """Zhao (2023), section 3.1: the text says a hidden layer of 20, the printed network of 10."""
    widths = [PIXELS, 300, 100, check_count(hidden, "hidden")]
    return VAE(
        encoder=make.encoder([*widths, 2 * latent_dim], ELU),
        decoder=make.decoder([latent_dim, *reversed(widths)], ELU, Sigmoid()),
        likelihood=GaussianLikelihood(variance),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        variance_head=LogSoftplus(floor=1e-8),
        **weights,
    )


def kingma_welling(make: LayerFactory, latent_dim: int, *, likelihood: str, **weights: Any) -> VAE:
    """Kingma and Welling (2013), appendix C: a Bernoulli decoder, or a Gaussian one."""
    chosen = _likelihood_named(likelihood)
    return VAE(
        encoder=make.encoder([PIXELS, 500, 2 * latent_dim], Tanh),
        decoder=_decoder(make, [latent_dim, 500], Tanh, chosen),
        likelihood=chosen,
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        **weights,
    )


def beta_vae(make: LayerFactory, latent_dim: int, **weights: Any) -> VAE:
    """Fleuret, lecture 7.4, after Higgins et al. (2017), on Kingma and Welling's networks."""
    return kingma_welling(make, latent_dim, likelihood="bernoulli", **weights)


def learned_variance(
    make: LayerFactory, latent_dim: int, *, variance: float | None, **weights: Any
) -> VAE:
    """Fleuret, lecture 7.4: a decoded variance for each pixel, or the remedy, a fixed one."""
    chosen: Likelihood = LearnedVarianceLikelihood()
    if variance is not None:
        chosen = GaussianLikelihood(variance, include_constant=True)
    return VAE(
        encoder=make.encoder([PIXELS, 400, 2 * latent_dim], ReLU),
        decoder=_decoder(make, [latent_dim, 400], ReLU, chosen),
        likelihood=chosen,
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        **weights,
    )


def pytorch_example(make: LayerFactory, latent_dim: int, **weights: Any) -> VAE:
    """PyTorch's own example of a VAE, for comparison with a framework."""
    return VAE(
        encoder=make.encoder([PIXELS, 400, 2 * latent_dim], ReLU),
        decoder=make.decoder([latent_dim, 400, PIXELS], ReLU),
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        **weights,
    )


def iwae(make: LayerFactory, latent_dim: int, *, samples: int) -> IWAE:
    """Burda, Grosse and Salakhutdinov's networks of one stochastic layer, initialised as theirs."""
    encoder = make.encoder([PIXELS, 200, 200, 2 * latent_dim], Tanh)
    decoder = make.decoder([latent_dim, 200, 200, PIXELS], Tanh)
    initialise_as_glorot(encoder, decoder)
    return IWAE(
        encoder=encoder,
        decoder=decoder,
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        samples=samples,
    )


def conditional_vae(make: LayerFactory, latent_dim: int, **weights: Any) -> ConditionalVAE:
    """Kingma and Welling's networks, with the label appended to the pixels and to z."""
    return ConditionalVAE(
        encoder=make.network([PIXELS + CLASSES, 500, 2 * latent_dim], Tanh),
        decoder=make.decoder([latent_dim + CLASSES, 500, PIXELS], Tanh),
        likelihood=BernoulliLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=latent_dim,
        classes=CLASSES,
        **weights,
    )


def hierarchical_vae(
    make: LayerFactory,
    latent_dim: int,
    *,
    upper_dim: int,
    inference: str,
    batch_norm: bool,
    **weights: Any,
) -> HierarchicalVAE:
    """Two stochastic layers, their encoder from the bottom up or like a ladder.

    The pixels are a linear function of z₁ under a sigmoid, and between the layers are sigmoid
    units, as in the belief networks of Flach's remark. A linear decoder leaves z₁ with structure
    that p(z₁ | z₂) can explain, so the upper layer is of use. Sigmoid units with their initial
    weights pass on little of it, so training without a remedy does not find that use.

    ``batch_norm`` concerns the inference networks only: the generative ones are always the same.
    """
    if not isinstance(batch_norm, bool):
        raise InputError(f"batch_norm must be True or False, not {batch_norm!r}")
    upper = check_count(upper_dim, "upper_dim")
    rest: dict[str, Any] = {
        "prior": make.network([upper, 100, 100, 2 * latent_dim], Sigmoid),
        "decoder": make.decoder([latent_dim, PIXELS], None),
        "likelihood": BernoulliLikelihood(),
        "image_shape": IMAGE_SHAPE,
        "latent_dim": latent_dim,
        "upper_dim": upper,
    }
    if inference == "bottom-up":
        sizes = [latent_dim, 100, 100, 2 * upper]
        return HierarchicalVAE(
            encoder=make.encoder([PIXELS, 500, 2 * latent_dim], Tanh, batch_norm),
            upper_encoder=make.network(sizes, Sigmoid, batch_norm),
            **rest,
            **weights,
        )
    if inference == "ladder":
        features = [Flatten(), *make.dense_stack([PIXELS, 500], None)]
        if batch_norm:
            features.append(make.batch_norm(500))
        return LadderVAE(
            encoder=Sequential(*features, Tanh()),
            lower_head=make.network([500, 2 * latent_dim], None),
            upper_encoder=make.network([500, 100, 100, 2 * upper], Sigmoid, batch_norm),
            **rest,
            **weights,
        )
    raise InputError(f"inference must be bottom-up or ladder, not {inference!r}")


def _likelihood_named(name: str) -> Likelihood:
    if name == "bernoulli":
        return BernoulliLikelihood()
    if name == "gaussian":
        return LearnedVarianceLikelihood()
    raise InputError(f"likelihood must be bernoulli or gaussian, not {name!r}")


def _decoder(
    make: LayerFactory, sizes: list[int], activation: type[Layer], likelihood: Likelihood
) -> Layer:
    """Return a dense decoder that gives as many numbers per pixel as the likelihood takes."""
    channels = likelihood.channels_per_pixel
    return make.decoder([*sizes, channels * PIXELS], activation, channels=channels)
