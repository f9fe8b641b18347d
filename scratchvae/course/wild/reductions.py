"""Bugs of sums and means: the two terms of the loss are on different scales."""

from scratchvae.course.wild.bug import Bug
from scratchvae.course.wild.minimal import Gaussian, Minimal
from scratchvae.validation import FloatArray


class MeansOverPixelsAndLatents(Minimal):
    """Each term is a mean over everything, and there are 784 pixels and 200 latents."""

    latents = 200

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return one over the number of pixels, and one over that of latents."""
        return 1 / x.size, 1 / (len(x) * self.latents)


class FittingVariance(Gaussian):
    """A right one, whose variance is about its mean squared error."""

    variance = 0.02


class SmallWeight(Gaussian):
    """The squared error is a mean over everything, and the KL has a weight of 0.00025."""

    variance = None  # whatever the weights make of it
    kl_weight = 0.00025

    def nats(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the squared error and its slope."""
        return (x - y) ** 2, 2 * (y - x)

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return the weights of training."""
        return 1 / x.size, self.kl_weight / len(x)


class ValidatedWithAnother(SmallWeight):
    """The same, and in validation the weight of the KL is 1."""

    def validation_loss(
        self, x: FloatArray, y: FloatArray, mean: FloatArray, spread: FloatArray
    ) -> tuple[float, float, float]:
        """Return the loss with the other weight, and its terms."""
        _, reconstruction, kl = self.loss(x, y, mean, spread)
        return reconstruction + kl / self.kl_weight, reconstruction, kl / self.kl_weight


class MeanOverPixels(Minimal):
    """The cross-entropy is a mean over the pixels, and the KL a sum over the latents."""

    latents = 2

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return one over the number of pixels, and one over that of images."""
        return 1 / x.size, 1 / len(x)


