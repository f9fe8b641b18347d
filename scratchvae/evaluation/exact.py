"""log p(x) without approximation, for models where it can be computed.

A linear decoder with Gaussian noise of variance c, x = z W + b + √c ε with z ~ N(0, I), is
probabilistic PCA: x is Gaussian, and so is the posterior of z. So the bound of such a VAE can be
compared with the truth,

    log p(x) − ELBO = KL(q(z | x) ‖ p(z | x)),

and what training reaches with the best possible. Source: Tipping and Bishop, "Probabilistic
principal component analysis" (1999). The equation is eq. 9.6 of the lessons.

A model of one latent and any decoder is integrated over z numerically.

Dimensions: N images, P pixels, D latents, L samples of z.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import looking_at
from scratchvae.errors import InputError
from scratchvae.layers import Dense, Flatten, Reshape, Sequential
from scratchvae.layers.sequential import each_layer
from scratchvae.models import VAE
from scratchvae.models.checks import check_images
from scratchvae.probability import (
    GaussianLikelihood,
    kl_full,
    kl_to_standard,
    multivariate_gaussian_log_density,
)
from scratchvae.probability.densities import LOG_TWO_PI
from scratchvae.validation import (
    MODEL,
    FloatArray,
    as_array,
    check_count,
    check_floats,
    check_is,
    check_positive,
    check_shape,
)

# Beyond 12 the prior's density is below e⁻⁷², no matter what a decoder makes of it.
_REACH = 12.0
_CHUNK = 250  # points of the grid at a time


class LinearGaussian:
    """Probabilistic PCA, x = z W + b + √c ε: lesson 9 derives what is known exactly about it.

    Parameters
    ----------
    weight
        W, (D, P), in float64 like everything here.
    bias
        b, (P,).
    variance
        c, the same for each pixel.
    """

    def __init__(self, weight: FloatArray, bias: FloatArray, variance: float) -> None:
        self.weight = as_array(weight, "weight").astype(np.float64)
        self.bias = as_array(bias, "bias").astype(np.float64)
        self.variance = check_positive(variance, "variance")
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            raise InputError(
                f"weight {self.weight.shape} and bias {self.bias.shape} must be (D, P) and (P,)"
            )

    @classmethod
    def of(cls, vae: VAE) -> "LinearGaussian":
        """Return the model of a VAE whose decoder is one dense layer with Gaussian noise."""
        check_is(vae, "vae", VAE, MODEL)
        layers = each_layer(vae.decoder)
        dense = [one for one in layers if not isinstance(one, Sequential | Flatten | Reshape)]
        if len(dense) != 1 or not isinstance(dense[0], Dense):
            raise InputError(
                "the exact likelihood needs a decoder of one dense layer without activation, not "
                f"{', '.join(map(repr, dense)) or 'no layer'}"
            )
        if not isinstance(vae.likelihood, GaussianLikelihood):
            raise InputError(
                f"the exact likelihood needs a Gaussian of fixed variance, not {vae.likelihood!r}"
            )
        parameters = dense[0].parameters
        return cls(parameters["weight"].value, parameters["bias"].value, vae.likelihood.variance)

    @classmethod
    def most_likely(
        cls, images: NDArray[Any], latent_dim: int, variance: float | None = None
    ) -> "LinearGaussian":
        """Return the model of maximum likelihood over all W and b, and over c unless it is given.

        b is the mean, and W scales the D first principal directions by √(λ − c), where λ are their
        variances; the best c is the mean of the other variances. Source: Tipping and Bishop,
        equations 7 and 8; eq. 9.16 of the lessons. Expectation maximisation climbs to it:
        eq. 9.12. The rows of W are orthogonal, so the posterior's covariance is diagonal and the
        encoder of a VAE can match it: the loss of the best linear VAE is eq. 11.9.
        """
        x = _rows(images)
        pixels = x.shape[1]
        check_count(latent_dim, "latent_dim")
        if variance is not None:
            check_positive(variance, "variance")
        if not 1 <= latent_dim < pixels or len(x) < 2:
            raise InputError(
                f"probabilistic PCA needs two images and more pixels than latents, not {len(x)}, "
                f"{pixels} and {latent_dim}"
            )
        bias = x.mean(axis=0)
        centred = x - bias
        spread, directions = np.linalg.eigh(centred.T @ centred / len(x))
        spread, directions = spread[::-1], directions[:, ::-1]
        if variance is None:
            variance = float(spread[latent_dim:].mean())
        size = np.sqrt(np.maximum(spread[:latent_dim] - variance, 0.0))
        return cls((directions[:, :latent_dim] * size).T, bias, variance)

    @property
    def covariance(self) -> FloatArray:
        """Wᵀ W + c I, (P, P)."""
        return self.weight.T @ self.weight + self.variance * np.eye(len(self.bias))

    def log_likelihood(self, images: NDArray[Any]) -> FloatArray:
        """Return log p(x) = log N(x; b, Wᵀ W + c I) in nats, (N,): eq. 7.4 and eq. 9.2."""
        return multivariate_gaussian_log_density(self._rows(images), self.bias, self.covariance)

    def posterior(self, images: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return mean (N, D) and covariance (D, D) of p(z | x), a Gaussian.

        With M = W Wᵀ + c I they are (x − b) Wᵀ M⁻¹ and c M⁻¹ (eq. 9.3). For W = I, a VAE's loss is
        smallest there (eq. 10.12). Draws from it all have the weight p(x): eq. 7.10 of the lessons.
        """
        weight = self.weight
        inverse = np.linalg.inv(weight @ weight.T + self.variance * np.eye(len(weight)))
        return (self._rows(images) - self.bias) @ weight.T @ inverse, self.variance * inverse

    def elbo(self, images: NDArray[Any], mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        """Return the bound for q(z | x) = N(mean, diag e^log_variance), (N,), in closed form.

        The expected squared error under q is ‖x − b − mean W‖² + Σⱼ e^log_varianceⱼ ‖Wⱼ‖², eq. 9.9;
        with the KL to the prior it makes the bound, eq. 9.8.
        """
        x = self._rows(images)
        self._check_q(x, mean, log_variance)
        residual = x - self.bias - mean @ self.weight
        scatter = np.exp(log_variance) @ (self.weight**2).sum(axis=1)
        squares = ((residual**2).sum(axis=1) + scatter) / self.variance
        constants = x.shape[1] * (LOG_TWO_PI + np.log(self.variance))
        bound: FloatArray = -0.5 * (squares + constants) - kl_to_standard(mean, log_variance)
        return bound

    def gap(self, images: NDArray[Any], mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        """Return KL(q(z | x) ‖ p(z | x)) of each image, (N,): what the bound lacks."""
        means, covariance = self.posterior(images)
        self._check_q(means, mean, log_variance)
        each = zip(mean, log_variance, means, strict=True)
        kls = [kl_full(m, np.diag(np.exp(lv)), exact, covariance) for m, lv, exact in each]
        return np.array(kls)

    def _rows(self, images: NDArray[Any]) -> FloatArray:
        """Return images of as many pixels as the model's as rows of float64."""
        rows = _rows(images)
        check_shape(rows, "images", (len(rows), len(self.bias)))
        return rows

    def _check_q(self, x: FloatArray, mean: FloatArray, log_variance: FloatArray) -> None:
        """Raise ``InputError`` unless q(z | x) is one of this model's latents for each x."""
        for array, name in ((mean, "mean"), (log_variance, "log_variance")):
            check_floats(array, name)
            check_shape(array, name, (len(x), len(self.weight)))


def sigma_points(count: int, latent_dim: int) -> FloatArray:
    """Return noise (2D, count, D) over which a mean is exact for quadratic functions: eq. 9.7.

    The points ±√D along each axis have the mean 0 and the covariance I of N(0, I). With them as
    noise, a VAE's loss is exactly its expectation, as long as the decoder is linear.
    """
    check_count(count, "count", 0)
    check_count(latent_dim, "latent_dim")
    axes = np.sqrt(latent_dim) * np.eye(latent_dim)
    return np.repeat(np.concatenate([axes, -axes])[:, None, :], count, axis=1)


def log_likelihood_by_quadrature(
    model: VAE, images: NDArray[Any], *, points: int = 4001
) -> FloatArray:
    """Return log p(x) = log ∫ p(x | z) N(z; 0, 1) dz of each image, (N,), for one latent.

    The trapezoid rule on a grid from −12 to 12 converges faster than any power of the distance
    between its points, for a smooth function that vanishes at both ends. That distance must be well
    below the width of the posterior. The integral is eq. 7.2 of the lessons, the sum eq. 7.5.

    Parameters
    ----------
    model
        With one latent (else ``InputError``), and any decoder and likelihood.
    images
        As for ``model.elbo``, read as grey.
    points
        The number of points of the grid.
    """
    check_is(model, "model", VAE, MODEL)
    if model.latent_dim != 1:
        raise InputError(
            f"quadrature needs a model with one latent, not {model.latent_dim}: use the "
            "importance-weighted estimate"
        )
    z = np.linspace(-_REACH, _REACH, check_count(points, "points", 3))
    width = z[1] - z[0]
    log_prior = -0.5 * (z * z + LOG_TWO_PI)
    x = read_pixels(model.as_images(images)[:], model.dtype)
    log_joint = np.empty((len(x), points))
    for start in range(0, points, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        with looking_at(model) as double:
            decoded = double.decoder.forward(z[chunk, None].astype(model.dtype))
            for row, image in enumerate(x):
                repeated = np.repeat(image[None], len(decoded), axis=0)
                nll = model.negative_log_likelihood(repeated, decoded)
                log_joint[row, chunk] = log_prior[chunk] - nll
    largest = log_joint.max(axis=1, keepdims=True)
    total = np.exp(log_joint - largest).sum(axis=1) * width
    omitted = model.omitted_constant()
    log_likelihood: FloatArray = np.log(total) + largest[:, 0] - omitted
    return log_likelihood


def _rows(images: NDArray[Any]) -> FloatArray:
    """Return images as rows of float64."""
    images = as_array(images, "images")
    if images.ndim < 2:
        raise InputError(
            f"images must be of shape (N, ...), not {images.shape}: give one as [None]"
        )
    images = check_images(
        images,
        images.shape[1:],
        "images",
        dtype=np.dtype(np.float64),
        unit_interval=False,
        expects_unit_interval=False,
    )
    return read_pixels(images, np.float64).reshape(len(images), prod(images.shape[1:]))
