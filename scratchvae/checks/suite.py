"""Everything in the package that has a gradient or a distribution, checked by name.

``scratchvae gradcheck`` runs these. Sizes are odd and unequal, so that a transposed or broadcast
array does not fit by accident; no bias is zero; models are checked whole and at full size.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from scratchvae.checks.bounds import check_bound_order, check_exact_likelihood
from scratchvae.checks.distributions import (
    DistributionReport,
    check_kl,
    check_likelihood,
    check_likelihood_object,
    check_reparameterisation,
)
from scratchvae.checks.gradients import GradientReport, check_gradients, gradcheck
from scratchvae.checks.optimisers import check_adam, check_sgd
from scratchvae.checks.straight_through import (
    check_code_prior,
    check_vector_quantiser,
    held_quantisation,
)
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LogSoftplus,
    MaskedDense,
    Parameter,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from scratchvae.layers.masked_dense import causal_masks
from scratchvae.models import RECIPES, VQVAE, build
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
    gaussian_product,
    gaussian_product_backward,
    kl_diagonal,
    kl_diagonal_gradients,
    kl_full,
    kl_full_gradients,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.validation import FloatArray

Report = GradientReport | DistributionReport
Check = Callable[[], Report]

# Options of recipes that bring in another formula.
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("kingma-welling", {"likelihood": "gaussian", "reconstruction_weight": 0.3}),
    ("hierarchical-vae", {"free_bits": 5.0}),
    ("hierarchical-vae", {"batch_norm": True}),
    ("hierarchical-vae", {"inference": "ladder"}),
    ("hierarchical-vae", {"inference": "ladder", "batch_norm": True}),
    ("hierarchical-vae", {"inference": "ladder", "free_bits": 5.0, "beta": 0.7}),
)


def all_checks() -> Iterator[tuple[str, Check]]:
    """Yield the name of each check and a function that runs it."""
    yield from _layer_checks()
    yield from _likelihood_checks()
    yield from _probability_checks()
    for name in RECIPES:
        yield name, partial(_check_recipe, name)
    for name, options in VARIANTS:
        yield name, partial(_check_recipe, name, **options)


def _layer_checks() -> Iterator[tuple[str, Check]]:
    float64 = np.float64
    dense = Dense(5, 4, rng=1, dtype=float64)
    cases: list[tuple[Layer, tuple[int, ...]]] = [
        (Dense(5, 3, rng=1, dtype=float64), (4, 5)),
        (ReLU(dtype=float64), (3, 7)),
        (ELU(alpha=0.7, dtype=float64), (3, 7)),
        (Tanh(dtype=float64), (3, 7)),
        (Sigmoid(dtype=float64), (3, 7)),
        (Softplus(dtype=float64), (3, 7)),
        (LogSoftplus(dtype=float64), (3, 7)),
        (Conv2D(2, 3, 3, stride=2, padding=1, rng=1, dtype=float64), (2, 7, 5, 2)),
        (Conv2D(1, 2, 2, stride=3, rng=1, dtype=float64), (2, 5, 8, 1)),
        (ConvTranspose2D(3, 2, 3, 2, 1, 1, rng=1, dtype=float64), (2, 3, 4, 3)),
        (ConvTranspose2D(2, 1, 4, rng=1, dtype=float64), (3, 1, 2, 2)),
        (BatchNorm(3, dtype=float64), (2, 3, 4, 3)),
        (MaskedDense(causal_masks(3, 2, 5)[0], rng=1, dtype=float64), (4, 6)),
        (Flatten(dtype=float64), (2, 3, 5, 1)),
        (Reshape((3, 2, 1), dtype=float64), (5, 6)),
        (Sequential(dense, Tanh(dtype=float64), Dense(4, 3, rng=2, dtype=float64)), (2, 5)),
    ]
    for layer, shape in cases:
        x = np.random.default_rng(2).standard_normal(shape)
        _fill_zeros(layer.parameters)
        yield type(layer).__name__, partial(gradcheck, layer, x)
    yield "VectorQuantiser", check_vector_quantiser


def _likelihood_checks() -> Iterator[tuple[str, Check]]:
    for likelihood in (
        BernoulliLikelihood(),
        GaussianLikelihood(variance=0.3, include_constant=True),
        GaussianLikelihood(variance=0.05),
        LearnedVarianceLikelihood(),
    ):
        name = type(likelihood).__name__
        yield name, partial(check_likelihood_gradient, likelihood)
        yield name, partial(check_likelihood, likelihood)


def check_likelihood_gradient(likelihood: Likelihood) -> GradientReport:
    """Compare a likelihood's gradient with finite differences of −log p(x | z) per image."""
    check_likelihood_object(likelihood)
    rng = np.random.default_rng(3)
    x = rng.random((3, 5, 3, 2))
    decoded = rng.standard_normal((3, 5, 3, 2 * likelihood.channels_per_pixel))
    upstream = rng.standard_normal(3)
    return check_gradients(
        f"{likelihood!r}",
        lambda: float((likelihood.negative_log_likelihood(x, decoded) * upstream).sum()),
        {"decoded": decoded},
        {"decoded": likelihood.gradient(x, decoded) * upstream[:, None, None, None]},
        rng=rng,
    )


