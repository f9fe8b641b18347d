"""Diffusion: a deep hierarchy of latents whose encoder is fixed, and one network that walks back.

Dimensions: N images of shape (H, W, C), P pixels, T layers of P latents each.
"""

from math import exp, log, prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.shrink import shrink
from scratchvae.data.stored import StoredImages, kept_in_file
from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.layers import Layer, Sequential
from scratchvae.models.checks import check_image_shape, check_images, check_no_layers
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.noise_schedule import NoiseSchedule, noise_schedule
from scratchvae.probability import GaussianLikelihood, kl_to_standard
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import standard_normal, stream
from scratchvae.training import LossTerms
from scratchvae.training.divergence import check_answer, unwarned
from scratchvae.validation import (
    FloatArray,
    as_array,
    check_array,
    check_count,
    check_flag,
    check_instance,
    check_number,
)

# Of the pixels of digits of 8 x 8: what a first guess of the noise needs to know.
PIXEL_MEAN, PIXEL_VARIANCE = 0.1, 0.05
_LARGE_IMAGE = (28, 28, 1)  # what is averaged down to smaller images


class Diffusion(LatentModel):
    """p(x | z₁) p(z₁ | z₂) … p(z_T), with the fixed encoder q(z_t | x) = N(α_t x, σ_t² I).

    Its bound is that of any hierarchy (eq. 25.1 of the lessons), with a KL for each step back.
    The layers hold ever less of the image: α_t² + σ_t² = 1, and log (α_t² / σ_t²), the logarithm of
    the signal-to-noise ratio, falls in equal steps Δ from −log c to ``lowest_log_snr`` (eq. 25.2,
    eq. 25.3). The denoiser says what noise ε there is in z_t = α_t x + σ_t ε; that
    gives x̂ = (z_t − σ_t ε̂) / α_t, and p(z_{t−1} | z_t) is q(z_{t−1} | z_t, x) at x = x̂. Minus the
    bound on log p(x), in nats per image, is then (eq. 25.8)

        E ½ ‖ε − ε̂₁‖² + ½ P log 2πc + KL(q(z_T | x) ‖ N(0, I)) + Σ ½ (e^Δ − 1) E ‖ε − ε̂_t‖²

    with the sum over t = 2 … T.
    Its first two terms are −log p(x | z₁), a Gaussian of variance c around x̂₁. Of the sum, one
    layer is drawn for each image, and counts T − 1 times. Sources: Sohl-Dickstein et al. (2015);
    Ho, Jain and Abbeel (2020); the bound in signal-to-noise ratios from Kingma et al. (2021).

    Parameters
    ----------
    denoiser
        From z_t, scaled, and features of t, (N, P + 8), to (N, P): what a first guess of ε lacks
        (see ``guess_noise``). It is the model's ``decoder``; the encoder has no layers.
    steps
        T, 2 or more.
    variance
        c, of a pixel from 0 to 1 around what is decoded.
    lowest_log_snr
        log (α_T² / σ_T²): so low that z_T tells nothing of x.
    kwargs
        ``image_shape`` and ``settings``, as for every ``LatentModel``. Images of 28 × 28 that are
        given to a model of smaller ones are averaged down (see ``data.shrink``).
    """

    has_prior = True
    made_of: ClassVar[dict[str, str]] = {
        "denoiser": "decoder",
        "variance": "likelihood.variance",
        **dict.fromkeys(("encoder", "decoder", "likelihood", "latent_dim"), ""),
    }
    checked = LatentModel.checked | {
        "steps": lambda value, name: check_count(value, name, 2, 100_000),
        "lowest_log_snr": lambda value, name: check_number(value, name, "a finite number"),
        "likelihood": lambda value, name: check_instance(value, name, GaussianLikelihood),
        "encoder": lambda value, name: check_no_layers(value),
    }

    def __init__(
        self,
        denoiser: Layer,
        *,
        steps: int = 100,
        variance: float = 0.01,
        lowest_log_snr: float = -6.0,
        image_shape: tuple[int, ...] = (8, 8, 1),
        **kwargs: Any,
    ) -> None:
        likelihood = GaussianLikelihood(variance, include_constant=True)
        image_shape = check_image_shape(image_shape, "image_shape")
        sizes: dict[str, Any] = {"image_shape": image_shape, "latent_dim": prod(image_shape)}
        super().__init__(Sequential(), denoiser, likelihood, **sizes, **kwargs)
        self.steps = steps
        self.lowest_log_snr = lowest_log_snr
        _ = self.schedule  # which refuses what does not go together

    @property
    def dtype(self) -> np.dtype[Any]:  # type: ignore[override]
        """That of the denoiser."""
        return self.decoder.dtype

    @property
    def schedule(self) -> NoiseSchedule:
        """How much of the image each layer holds."""
        variance: float = self.likelihood.variance  # type: ignore[attr-defined]
        return noise_schedule(self.steps, variance, self.lowest_log_snr)

    @property
    def step_size(self) -> float:
        """Δ, by which the log signal-to-noise ratio falls from a layer to the next: eq. 25.3."""
        return self.schedule.step_size

    def log_snr(self, t: NDArray[Any]) -> FloatArray:
        """Return log (α_t² / σ_t²) of the layers ``t``, from 1 to T, in float64."""
        return self.schedule.log_snr(t)

    def signal_and_noise(self, t: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return α_t and σ_t of the layers ``t`` (N,), both (N, 1)."""
        signal, noise = self.schedule.signal_and_noise(t)
        return signal[:, None].astype(self.dtype), noise[:, None].astype(self.dtype)

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return (2, count, P + 1): the ε of layer 1 and of a layer t, and in 0 … 1 which that is.

        The layers of a batch are spread evenly, from one random start, so that its sum over t is
        less noisy.
        """
        size = check_count(count, "count", 0)
        noise = standard_normal(rng, (2, size, self.latent_dim + 1), self.dtype)
        noise[..., -1] = (rng.random() + rng.permutation(size) / max(size, 1)) % 1
        return noise

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …) with ``noise`` of ``draw_noise``."""
        pixels = self._rows(x)
        check_array(noise, "noise", (2, len(x), self.latent_dim + 1), self.dtype)
        share = noise[1, :, -1] % 1
        t = np.minimum(2 + (share * (self.steps - 1)).astype(int), self.steps)
        t = np.concatenate([np.ones_like(t), t])  # (2N,): layer 1, then the layers drawn
        eps = noise[..., :-1].reshape(2 * len(x), self.latent_dim)
        signal, scale = self.signal_and_noise(t)
        z = signal * np.concatenate([pixels, pixels]) + scale * eps  # (2N, P): eq. 25.2
        gap = self.guess_noise(z, t, training) - eps  # (2N, P)
        first, other = np.split(0.5 * (gap * gap).sum(axis=1), 2)  # (N,) both
        constant = self.negative_log_likelihood(x, x)  # (N,): ½ P log 2πc
        reconstruction = first + constant
        last = kl_to_standard(*self.encode_distribution(x))  # (N,): KL(q(z_T | x) ‖ N(0, I))
        kl = last + self._weight * other  # (N,): eq. 25.8
        self._pass = gap, self._scales(t)[2]
        return self._mean_loss(reconstruction, kl, 1.0)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        gap, reach = self._last_pass()
        count = len(gap) // 2
        weights = np.repeat([1.0, self._weight], count)[:, None].astype(gap.dtype)
        d_guess = weights * gap / count  # (2N, P): of ½ ‖ε̂ − ε‖² it is ε̂ − ε
        self.decoder.backward_parameters(reach * d_guess)

    def guess_noise(self, z: FloatArray, t: NDArray[Any], training: bool = False) -> FloatArray:
        """Return ε̂ (N, P), what noise the denoiser sees in ``z`` (N, P) at the layers ``t``.

        Were all pixels N(m, v), z_t would have the mean α m and the variance s² = α² v + σ², and
        the best guess would be σ z' / s with z' = (z_t − α m) / s, give or take α √v / s. The
        network gets z' and adds what is missing, in units of that: it never sees or gives numbers
        of another size. Source: Karras, Aittala, Aila and Laine (2022).
        """
        t = self.schedule.check_layers(t)
        check_array(z, "z", (len(t), self.latent_dim), self.dtype)
        spread, share, reach = self._scales(t)
        scaled = (z - self.signal_and_noise(t)[0] * self.dtype.type(PIXEL_MEAN)) / spread
        features = np.concatenate(
            [scaled, self.schedule.features(t).astype(self.dtype)], axis=1
        )  # (N, P + 8)
        found = self.through("decoder", features, self.latent_dim, training)
        guess: FloatArray = share * scaled + reach * found
        return guess

    def _scales(self, t: NDArray[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return s, σ / s and α √v / s of the layers ``t``, (N, 1) each: see ``guess_noise``."""
        signal, noise = self.signal_and_noise(t)
        root = self.dtype.type(PIXEL_VARIANCE**0.5)
        spread = np.sqrt((root * signal) ** 2 + noise**2)
        return spread, noise / spread, root * signal / spread

    def step_back(self, z: FloatArray, t: int) -> tuple[FloatArray, FloatArray, float]:
        """Return x̂, and mean and standard deviation of p(z_{t−1} | z_t), for ``z`` = z_t (N, P).

        That is q(z_{t−1} | z_t, x) at x = x̂, a product of two Gaussians in z_{t−1}: the one around
        α_{t−1} x, and the one from which z_t comes (eq. 25.4, eq. 25.5), at the guess of eq. 25.6.
        """
        t = check_count(t, "t", 2, self.steps)
        check_array(z, "z", ("N", self.latent_dim), self.dtype)
        (a_s, v_s), (a_t, v_t) = self.schedule.levels(t - 1, t)
        guess = self.guess_noise(z, np.full(len(z), t))
        pixels = (z - guess * v_t**0.5) / a_t
        ratio = a_t / a_s
        added = v_t - ratio**2 * v_s  # the variance that the step from t − 1 to t adds
        mean = ratio * v_s / v_t * z + a_s * added / v_t * pixels
        return pixels, mean.astype(z.dtype), float(np.sqrt(added * v_s / v_t))

    def _rows(self, x: FloatArray) -> FloatArray:
        """Return images (N, …) as rows of their pixels, (N, P)."""
        check_alike(x=x)
        if x.ndim < 2 or prod(x.shape[1:]) != self.latent_dim:
            wanted = ", ".join(map(str, self.image_shape))
            raise InputError(f"x must be of shape (N, {wanted}), not {x.shape}: reshape it")
        return x.reshape(len(x), self.latent_dim)

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z_T | x), both (N, P): next to nothing of x."""
        pixels = self._rows(x)
        signal, noise = self.signal_and_noise(np.array([self.steps]))
        return signal * pixels, np.full_like(pixels, 2 * log(noise.item()))

    def decode_parameters(self, z: FloatArray, training: bool = False) -> FloatArray:
        """Return x̂₁ for z_T (N, P) without any noise on the way: each layer as x̂ and ε̂ give it.

        Source: Song, Meng and Ermon (2021), with η = 0.
        """
        check_alike(z=z)
        if z.ndim not in (2, 3) or z.shape[-1] != self.latent_dim:
            raise InputError(f"z must be of shape (N, {self.latent_dim}), not {z.shape}")
        z = z.reshape(-1, self.latent_dim)
        for t in range(self.steps, 1, -1):
            guess = self.guess_noise(z, np.full(len(z), t))
            (a_s, v_s), (a_t, v_t) = self.schedule.levels(t - 1, t)
            z = (a_s * (z - v_t**0.5 * guess) / a_t + v_s**0.5 * guess).astype(self.dtype)
        return self._from_first(z)

    def sample(
        self, count: int = 1, *, labels: Any = None, seed: int = 0, pixel_noise: bool = False
    ) -> FloatArray:
        """Return draws, (count, H, W, C): z_T of N(0, I), and every z_{t−1} of p(z_{t−1} | z_t)."""
        rng = stream(seed, "draw")
        check_flag(pixel_noise, "pixel_noise")
        self.as_labels(labels, check_count(count, "count", 0))
        z = self.draw_latents(count, rng)
        for t in range(self.steps, 1, -1):
            with looking_at(self) as model, unwarned():
                _, mean, spread = model.step_back(z, t)
                below = mean + self.dtype.type(spread) * standard_normal(rng, z.shape, self.dtype)
            check_answer(self, below, f"the draws of layer {t - 1}", "step_back", z, t)
            z = below
        with looking_at(self) as model, unwarned():
            images = model._from_first(z)
            images = self.likelihood_sample(images, rng) if pixel_noise else images
        check_answer(self, images, "the draws", "_from_first", z)
        return images

    def reconstruct(self, images: NDArray[Any], labels: NDArray[Any] | None = None) -> FloatArray:
        """Return what is decoded from z_T: it tells so little of x that it is another digit."""
        return super().reconstruct(self.as_images(images, scored=False), labels)

    def as_images(self, images: Any, name: str = "images", *, scored: bool = True) -> NDArray[Any]:
        """Return ``images`` in the model's shape, checked; those of 28 × 28 are averaged down."""
        if not isinstance(images, StoredImages) and not kept_in_file(images):
            images = as_array(images, name)
        side = self.image_shape[0]
        if prod(images.shape[1:]) == prod(_LARGE_IMAGE) != self.latent_dim and self.image_shape == (
            side,
            side,
            1,
        ):
            large = check_images(
                images,
                _LARGE_IMAGE,
                name,
                dtype=self.dtype,
                unit_interval=False,
                expects_unit_interval=True,
            )
            images = (
                large.mapped(lambda chunk: shrink(chunk, side), self.image_shape, large.dtype)
                if isinstance(large, StoredImages)
                else shrink(large, side)
            )
        return super().as_images(images, name, scored=scored)

    @property
    def _weight(self) -> float:
        """What ½ ‖ε − ε̂‖² of the layer that is drawn counts: (T − 1) (e^Δ − 1)."""
        return (self.steps - 1) * (exp(self.step_size) - 1)

    def _from_first(self, z: FloatArray) -> FloatArray:
        """Return x̂₁ for z₁, (N, P) to (N, H, W, C)."""
        ones = np.ones(len(z), int)
        signal, noise = self.signal_and_noise(ones)
        pixels: FloatArray = (z - noise * self.guess_noise(z, ones)) / signal
        return pixels.reshape(len(z), *self.image_shape)
