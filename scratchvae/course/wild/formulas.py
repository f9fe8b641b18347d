"""Bugs of a formula: the KL is no KL, or the cross-entropy is of something else."""

import numpy as np

from scratchvae.course.wild.bug import Bug
from scratchvae.course.wild.minimal import Gaussian, Minimal, Slopes
from scratchvae.validation import FloatArray


class LogDeviation(Minimal):
    """A right one, whose encoder gives log σ."""

    spread = "log-deviation"

    def deviation(self, spread: FloatArray) -> Slopes:
        """Return σ = exp(log σ), and its slope."""
        return np.exp(spread), np.exp(spread)

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return the KL, ½ (m² + σ² − 1 − 2 log σ), and its slopes."""
        variance = np.exp(2 * spread)
        return 0.5 * (mean**2 + variance - 1 - 2 * spread), (mean, variance - 1)


class SquareOfTheLogarithm(LogDeviation):
    """In the KL the square of log σ, added, stands for log σ², subtracted."""

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return ½ (m² + σ² − 1 + (log σ)²), and its slopes."""
        variance = np.exp(2 * spread)
        return 0.5 * (mean**2 + variance - 1 + spread**2), (mean, variance + spread)


class LogarithmAdded(LogDeviation):
    """In the KL log σ² is added, and not subtracted."""

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return ½ (m² + σ² − 1 + 2 log σ), and its slopes."""
        variance = np.exp(2 * spread)
        return 0.5 * (mean**2 + variance - 1 + 2 * spread), (mean, variance + 1)


class SquaredErrors(LogDeviation, Gaussian):
    """A right one with a sum of squared errors, which is a variance of ½."""

    variance = 0.5


class HalfForgotten(SquaredErrors):
    """In the KL the squares have lost their factor ½."""

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return m² + σ² − log σ − ½, and its slopes."""
        variance = np.exp(2 * spread)
        return mean**2 + variance - spread - 0.5, (2 * mean, 2 * variance - 1)


