"""Exercises of lesson 6: mixtures, their moments, and which cause an observation has.

Dimensions: N images, K components or causes.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import log_mean_exp
from scratchvae.validation import FloatArray


def mixture_moments(
    weights: FloatArray, means: FloatArray, variances: FloatArray
) -> tuple[float, float]:
    """Return mean and variance of x with p(x) = Σₖ weightₖ p(x | k), all arguments (K,).

    Expectations as in eq. 6.1 and the variance by eq. 6.2, over the marginal of eq. 6.3.
    """
    mean = (weights * means).sum()
    second_moment = (weights * (variances + means**2)).sum()
    return float(mean), float(second_moment - mean**2)


def _draw_mixture(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    count = int(random.integers(3, 8))
    return (
        random.dirichlet(np.ones(count)),
        random.normal(0, 2, count),
        random.uniform(0.1, 2, count),
    )


MIXTURE_MOMENTS = Exercise(
    name="mixture-moments",
    answer=mixture_moments,
    draw=_draw_mixture,
    mistakes={
        "your variance is the mean of the components' variances: the components' means differ "
        "too, and that spreads x as well": lambda w, m, v: ((w * m).sum(), (w * v).sum()),
        "your variance is E[x²]: subtract the square of the mean": lambda w, m, v: (
            (w * m).sum(),
            (w * (v + m**2)).sum(),
        ),
        "your variance leaves out the components' own variances": lambda w, m, v: (
            (w * m).sum(),
            (w * m**2).sum() - (w * m).sum() ** 2,
        ),
        "you weighted with the squares of the weights: that is right for a sum of independent "
        "variables, and here x comes from one component": lambda w, m, v: (
            (w * m).sum(),
            (w**2 * v).sum(),
        ),
        "the components are not equally likely: weight their means and their variances": (
            lambda w, m, v: (m.mean(), v.mean())
        ),
        "a component's variance is v itself: do not square it": lambda w, m, v: (
            (w * m).sum(),
            (w * (v**2 + m**2)).sum() - (w * m).sum() ** 2,
        ),
        "the components are not equally likely: weight them": lambda w, m, v: (
            m.mean(),
            (v + m**2).mean() - m.mean() ** 2,
        ),
        "the components are not equally likely: weight their means too": lambda w, m, v: (
            m.mean(),
            (w * (v + m**2)).sum() - m.mean() ** 2,
        ),
    },
    hints=(
        "Any expectation over x is the weighted mean of the components' expectations.",
        "What is E[x²] of one component? Solve (6.2) for it: it is its variance plus the square "
        "of its mean.",
        "The variance is the weighted mean of v + m², minus the square of the mean of x.",
    ),
    returns=("the mean", "the variance"),
)


def _levels(random: np.random.Generator, images: int) -> FloatArray:
    """Return where each image's logarithms lie: all at 0 half the time, else thousands apart."""
    spread = float(random.choice([0.0, 1000.0]))
    levels: FloatArray = spread * random.choice([-5.0, -2.0, 3.0, 5.0], images)
    return levels


def _draw_logarithms(random: np.random.Generator) -> tuple[FloatArray]:
    count, images = random.choice(np.arange(3, 9), 2, replace=False)
    return (random.normal(0, 3, (count, images)) + _levels(random, images),)