def _probability_checks() -> Iterator[tuple[str, Check]]:
    yield "kl_full", _check_kl_full
    yield "kl_diagonal", _check_kl_diagonal
    yield "kl_to_standard", _check_kl_to_standard
    yield "kl_to_standard", check_kl
    yield "gaussian_product", _check_gaussian_product
    yield "reparameterise", _check_reparameterise_gradient
    yield "reparameterise", check_reparameterisation
    yield "elbo", check_exact_likelihood
    yield "importance weights", check_bound_order
    yield "code prior", check_code_prior
    yield "Adam", check_adam
    yield "SGD", check_sgd


def _check_kl_full() -> GradientReport:
    """Check the full-covariance KL through Σ = A Aᵀ, which stays symmetric as A moves."""
    rng = np.random.default_rng(4)
    mean_1, mean_2 = rng.standard_normal((2, 3))
    root_1, root_2 = rng.standard_normal((2, 3, 3)) + 2 * np.eye(3)

    def covariance(root: FloatArray) -> FloatArray:
        return root @ root.T

    gradients = kl_full_gradients(mean_1, covariance(root_1), mean_2, covariance(root_2))
    return check_gradients(
        "KL between full-covariance Gaussians",
        lambda: kl_full(mean_1, covariance(root_1), mean_2, covariance(root_2)),
        {"mean_1": mean_1, "root_1": root_1, "mean_2": mean_2, "root_2": root_2},
        {
            "mean_1": gradients.mean_1,
            "root_1": (gradients.covariance_1 + gradients.covariance_1.T) @ root_1,
            "mean_2": gradients.mean_2,
            "root_2": (gradients.covariance_2 + gradients.covariance_2.T) @ root_2,
        },
        rng=rng,
    )


def _check_kl_diagonal() -> GradientReport:
    rng = np.random.default_rng(5)
    names = ("mean_1", "log_variance_1", "mean_2", "log_variance_2")
    arrays = dict(zip(names, rng.standard_normal((4, 3, 5)), strict=True))
    upstream = rng.standard_normal(3)
    gradients = kl_diagonal_gradients(**arrays)._asdict()
    return check_gradients(
        "KL between diagonal Gaussians",
        lambda: float((kl_diagonal(**arrays) * upstream).sum()),
        arrays,
        {name: gradient * upstream[:, None] for name, gradient in gradients.items()},
        rng=rng,
    )


def _check_kl_to_standard() -> GradientReport:
    rng = np.random.default_rng(6)
    mean, log_variance = rng.standard_normal((2, 3, 5))
    upstream = rng.standard_normal(3)
    gradients = kl_to_standard_gradients(mean, log_variance)
    return check_gradients(
        "KL to N(0, I)",
        lambda: float((kl_to_standard(mean, log_variance) * upstream).sum()),
        {"mean": mean, "log_variance": log_variance},
        {name: g * upstream[:, None] for name, g in gradients._asdict().items()},
        rng=rng,
    )


def _check_reparameterise_gradient() -> GradientReport:
    rng = np.random.default_rng(7)
    mean, log_variance = rng.standard_normal((2, 3, 5))
    eps, dz = rng.standard_normal((2, 4, 3, 5))
    gradients = reparameterise_backward(dz, log_variance, eps)
    return check_gradients(
        "reparameterise",
        lambda: float((reparameterise(mean, log_variance, eps) * dz).sum()),
        {"mean": mean, "log_variance": log_variance},
        gradients._asdict(),
        rng=rng,
    )


def _check_gaussian_product() -> GradientReport:
    rng = np.random.default_rng(9)
    names = ("mean_1", "log_variance_1", "mean_2", "log_variance_2")
    arrays = dict(zip(names, rng.standard_normal((4, 3, 5)), strict=True))
    d_mean, d_log_variance = rng.standard_normal((2, 3, 5))

    def value() -> float:
        mean, log_variance = gaussian_product(**arrays)
        return float((mean * d_mean + log_variance * d_log_variance).sum())

    return check_gradients(
        "product of diagonal Gaussians",
        value,
        arrays,
        gaussian_product_backward(d_mean, d_log_variance, **arrays)._asdict(),
        rng=rng,
    )


def _check_recipe(name: str, **options: Any) -> GradientReport:
    """Check a whole model of full size on two images, its noise frozen, with two samples of z."""
    recipe = RECIPES[name]
    samples: dict[str, Any] = {"samples": 2} if "samples" in recipe.options else {}
    latents = 3 if recipe.any_latent_dim else None
    model = build(name, latent_dim=latents, dtype=np.float64, **samples, **options)
    # He's scale, for ReLU: at the smaller one that training starts from, the gradients of a deep
    # network's first layers are a millionth of the loss's own rounding.
    for parameter_name, parameter in model.parameters.items():
        if parameter_name.endswith("weight"):
            parameter.value *= np.sqrt(6)
    _fill_zeros(model.parameters)
    images = np.random.default_rng(8).random((2, *model.image_shape))
    if isinstance(model, VQVAE):
        model = held_quantisation(model, images)
    report = gradcheck(model, images, max_coordinates=20, directions=3)
    title = ", ".join([name, *(f"{option} {value}" for option, value in options.items())])
    return GradientReport(title, report.rows)


def _fill_zeros(parameters: Mapping[str, Parameter]) -> None:
    """Draw what starts at 0: in a sum with 0 a forgotten or doubled term would go unnoticed."""
    rng = np.random.default_rng(10)
    for parameter in parameters.values():
        if not parameter.value.any():
            parameter.value[...] = rng.uniform(-0.5, 0.5, parameter.value.shape)
