"""Disentanglement: the mutual information of each latent with each known factor, and its gap.

The mutual information gap (Chen, Li, Grosse and Duvenaud, 2018, "Isolating sources of
disentanglement in variational autoencoders") measures, for each known factor v, how far the latent
that knows most about it, zₐ, is ahead of the next one, z_b:

    gap(v) = [I(zₐ; v) − I(z_b; v)] / H(v),        score = the mean of the gaps over the factors.

It is 1 if each factor has a latent that determines it and no other latent knows anything about it,
and 0 if two latents know equally much about it, or none knows anything.

**The estimator.** As in the paper, I(zⱼ; v) is that of z drawn from q(z | x), where x are the given
images with equal weights. The paper estimates it by Monte Carlo. Here each latent is cut into B
bins instead, and the mass that the Gaussian q(zⱼ | xₙ) has in each bin follows from its
distribution function, so nothing is drawn:

    p(b, v) = 1/N Σₙ [vₙ = v] q(zⱼ ∈ bin b | xₙ),
    I = Σ_b Σ_v p(b, v) log [p(b, v) / (p(b) p(v))].

- Binning can only lose information (the data processing inequality): for the given images this is a
  lower bound on the paper's quantity, which it approaches as B grows.
- Locatello et al. (2019, "Challenging common assumptions …") bin only the means of q(z | x), into
  20 bins. A bin knows no scale: a collapsed latent, whose mean moves by a thousandth while its
  standard deviation is 1, would count as knowing everything. With q's own masses it knows nothing.
  Where q is a point (log-variance −∞) the two agree, up to where the edges of the bins lie.
- The unbinned estimate fails the other way: where q is narrower than the spacing of N images, every
  z gives away its image and I is H(v), no matter what the latent means. Bins bound that. A latent
  that is independent of v seems, from N images, to know about (B − 1)(V − 1) / 2N nats, where V is
  the number of classes (Miller, 1955): 0.022 for B = 50, V = 10 and N = 10,000, a hundredth of
  log 10. A wider q lowers it. It lifts all latents alike, so little of it is left in a gap.

A continuous factor is cut into classes of equally many images, so that it has an entropy.

Dimensions: N images, D latents, F factors, V classes of a factor, B bins.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import erf, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.models import LatentModel
from scratchvae.probability import kl_to_standard
from scratchvae.validation import FloatArray, check_count, check_same_shape

BINS = 50
CLASSES = 10  # as many as digits
_NODES = 16  # points of each Gaussian, from which the edges of the bins are chosen
_GOLDEN = (sqrt(5) - 1) / 2
_erf = np.vectorize(erf, otypes=[np.float64])
_normal_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])


class FactorInformation(NamedTuple):
    """What latents say about known factors.

    Attributes
    ----------
    names
        The factors, F of them.
    information
        The mutual information of each factor and each latent in nats, (F, D).
    entropies
        The entropy of each factor in nats, (F,).
    kls
        The mean KL of each latent to N(0, 1) over the images in nats, (D,).
    """

    names: tuple[str, ...]
    information: FloatArray
    entropies: FloatArray
    kls: FloatArray

    @property
    def shares(self) -> FloatArray:
        """The share of each factor's entropy that each latent knows, 0 to 1, (F, D)."""
        return self.information / self.entropies[:, None]

    @property
    def gaps(self) -> FloatArray:
        """The gap of each factor between the two latents that know most about it, (F,)."""
        ordered = np.sort(self.shares, axis=1)
        return ordered[:, -1] - ordered[:, -2]

    @property
    def score(self) -> float:
        """The mutual information gap: the mean of the factors' gaps."""
        return float(self.gaps.mean())

    def __str__(self) -> str:
        gaps = ", ".join(f"{n} {gap:.3f}" for n, gap in zip(self.names, self.gaps, strict=True))
        return f"mutual information gap {self.score:.3f} ({gaps})"