LOG_MEAN_EXP = Exercise(
    name="log-mean-exp",
    piece="log_mean_exp",
    answer=log_mean_exp,
    draw=_draw_logarithms,
    mistakes={
        "this is the logarithm of the sum: that of the mean is smaller by log K": lambda a: (
            np.logaddexp.reduce(a, axis=0)
        ),
        "this is the mean of the logarithms; the logarithm of the mean is asked for, and it is "
        "larger": lambda a: a.mean(axis=0),
        "here e^a underflows to 0 or overflows: subtract the largest entry before exp, and add "
        "it back after log": lambda a: np.log(np.exp(a).mean(axis=0)),
        "you subtracted the largest entry and did not add it back": lambda a: np.log(
            np.exp(a - a.max(axis=0)).mean(axis=0)
        ),
        "the mean must go over axis 0 only: each column has its own": (
            lambda a: a.max(axis=0) + np.log(np.exp(a - a.max(axis=0)).mean())
        ),
        "this is only the largest entry: the others count too": lambda a: a.max(axis=0),
        "you divided a logarithm by K: divide the sum, before you take its logarithm": (
            lambda a: a.max(axis=0) + np.log(np.exp(a - a.max(axis=0)).sum(axis=0)) / len(a)
        ),
        "you subtracted one number from all columns: they lie thousands apart, so subtract each "
        "column's own largest": lambda a: a.max() + np.log(np.exp(a - a.max()).mean(axis=0)),
    },
    hints=(
        "Start from (6.7): which number is subtracted from every exponent?",
        "After the shift the largest term is 1. Take the mean of the terms over axis 0.",
        "The largest entry of each column, plus the log of the mean of e^(a − largest).",
    ),
    returns=("the log-mean",),
)


def posterior_of_causes(log_prior: FloatArray, log_likelihood: FloatArray) -> FloatArray:
    """Return p(z = k | x) by eq. 6.4, (N, K), from (K,) and (N, K)."""
    log_joint = log_likelihood + log_prior
    joint = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    posterior: FloatArray = joint / joint.sum(axis=1, keepdims=True)
    return posterior


def _draw_causes(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    images, count = random.choice(np.arange(3, 9), 2, replace=False)
    log_prior = np.log(random.dirichlet(np.ones(count)))
    return log_prior, random.normal(0, 2, (images, count)) + _levels(random, images)[:, None]


def _shares(joint: FloatArray, axis: int = 1) -> FloatArray:
    shares: FloatArray = joint / joint.sum(axis=axis, keepdims=True)
    return shares


def _shifted(log_prior: FloatArray, log_likelihood: FloatArray) -> FloatArray:
    log_joint = log_prior + log_likelihood
    joint: FloatArray = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    return joint


POSTERIOR_OF_CAUSES = Exercise(
    name="posterior-of-causes",
    answer=posterior_of_causes,
    draw=_draw_causes,
    mistakes={
        "the prior is missing: these would be the posteriors if all causes were equally "
        "likely": lambda prior, likelihood: posterior_of_causes(np.zeros_like(prior), likelihood),
        "these are the logarithms of the posteriors: take exp at the end": (
            lambda prior, likelihood: np.log(posterior_of_causes(prior, likelihood))
        ),
        "the exponential underflows: where a whole row is 0, it is 0 divided by 0. Subtract the "
        "largest of each row first": lambda prior, likelihood: _shares(np.exp(likelihood + prior)),
        "you subtracted one number from all rows: they lie thousands apart, so subtract each "
        "row's own largest": lambda prior, likelihood: _shares(
            np.exp(likelihood + prior - (likelihood + prior).max())
        ),
        "you divided by sums over the images: the probabilities of an image's causes have to "
        "add up to 1, so sum over axis 1": lambda prior, likelihood: _shares(
            _shifted(prior, likelihood), axis=0
        ),
        "you subtracted log-sums over the images: an image's causes lie along axis 1": (
            lambda prior, likelihood: np.exp(
                likelihood + prior - np.logaddexp.reduce(likelihood + prior, axis=0)
            )
        ),
        "the rows do not add up to 1 yet: divide each by its sum": lambda prior, likelihood: (
            _shifted(prior, likelihood)
        ),
        "the prior is given as a logarithm: add it, instead of multiplying by it": (
            lambda prior, likelihood: posterior_of_causes(np.zeros_like(prior), likelihood * prior)
        ),
    },
    hints=(
        "Write Bayes' rule (6.4) in logarithms first: what is log p(x, z)?",
        "Every row is divided by its own sum in the end, so you may subtract any number from a "
        "row of logarithms before exp. Which one is safe?",
        "joint = exp(log_joint − its row's largest), divided by its row's sum; keepdims=True "
        "keeps the shapes fitting.",
    ),
    returns=("the posterior",),
)