class MeanOverLatents(Minimal):
    """The KL is a mean over the latents, and the cross-entropy a sum over the pixels."""

    latents = 292

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return one over the number of images, and one over that of latents."""
        return 1 / len(x), 1 / (len(x) * self.latents)


class MeanOverTwoLatents(MeanOverLatents):
    """The same with two latents."""

    latents = 2


class SumOverTheBatch(Minimal):
    """The KL is summed over the batch, and the reconstruction is a mean over it."""

    def weights(self, x: FloatArray) -> tuple[float, float]:
        """Return one over the number of images, and one."""
        return 1 / len(x), 1.0


BUGS = [
    Bug(
        title="Two means: β is 3.92",
        place="fast.ai, Practical Deep Learning part 2, `nbs/29_vae.ipynb`, 2023",
        links=(
            (
                "`kld_loss` and `bce_loss`",
                "https://github.com/fastai/course22p2/blob/df93232/nbs/29_vae.ipynb",
            ),
        ),
        found="The cross-entropy is a mean over batch and pixels, the KL a mean over batch and "
        "latents; the loss is their sum. There are 784 pixels and 200 latents.",
        does="$R/784 + \\mathrm{KL}/200 = \\frac1{784}\\left(R + "
        "\\frac{784}{200}\\,\\mathrm{KL}\\right)$: a β-VAE with $\\beta = 3.92$. With another "
        "number of latents it would be another β.",
        since="It is so in the newest version that we have seen. As a choice it is a reasonable "
        "one; nothing says that it was made.",
        remedy="Sum each term over its own dimension, and take the mean over the batch only.",
        causes=("effective beta",),
        faulty=MeansOverPixelsAndLatents,
    ),
    Bug(
        title="A weight for the KL, and a variance of 1.54",
        place="PyTorch-VAE, `models/vanilla_vae.py` and `configs/vae.yaml`, since December 2021",
        links=(
            (
                "`loss_function`",
                "https://github.com/AntixK/PyTorch-VAE/blob/a6896b944c918dd7030e7d795a8c13e5c6345ec7/"
                "models/vanilla_vae.py",
            ),
            ("issue 56", "https://github.com/AntixK/PyTorch-VAE/issues/56"),
        ),
        found="`F.mse_loss`, a mean over the 64 · 64 · 3 = 12,288 values of a picture, plus "
        "0.00025 times the KL.",
        does="Divide by 0.00025: $\\frac{4000}{12288}\\,E + \\mathrm{KL}$ with $E$ the squared "
        "error of a picture. A Gaussian of variance $c$ has $E/2c$, so $c = 12288 / 8000 = "
        "1.536$: a standard deviation of 1.24 for pixels between 0 and 1. Pictures get blurred "
        "because the model believes the pixels to be nothing but noise. The weight looks small, "
        "and is far too large.",
        since="It is so in the newest version that we have seen; several readers have asked "
        "where the number comes from.",
        remedy="Sum the squared error over the picture, divide by $2c$, and choose or learn "
        "$c$: its best value is the mean squared error itself (11.8).",
        causes=("effective variance",),
        faulty=SmallWeight,
        pixels=12288,
        healthy=FittingVariance,
    ),
    Bug(
        title="Validated with another loss",
        place="PyTorch-VAE, `experiment.py`, since December 2021",
        links=(
            (
                "`training_step` and `validation_step`",
                "https://github.com/AntixK/PyTorch-VAE/blob/a6896b944c918dd7030e7d795a8c13e5c6345ec7/"
                "experiment.py",
            ),
        ),
        found="In training the KL has the weight of the configuration, 0.00025; in validation "
        "it has the weight 1.0. The checkpoints that are kept are those with the best "
        "validation loss.",
        does="The validation loss is that of a Gaussian of variance $12288 / 2 = 6144$. It "
        "consists of the KL and little else, so the best checkpoint is the one whose latents "
        "say least.",
        since="It is so in the newest version that we have seen. Before, both had the size of "
        "the batch over that of a data set.",
        remedy="Call one function for both, with the same weight.",
        causes=("training and validation losses differ", "effective variance"),
        faulty=ValidatedWithAnother,
        pixels=12288,
        healthy=FittingVariance,
    ),
    Bug(
        title="A mean over pixels beside a sum over latents",
        place="Keras, `examples/variational_autoencoder.py`, July 2016",
        links=(
            ("issue 3373", "https://github.com/keras-team/keras/issues/3373"),
            ("pull request 3383", "https://github.com/keras-team/keras/pull/3383"),
        ),
        found="`binary_crossentropy` is a mean over the pixels, and the KL a sum over the "
        "latents. A factor of `original_dim` that had been there was lost in an earlier change.",
        does="$R/784 + \\mathrm{KL} = \\frac1{784}(R + 784\\,\\mathrm{KL})$: $\\beta = 784$. "
        "The latents collapse, and every point of the plane decodes to the same grey digit, "
        "which is what the issue shows.",
        since="Mended two days later, in August 2016. Issues of many other programs describe "
        "the same.",
        remedy="`original_dim * binary_crossentropy(...)`",
        causes=("effective beta",),
        faulty=MeanOverPixels,
    ),
    Bug(
        title="The KL as a mean over 292 latents",
        place="keras-molecules, `molecules/model.py`, and the Grammar VAE after it, 2017",
        links=(
            ("issue 59", "https://github.com/maxhodak/keras-molecules/issues/59"),
            ("issue 2 of grammarVAE", "https://github.com/mkusner/grammarVAE/issues/2"),
        ),
        found="`K.mean(..., axis=-1)` over the latents, where other programs have `K.sum`.",
        does="The KL is divided by its 292 latents: $\\beta = 1/292$ beside a summed "
        "reconstruction. Hardly anything keeps the codes near $\\mathcal N(0, I)$, so samples "
        "from it fall where the decoder has learned nothing. The second author found that the "
        "true sum trains worse; that is an argument for a small β, which should then be called "
        "one.",
        since="It is so in the newest version that we have seen.",
        remedy="`K.sum(..., axis=-1)`, times a β with a name.",
        causes=("KL scale",),
        faulty=MeanOverLatents,
    ),
    Bug(
        title="The KL as a mean over two latents",
        place="the notebooks of Deep Learning with Python, second and third edition",
        links=(
            (
                "chapter 12, part 4",
                "https://github.com/fchollet/deep-learning-with-python-notebooks/blob/dea84a4/"
                "second_edition/chapter12_part04_variational-autoencoders.ipynb",
            ),
        ),
        found="The cross-entropy is summed over the pixels and averaged over the batch. The KL "
        "is averaged over both of its axes: the batch, and the two latents.",
        does="$R + \\mathrm{KL}/2$: $\\beta = 0.5$. With two latents that is hardly seen; with "
        "64 it would be 1/64.",
        since="It is so in the newest version that we have seen. (The first edition's notebook "
        "8.4 has $784 \\cdot 5 \\cdot 10^{-4} = 0.392$, and multiplies its noise by the "
        "variance; the second edition has mended the draw.)",
        remedy="`tf.reduce_mean(tf.reduce_sum(kl_loss, axis=1))`",
        causes=("KL scale",),
        faulty=MeanOverTwoLatents,
    ),
    Bug(
        title="The KL summed over the batch",
        place="nvae (GlassyWing), `nvae/losses.py`, July and August 2020",
        links=(("issue 3", "https://github.com/GlassyWing/nvae/issues/3"),),
        found="A `torch.sum` without its `dim`: one number for the whole batch, of which the "
        "next line takes the mean. It is the KL of the lower levels of a hierarchy; the "
        "reconstruction, and the KL of the top, are means over the batch.",
        does="The KL is multiplied by the size of the batch: $\\beta = 64$ with 64 images. A "
        "larger machine gives another model.",
        since="Mended in August 2020, two days after it was reported.",
        remedy="`torch.sum(..., dim=1)`",
        causes=("effective beta",),
        faulty=SumOverTheBatch,
    ),
]
