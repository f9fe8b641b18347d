"""The likelihoods that Zhao's recipes may have, and how their decoders end."""

from typing import Any

from scratchvae.errors import InputError
from scratchvae.layers import Layer, Sigmoid
from scratchvae.probability import DiscretisedLogisticLikelihood, GaussianLikelihood, Likelihood
from scratchvae.validation import check_choice

VARIANCE = 0.05


def of_pixels(likelihood: Any, variance: Any) -> tuple[Likelihood, list[Layer]]:
    """Return the likelihood of that name, and what is applied to the decoded pixels."""
    names = [GaussianLikelihood.name, DiscretisedLogisticLikelihood.name]
    if check_choice(likelihood, "likelihood", names) == GaussianLikelihood.name:
        return GaussianLikelihood(variance), [Sigmoid()]
    if variance != VARIANCE:
        raise InputError(
            f"variance={variance} would do nothing: {likelihood} has a decoded scale for each "
            "pixel",
            'leave `variance` out, or use `likelihood="gaussian"`',
        )
    return DiscretisedLogisticLikelihood(), []
