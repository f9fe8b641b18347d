"""Bugs of the draw: z is not from the Gaussian whose KL is in the loss."""

import numpy as np

from scratchvae.course.wild.bug import Bug
from scratchvae.course.wild.minimal import Minimal, Slopes
from scratchvae.validation import FloatArray


class VarianceTimesNoise(Minimal):
    """The noise is multiplied by the variance, and the backward pass is the derivative of that."""

    def deviation(self, spread: FloatArray) -> Slopes:
        """Return exp(log-variance), which is σ², for σ."""
        variance = np.exp(spread)
        return variance, variance


class SmallNoise(Minimal):
    """The noise has a standard deviation of 0.01."""

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return draws from N(0, 0.01²)."""
        return 0.01 * super().noise(shape)


class ConstantForNoise(Minimal):
    """Noise is drawn, and in its place the setting of its standard deviation is used: 1."""

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return ones."""
        return np.ones(shape)


class LogarithmTimesNoise(Minimal):
    """The noise is multiplied by the logarithm of the spread itself."""

    def deviation(self, spread: FloatArray) -> Slopes:
        """Return the log-variance for σ."""
        return spread, np.ones_like(spread)


class UniformNoise(Minimal):
    """The noise is uniform on 0 … 1: ``rand`` where ``randn`` was meant."""

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return uniform draws."""
        return self.rng.uniform(size=shape)


class NoiseDrawnOnce(Minimal):
    """The noise is drawn when the model is made, and is the same in every step."""

    def noise(self, shape: tuple[int, ...]) -> FloatArray:
        """Return the same draws from N(0, 1) each time."""
        return np.random.default_rng(0).standard_normal(shape)


BUGS = [
    Bug(
        title="The noise is multiplied by the variance",
        place="numpy-ml, `numpy_ml/neural_nets/models/vae.py`, July 2019 to January 2022",
        links=(
            (
                "`_sample` and `backward`",
                "https://github.com/ddbourgin/numpy-ml/blob/b0359af5285fbf9699d64fd5ec059493228af03e/"
                "numpy_ml/neural_nets/models/vae.py",
            ),
        ),
        found="The documentation says that the encoder's second output is the log-variance, and "
        "the loss treats it so. The draw multiplies the noise by its exponential, which is the "
        "variance. The backward pass differentiates exactly that, so a gradient check passes.",
        does="With $\\sigma = 0.2$ the noise drawn has a standard deviation of 0.04: the "
        "decoder sees a fifth of the noise that the KL pays for. The encoder answers with "
        "larger variances, but cannot have both right: the KL is that of $\\mathcal N(m, "
        "\\sigma^2)$ and the draw is from $\\mathcal N(m, \\sigma^4)$, so the loss is a bound "
        "on nothing.",
        since="It is so in the newest version that we have seen. The loss beside it (`VAELoss`) "
        "is right, and is tested against PyTorch's.",
        remedy="`noise * np.exp(t_log_var / 2)`, and half of that in its derivative.",
        causes=("variance for deviation",),
        faulty=VarianceTimesNoise,
    ),
    Bug(
        title="Noise of a standard deviation of 0.01",
        place="Keras, `examples/variational_autoencoder.py`, 2016",
        links=(("pull request 4211", "https://github.com/keras-team/keras/pull/4211"),),
        found="A setting `epsilon_std = 0.01` is the standard deviation of the noise that the "
        "draw multiplies by $\\sigma$. The KL knows nothing of it.",
        does="The draw is from $\\mathcal N(m, (0.01\\,\\sigma)^2)$: almost no noise, an "
        "autoencoder whose loss contains the KL of a spread that it does not have. The number "
        "printed is below any true bound; the pull request that mended it says so: about 60 "
        "nats with 20 latents, where 90 to 100 can be expected.",
        since="Mended in October 2016: the setting became 1.",
        remedy="`epsilon_std = 1.0`: noise is from $\\mathcal N(0, 1)$, its scale is "
        "$\\sigma$'s business.",
        causes=("draw formula",),
        faulty=SmallNoise,
    ),
    Bug(
        title="Noise is drawn, and not used",
        place="keras_lstm_vae, `lstm_vae/vae.py`, April to November 2017",
        links=(("issue 1", "https://github.com/twairball/keras_lstm_vae/issues/1"),),
        found="A tensor of noise, `epsilon`, is drawn; the next line returns the mean plus "
        "$\\sigma$ times `epsilon_std`, a number.",
        does="$z = m + \\sigma$, the same each time. The decoder undoes the shift; what remains "
        "is an autoencoder, and between the codes of the training images the decoder has never "
        "been asked for anything. At the mean itself, without the shift, reconstructions go "
        "wrong.",
        since="Mended in November 2017, after the question of a reader, in the way of the next "
        "entry.",
        remedy="`z_mean + K.exp(z_log_sigma) * epsilon`",
        causes=("mean for draw",),
        faulty=ConstantForNoise,
    ),
    Bug(
        title="The noise is multiplied by a logarithm",
        place="keras_lstm_vae, `lstm_vae/vae.py`, since November 2017",
        links=(
            (
                "`sampling`",
                "https://github.com/twairball/keras_lstm_vae/blob/master/lstm_vae/vae.py",
            ),
        ),
        found="The exponential was lost as the noise came back: the draw is `z_mean + "
        "z_log_sigma * epsilon`, while the KL takes the exponential of the same output.",
        does="Where the KL is content, at a logarithm of 0, there is no noise at all; and a "
        "spread of −3 gives as much noise as one of 3. (A negative factor is no harm by itself: "
        "the noise is symmetric.)",
        since="It is so in the newest version that we have seen; the note of that change says "
        "that the example needs fixing.",
        remedy="`z_mean + K.exp(z_log_sigma / 2) * epsilon`, with the KL as it is there.",
        causes=("log-variance for deviation",),
        faulty=LogarithmTimesNoise,
    ),
    Bug(
        title="Uniform noise: one letter is missing",
        place="RecommendationSystem, `models/ListCVAE.py`, 2020",
        links=(("issue 3", "https://github.com/dferendo/RecommendationSystem/issues/3"),),
        found="`torch.rand_like`, which is uniform on 0 … 1, stands for `torch.randn_like`.",
        does="The draw has mean $m + \\sigma/2$ and standard deviation $\\sigma/\\sqrt{12} = "
        "0.29\\,\\sigma$, and is never on one side of the mean. The decoder is trained on that "
        "side only; samples from $\\mathcal N(0, I)$ fall on both.",
        since="A reader pointed it out in July 2022. It is so in the newest version that we "
        "have seen.",
        remedy="`torch.randn_like(std)`",
        causes=("noise not normal",),
        faulty=UniformNoise,
    ),
    Bug(
        title="The noise is drawn once",
        place="programs for TensorFlow 2, as an issue of TensorFlow describes them, 2020",
        links=(("issue 36715", "https://github.com/tensorflow/tensorflow/issues/36715"),),
        found="A line `tf.random.normal(...)` outside of any layer was an operation of the "
        "graph in TensorFlow 1, and gave fresh numbers in each step. Run eagerly it is a value, "
        "drawn once when the model is built.",
        does="Each place in the batch has its own constant for ever. The draws look perfectly "
        "normal: only two calls in a row show it. The reporter feared that there are VAEs which "
        "are autoencoders without anybody knowing.",
        since="It is how eager execution is meant to work, as the answers there say.",
        remedy="Draw the noise inside the function or layer that uses it.",
        causes=("same noise each step",),
        faulty=NoiseDrawnOnce,
    ),
]