class LogVarianceSquared(Minimal):
    """The log-variance is squared, as if it were the standard deviation."""

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return ½ (m² + l² − log l² − 1) of a log-variance l, and its slopes."""
        square = spread**2 + 1e-20
        return 0.5 * (mean**2 + square - np.log(square) - 1), (mean, spread - spread / square)


class OneConstantForAll(Minimal):
    """The constant of the KL is there once, not once for each latent."""

    def divergence(self, mean: FloatArray, spread: FloatArray) -> tuple[FloatArray, Slopes]:
        """Return the KL with 1 / D in place of 1, and its slopes, which are right."""
        kl, slopes = super().divergence(mean, spread)
        return kl + 0.5 * (1 - 1 / self.latents), slopes


class ImagesForLogits(Minimal):
    """The arguments of the cross-entropy are swapped: images for logits, and logits for images."""

    def nats(self, x: FloatArray, y: FloatArray) -> Slopes:
        """Return log(1 + eˣ) − x y, and its slope by y."""
        return np.logaddexp(0, x) - x * y, -x


BUGS = [
    Bug(
        title="The square of a logarithm",
        place="Flux's model zoo, `vision/mnist/vae.jl`, February to December 2018",
        links=(("issue 73", "https://github.com/FluxML/model-zoo/issues/73"),),
        found="The encoder gives $\\log\\sigma$. In the KL stands $\\tfrac12\\sum(\\sigma^2 + "
        "\\mu^2 - 1 + (\\log\\sigma)^2)$, where $-2\\log\\sigma$ belongs.",
        does="Its least value is at $\\sigma^2 = -\\log\\sigma$, which is $\\sigma = 0.65$, and "
        "is $-0.20$ a latent: a KL that is negative. An unused latent gets a deviation of 0.65 "
        "rather than 1, so samples from $\\mathcal N(0, I)$ are partly from where no code is.",
        since="Mended in two steps; the first is the next entry.",
        remedy="`0.5 * sum(exp.(2 .* logσ) + μ.^2 .- 1 .- 2 .* logσ)`",
        causes=("KL formula",),
        faulty=SquareOfTheLogarithm,
        healthy=LogDeviation,
    ),
    Bug(
        title="A logarithm with the wrong sign",
        place="Flux's model zoo, `vision/mnist/vae.jl`, December 2018 to July 2019",
        links=(("pull request 147", "https://github.com/FluxML/model-zoo/pull/147"),),
        found="$\\tfrac12\\sum(\\sigma^2 + \\mu^2 - 1 + 2\\log\\sigma)$: the term of the "
        "logarithm is right by now, but for its sign.",
        does="It falls for ever as $\\sigma \\to 0$: each latent is paid for having no noise. "
        "The KL becomes negative without bound, the loss looks better and better, and what is "
        "trained is an autoencoder.",
        since="Mended in July 2019; today's `vae_mnist.jl` is right.",
        remedy="`.- 2 .* logσ`",
        causes=("KL formula",),
        faulty=LogarithmAdded,
        healthy=LogDeviation,
    ),
    Bug(
        title="A forgotten half",
        place="SupaeroDataScience's course, `GAN/Variational_Autoencoders.ipynb`, until April 2024",
        links=(("pull request 6", "https://github.com/SupaeroDataScience/deep-learning/pull/6"),),
        found="$\\sum(\\sigma^2 + \\mu^2 - \\log\\sigma - \\tfrac12)$. The squares have lost "
        "their ½. The same line stands in many programs; the notebook names the blog post it is "
        "based on.",
        does="The least value is at $2\\sigma^2 = 1$, $\\sigma = 0.71$, and is $0.35$ a latent, "
        "not 0. The prior that this trains for is $\\mathcal N(0, \\tfrac12 I)$: samples from "
        "$\\mathcal N(0, I)$ are too far out by a factor of 1.4.",
        since="Mended in April 2024.",
        remedy="`((sigma**2 + mu**2) / 2 - torch.log(sigma) - 1/2).sum()`",
        causes=("KL formula",),
        faulty=HalfForgotten,
        healthy=SquaredErrors,
    ),
    Bug(
        title="A log-variance that is squared",
        place="DeepChem, `deepchem/models/losses.py`, `VAE_KLDivergence`",
        links=(("pull request 4888", "https://github.com/deepchem/deepchem/pull/4888"),),
        found="The argument is called `logvar`, and is described as the standard deviation. The "
        "formula squares it: $\\tfrac12(\\mu^2 + l^2 - \\log l^2 - 1)$.",
        does="Given a log-variance $l$, as its name invites one to, this is infinite at $l = "
        "0$, where the KL is 0, and 0 at $l = \\pm 1$. A latent that starts with a negative $l$ "
        "can never get across 0; unused ones get a variance of $e$ or $1/e$.",
        since="A change was proposed in March 2026. It is so in the newest version that we have "
        "seen.",
        remedy="`torch.exp(logvar) - logvar` for the two terms with squares.",
        causes=("KL formula",),
        faulty=LogVarianceSquared,
    ),
    Bug(
        title="One constant for all latents",
        place="draw (ericjang), `draw.py`, since 2016",
        links=(
            ("issue 2", "https://github.com/ericjang/draw/issues/2"),
            ("pull request 6", "https://github.com/ericjang/draw/pull/6"),
        ),
        found="The sum over the latents is taken first, and then ½ is subtracted: once, not "
        "once for each of the ten latents.",
        does="A constant has no gradient, so the model that is trained is right. The KL that is "
        "reported is too large by $(10 - 1)/2 = 4.5$ nats in each of the ten steps: 45 nats.",
        since="The −½ was once −T/2, with T the number of steps. It is so in the newest version "
        "that we have seen.",
        remedy="`- z_size * .5`",
        causes=("KL formula",),
        faulty=OneConstantForAll,
    ),
    Bug(
        title="Images for logits, and logits for images",
        place="SLEDGE, `sledge/autoencoder/modeling/objectives/vae_objective.py`, August 2024",
        links=(("issue 4", "https://github.com/autonomousvision/sledge/issues/4"),),
        found="`binary_cross_entropy_with_logits(target, prediction)`: the function takes the "
        "logits first.",
        does="$\\log(1 + e^x) - x\\,y$ is linear in the logits $y$. White pixels are rewarded "
        "without limit, black ones cost nothing whatever they are: the loss falls below 0 and "
        "goes on.",
        since="Mended two weeks after its release, in September 2024; it had come with a tidy-up.",
        remedy="`binary_cross_entropy_with_logits(prediction, target)`",
        causes=("reconstruction formula",),
        faulty=ImagesForLogits,
    ),
]