def factor_information(
    mean: FloatArray,
    log_variance: FloatArray,
    factors: Mapping[str, NDArray[Any]],
    *,
    bins: int = BINS,
    classes: int = CLASSES,
) -> FactorInformation:
    """Return what latents z ~ N(mean, exp(log_variance)) say about known factors.

    Parameters
    ----------
    mean, log_variance
        q(z | x) of each image, both (N, D); −∞ is the log-variance of a point.
    factors
        The factors' names and values, each (N,). Whole numbers are classes as they are; floats are
        cut into classes of equally many images.
    bins
        B, the number of bins of each latent, as equal in mass as possible.
    classes
        The number of classes that floats are cut into.

    Raises
    ------
    InputError
        If the shapes do not fit, a number is NaN, there are fewer than two latents, or a factor is
        the same for all images and so has no entropy.
    """
    check_same_shape(mean, log_variance, "mean and log_variance")
    if mean.ndim != 2 or len(mean) < 2 or mean.shape[1] < 2:
        raise InputError(
            f"mean must be of shape (N, D) for two images and two latents or more, not "
            f"{mean.shape}: a gap is one between two latents"
        )
    if not np.isfinite(mean).all() or not (log_variance < np.inf).all():
        raise InputError(
            "mean must be finite and log_variance finite or -inf, but a number is not: use a model "
            "whose loss has stayed finite"
        )
    check_count(bins, "bins", 2)
    if not factors:
        raise InputError("expected at least one known factor, not none: give their values")
    known = {name: _as_classes(name, v, len(mean), classes) for name, v in factors.items()}
    information = np.empty((len(known), mean.shape[1]))
    for j in range(mean.shape[1]):
        masses = bin_masses(mean[:, j], np.exp(log_variance[:, j] / 2), bins)  # (N, B)
        for place, of_image in enumerate(known.values()):
            # Not a matrix product: its bits would depend on the number of threads.
            sums = [masses[of_image == v].sum(axis=0) for v in range(of_image.max() + 1)]
            joint = np.stack(sums) / len(masses)  # p(v, b), (V, B)
            information[place, j] = table_information(joint)
    entropies = [table_information(np.diag(np.bincount(c) / len(c))) for c in known.values()]
    latents = [[j] for j in range(mean.shape[1])]
    kls = [kl_to_standard(mean[:, j], log_variance[:, j]).mean(dtype=np.float64) for j in latents]
    return FactorInformation(tuple(known), information, np.array(entropies), np.array(kls))


def model_information(
    model: LatentModel,
    images: NDArray[Any],
    factors: Mapping[str, NDArray[Any]],
    labels: NDArray[Any] | None = None,
    *,
    bins: int = BINS,
) -> FactorInformation:
    """Return what a model's latents say about the known factors of ``images`` (N, H, W, C).

    The images are read as grey, as ``encode`` reads them. For the rest see ``factor_information``.
    """
    none = np.empty((0, model.latent_dim), model.dtype)
    read = model._read(images, labels)
    chunks = [(none, none), *(model.encode_distribution(x, **labelled) for x, labelled in read)]
    mean, log_variance = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
    return factor_information(mean, log_variance, factors, bins=bins)


def equal_classes(values: NDArray[Any], classes: int = CLASSES) -> NDArray[np.intp]:
    """Return the class of each of ``values`` (N,), numbered from below, with equally many in each.

    Equal values share a class, so the numbers are only as equal as possible.
    """
    edges = np.quantile(values, np.arange(1, classes) / classes, method="inverted_cdf")
    return np.searchsorted(edges, values, side="left")


def bin_masses(mean: FloatArray, deviation: FloatArray, bins: int = BINS) -> FloatArray:
    """Return the mass of N(mean, deviation²) in each bin of a line cut by quantiles, (N, B).

    The edges are approximately quantiles of the mixture of all N Gaussians: any edges would do, and
    with equal masses few bins are wasted. ``mean`` and ``deviation`` are (N,); deviation 0 is a
    point.
    """
    mean, deviation = mean.astype(np.float64), deviation.astype(np.float64)
    spread = mean[:, None] + deviation[:, None] * _quantile_points(len(mean))
    # An edge is one of the points, and a point belongs to the bin that ends with it.
    edges = np.quantile(spread, np.arange(1, bins) / bins, method="inverted_cdf")
    distance = edges - mean[:, None]  # (N, B − 1)
    below = (distance >= 0).astype(np.float64)
    wide = deviation > 0
    below[wide] = 0.5 + 0.5 * _erf(distance[wide] / (sqrt(2) * deviation[wide, None]))
    return np.maximum(np.diff(below, axis=1, prepend=0.0, append=1.0), 0)


@lru_cache(maxsize=2)
def _quantile_points(count: int) -> FloatArray:
    """Return points of N(0, 1) with equal mass in between, for each of ``count`` Gaussians.

    Those of each Gaussian, (count, 16) in all, are shifted by a different part of that mass.
    Otherwise they would coincide where all Gaussians do, as for a collapsed latent, and few
    distinct edges would be left.
    """
    shift = (np.arange(count) + 0.5) * _GOLDEN % 1
    mass = (np.arange(_NODES) + shift[:, None]) / _NODES
    points: FloatArray = _normal_quantile(mass)
    return points


def table_information(joint: FloatArray) -> float:
    """Return the mutual information between rows and columns of a table of probabilities, in nats.

    I = Σ p(b, v) log p(b, v) / (p(b) p(v)); for a diagonal table it is the entropy.
    """
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / independent[there])).sum())


def _as_classes(name: str, values: NDArray[Any], count: int, classes: int) -> NDArray[np.intp]:
    """Return a factor's classes, numbered from 0, (N,)."""
    values = np.asarray(values)
    if values.shape != (count,) or values.dtype.kind not in "iuf":
        raise InputError(
            f"factor {name} must be {count} numbers, one per image, not an array of {values.dtype} "
            f"of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise InputError(f"factor {name} must be finite, but a value is not: leave its image out")
    if values.dtype.kind == "f":
        values = equal_classes(values, check_count(classes, "classes", 2))
    kinds, numbered = np.unique(values, return_inverse=True)
    if len(kinds) < 2:
        raise InputError(
            f"factor {name} is the same for all images, so there is nothing to know about it: "
            "leave it out"
        )
    return numbered
