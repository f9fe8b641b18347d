"""Bugs of the encoder's two outputs, and of what evaluation makes of them."""

import numpy as np

from scratchvae.course.wild.bug import Bug
from scratchvae.course.wild.minimal import Minimal, Slopes
from scratchvae.validation import FloatArray


class OneLayerForBoth(Minimal):
    """The layer of the mean gives the log-variance, too."""

    def moments(self, first: FloatArray, second: FloatArray) -> Slopes:
        """Return the first output twice."""
        return first, first

    def moments_backward(self, first: FloatArray, second: FloatArray, slopes: Slopes) -> Slopes:
        """Return the sum of both derivatives for the first output, and none for the second."""
        return slopes[0] + slopes[1], np.zeros_like(second)


class RectifiedMoments(Minimal):
    """The encoder ends in ReLUs: neither the mean nor the log-variance is ever negative."""

    def moments(self, first: FloatArray, second: FloatArray) -> Slopes:
        """Return the positive part of each."""
        return np.maximum(first, 0), np.maximum(second, 0)

    def moments_backward(self, first: FloatArray, second: FloatArray, slopes: Slopes) -> Slopes:
        """Return the derivatives where the outputs are positive, and 0 elsewhere."""
        return slopes[0] * (first > 0), slopes[1] * (second > 0)


class MeanInEvaluation(Minimal):
    """In evaluation the mean stands for the draw, in the loss, too."""

    evaluating = False

    def training(self, flag: bool) -> None:
        """Switch to training, or to evaluation."""
        self.evaluating = not flag

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return fresh draws from N(0, 1) in training, and zeros in evaluation."""
        return np.zeros(shape) if self.evaluating else super().noise(shape)


BUGS = [
    Bug(
        title="The mean's layer for the log-variance",
        place="LP_BNN, `networks/LPBNN_layers.py`, until June 2023",
        links=(
            ("issue 3", "https://github.com/giannifranchi/LP_BNN/issues/3"),
            (
                "the same in latent-subspaces",
                "https://github.com/alexlyzhov/latent-subspaces/issues/1",
            ),
            ("and in TRAP", "https://github.com/kaist-dmlab/TRAP/pull/1"),
        ),
        found="`self.encoder_fcmean(embedded), self.encoder_fcmean(embedded)`: a copied "
        "half-line. Two other programs have had the same slip.",
        does="Mean and log-variance are one number: $\\sigma = e^{\\mu/2}$. A code at −3 is "
        "sharp, one at 3 is noise, so half of each axis is of no use. Everything has the right "
        "shape, and the layer that was meant is never trained.",
        since="Mended in June 2023.",
        remedy="`self.encoder_fcvar(embedded)` for the second.",
        causes=("mean for log-variance",),
        faulty=OneLayerForBoth,
    ),
    Bug(
        title="ReLUs on mean and log-variance",
        place="TensorflowProjects, `Unsupervised_learning/MNIST_VAE.py`, until August 2016",
        links=(("pull request 1", "https://github.com/shekkizh/TensorflowProjects/pull/1"),),
        found="The activation of the hidden layers is applied to the encoder's two outputs as "
        "well.",
        does="No mean below 0 and no standard deviation below 1: the KL can never buy a sharp "
        "code, and most of the prior is a place where no code can be.",
        since="Mended in August 2016.",
        remedy="No activation after the last layer of the encoder.",
        causes=("moments cut off",),
        faulty=RectifiedMoments,
    ),
    Bug(
        title="The mean for the draw in evaluation",
        place="PyTorch's examples, `vae/main.py`, October 2017 to October 2018",
        links=(("pull request 419", "https://github.com/pytorch/examples/pull/419"),),
        found="`reparameterize` returned the mean when the model was in evaluation mode.",
        does="For a picture of a reconstruction that is fine. But the test loss was computed "
        "so, too, and the bound is a mean over draws: at the mean of $q$ the reconstruction is "
        "nearly always cheaper, and the figure is better than the model. It can even be above "
        "$\\log p(x)$.",
        since="Mended in October 2018, by the first author of the paper on the VAE.",
        remedy="Draw in both modes.",
        causes=(),
        faulty=MeanInEvaluation,
    ),
]
