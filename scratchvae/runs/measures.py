"""The figures by which a run is judged."""

from scratchvae.data import Dataset
from scratchvae.evaluation.importance import estimate_log_likelihood
from scratchvae.models import LatentModel


def measure(
    model: LatentModel,
    data: Dataset,
    *,
    seed: int,
    importance_samples: int | None = None,
    progress: bool = False,
) -> dict[str, float]:
    """Return the test images' mean loss, its terms and their bound: see ``Run.evaluate``."""
    images, labels = data.test_images, data.test_labels if model.classes else None
    likelihood: dict[str, float] = {}
    if importance_samples is not None:  # first, since it may be refused
        estimate = estimate_log_likelihood(
            model, images, importance_samples, seed=seed, progress=progress
        )
        likelihood["nll"] = -estimate.mean
        likelihood["nll_standard_error"] = estimate.mean_standard_error
        likelihood["importance_samples"] = importance_samples
    terms = model.evaluate(images, labels=labels, seed=seed)
    figures = {"loss": terms.loss, "reconstruction": terms.reconstruction, "kl": terms.kl}
    if model.has_prior:
        # The loss leaves out constants of the likelihood, and may weigh its terms.
        constant = model.omitted_constant()
        figures["elbo"] = -(terms.reconstruction + terms.kl + constant)
    return figures | likelihood
